mod kept;

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{Diagnostic, Digest, Entry, EntryKind, Error, Result, Severity};

use serde::{Deserialize, Serialize};

use super::{GitTree, Listed};
use crate::fault::over_limit;
use kept::Kept;

/// More faults than this are not listed one by one.
const MAX_FAULTS: usize = 100;

/// When more folders than this are known, all are forgotten: they come back with the next look.
const MAX_KNOWN: usize = 200_000;

/// A whole tree, looked over before anybody sees a part of it; folders that were looked over before are not read again.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    known: BTreeMap<Digest, Extent>,
    /// Nothing before the first look.
    kept: Option<Kept>,
}

/// What is in a folder and below.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Extent {
    entries: u64,
    height: usize,
    /// Bytes of the longest path in it, from the folder on.
    longest: usize,
    /// The patterns that fit something.
    used: BTreeSet<usize>,
}

impl Survey {
    /// Looks a tree over; gives warnings about it, which are no errors.
    ///
    /// # Errors
    /// `Invalid` with the faults of all folders, `Limit` for a tree that is too large or too deep.
    pub fn check(&mut self, tree: &GitTree, root: Digest) -> Result<Vec<Diagnostic>> {
        if self.kept.is_none() {
            let (kept, known) = Kept::read(tree.objects.folder(), &tree.rules, &tree.limits);
            (self.kept, self.known) = (Some(kept), known);
        }
        if self.known.len() > MAX_KNOWN {
            self.known.clear();
        }
        let checked = self.look(tree, root);
        self.kept.iter_mut().for_each(|kept| kept.write(&self.known));
        checked
    }

    fn look(&mut self, tree: &GitTree, root: Digest) -> Result<Vec<Diagnostic>> {
        let mut look = Look { known: &mut self.known, tree, faults: Vec::new() };
        let extent = look.folder("", root, 0)?;
        check_entries(tree, &extent)?;
        let mut faults = look.faults;
        let (errors, warnings) =
            tree.rules.unused(&extent.used).into_iter().partition(|found| found.severity == Severity::Error);
        if faults.is_empty() {
            faults = errors;
        }
        match faults.is_empty() {
            true => Ok(warnings),
            false => Err(refused(faults)),
        }
    }
}

struct Look<'a> {
    known: &'a mut BTreeMap<Digest, Extent>,
    tree: &'a GitTree,
    faults: Vec<Diagnostic>,
}

impl Look<'_> {
    fn folder(&mut self, path: &str, id: Digest, depth: usize) -> Result<Extent> {
        let limits = &self.tree.limits;
        let fits = |extent: &&Extent| {
            depth + extent.height <= limits.depth && path.len() + extent.longest <= limits.path_bytes
        };
        if let Some(extent) = self.known.get(&id).filter(fits) {
            return Ok(extent.clone());
        }
        let before = self.faults.len();
        let listed = self.list(path, id)?;
        let extent = self.below(path, listed, depth)?;
        if self.faults.len() == before {
            self.known.insert(id, extent.clone());
        }
        Ok(extent)
    }

    /// The entries of a folder; none if it has faults, which are kept.
    fn list(&mut self, path: &str, id: Digest) -> Result<Listed> {
        self.tree.look(path, &id).or_else(|error| {
            if error.diagnostics().is_empty() || self.faults.len() >= MAX_FAULTS {
                return Err(error);
            }
            self.faults.extend_from_slice(error.diagnostics());
            Ok(Listed { entries: Vec::new(), used: BTreeSet::new(), longest: 0 })
        })
    }

    fn below(&mut self, path: &str, listed: Listed, depth: usize) -> Result<Extent> {
        let Listed { entries, used, longest } = listed;
        let mut extent = Extent { entries: entries.len() as u64, height: 0, longest, used };
        for Entry { name, id, .. } in entries.iter().filter(|entry| entry.kind == EntryKind::Folder) {
            let path = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
            extent.add(name, &self.folder(&path, *id, depth + 1)?);
            check_entries(self.tree, &extent)?;
        }
        Ok(extent)
    }
}

impl Extent {
    fn add(&mut self, name: &str, below: &Self) {
        self.used.extend(&below.used);
        self.entries = self.entries.saturating_add(below.entries);
        self.height = self.height.max(below.height + 1);
        self.longest = self.longest.max(1 + name.len() + below.longest);
    }
}

fn check_entries(tree: &GitTree, extent: &Extent) -> Result<()> {
    let limit = tree.limits.tree_entries;
    match extent.entries > limit {
        true => Err(over_limit("the tree has too many entries", "tree_entries", limit)),
        false => Ok(()),
    }
}

fn refused(faults: Vec<Diagnostic>) -> Error {
    let first = &faults[0];
    let fault = format!("`{}`: {}", first.path, first.message);
    let message = match faults.len() {
        1 => format!("the tree can't be used: {fault}"),
        count => format!("{count} entries of the tree can't be used; the first is {fault}"),
    };
    let help = first.help.clone().unwrap_or_default();
    Error::invalid(message, faults).help(help)
}
