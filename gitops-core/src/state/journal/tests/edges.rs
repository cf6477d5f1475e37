//! A journal at its limits, and the disk in memory on which others are tested.

use super::*;
use crate::value::{Digest, ErrorKind};

/// A record whose JSON has this length.
fn of_length(bytes: usize) -> Record {
    let record =
        |name: usize| Record::Forget { key: Key::new("t", GroupKind::new("", "K"), "", "n".repeat(name)) };
    let least = serde_json::to_vec(&record(1)).unwrap().len() - 1;
    record(bytes - least)
}

#[test]
fn a_frame_is_filled_to_its_last_byte_and_not_beyond() {
    let half = FRAME_LIMIT / 2;
    // Two brackets and a comma.
    for (second, frames) in [(FRAME_LIMIT - half - 3, 1), (FRAME_LIMIT - half - 2, 2)] {
        let records = [of_length(half), of_length(second)];
        let payloads = group::encode(&records).unwrap();
        assert_eq!(payloads.len(), frames);
        assert!(payloads.iter().all(|payload| payload.len() <= FRAME_LIMIT));
        let (disk, mut journal, _) = begun(0);
        journal.append(&records).unwrap();
        assert_eq!(Journal::open(disk, None).unwrap().1, records);
    }
    assert_eq!(group::encode(&[of_length(FRAME_LIMIT - 2)]).unwrap()[0].len(), FRAME_LIMIT);
    let error = group::encode(&[of_length(FRAME_LIMIT - 1)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[test]
fn a_last_frame_that_was_cut_is_cut_off_however_long_it_is_and_whatever_its_names() {
    let name = |text: &str| Record::Forget { key: Key::new("t", GroupKind::new("", "K"), "", text) };
    for last in [of_length(FRAME_LIMIT - 2), name("a[{b"), name("[{[{")] {
        let (disk, mut journal, _) = begun(2);
        journal.append(&[last]).unwrap();
        let bytes = disk.bytes().unwrap();
        let cut = MemoryJournalIo::with_bytes(&bytes[..bytes.len() - 1]);
        assert_eq!(Journal::open(cut, None).unwrap().1.len(), 2);
    }
}

#[test]
fn what_the_inventory_has_taken_in_is_not_read_again_whatever_version_wrote_it() {
    let base = Anchor::beginning(LINEAGE, 1);
    let older = frame::encode(&base.chain, br#"[{"record":"of another version"}]"#);
    let chain = Digest::of(&older);
    let newer = frame::encode(&chain, &group::encode(&[numbered(1)]).unwrap()[0]);
    let disk = MemoryJournalIo::with_bytes([header::encode(&base), older, newer].concat());
    let known = Anchor { sequence: 1, chain, ..base };
    assert_eq!(Journal::open(disk.clone(), Some(&known)).unwrap().1, [numbered(1)]);
    assert_eq!(Journal::open(disk, None).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn the_end_of_a_compacted_journal_is_known_without_its_inventory() {
    let (disk, mut journal, _) = begun(3);
    journal.compact(&journal.anchor()).unwrap();
    journal.append(&[numbered(3)]).unwrap();
    assert_eq!(Journal::end_of(&disk.bytes().unwrap()).unwrap(), journal.anchor());
    assert!(!journal.waits(), "it is in memory");
}

#[test]
fn an_anchor_of_another_journal_is_found_out_also_where_it_lies_before_the_beginning() {
    let (mut disk, mut journal, _) = begun(3);
    journal.compact(&journal.anchor()).unwrap();
    let known = journal.anchor();
    assert!(Journal::open(disk.clone(), Some(&known)).is_ok());
    let other = Anchor::beginning(Lineage::new([8; 16]), 1);
    disk.replace_anchor(&header::encode_anchor(&other)).unwrap();
    assert_eq!(Journal::open(disk, Some(&known)).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn nothing_is_read_on_past_a_mark_that_lies_before() {
    let (mut disk, mut journal, _) = begun(1);
    let before = journal.anchor();
    journal.append(&[numbered(1)]).unwrap();
    let (position, _) = Journal::read_up_to_its_end(&mut disk, None, None).unwrap();
    journal.append(&[numbered(2)]).unwrap();
    assert!(Journal::read_on(&mut disk, &position, Some(&position.end)).is_ok());
    assert!(Journal::read_on(&mut disk, &position, Some(&before)).is_err(), "all of it tells");
}

#[test]
fn a_journal_is_shown_by_its_position_and_not_by_what_it_holds() {
    assert_eq!(format!("{LINEAGE:?}"), format!("Lineage({LINEAGE})"));
    let (_, journal, _) = begun(1);
    let shown = format!("{journal:?}");
    assert!(shown.contains("sequence: 1") && shown.contains("Ready") && !shown.contains("o0"), "{shown}");
}

#[test]
fn a_disk_in_memory_keeps_through_a_crash_what_was_durable_and_loses_whole_sectors_of_the_rest() {
    let durable = vec![1; 600];
    let crashed = |kept: usize, lost: usize| {
        let mut disk = MemoryJournalIo::with_bytes(durable.clone());
        disk.append(&[2; 1500]).unwrap();
        disk.crash(kept, |sector| sector == lost);
        disk.bytes().unwrap()
    };
    let whole = [vec![1; 600], vec![2; 1500]].concat();
    assert_eq!(crashed(1500, 99), whole);
    assert_eq!(crashed(0, 1), durable, "what was synced is not lost");
    assert_eq!(crashed(100, 99), whole[..700]);
    for (sector, zeros) in [(1, 600..1024), (2, 1024..1536), (4, 2048..2100)] {
        let mut right = whole.clone();
        right[zeros].fill(0);
        assert_eq!(crashed(1500, sector), right, "sector {sector}");
    }
    let mut disk = MemoryJournalIo::with_bytes(durable.clone());
    disk.replace_anchor(b"anchor").unwrap();
    for _ in 0..2 {
        disk.append(b"lost").unwrap();
        disk.crash(0, |_| false);
        assert_eq!(disk.bytes(), Some(durable.clone()), "once more");
    }
    assert_eq!(disk.read_anchor().unwrap().unwrap(), b"anchor");
}

#[test]
fn a_disk_in_memory_holds_as_much_as_it_may_and_what_was_reserved() {
    let full = |result: std::io::Result<()>| result.unwrap_err().kind() == std::io::ErrorKind::StorageFull;
    let mut disk = MemoryJournalIo::with_bytes([1; 10]);
    disk.set_capacity(Some(60));
    assert!(full(disk.reserve(51)));
    disk.reserve(50).unwrap();
    disk.set_capacity(Some(20));
    disk.reserve(50).unwrap();
    assert!(full(disk.reserve(51)));
    disk.append(&[2; 50]).unwrap();
    assert!(full(disk.append(&[3])));
    assert!(full(disk.replace(&[4; 21])));
    disk.replace(&[4; 20]).unwrap();
    assert!(full(disk.append(&[5])), "what was reserved in the old one is no room in the new one");
}
