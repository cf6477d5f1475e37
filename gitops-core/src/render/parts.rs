//! The parts of a tree as they were last rendered.

use std::sync::Arc;

use imbl::OrdMap;
use smol_str::SmolStr;

use super::part::Inputs;
use crate::process::table::Table;
use crate::source::{Entry, EntryKind};
use crate::value::{Digest, Key};

/// The parts by their paths: those that an earlier process kept, and what became of them since.
#[derive(Clone, Default)]
pub(super) struct Parts {
    kept: Option<Table>,
    own: OrdMap<SmolStr, Option<Done>>,
}

/// A part as it was last rendered.
#[derive(Clone)]
pub(super) struct Done {
    pub keys: Keys,
    /// What its root file was.
    pub id: Digest,
    pub kind: EntryKind,
    /// What it read besides its root file, if it did.
    pub reads: Option<Arc<Reads>>,
}

/// What it takes to render a part again because of a file that is not its root.
pub(super) struct Reads {
    pub entry: Entry,
    pub inputs: Inputs,
}

/// What a part declares: nearly always one object.
#[derive(Clone)]
pub(super) enum Keys {
    One(Key),
    Several(Arc<[Key]>),
}

impl Keys {
    pub fn as_slice(&self) -> &[Key] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Several(keys) => keys,
        }
    }
}

impl From<Vec<Key>> for Keys {
    fn from(mut keys: Vec<Key>) -> Self {
        match keys.pop() {
            Some(key) if keys.is_empty() => Self::One(key),
            last => Self::Several(keys.into_iter().chain(last).collect()),
        }
    }
}

impl Parts {
    /// Those that an earlier process kept: see [`row`].
    pub fn from_kept(kept: Table) -> Self {
        Self { kept: Some(kept), own: OrdMap::new() }
    }

    pub fn get(&self, path: &str) -> Option<Done> {
        match self.own.get(path) {
            Some(own) => own.clone(),
            None => self.kept.as_ref().and_then(|kept| done(kept.row(kept.find(path)?).1)),
        }
    }

    pub fn insert(&mut self, path: SmolStr, done: Done) {
        self.own.insert(path, Some(done));
    }

    pub fn remove(&mut self, path: &SmolStr) -> Option<Done> {
        let done = self.get(path)?;
        match self.kept.as_ref().is_some_and(|kept| kept.find(path).is_some()) {
            true => drop(self.own.insert(path.clone(), None)),
            false => drop(self.own.remove(path)),
        }
        Some(done)
    }

    /// All of them, in the order of their paths.
    pub fn each(&self, mut visit: impl FnMut(&str, &Done)) {
        let rows = self.kept.iter().flat_map(|kept| (0..kept.len()).map(move |index| kept.row(index)));
        let (mut rows, mut own) = (rows.peekable(), self.own.iter().peekable());
        loop {
            let kept_first = match (rows.peek(), own.peek()) {
                (None, None) => return,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((path, _)), Some((own, _))) => *path < own.as_str(),
            };
            if kept_first {
                if let Some((path, row)) = rows.next()
                    && let Some(done) = done(row)
                {
                    visit(path, &done);
                }
            } else if let Some((path, own)) = own.next() {
                rows.next_if(|(kept, _)| *kept == path.as_str());
                own.iter().for_each(|done| visit(path, done));
            }
        }
    }
}

const EXECUTABLE: u8 = 1;

/// A part in a row: its root file, and what it declares. Nothing for a key that could not be told from another, and for a part
/// whose root is no file.
pub(super) fn row(done: &Done) -> Option<Vec<u8>> {
    let EntryKind::File { executable } = done.kind else { return None };
    let mut row = vec![u8::from(executable) * EXECUTABLE];
    row.extend(done.id.as_bytes());
    for key in done.keys.as_slice() {
        let text = key.joined()?;
        row.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
        row.extend(text.as_bytes());
    }
    Some(row)
}

/// The part in a row.
pub(super) fn done(row: &[u8]) -> Option<Done> {
    let (flags, row) = row.split_first()?;
    let (id, mut row) = row.split_first_chunk::<32>()?;
    let mut keys = Vec::new();
    while let Some((length, rest)) = row.split_first_chunk::<4>() {
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        keys.push(Key::from_joined(std::str::from_utf8(text).ok()?)?);
        row = rest;
    }
    let kind = EntryKind::File { executable: *flags == EXECUTABLE };
    Some(Done { keys: keys.into(), id: Digest::from_bytes(*id), kind, reads: None })
}
