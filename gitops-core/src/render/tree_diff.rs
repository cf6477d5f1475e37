use std::cmp::Ordering;
use std::collections::BTreeSet;

use smol_str::SmolStr;

use crate::source::{Entry, EntryKind, Snapshot, Tree};
use crate::value::{Digest, Error, ErrorKind, Result};

/// Folders deeper than this are refused: no real tree is, and a walk must not exhaust the stack.
const MAX_DEPTH: usize = 128;

/// What differs between two trees; folders of equal ids are not entered.
#[derive(Debug, Default)]
pub(super) struct TreeDiff {
    /// Files that are new or other than before.
    pub written: Vec<(SmolStr, Entry)>,
    /// Files that are gone.
    pub removed: Vec<SmolStr>,
    /// Folders that were entered, and so have other ids than before.
    pub folders: BTreeSet<SmolStr>,
}

impl TreeDiff {
    /// Compares a snapshot with an older root, or with nothing.
    pub fn between(older: Option<(&dyn Tree, Digest)>, newer: &Snapshot) -> Result<Self> {
        let mut diff = Self::default();
        let old_root = older.as_ref().map(|(_, root)| *root);
        if old_root != Some(newer.root) {
            let sides = Sides { old: older.map(|(tree, _)| tree), new: &*newer.tree };
            diff.folder("", sides, old_root, Some(newer.root), 0)?;
        }
        Ok(diff)
    }

    fn folder(
        &mut self,
        path: &str,
        sides: Sides<'_>,
        old: Option<Digest>,
        new: Option<Digest>,
        depth: usize,
    ) -> Result<()> {
        if depth > MAX_DEPTH {
            let message = format!("folders are nested more than {MAX_DEPTH} deep");
            return Err(Error::new(ErrorKind::Limit, message).with("path", shown(path)));
        }
        self.folders.insert(path.into());
        let list = |tree: Option<&dyn Tree>, id: Option<Digest>| match (tree, id) {
            (Some(tree), Some(id)) => tree.list(path, &id),
            _ => Ok(Vec::new()),
        };
        let pairs = Pairs { old: list(sides.old, old)?, new: list(Some(sides.new), new)? };
        pairs.each(|old, new| self.entry(path, sides, old, new, depth))
    }

    fn entry(
        &mut self,
        folder: &str,
        sides: Sides<'_>,
        old: Option<Entry>,
        new: Option<Entry>,
        depth: usize,
    ) -> Result<()> {
        if old == new {
            return Ok(());
        }
        let Some(name) = new.as_ref().or(old.as_ref()).map(|entry| entry.name.clone()) else { return Ok(()) };
        let path: SmolStr = if folder.is_empty() { name } else { format!("{folder}/{name}").into() };
        let folder_id = |entry: &Option<Entry>| match entry {
            Some(Entry { kind: EntryKind::Folder, id, .. }) => Some(*id),
            _ => None,
        };
        let (old_folder, new_folder) = (folder_id(&old), folder_id(&new));
        if old_folder != new_folder {
            self.folder(&path, sides, old_folder, new_folder, depth + 1)?;
        }
        match new {
            Some(new) if new_folder.is_none() => self.written.push((path, new)),
            _ if old.is_some() && old_folder.is_none() => self.removed.push(path),
            _ => {}
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Sides<'a> {
    old: Option<&'a dyn Tree>,
    new: &'a dyn Tree,
}

/// Two lists of entries, walked side by side by name.
struct Pairs {
    old: Vec<Entry>,
    new: Vec<Entry>,
}

impl Pairs {
    fn each(mut self, mut visit: impl FnMut(Option<Entry>, Option<Entry>) -> Result<()>) -> Result<()> {
        self.old.sort_by(|a, b| a.name.cmp(&b.name));
        self.new.sort_by(|a, b| a.name.cmp(&b.name));
        let (mut old, mut new) = (self.old.into_iter().peekable(), self.new.into_iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.name.cmp(&new.name),
            };
            match order {
                Ordering::Less => visit(old.next(), None)?,
                Ordering::Greater => visit(None, new.next())?,
                Ordering::Equal => visit(old.next(), new.next())?,
            }
        }
    }
}

/// The beginning of a path that may be very long.
fn shown(path: &str) -> String {
    path.chars().take(60).chain("…".chars()).collect()
}
