use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use smol_str::SmolStr;

use super::part::Inputs;
use super::tree_diff::TreeDiff;
use super::{Desired, Part, Render};
use crate::diagnostic::Diagnostic;
use crate::source::{Entry, Snapshot};
use crate::value::{Digest, Key};
use crate::{Error, Result};

/// Renders revision after revision, each at the cost of what changed since the last.
///
/// A part whose inputs kept their ids is not rendered again, and a folder that kept its id is not entered.
pub struct Renderer {
    render: Arc<dyn Render>,
    last: Option<State>,
}

/// What is declared, and what it took to find out.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Everything that is declared.
    pub desired: Desired,
    /// How many parts were rendered; the others kept their inputs.
    pub parts: usize,
    /// What was [remarked](Part::remark) about all parts, in the order of their paths.
    pub remarks: Vec<Diagnostic>,
}

#[derive(Clone)]
struct State {
    snapshot: Snapshot,
    fingerprint: Digest,
    parts: OrdMap<SmolStr, Done>,
    /// Parts by the other paths that they read.
    readers: BTreeMap<SmolStr, BTreeSet<SmolStr>>,
    /// What was remarked about parts: nothing about nearly all of them.
    remarks: OrdMap<SmolStr, Arc<[Diagnostic]>>,
    desired: Desired,
}

/// A part as it was last rendered.
#[derive(Clone)]
struct Done {
    keys: Keys,
    /// What it read besides its root file, if it did.
    reads: Option<Arc<Reads>>,
}

/// What it takes to render a part again because of a file that is not its root.
struct Reads {
    entry: Entry,
    inputs: Inputs,
}

/// What a part declares: nearly always one object.
#[derive(Clone)]
enum Keys {
    One(Key),
    Several(Arc<[Key]>),
}

impl Keys {
    fn as_slice(&self) -> &[Key] {
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

impl Renderer {
    /// A renderer that has rendered nothing yet.
    pub fn new(render: Arc<dyn Render>) -> Self {
        Self { render, last: None }
    }

    /// The digest of the rules by which it renders.
    pub fn fingerprint(&self) -> Digest {
        self.render.fingerprint()
    }

    /// Everything that a snapshot declares.
    ///
    /// # Errors
    /// `Invalid` with every fault of every part. The renderer then still stands at the last good revision.
    pub fn render(&mut self, snapshot: &Snapshot) -> Result<Rendered> {
        let fingerprint = self.render.fingerprint();
        let last = self.last.clone().filter(|last| last.fingerprint == fingerprint);
        let older = last.as_ref().map(|last| (&*last.snapshot.tree, last.snapshot.root));
        let diff = TreeDiff::between(older, snapshot)?;
        let mut state = last.unwrap_or_else(|| State::new(snapshot, fingerprint));
        state.snapshot = snapshot.clone();
        let parts = state.take_in(&*self.render, diff)?;
        let desired = state.desired.clone();
        let remarks = state.remarks.values().flat_map(|remarks| remarks.iter().cloned()).collect();
        self.last = Some(state);
        Ok(Rendered { desired, parts, remarks })
    }
}

impl State {
    fn new(snapshot: &Snapshot, fingerprint: Digest) -> Self {
        Self {
            snapshot: snapshot.clone(),
            fingerprint,
            parts: OrdMap::new(),
            readers: BTreeMap::new(),
            remarks: OrdMap::new(),
            desired: Desired::default(),
        }
    }

    /// Brings the state up to a tree that differs by `diff`; says how many parts were rendered.
    fn take_in(&mut self, render: &dyn Render, diff: TreeDiff) -> Result<usize> {
        diff.removed.iter().for_each(|path| self.drop_part(path));
        let due = self.due(render, diff);
        due.iter().for_each(|(path, _)| self.drop_part(path));
        let mut found = Vec::new();
        let revision: Arc<str> = self.snapshot.revision.id().into();
        for (path, entry) in &due {
            if let Err(more) = self.add_part(render, &revision, path, entry) {
                found.extend(more);
            }
        }
        match found.len() {
            0 => Ok(due.len()),
            1 => Err(Error::invalid("the revision has a fault; nothing is planned from it", found)),
            n => {
                Err(Error::invalid(format!("the revision has {n} faults; nothing is planned from it"), found))
            }
        }
    }

    /// The parts that were written, and those that read what was written or removed, in the order of their paths.
    fn due(&self, render: &dyn Render, diff: TreeDiff) -> Vec<(SmolStr, Entry)> {
        let moved = diff.folders.iter().chain(&diff.removed).chain(diff.written.iter().map(|(path, _)| path));
        let readers: BTreeSet<&SmolStr> = moved.filter_map(|path| self.readers.get(path)).flatten().collect();
        let again =
            |part: &SmolStr| Some((part.clone(), self.parts.get(part)?.reads.as_ref()?.entry.clone()));
        let again: Vec<(SmolStr, Entry)> = readers.into_iter().filter_map(again).collect();
        let mut due = diff.written;
        due.retain(|(path, _)| render.wants(path));
        due.extend(again);
        due.sort_by(|(a, _), (b, _)| a.cmp(b));
        due.dedup_by(|later, earlier| later.0 == earlier.0);
        due
    }

    fn drop_part(&mut self, path: &SmolStr) {
        let Some(done) = self.parts.remove(path) else { return };
        self.remarks.remove(path);
        done.keys.as_slice().iter().for_each(|key| self.desired.retract(key));
        for input in done.reads.iter().flat_map(|reads| reads.inputs.keys()) {
            if let Some(readers) = self.readers.get_mut(input) {
                readers.remove(path);
            }
        }
    }

    fn add_part(
        &mut self,
        render: &dyn Render,
        revision: &Arc<str>,
        path: &SmolStr,
        entry: &Entry,
    ) -> Result<(), Vec<Diagnostic>> {
        let snapshot = self.snapshot.clone();
        let part = Part::new(&snapshot, revision, path, entry);
        let objects = render.render(&part)?;
        let (inputs, remarks) = part.into_found();
        if !remarks.is_empty() {
            self.remarks.insert(path.clone(), remarks.into());
        }
        for input in inputs.keys() {
            self.readers.entry(input.clone()).or_default().insert(path.clone());
        }
        let mut keys = Vec::with_capacity(objects.len());
        let mut found = Vec::new();
        for object in objects {
            let key = object.key.clone();
            match self.desired.declare(object) {
                Ok(()) => keys.push(key),
                Err(fault) => found.push(*fault),
            }
        }
        let reads = (!inputs.is_empty()).then(|| Arc::new(Reads { entry: entry.clone(), inputs }));
        self.parts.insert(path.clone(), Done { keys: keys.into(), reads });
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}
