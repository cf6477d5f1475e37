use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use smol_str::SmolStr;

use super::part::Inputs;
use super::tree_diff::TreeDiff;
use super::{Desired, Part, Render};
use crate::diagnostic::Diagnostic;
use crate::source::{Entry, Snapshot};
use crate::value::{Digest, Key, Object};
use crate::{Error, Result, parallel};

/// A thread more is worth it from so many parts on.
const PARTS_A_CORE: usize = 4;

/// Renders revision after revision, each at the cost of what changed since the last.
///
/// A part whose inputs kept their ids is not rendered again, and a folder that kept its id is not entered. Many parts
/// are rendered on all cores; what comes of it does not depend on their number.
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

/// A part that was rendered just now.
struct RenderedPart {
    path: SmolStr,
    entry: Entry,
    objects: Vec<Object>,
    inputs: Inputs,
    remarks: Vec<Diagnostic>,
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
        let (count, mut found) = (due.len(), Vec::new());
        for part in self.rendered(render, due) {
            if let Err(more) = part.and_then(|part| self.add_part(part)) {
                found.extend(more);
            }
        }
        match found.len() {
            0 => Ok(count),
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

    /// The parts, rendered on all cores: none knows of another.
    fn rendered(
        &self,
        render: &dyn Render,
        due: Vec<(SmolStr, Entry)>,
    ) -> Vec<Result<RenderedPart, Vec<Diagnostic>>> {
        let (snapshot, revision): (_, Arc<str>) = (&self.snapshot, self.snapshot.revision.id().into());
        let cores = due.len() / PARTS_A_CORE;
        parallel::map(due, cores, |(path, entry)| {
            let part = Part::new(snapshot, &revision, &path, &entry);
            let objects = render.render(&part)?;
            let (inputs, remarks) = part.into_found();
            Ok(RenderedPart { path, entry, objects, inputs, remarks })
        })
    }

    fn add_part(&mut self, part: RenderedPart) -> Result<(), Vec<Diagnostic>> {
        let RenderedPart { path, entry, objects, inputs, remarks } = part;
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
        let reads = (!inputs.is_empty()).then(|| Arc::new(Reads { entry, inputs }));
        self.parts.insert(path, Done { keys: keys.into(), reads });
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}
