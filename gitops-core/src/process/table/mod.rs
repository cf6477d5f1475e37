//! Sorted rows in a file that is made anew as a whole: one document, tables of which a row is found without reading the others,
//! and values that stay on the disk until somebody asks for one.
//!
//! ```text
//! magic 8 | length of the head 8 | digest of the head 32 | head | pages and values
//! head: length 8, document | for each table: count of its rows 8, its pages
//! page, in the head: start 8, length 4, digest 32, length 4, name of its first row
//! page, at its start: for each row its end 4 | rows
//! row: length of the name 4, name, value
//! ```
//! The head is read and checked when the file is opened; a page when somebody asks for one of its rows. Where a page is not as it
//! was written, its rows are empty and the file [is damaged](Tables::is_damaged): who took anything from it asks for that before
//! it counts. Values are not covered: who asks for one compares it with what a row says of it.

mod cells;
#[cfg(test)]
mod tests;

pub(crate) use cells::Cells;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::process::fs;
use crate::value::{Digest, Hasher};

const MAGIC: [u8; 8] = *b"gitopsK3";

/// Where the head begins.
const HEAD: usize = 48;

/// A file with a larger head is not read.
const LIMIT: u64 = 1 << 30;

/// The rows of a page: so many that the head is short, and so few that one row costs little.
const ROWS: usize = 256;

/// The content of such a file.
pub(crate) struct Tables {
    document: Vec<u8>,
    all: Vec<Table>,
    body: Body,
}

/// What is behind the head, in a file that is open as it was: also once another file has its name.
#[derive(Clone)]
struct Body {
    file: Arc<File>,
    start: u64,
    damaged: Arc<AtomicBool>,
}

/// The values of such a file.
#[derive(Clone)]
pub(crate) struct Values(Body);

/// Where something is behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub start: u64,
    pub length: u32,
}

/// The rows of one table, in the order of their names.
#[derive(Clone)]
pub(crate) struct Table {
    count: usize,
    pages: Arc<[Page]>,
    body: Body,
}

struct Page {
    at: At,
    digest: Digest,
    first: Box<str>,
    /// What it holds, once somebody asked; nothing if it is not as it was written.
    bytes: OnceLock<Option<Box<[u8]>>>,
}

/// What is to be written.
pub(crate) struct Writer {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Tables {
    /// Opens a file of so many tables. Nothing if there is none, or its head is not as it was written.
    pub fn open(path: &Path, tables: usize) -> Option<Self> {
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
        let mut head = vec![0; usize::try_from(length).ok()?];
        file.read_exact(&mut head).ok()?;
        if seal(&head).as_bytes() != digest {
            return None;
        }
        let body = Body { file: Arc::new(file), start: HEAD as u64 + length, damaged: Arc::default() };
        let mut head = Cursor(&head);
        let length = head.long()?;
        let document = head.take(length)?.to_vec();
        let tables: Option<Vec<_>> = (0..tables).map(|_| Table::read(&mut head, &body)).collect();
        Some(Self { document, all: tables.filter(|_| head.0.is_empty())?, body })
    }

    /// The values.
    pub fn values(&self) -> Values {
        Values(self.body.clone())
    }

    /// The document.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// A table by its place in the file; an empty one if there is none.
    pub fn table(&self, index: usize) -> Table {
        let none = || Table { count: 0, pages: Arc::new([]), body: self.body.clone() };
        self.all.get(index).cloned().unwrap_or_else(none)
    }
}

impl Table {
    fn read(head: &mut Cursor<'_>, body: &Body) -> Option<Self> {
        let count = head.long()?;
        let page = |_| {
            let (start, length) = (head.long()? as u64, head.short()?);
            let digest = Digest::from_bytes(*head.take(32)?.first_chunk()?);
            let name = head.short()? as usize;
            let first = std::str::from_utf8(head.take(name)?).ok()?.into();
            Some(Page { at: At { start, length }, digest, first, bytes: OnceLock::new() })
        };
        let pages: Option<Arc<[Page]>> = (0..count.div_ceil(ROWS)).map(page).collect();
        Some(Self { count, pages: pages?, body: body.clone() })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether a page of the file, of this table or another, was not as it was written.
    pub fn is_damaged(&self) -> bool {
        self.body.damaged.load(Relaxed)
    }

    /// A row's name and value; both are empty if there is no such row, or its page is damaged.
    pub fn row(&self, index: usize) -> (&str, &[u8]) {
        let page = (index < self.count).then(|| self.page(index / ROWS)).flatten();
        page.and_then(|page| row(page, self.rows(index / ROWS), index % ROWS)).unwrap_or_default()
    }

    /// Where the row of a name is.
    pub fn find(&self, name: &str) -> Option<usize> {
        let page = self.pages.partition_point(|page| &*page.first <= name).checked_sub(1)?;
        let (bytes, count) = (self.page(page)?, self.rows(page));
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            match row(bytes, count, middle)?.0.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(page * ROWS + middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// How many rows a page has.
    fn rows(&self, page: usize) -> usize {
        ROWS.min(self.count - page * ROWS)
    }

    fn page(&self, index: usize) -> Option<&[u8]> {
        let page = self.pages.get(index)?;
        let read = || {
            let bytes = self.body.read(page.at).filter(|bytes| seal(bytes) == page.digest);
            self.body.damaged.fetch_or(bytes.is_none(), Relaxed);
            bytes.map(Vec::into_boxed_slice)
        };
        page.bytes.get_or_init(read).as_deref()
    }
}

/// A row of a page of so many.
fn row(page: &[u8], count: usize, index: usize) -> Option<(&str, &[u8])> {
    let end = |index: usize| Some(u32::from_le_bytes(*page.get(4 * index..)?.first_chunk()?) as usize);
    let start = match index {
        0 => 4 * count,
        index => end(index - 1)?,
    };
    let mut row = Cursor(page.get(start..end(index)?)?);
    let name = row.short()? as usize;
    Some((std::str::from_utf8(row.take(name)?).ok()?, row.0))
}

impl Values {
    /// A value; nothing if it is not there.
    pub fn read(&self, at: At) -> Option<Vec<u8>> {
        self.0.read(at)
    }
}

impl Body {
    fn read(&self, at: At) -> Option<Vec<u8>> {
        let start = self.start.checked_add(at.start)?;
        // The length may be any: no more is asked for than the file has.
        let ends = start.checked_add(u64::from(at.length))?;
        (ends <= self.file.metadata().ok()?.len()).then_some(())?;
        let mut bytes = vec![0; at.length as usize];
        self.file.read_exact_at(&mut bytes, start).ok()?;
        Some(bytes)
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
        Self { head, body: Vec::new() }
    }

    /// Adds a value.
    pub fn value(&mut self, value: &[u8]) -> At {
        let start = self.body.len() as u64;
        self.body.extend(value);
        At { start, length: u32::from_le_bytes(length(value)) }
    }

    /// Adds a table: its rows are in the order of their names, and none is there twice.
    pub fn table<N: AsRef<str>, V: AsRef<[u8]>>(&mut self, rows: &[(N, V)]) {
        self.head.extend((rows.len() as u64).to_le_bytes());
        for rows in rows.chunks(ROWS) {
            let page = page(rows);
            let digest = seal(&page);
            let first = rows[0].0.as_ref().as_bytes();
            let at = self.value(&page);
            self.head.extend(at.to_bytes());
            self.head.extend(digest.as_bytes());
            self.head.extend(length(first));
            self.head.extend(first);
        }
    }

    /// The whole file.
    pub fn finish(self) -> Vec<u8> {
        let Self { head, body } = self;
        let (length, digest) = ((head.len() as u64).to_le_bytes(), seal(&head));
        [&MAGIC[..], &length, digest.as_bytes(), &head, &body].concat()
    }
}

fn page<N: AsRef<str>, V: AsRef<[u8]>>(rows: &[(N, V)]) -> Vec<u8> {
    let (mut page, mut content) = (Vec::new(), Vec::new());
    for (name, value) in rows {
        let name = name.as_ref().as_bytes();
        content.extend(length(name));
        content.extend(name);
        content.extend(value.as_ref());
        let end = u32::try_from(4 * rows.len() + content.len()).expect("no page is near 4 GiB");
        page.extend(end.to_le_bytes());
    }
    page.extend(content);
    page
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn short(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn long(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(*self.take(8)?.first_chunk()?)).ok()
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("no name or value is near 4 GiB").to_le_bytes()
}

fn seal(content: &[u8]) -> Digest {
    Hasher::new("gitops tables 3").field(content).finish()
}
