//! The anchor beside the journal: what of a journal that was cut back is found out, and what is not.

use std::path::{Path, PathBuf};

use gitops_core::ErrorKind;
use gitops_core::internals::journal::{FileJournalIo, Journal, Lineage};

use crate::records::numbered;

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn anchor(&self) -> PathBuf {
        self.folder.path().join("journal.anchor")
    }

    fn io(&self) -> FileJournalIo {
        FileJournalIo::new(self.journal())
    }

    fn init(&self) -> Journal {
        Journal::init(self.io(), Lineage::new([5; 16]), 1).unwrap()
    }

    /// How many records are found, or what is wrong.
    fn found(&self) -> Result<usize, gitops_core::Error> {
        Journal::open(self.io(), None).map(|(_, records)| records.len())
    }

    fn cut(&self, length: u64) {
        std::fs::OpenOptions::new().write(true).open(self.journal()).unwrap().set_len(length).unwrap();
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

#[test]
fn whole_frames_that_are_missing_before_the_anchor_are_found_out() {
    let files = Files::new();
    let mut journal = files.init();
    let mut ends = Vec::new();
    for number in 0..4 {
        journal.append(&[numbered(number)]).unwrap();
        ends.push(size(&files.journal()));
        if number == 2 {
            journal.keep_anchor().unwrap();
        }
    }
    assert_eq!(journal.since_anchor(), 1);
    assert_eq!(files.found().unwrap(), 4);
    // After the anchor a missing frame is taken for one that never became durable.
    files.cut(ends[2]);
    assert_eq!(files.found().unwrap(), 3);
    for cut in 0..ends[2] {
        files.cut(cut);
        let error = files.found().expect_err(&format!("the cut at {cut} went unnoticed"));
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        // A file that was cut can't grow back.
        std::fs::remove_file(files.journal()).unwrap();
        std::fs::remove_file(files.anchor()).unwrap();
        let mut journal = files.init();
        (0..3).for_each(|number| journal.append(&[numbered(number)]).unwrap());
        journal.keep_anchor().unwrap();
    }
}

#[test]
fn a_journal_that_is_gone_or_another_one_is_found_out() {
    let files = Files::new();
    let mut journal = files.init();
    journal.append(&[numbered(1)]).unwrap();
    journal.keep_anchor().unwrap();
    let anchor = std::fs::read(files.anchor()).unwrap();
    std::fs::remove_file(files.journal()).unwrap();
    let error = Journal::init(files.io(), Lineage::new([6; 16]), 1).expect_err("it began anew");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    Journal::replace(files.io(), Lineage::new([6; 16]), 1).unwrap();
    std::fs::write(files.anchor(), anchor).unwrap();
    assert_eq!(files.found().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_beginning_that_was_cut_short_is_begun_again() {
    let files = Files::new();
    drop(files.init());
    std::fs::remove_file(files.journal()).unwrap();
    drop(files.init());
    assert_eq!(files.found().unwrap(), 0);
}

#[test]
fn any_flipped_bit_and_any_cut_of_the_anchor_is_an_error() {
    let files = Files::new();
    let mut journal = files.init();
    journal.append(&[numbered(1)]).unwrap();
    journal.keep_anchor().unwrap();
    let anchor = std::fs::read(files.anchor()).unwrap();
    for bit in 0..anchor.len() * 8 {
        let mut damaged = anchor.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(files.anchor(), damaged).unwrap();
        let error = files.found().expect_err(&format!("bit {bit} went unnoticed"));
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error}");
    }
    for cut in 0..anchor.len() {
        std::fs::write(files.anchor(), &anchor[..cut]).unwrap();
        assert_eq!(files.found().unwrap_err().kind(), ErrorKind::Corrupt, "cut at {cut}");
    }
}

#[test]
fn a_compacted_journal_lies_on_its_anchor() {
    let files = Files::new();
    let mut journal = files.init();
    (0..3).for_each(|number| journal.append(&[numbered(number)]).unwrap());
    let snapshot = journal.anchor();
    journal.compact(&snapshot).unwrap();
    assert_eq!(journal.since_anchor(), 0);
    journal.append(&[numbered(9)]).unwrap();
    let (_, records) = Journal::open(files.io(), Some(&snapshot)).unwrap();
    assert_eq!(records, [numbered(9)]);
}

#[test]
fn an_anchor_costs_nothing_where_nothing_was_written() {
    let files = Files::new();
    let mut journal = files.init();
    journal.append(&[numbered(1)]).unwrap();
    journal.keep_anchor().unwrap();
    let kept = std::fs::metadata(files.anchor()).unwrap().modified().unwrap();
    journal.keep_anchor().unwrap();
    assert_eq!(std::fs::metadata(files.anchor()).unwrap().modified().unwrap(), kept);
}
