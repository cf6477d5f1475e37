//! Reading on from where a journal was read last: the same as reading all of it, or nothing is believed.

mod edges;
mod storage;

use super::*;
use crate::state::record::Record;
use crate::value::{GroupKind, Key};

const LINEAGE: Lineage = Lineage::new([7; 16]);

fn numbered(number: usize) -> Record {
    Record::Forget { key: Key::new("t", GroupKind::new("", "K"), "", format!("o{number}")) }
}

fn begun(records: usize) -> (MemoryJournalIo, Journal, Position) {
    let mut disk = MemoryJournalIo::new();
    let mut journal = Journal::init(disk.clone(), LINEAGE, 1).expect("it is new");
    (0..records).for_each(|number| journal.append(&[numbered(number)]).expect("there is room"));
    journal.keep_anchor().expect("there is room");
    let (position, read) = Journal::read_up_to_its_end(&mut disk, None, None).expect("it is sound");
    assert_eq!(read.len(), records);
    (disk, journal, position)
}

#[test]
fn what_was_written_since_is_read_and_nothing_else() {
    let (mut disk, mut journal, mut position) = begun(3);
    for keeps_anchor in [true, false, false, true] {
        journal.append(&[numbered(10), numbered(11)]).expect("there is room");
        if keeps_anchor {
            journal.keep_anchor().expect("there is room");
        }
        let (next, records) = Journal::read_on(&mut disk, &position, None).expect("it goes on");
        assert_eq!((&next.end, records), (&journal.anchor(), vec![numbered(10), numbered(11)]));
        position = next;
    }
    let lies_on_it = journal.anchor();
    journal.append(&[numbered(12)]).expect("there is room");
    assert!(Journal::read_on(&mut disk, &position, Some(&lies_on_it)).is_ok());
    let other = Anchor { chain: crate::value::Digest::of(b"other"), ..journal.anchor() };
    assert!(
        Journal::read_on(&mut disk, &position, Some(&other)).is_err(),
        "the documents are of another journal"
    );
}

#[test]
fn a_journal_that_was_folded_or_is_another_one_is_not_read_on() {
    let (mut disk, mut journal, position) = begun(3);
    journal.append(&[numbered(3)]).expect("there is room");
    journal.compact(&journal.anchor()).expect("all is taken in");
    assert!(Journal::read_on(&mut disk, &position, None).is_err(), "it is shorter");
    for number in 0..9 {
        journal.append(&[numbered(number)]).expect("there is room");
        assert!(Journal::read_on(&mut disk, &position, None).is_err(), "it does not go on from there");
    }
    // As long to the byte, and with nothing after it.
    let (mut other, _, position) = begun(3);
    let another = Lineage::new([8; 16]);
    let mut journal = Journal::replace(other.clone(), another, 1).expect("there is room");
    (0..3).for_each(|number| journal.append(&[numbered(number)]).expect("there is room"));
    journal.keep_anchor().expect("there is room");
    assert!(Journal::read_on(&mut other, &position, None).is_err(), "it is of another lineage");
}

#[test]
fn what_was_cut_off_or_is_half_written_is_not_taken_for_the_end() {
    let (mut disk, mut journal, position) = begun(3);
    let before = disk.bytes().expect("it was begun").len();
    journal.append(&[numbered(3)]).expect("there is room");
    journal.keep_anchor().expect("there is room");
    disk.truncate(before as u64).expect("it can be cut");
    assert!(Journal::read_on(&mut disk, &position, None).is_err(), "its anchor had come further");
    let (mut disk, _, position) = begun(3);
    disk.append(&[1, 2, 3]).expect("there is room");
    assert!(Journal::read_on(&mut disk, &position, None).is_err(), "whose bytes these are, all of it tells");
}
