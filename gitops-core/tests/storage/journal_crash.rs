//! The journal on a disk that loses power, fills up or fails.

use gitops_core::ErrorKind;
use gitops_core::internals::journal::{Journal, JournalIo, Lineage, MemoryJournalIo};
use gitops_core::internals::record::Record;
use proptest::prelude::*;

use crate::records::{any_record, numbered};

fn begun() -> (MemoryJournalIo, Journal) {
    let disk = MemoryJournalIo::new();
    let journal = Journal::init(disk.clone(), Lineage::new([3; 16]), 1).unwrap();
    (disk, journal)
}

fn records(disk: &MemoryJournalIo) -> Vec<Record> {
    Journal::open(disk.clone(), None).unwrap().1
}

fn any_group() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(any_record(), 1..5)
}

proptest! {
    #[test]
    fn after_a_crash_there_is_what_was_synced_and_perhaps_the_last_group(
        synced in prop::collection::vec(any_group(), 0..4),
        last in any_group(),
        kept in 0..10_000_usize,
        lost in any::<u64>(),
        after in any_group(),
    ) {
        let (disk, mut journal) = begun();
        synced.iter().for_each(|group| journal.append(group).unwrap());
        let durable = disk.bytes().unwrap();
        disk.clone().append(&written_after(&durable, &last)).unwrap();
        disk.crash(kept, |sector| lost >> (sector % 64) & 1 == 1);

        let (mut journal, found) = Journal::open(disk.clone(), None).unwrap();
        let (synced, with_last) = (synced.concat(), [synced.concat(), last].concat());
        prop_assert!(found == synced || found == with_last, "found {found:?}");
        journal.append(&after).unwrap();
        disk.crash(0, |_| false);
        prop_assert_eq!(records(&disk), [found, after].concat());
    }

    #[test]
    fn a_full_disk_loses_nothing_and_the_next_start_works(
        groups in prop::collection::vec(any_group(), 1..6),
        capacity in 80..6000_usize,
    ) {
        let (disk, mut journal) = begun();
        disk.set_capacity(Some(capacity));
        let fits = groups.iter().take_while(|group| journal.append(group).is_ok()).count();
        prop_assert_eq!(records(&disk), groups[..fits].concat());
        disk.set_capacity(None);
        let (mut journal, _) = Journal::open(disk.clone(), None).unwrap();
        journal.append(&[numbered(1)]).unwrap();
        disk.crash(0, |_| false);
        prop_assert_eq!(records(&disk), [groups[..fits].concat(), vec![numbered(1)]].concat());
    }
}

/// The bytes that a journal adds for a group.
fn written_after(journal: &[u8], group: &[Record]) -> Vec<u8> {
    let copy = MemoryJournalIo::with_bytes(journal);
    Journal::open(copy.clone(), None).unwrap().0.append(group).unwrap();
    copy.bytes().unwrap().split_off(journal.len())
}

#[test]
fn after_a_failed_sync_every_call_is_refused_until_it_is_opened_again() {
    let (disk, mut journal) = begun();
    journal.append(&[numbered(1)]).unwrap();
    disk.fail_syncs(1);
    assert_eq!(journal.append(&[numbered(2)]).unwrap_err().kind(), ErrorKind::Storage);
    let anchor = journal.anchor();
    for error in [
        journal.append(&[numbered(3)]).unwrap_err(),
        journal.set_epoch(9).unwrap_err(),
        journal.compact(&anchor).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.help_text().unwrap().contains("start again"), "{error}");
    }
    let (mut journal, found) = Journal::open(disk.clone(), None).unwrap();
    assert_eq!(found, [numbered(1)], "what was not synced was taken for durable");
    journal.append(&[numbered(4)]).unwrap();
    disk.crash(0, |_| false);
    assert_eq!(records(&disk), [numbered(1), numbered(4)]);
}

/// A disk whose power goes when more than so many bytes are to be synced.
struct PowerGoes {
    disk: MemoryJournalIo,
    beyond: usize,
}

impl JournalIo for PowerGoes {
    fn read(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        self.disk.read()
    }

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.disk.append(bytes)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        match self.disk.bytes().is_some_and(|bytes| bytes.len() > self.beyond) {
            true => Err(std::io::Error::other("the power went")),
            false => self.disk.sync(),
        }
    }

    fn truncate(&mut self, _: u64) -> std::io::Result<()> {
        Err(std::io::Error::other("the power went"))
    }

    fn replace(&mut self, _: &[u8]) -> std::io::Result<()> {
        Err(std::io::Error::other("the power went"))
    }
}

#[test]
fn what_another_process_left_unsynced_is_durable_before_anything_follows_it() {
    let (disk, mut journal) = begun();
    journal.append(&[numbered(1)]).unwrap();
    let frame = written_after(&disk.bytes().unwrap(), &[numbered(2)]);
    disk.clone().append(&frame).unwrap();
    let beyond = disk.bytes().unwrap().len();
    let (mut journal, found) = Journal::open(PowerGoes { disk: disk.clone(), beyond }, None).unwrap();
    assert_eq!(found, [numbered(1), numbered(2)]);
    assert!(journal.append(&[numbered(3)]).is_err());
    disk.crash(0, |_| false);
    assert_eq!(records(&disk), [numbered(1), numbered(2)], "what was read before was not durable");
}

#[test]
fn if_what_was_not_synced_can_not_be_cut_off_either_the_error_says_so() {
    let (disk, mut journal) = begun();
    disk.fail_syncs(2);
    let error = journal.append(&[numbered(1)]).unwrap_err();
    insta::assert_snapshot!(error, @"can't write the journal: the disk failed (cutting off what was not synced: the disk failed)");
}

#[test]
fn a_compaction_that_fails_leaves_the_old_journal() {
    let (disk, mut journal) = begun();
    journal.append(&[numbered(1)]).unwrap();
    disk.set_capacity(Some(10));
    let anchor = journal.anchor();
    assert_eq!(journal.compact(&anchor).unwrap_err().kind(), ErrorKind::Storage);
    assert_eq!(records(&disk), [numbered(1)]);
}
