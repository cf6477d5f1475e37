use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::facts::{Facts, Talk};
use crate::source::{Entry, EntryKind, Snapshot};
use crate::value::{Diagnostic, Digest, Error, Provenance, Result};

/// One part of a tree while it is rendered: its root file, and a way to read others.
pub struct Part<'a> {
    snapshot: &'a Snapshot,
    path: &'a SmolStr,
    entry: &'a Entry,
    revision: &'a Arc<str>,
    inputs: RefCell<Inputs>,
    warnings: RefCell<Vec<Diagnostic>>,
    facts: &'a Facts,
    talk: RefCell<Talk>,
}

/// What a part read, told and asked for, and the warnings about it.
pub(super) struct Found {
    pub inputs: Inputs,
    pub talk: Talk,
    pub warnings: Vec<Diagnostic>,
}

/// What a part read besides its root file: the id that each path had, or that there was nothing.
pub(super) type Inputs = BTreeMap<SmolStr, Option<Digest>>;

impl<'a> Part<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        revision: &'a Arc<str>,
        path: &'a SmolStr,
        entry: &'a Entry,
        facts: &'a Facts,
    ) -> Self {
        Self {
            snapshot,
            path,
            entry,
            revision,
            facts,
            inputs: RefCell::default(),
            warnings: RefCell::default(),
            talk: RefCell::default(),
        }
    }

    pub(super) fn into_found(self) -> Found {
        let (inputs, talk) = (self.inputs.into_inner(), self.talk.into_inner());
        Found { inputs, talk, warnings: self.warnings.into_inner() }
    }

    /// Tells the other parts a fact, such as where the objects of a kind live that this part defines. If several parts
    /// tell facts of one name, that of the first in the order of paths counts.
    pub fn tell(&self, name: impl Into<SmolStr>, value: impl Into<SmolStr>) {
        self.talk.borrow_mut().told.insert(name.into(), value.into());
    }

    /// A fact that some part told, this one included, or that was [found out](super::Render::answer), if there is one. The
    /// part now depends on it: it is rendered again when the fact comes, changes or goes. Tell what the part knows before
    /// asking: a fact that it tells after it asked for it depends on itself.
    pub fn fact(&self, name: &str) -> Option<SmolStr> {
        let mut talk = self.talk.borrow_mut();
        let fact = self.facts.get_beside(name, self.path, talk.told.get(name)).cloned();
        talk.asked.insert(name.into(), fact.clone());
        fact
    }

    /// Says something about the part that a person should know although it can be used: a warning, which stops nothing.
    ///
    /// Warnings belong to the part as its objects do: they are kept as long as it is not rendered again. Those of a part
    /// that is refused are dropped, for its faults come first.
    pub fn warning(&self, warning: Diagnostic) {
        self.warnings.borrow_mut().push(warning);
    }

    /// The path of the root file below the source's root.
    pub fn path(&self) -> &str {
        self.path
    }

    /// The same, to be kept: all that keep it share one text.
    pub fn shared_path(&self) -> SmolStr {
        self.path.clone()
    }

    /// Whether the root file may be run.
    pub fn is_executable(&self) -> bool {
        self.entry.kind == EntryKind::File { executable: true }
    }

    /// The root file's bytes.
    ///
    /// # Errors
    /// A fault that names the file, ready to be returned by a renderer.
    pub fn bytes(&self) -> Result<Arc<[u8]>, Vec<Diagnostic>> {
        self.snapshot.tree.read(self.path, &self.entry.id).map_err(|error| faults(self.path, &error))
    }

    /// Where a line of the root file is declared; 0 for the whole file.
    pub fn provenance(&self, line: u32) -> Provenance {
        Provenance {
            source: self.snapshot.source.clone(),
            revision: self.revision.clone(),
            path: self.path.clone(),
            line,
        }
    }

    /// Another file's bytes, or nothing if there is no such file; either way the part now depends on it.
    pub fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>, Vec<Diagnostic>> {
        let entry = self.look_up(path)?;
        match entry {
            Some(Entry { kind: EntryKind::File { .. }, id, .. }) => {
                self.snapshot.tree.read(path, &id).map(Some).map_err(|error| faults(path, &error))
            }
            _ => Ok(None),
        }
    }

    /// A folder's entries, or nothing if there is no such folder; either way the part now depends on it.
    pub fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, Vec<Diagnostic>> {
        match self.look_up(path)? {
            Some(Entry { kind: EntryKind::Folder, id, .. }) => {
                self.snapshot.tree.list(path, &id).map(Some).map_err(|error| faults(path, &error))
            }
            _ => Ok(None),
        }
    }

    fn look_up(&self, path: &str) -> Result<Option<Entry>, Vec<Diagnostic>> {
        let entry = self.snapshot.find(path).map_err(|error| faults(path, &error))?;
        if entry.as_ref().is_some_and(|entry| entry.kind == EntryKind::Link) {
            return Err(vec![link(path)]);
        }
        self.inputs.borrow_mut().insert(path.into(), entry.as_ref().map(|entry| entry.id));
        Ok(entry)
    }
}

/// A symbolic link where something is read, or may be declared.
pub(super) fn link(path: &str) -> Diagnostic {
    Diagnostic::error("GO0203", path, "it is a symbolic link, which is not followed")
        .help("put the file itself there, or ignore it")
}

/// A tree's error as the faults of a file.
pub(super) fn faults(path: &str, error: &Error) -> Vec<Diagnostic> {
    if !error.diagnostics().is_empty() {
        return error.diagnostics().to_vec();
    }
    let fault = Diagnostic::error("GO0302", path, format!("can't be read: {error:#}"));
    vec![match error.help_text() {
        Some(help) => fault.help(help),
        None => fault,
    }]
}
