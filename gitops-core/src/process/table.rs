//! Sorted rows in a file that is made anew as a whole: one document, and tables of which a row is found without reading the others.
//!
//! ```text
//! magic 8 | digest of all that follows 32 | length 8, document | for each table: count 8, offsets 8 each, rows
//! row: length of the name 4, length of the value 4, name, value
//! ```
//! What reads it has checked the digest over all of it, so that a row is what was written, or there is no file.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::process::fs;
use crate::value::{Digest, Hasher};

const MAGIC: [u8; 8] = *b"gitopsKT";

/// A file over this many bytes is not read.
const LIMIT: u64 = 4 << 30;

/// The content of such a file.
pub(crate) struct Tables {
    bytes: Arc<Vec<u8>>,
    document: Range<usize>,
    starts: Vec<usize>,
}

/// The rows of one table, in the order of their names.
#[derive(Clone)]
pub(crate) struct Table {
    bytes: Arc<Vec<u8>>,
    offsets: Range<usize>,
}

/// What is to be written.
pub(crate) struct Writer(Vec<u8>);

impl Tables {
    /// Reads a file of so many tables. Nothing if there is none, or it is not as it was written.
    pub fn read(path: &Path, tables: usize) -> Option<Self> {
        let bytes = Arc::new(fs::read(path, LIMIT).ok()??);
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (digest, content) = rest.split_first_chunk::<32>()?;
        if *magic != MAGIC || seal(content).as_bytes() != digest {
            return None;
        }
        let mut at = 40;
        let length = number(&bytes, at)?;
        let document = at + 8..at + 8 + length;
        at = document.end;
        let mut starts = Vec::with_capacity(tables);
        for _ in 0..tables {
            starts.push(at);
            let count = number(&bytes, at)?;
            at = match count {
                0 => at + 8,
                // The offsets are of the rows' ends, so that the last one is the table's.
                count => number(&bytes, at + 8 * count)?,
            };
        }
        (at == bytes.len()).then_some(Self { bytes, document, starts })
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

impl Writer {
    /// Begins with the document.
    pub fn new(document: &[u8]) -> Self {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.extend([0; 32]);
        bytes.extend((document.len() as u64).to_le_bytes());
        bytes.extend(document);
        Self(bytes)
    }

    /// Adds a table: its rows are in the order of their names, and none is there twice.
    pub fn table<N: AsRef<str>, V: AsRef<[u8]>>(&mut self, rows: &[(N, V)]) {
        self.0.extend((rows.len() as u64).to_le_bytes());
        let mut end = self.0.len() + 8 * rows.len();
        for (name, value) in rows {
            end += 8 + name.as_ref().len() + value.as_ref().len();
            self.0.extend((end as u64).to_le_bytes());
        }
        for (name, value) in rows {
            let (name, value) = (name.as_ref().as_bytes(), value.as_ref());
            self.0.extend(length(name));
            self.0.extend(length(value));
            self.0.extend(name);
            self.0.extend(value);
        }
    }

    /// The whole file.
    pub fn finish(mut self) -> Vec<u8> {
        let digest = seal(&self.0[40..]);
        self.0[8..40].copy_from_slice(digest.as_bytes());
        self.0
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("no name or value is near 4 GiB").to_le_bytes()
}

fn seal(content: &[u8]) -> Digest {
    Hasher::new("gitops tables 1").field(content).finish()
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
    fn a_file_with_other_tables_than_are_asked_for_is_none() {
        let bytes = written(b"{}", &[Rows::new()]);
        assert!(read(&bytes, 2).is_none() && read(&bytes, 0).is_none());
        assert_eq!(read(&bytes, 1).unwrap().table(5).len(), 0);
    }
}
