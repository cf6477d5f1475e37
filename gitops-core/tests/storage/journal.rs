//! The journal as long as nothing goes wrong, and what it refuses.

use gitops_core::ErrorKind;
use gitops_core::internals::journal::{
    Anchor, FRAME_LIMIT, FileJournalIo, Journal, JournalIo, Lineage, MemoryJournalIo,
};
use gitops_core::internals::record::Record;

use crate::records::{numbered, one_of_each};

const LINEAGE: Lineage = Lineage::new([7; 16]);

fn begun(groups: &[&[Record]]) -> (MemoryJournalIo, Journal) {
    let disk = MemoryJournalIo::new();
    let mut journal = Journal::init(disk.clone(), LINEAGE, 1).unwrap();
    groups.iter().for_each(|group| journal.append(group).unwrap());
    (disk, journal)
}

fn records_after(disk: &MemoryJournalIo, known: Option<&Anchor>) -> Vec<Record> {
    Journal::open(disk.clone(), known).unwrap().1
}

fn refusal(disk: &MemoryJournalIo, known: Option<&Anchor>) -> gitops_core::Error {
    let before = disk.bytes();
    let error = Journal::open(disk.clone(), known).unwrap_err();
    assert_eq!(disk.bytes(), before, "a refused journal stays as it is");
    error
}

#[test]
fn every_kind_of_record_is_read_back_as_it_was_written() {
    let (disk, _) = begun(&[&one_of_each(), &[numbered(1)]]);
    assert_eq!(records_after(&disk, None), [one_of_each(), vec![numbered(1)]].concat());
}

#[test]
fn a_group_is_one_frame_and_an_empty_group_is_none() {
    let (_, mut journal) = begun(&[&one_of_each()]);
    journal.append(&[]).unwrap();
    assert_eq!(journal.sequence(), 1);
}

#[test]
fn a_file_keeps_what_another_opening_wrote_and_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::init(FileJournalIo::new(&path), LINEAGE, 1).unwrap();
    journal.append(&[numbered(1)]).unwrap();
    let (mut journal, records) = Journal::open(FileJournalIo::new(&path), None).unwrap();
    assert_eq!(records, [numbered(1)]);
    journal.append(&[numbered(2)]).unwrap();
    let (again, records) = Journal::open(FileJournalIo::new(&path), None).unwrap();
    assert_eq!(records, [numbered(1), numbered(2)]);
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o777, metadata.len()), (0o600, again.bytes()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "more than the journal and its anchor");
}

#[test]
fn opening_changes_nothing() {
    let (disk, _) = begun(&[&[numbered(1)], &[numbered(2)]]);
    let torn = disk.bytes().unwrap();
    let torn = MemoryJournalIo::with_bytes(&torn[..torn.len() - 1]);
    let before = torn.bytes();
    assert_eq!(records_after(&torn, None), [numbered(1)]);
    assert_eq!(torn.bytes(), before);
}

#[test]
fn a_journal_that_is_there_is_never_begun_anew() {
    let (disk, _) = begun(&[&[numbered(1)]]);
    assert_eq!(Journal::init(disk.clone(), LINEAGE, 9).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(records_after(&disk, None), [numbered(1)]);
}

#[test]
fn empty_and_missing_are_not_new() {
    for disk in [MemoryJournalIo::new(), MemoryJournalIo::with_bytes([])] {
        let error = refusal(&disk, None);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.help_text().unwrap().contains("backup"), "{error}");
    }
}

#[test]
fn only_what_comes_after_the_anchor_is_given() {
    let (disk, mut journal) = begun(&[&[numbered(1)]]);
    let anchor = journal.anchor();
    journal.append(&[numbered(2)]).unwrap();
    assert_eq!(records_after(&disk, Some(&anchor)), [numbered(2)]);
    assert_eq!(records_after(&disk, Some(&journal.anchor())), []);
}

#[test]
fn a_compacted_journal_goes_on_and_needs_its_anchor() {
    let (disk, mut journal) = begun(&[&[numbered(1)], &[numbered(2)]]);
    let (anchor, full) = (journal.anchor(), journal.bytes());
    journal.compact(&anchor).unwrap();
    assert!(journal.bytes() < full);
    journal.append(&[numbered(3)]).unwrap();
    assert_eq!(records_after(&disk, Some(&anchor)), [numbered(3)]);
    assert_eq!(journal.anchor().sequence, 3);
    assert_eq!(refusal(&disk, None).kind(), ErrorKind::Corrupt);
}

#[test]
fn compaction_drops_no_record_that_the_snapshot_does_not_hold() {
    let (disk, mut journal) = begun(&[&[numbered(1)]]);
    let snapshot = journal.anchor();
    journal.append(&[numbered(2)]).unwrap();
    assert!(journal.compact(&snapshot).is_err());
    assert_eq!(records_after(&disk, Some(&snapshot)), [numbered(2)]);
}

#[test]
fn a_journal_that_is_older_than_its_anchor_is_refused() {
    let (disk, mut journal) = begun(&[&[numbered(1)]]);
    let old_copy = MemoryJournalIo::with_bytes(disk.bytes().unwrap());
    journal.append(&[numbered(2)]).unwrap();
    let error = refusal(&old_copy, Some(&journal.anchor()));
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    insta::assert_snapshot!(error, @"the journal and the inventory do not belong together: it is shorter than when the inventory was made: an old copy, or cut (journal: 1, inventory: 2)");
}

#[test]
fn an_inventory_that_is_older_than_the_journal_is_refused() {
    let (disk, mut journal) = begun(&[&[numbered(1)]]);
    let old = journal.anchor();
    journal.append(&[numbered(2)]).unwrap();
    let newer = journal.anchor();
    journal.compact(&newer).unwrap();
    insta::assert_snapshot!(refusal(&disk, Some(&old)), @"the journal and the inventory do not belong together: the inventory is older than the beginning of the journal (journal: 2, inventory: 1)");
}

#[test]
fn a_journal_of_the_same_length_with_another_history_is_refused() {
    let (ours, other) = (begun(&[&[numbered(1)]]), begun(&[&[numbered(2)]]));
    insta::assert_snapshot!(refusal(&ours.0, Some(&other.1.anchor())), @"the journal and the inventory do not belong together: it holds other records than those that the inventory was made from");
}

#[test]
fn a_journal_of_another_lineage_is_refused() {
    let (disk, _) = begun(&[]);
    let other = Journal::init(MemoryJournalIo::new(), Lineage::new([8; 16]), 1).unwrap();
    insta::assert_snapshot!(refusal(&disk, Some(&other.anchor())), @"the journal and the inventory do not belong together: it is another journal than the one that the inventory was made from (journal: 07070707070707070707070707070707, inventory: 08080808080808080808080808080808)");
}

#[test]
fn an_epoch_never_goes_back() {
    let (disk, mut journal) = begun(&[&[Record::Epoch { epoch: 3 }]]);
    for epoch in [0, 2, 3] {
        assert_eq!(journal.set_epoch(epoch).unwrap_err().kind(), ErrorKind::Invalid);
    }
    journal.set_epoch(4).unwrap();
    assert_eq!(Journal::open(disk.clone(), None).unwrap().0.epoch(), 4);
    let ahead = Anchor { epoch: 5, ..journal.anchor() };
    assert_eq!(refusal(&disk, Some(&ahead)).kind(), ErrorKind::Corrupt);
}

#[test]
fn a_group_over_the_limit_is_split_and_nothing_of_it_is_lost() {
    let long = |number: usize| {
        let name = format!("{number}{}", "x".repeat(FRAME_LIMIT / 3));
        Record::Forget { key: crate::records::key(&name) }
    };
    let group: Vec<Record> = (0..7).map(long).collect();
    let (disk, journal) = begun(&[&group]);
    assert_eq!(journal.sequence(), 4);
    assert_eq!(records_after(&disk, None), group);
}

#[test]
fn one_record_over_the_limit_is_refused_before_anything_is_written() {
    let (disk, mut journal) = begun(&[]);
    let too_long = Record::Forget { key: crate::records::key(&"x".repeat(FRAME_LIMIT)) };
    let before = disk.bytes();
    let error = journal.append(&[numbered(1), too_long]).unwrap_err();
    assert_eq!((error.kind(), disk.bytes()), (ErrorKind::Limit, before));
    journal.append(&[numbered(2)]).unwrap();
    assert_eq!(records_after(&disk, None), [numbered(2)]);
}

#[test]
fn a_journal_over_the_limit_is_refused_without_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(gitops_core::internals::journal::JOURNAL_LIMIT + 1).unwrap();
    let error = Journal::open(FileJournalIo::new(&path), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("1073741824"), "{error}");
}

#[test]
fn a_reader_sees_what_a_writer_has_synced_and_can_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::init(FileJournalIo::new(&path), LINEAGE, 1).unwrap();
    journal.append(&[numbered(1)]).unwrap();
    let mut reader = FileJournalIo::read_only(&path);
    assert_eq!(Journal::read(&mut reader, None).unwrap(), (journal.anchor(), vec![numbered(1)]));
    assert!(reader.append(b"x").is_err() && reader.truncate(0).is_err() && reader.replace(b"x").is_err());
    let (mut other, _) = Journal::open(reader, None).unwrap();
    assert!(other.append(&[numbered(2)]).is_err());
    assert_eq!(Journal::read(&mut FileJournalIo::new(&path), None).unwrap().1, [numbered(1)]);
}

#[test]
fn the_length_of_a_journal_is_known_without_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let length = |path: &std::path::Path| FileJournalIo::read_only(path).length();
    assert_eq!(length(&path).unwrap(), None, "there is none");
    let mut journal = Journal::init(FileJournalIo::new(&path), LINEAGE, 1).unwrap();
    journal.append(&[numbered(1)]).unwrap();
    assert_eq!(length(&path).unwrap(), Some(journal.bytes()));
    assert!(length(&path.join("below")).is_err(), "a file is no folder: nobody can say");
}
