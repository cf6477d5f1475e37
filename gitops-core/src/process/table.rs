//! Sorted rows in a file that is made anew as a whole: one document, tables of which a row is found without decoding the others,
//! and values that stay on the disk until somebody asks for one.
//!
//! ```text
//! magic 8 | length of the head 8 | digest of the head 32 | head | values
//! head: length 8, document | for each table: count 8, ends of the rows 8 each, rows
//! row: length of the name 4, length of the value 4, name, value
//! ```
//! What reads it has checked the digest over the head, so that a row is what was written, or there is no file. Values are not
//! covered: who asks for one compares it with what a row says of it.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::process::fs;
use crate::value::{Digest, Hasher};

const MAGIC: [u8; 8] = *b"gitopsK2";

/// Where the head begins.
const HEAD: usize = 48;

/// A file with a larger head is not read.
const LIMIT: u64 = 4 << 30;

/// The content of such a file.
pub(crate) struct Tables {
    bytes: Arc<Vec<u8>>,
    document: Range<usize>,
    starts: Vec<usize>,
    values: Values,
}

/// The values of such a file, open as it was: also once another file has its name.
#[derive(Clone)]
pub(crate) struct Values {
    file: Arc<File>,
    start: u64,
}

/// Where a value is among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub start: u64,
    pub length: u32,
}

/// The rows of one table, in the order of their names.
#[derive(Clone)]
pub(crate) struct Table {
    bytes: Arc<Vec<u8>>,
    offsets: Range<usize>,
}

/// What is to be written.
pub(crate) struct Writer {
    head: Vec<u8>,
    values: Vec<u8>,
}

impl Tables {
    /// Reads a file of so many tables. Nothing if there is none, or its head is not as it was written.
    pub fn read(path: &Path, tables: usize) -> Option<Self> {
        fs::regular(path).ok()??;
        let mut file = File::open(path).ok()?;
        let mut start = [0; HEAD];
        file.read_exact(&mut start).ok()?;
        let (magic, rest) = start.split_first_chunk::<8>()?;
        let (length, digest) = rest.split_first_chunk::<8>()?;
        let length = u64::from_le_bytes(*length);
        let fits = length <= LIMIT && file.metadata().ok()?.len() >= HEAD as u64 + length;
        if *magic != MAGIC || !fits {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        file.read_exact(&mut bytes).ok()?;
        if seal(&bytes).as_bytes() != digest {
            return None;
        }
        let document = 8..8 + number(&bytes, 0)?;
        let mut at = document.end;
        let mut starts = Vec::with_capacity(tables);
        for _ in 0..tables {
            starts.push(at);
            at = match number(&bytes, at)? {
                0 => at + 8,
                count => number(&bytes, at + 8 * count)?,
            };
        }
        let values = Values { file: Arc::new(file), start: HEAD as u64 + length };
        (at == bytes.len()).then_some(Self { bytes: Arc::new(bytes), document, starts, values })
    }

    /// The values.
    pub fn values(&self) -> Values {
        self.values.clone()
    }

    /// The document.
    pub fn document(&self) -> &[u8] {
        &self.bytes[self.document.clone()]
    }

    /// A table by its place in the file; an empty one if there is none.
    pub fn table(&self, index: usize) -> Table {
        let start = self.starts.get(index).copied();
        let offsets = start.map_or(0..0, |start| {
            let count = number(&self.bytes, start).unwrap_or_default();
            start + 8..start + 8 + 8 * count
        });
        Table { bytes: self.bytes.clone(), offsets }
    }
}

impl Table {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.offsets.len() / 8
    }

    /// A row's name and value; both are empty if there is no such row.
    pub fn row(&self, index: usize) -> (&str, &[u8]) {
        self.try_row(index).unwrap_or_default()
    }

    fn try_row(&self, index: usize) -> Option<(&str, &[u8])> {
        let end = |index: usize| number(&self.bytes, self.offsets.start + 8 * index);
        let start = match index {
            0 => self.offsets.end,
            index => end(index - 1)?,
        };
        let row = self.bytes.get(start..end(index)?)?;
        let (name, row) = (u32::from_le_bytes(*row.first_chunk()?) as usize, row.get(4..)?);
        let (value, row) = (u32::from_le_bytes(*row.first_chunk()?) as usize, row.get(4..)?);
        let (name, row) = row.split_at_checked(name)?;
        Some((std::str::from_utf8(name).ok()?, row.get(..value)?))
    }

    /// Where the row of a name is.
    pub fn find(&self, name: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.row(middle).0.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

impl Values {
    /// A value; nothing if it is not there.
    pub fn read(&self, at: At) -> Option<Vec<u8>> {
        let mut value = vec![0; at.length as usize];
        self.file.read_exact_at(&mut value, self.start.checked_add(at.start)?).ok()?;
        Some(value)
    }
}

impl At {
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.start.to_le_bytes());
        bytes[8..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (start, length) = bytes.split_first_chunk::<8>()?;
        let (start, length) = (u64::from_le_bytes(*start), u32::from_le_bytes(*length.first_chunk()?));
        Some(Self { start, length })
    }
}

impl Writer {
    /// Begins with the document.
    pub fn new(document: &[u8]) -> Self {
        let mut head = Vec::new();
        head.extend((document.len() as u64).to_le_bytes());
        head.extend(document);
        Self { head, values: Vec::new() }
    }

    /// Adds a value.
    pub fn value(&mut self, value: &[u8]) -> At {
        let start = self.values.len() as u64;
        self.values.extend(value);
        At { start, length: u32::from_le_bytes(length(value)) }
    }

    /// Adds a table: its rows are in the order of their names, and none is there twice.
    pub fn table<N: AsRef<str>, V: AsRef<[u8]>>(&mut self, rows: &[(N, V)]) {
        self.head.extend((rows.len() as u64).to_le_bytes());
        let mut end = self.head.len() + 8 * rows.len();
        for (name, value) in rows {
            end += 8 + name.as_ref().len() + value.as_ref().len();
            self.head.extend((end as u64).to_le_bytes());
        }
        for (name, value) in rows {
            let (name, value) = (name.as_ref().as_bytes(), value.as_ref());
            self.head.extend(length(name));
            self.head.extend(length(value));
            self.head.extend(name);
            self.head.extend(value);
        }
    }

    /// The whole file.
    pub fn finish(self) -> Vec<u8> {
        let Self { head, values } = self;
        let (length, digest) = ((head.len() as u64).to_le_bytes(), seal(&head));
        [&MAGIC[..], &length, digest.as_bytes(), &head, &values].concat()
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("no name or value is near 4 GiB").to_le_bytes()
}

fn seal(content: &[u8]) -> Digest {
    Hasher::new("gitops tables 2").field(content).finish()
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let number = bytes.get(at..)?.first_chunk::<8>()?;
    usize::try_from(u64::from_le_bytes(*number)).ok().filter(|number| *number <= bytes.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Rows = BTreeMap<String, Vec<u8>>;

    fn written(document: &[u8], tables: &[Rows]) -> Vec<u8> {
        let mut writer = Writer::new(document);
        for rows in tables {
            writer.table(&rows.iter().collect::<Vec<_>>());
        }
        writer.finish()
    }

    fn read(bytes: &[u8], tables: usize) -> Option<Tables> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tables");
        std::fs::write(&path, bytes).unwrap();
        Tables::read(&path, tables)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_row_is_found_and_is_what_was_written(
            document in prop::collection::vec(any::<u8>(), 0..20),
            tables in prop::collection::vec(prop::collection::btree_map("[a-c]{0,3}", prop::collection::vec(any::<u8>(), 0..6), 0..9), 0..4),
        ) {
            let found = read(&written(&document, &tables), tables.len()).unwrap();
            prop_assert_eq!(found.document(), &document[..]);
            for (index, rows) in tables.iter().enumerate() {
                let table = found.table(index);
                let read: Rows = (0..table.len()).map(|row| table.row(row)).map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
                prop_assert_eq!(&read, rows);
                for name in rows.keys().map(String::as_str).chain(["", "b", "zz"]) {
                    let value = table.find(name).map(|row| table.row(row).1);
                    prop_assert_eq!(value, rows.get(name).map(Vec::as_slice));
                }
            }
        }

        #[test]
        fn a_file_that_was_changed_or_cut_is_none(flip in any::<prop::sample::Index>(), bit in 0..8u8, cut in any::<prop::sample::Index>()) {
            let rows: Rows = [("a".to_owned(), vec![1]), ("b".to_owned(), vec![])].into();
            let bytes = written(b"{}", &[rows.clone(), rows]);
            prop_assert!(read(&bytes, 2).is_some());
            let mut flipped = bytes.clone();
            flipped[flip.index(bytes.len())] ^= 1 << bit;
            prop_assert!(read(&flipped, 2).is_none());
            prop_assert!(read(&bytes[..cut.index(bytes.len())], 2).is_none());
        }
    }

    #[test]
    fn a_value_is_read_where_it_was_written() {
        let mut writer = Writer::new(b"{}");
        let at = ["", "one", "another"].map(|value| writer.value(value.as_bytes()));
        let read = read(&writer.finish(), 0).unwrap();
        let found = at.map(|at| At::from_bytes(&at.to_bytes()).and_then(|at| read.values().read(at)));
        assert_eq!(found, [Some(b"".to_vec()), Some(b"one".to_vec()), Some(b"another".to_vec())]);
        assert_eq!(read.values().read(At { start: 9, length: 2 }), None);
    }

    #[test]
    fn a_file_with_other_tables_than_are_asked_for_is_none() {
        let bytes = written(b"{}", &[Rows::new()]);
        assert!(read(&bytes, 2).is_none() && read(&bytes, 0).is_none());
        assert_eq!(read(&bytes, 1).unwrap().table(5).len(), 0);
    }
}
