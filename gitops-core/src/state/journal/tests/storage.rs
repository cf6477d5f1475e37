//! What a storage is asked for, and what one need not say.

use std::io::Result;
use std::sync::{Arc, Mutex};

use super::*;

/// Notes what it is asked for.
#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<String>>>);

impl Noting {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
}

impl JournalIo for Noting {
    fn waits(&self) -> bool {
        self.note("waits");
        false
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        self.note("read");
        Ok(Some(b"all".to_vec()))
    }

    fn read_from(&mut self, offset: u64) -> Result<Option<Vec<u8>>> {
        self.note(format!("read from {offset}"));
        Ok(Some(b"rest".to_vec()))
    }

    fn length(&mut self) -> Result<Option<u64>> {
        self.note("length");
        Ok(Some(3))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.note(format!("append {bytes:?}"));
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.note("sync");
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> Result<()> {
        self.note(format!("truncate {length}"));
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> Result<()> {
        self.note(format!("replace {bytes:?}"));
        Ok(())
    }

    fn read_anchor(&mut self) -> Result<Option<Vec<u8>>> {
        self.note("read anchor");
        Ok(Some(b"anchor".to_vec()))
    }

    fn replace_anchor(&mut self, bytes: &[u8]) -> Result<()> {
        self.note(format!("replace anchor {bytes:?}"));
        Ok(())
    }

    fn reserve(&mut self, bytes: u64) -> Result<()> {
        self.note(format!("reserve {bytes}"));
        Ok(())
    }
}

#[test]
fn a_storage_in_a_box_is_asked_for_everything_itself() {
    let noting = Noting::default();
    let mut boxed: Box<dyn JournalIo> = Box::new(noting.clone());
    assert!(!boxed.waits());
    assert_eq!(boxed.read().unwrap().unwrap(), b"all");
    assert_eq!(boxed.read_from(5).unwrap().unwrap(), b"rest");
    assert_eq!(boxed.length().unwrap(), Some(3));
    boxed.append(&[1]).unwrap();
    boxed.sync().unwrap();
    boxed.truncate(2).unwrap();
    boxed.replace(&[3]).unwrap();
    assert_eq!(boxed.read_anchor().unwrap().unwrap(), b"anchor");
    boxed.replace_anchor(&[4]).unwrap();
    boxed.reserve(6).unwrap();
    let all = [
        "waits",
        "read",
        "read from 5",
        "length",
        "append [1]",
        "sync",
        "truncate 2",
        "replace [3]",
        "read anchor",
        "replace anchor [4]",
        "reserve 6",
    ];
    assert_eq!(*noting.0.lock().unwrap(), all);
}

/// A storage that says no more than it must.
struct Plain(Option<Vec<u8>>);

impl JournalIo for Plain {
    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.0.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.get_or_insert_default().extend(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> Result<()> {
        self.0.get_or_insert_default().truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> Result<()> {
        self.0 = Some(bytes.to_vec());
        Ok(())
    }
}

#[test]
fn a_storage_that_says_no_more_than_it_must_is_taken_for_a_disk_without_an_anchor() {
    let mut plain = Plain(Some(vec![1, 2, 3]));
    assert!(plain.waits(), "other tasks must not wait with it");
    let rest =
        [(0, Some(vec![1, 2, 3])), (2, Some(vec![3])), (3, Some(Vec::new())), (4, None), (u64::MAX, None)];
    for (offset, bytes) in rest {
        assert_eq!(plain.read_from(offset).unwrap(), bytes, "from {offset}");
    }
    assert_eq!(Plain(None).read_from(0).unwrap(), None);
    assert_eq!((plain.length().unwrap(), plain.read_anchor().unwrap()), (None, None));
    let mut journal = Journal::init(Plain(None), LINEAGE, 1).unwrap();
    journal.reserve(1 << 40).unwrap();
    journal.append(&[numbered(0)]).unwrap();
    journal.keep_anchor().unwrap();
    assert!(journal.waits());
    assert_eq!((journal.sequence(), journal.epoch(), journal.since_anchor()), (1, 1, 0));
}

#[test]
fn what_is_no_lineage_is_refused() {
    let text = "00112233445566778899aabbccddeeff";
    assert_eq!(text.parse::<Lineage>().unwrap().to_string(), text);
    let signed = format!("+{}", &text[1..]);
    for wrong in
        ["", &text[1..], &format!("0{text}"), &text.replace('f', "g"), &signed, &format!(" {}", &text[1..])]
    {
        assert_eq!(wrong.parse::<Lineage>(), Err(ParseLineageError), "{wrong}");
    }
}

#[test]
fn frames_are_counted_since_the_anchor_was_kept() {
    let (disk, mut journal, _) = begun(2);
    let counts = |journal: &Journal| (journal.sequence(), journal.since_anchor());
    assert_eq!(counts(&journal), (2, 0));
    (0..3).for_each(|number| journal.append(&[numbered(number)]).unwrap());
    assert_eq!(counts(&journal), (5, 3));
    let (again, _) = Journal::open(disk, None).unwrap();
    assert_eq!(counts(&again), (5, 3), "another process sees it too");
    journal.keep_anchor().unwrap();
    assert_eq!(counts(&journal), (5, 0));
}

#[test]
fn an_epoch_is_taken_from_the_last_record_and_never_goes_back_within_a_group_either() {
    let (disk, mut journal, _) = begun(1);
    let epoch = |epoch| Record::Epoch { epoch };
    for group in [[epoch(1)].as_slice(), &[epoch(3), epoch(2)], &[epoch(2), numbered(0), epoch(2)]] {
        assert!(journal.append(group).is_err(), "{group:?}");
        assert_eq!((journal.sequence(), journal.epoch()), (1, 1), "nothing was written");
    }
    journal.append(&[epoch(2), numbered(1), epoch(4)]).unwrap();
    assert_eq!((journal.epoch(), journal.anchor().epoch), (4, 4));
    journal.set_epoch(5).unwrap();
    assert_eq!(Journal::open(disk, None).unwrap().0.epoch(), 5);
}
