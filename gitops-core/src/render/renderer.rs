use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use smol_str::SmolStr;

use super::facts::Facts;
use super::part::{Found, Inputs};
use super::tree_diff::TreeDiff;
use super::{Desired, Part, Render};
use crate::diagnostic::Diagnostic;
use crate::source::{Entry, Snapshot};
use crate::value::{Digest, Key};
use crate::{Cx, Error, Result};

/// Renders revision after revision, each at the cost of what changed since the last.
///
/// A part whose inputs kept their ids is not rendered again, and a folder that kept its id is not entered.
pub struct Renderer {
    render: Arc<dyn Render>,
    last: Option<State>,
}

/// How often parts are rendered again because of what others tell: a fact seldom depends on another.
const ROUNDS: usize = 4;

/// What is declared, and what it took to find out.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Everything that is declared.
    pub desired: Desired,
    /// How many parts were rendered; the others kept their inputs.
    pub parts: usize,
    /// What was [remarked](Part::remark) about all parts, in the order of their paths.
    pub remarks: Vec<Diagnostic>,
    /// The [facts](Part::fact) that parts asked for and nobody knows yet: [`Renderer::find_out`] asks for them.
    pub open: Vec<SmolStr>,
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
    facts: Facts,
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
        Ok(self.stand_at(state, parts))
    }

    /// Has what parts asked for and nobody told [found out](Render::answer), and renders those parts again. Asks nobody
    /// if nothing is open.
    ///
    /// # Errors
    /// As [`render`](Self::render); whatever keeps it from being found out.
    pub async fn find_out(&mut self, cx: &Cx, rendered: Rendered) -> Result<Rendered> {
        let Some(mut state) = self.last.clone().filter(|_| !rendered.open.is_empty()) else {
            return Ok(rendered);
        };
        state.facts.answer(self.render.answer(cx, &rendered.open).await?);
        let due = state.facts.outdated().into_iter().collect();
        let parts = state.render(&*self.render, due)?;
        Ok(self.stand_at(state, rendered.parts + parts))
    }

    fn stand_at(&mut self, state: State, parts: usize) -> Rendered {
        let remarks = state.remarks.values().flat_map(|remarks| remarks.iter().cloned()).collect();
        let rendered = Rendered { desired: state.desired.clone(), parts, remarks, open: state.facts.open() };
        self.last = Some(state);
        rendered
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
            facts: Facts::default(),
            desired: Desired::default(),
        }
    }

    /// Brings the state up to a tree that differs by `diff`; says how many parts were rendered.
    fn take_in(&mut self, render: &dyn Render, diff: TreeDiff) -> Result<usize> {
        diff.removed.iter().for_each(|path| self.drop_part(path));
        let due = self.due(render, diff);
        self.render(render, due)
    }

    /// Renders parts, and once more those that asked for a fact that another one told after them.
    fn render(&mut self, render: &dyn Render, mut due: Vec<(SmolStr, Entry)>) -> Result<usize> {
        let revision: Arc<str> = self.snapshot.revision.id().into();
        let (mut faults, mut parts) = (BTreeMap::new(), 0);
        for _ in 0..ROUNDS {
            parts += due.len();
            due.iter().for_each(|(path, _)| self.drop_part(path));
            for (path, entry) in &due {
                match self.add_part(render, &revision, path, entry) {
                    Ok(()) => drop(faults.remove(path)),
                    Err(found) => drop(faults.insert(path.clone(), found)),
                }
            }
            due = self.facts.outdated().into_iter().collect();
            if due.is_empty() {
                return refused(faults.into_values().flatten().collect()).map_or(Ok(parts), Err);
            }
        }
        let path = due.first().map_or("", |(path, _)| path);
        let fault =
            Diagnostic::error("GO0302", path, "what it declares depends on itself by way of other files");
        Err(Error::invalid("the revision has a fault; nothing is planned from it", vec![fault]))
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
        self.facts.drop_part(path);
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
        let facts = std::mem::take(&mut self.facts);
        let part = Part::new(&snapshot, revision, path, entry, &facts);
        let objects = render.render(&part);
        let Found { inputs, talk, remarks } = part.into_found();
        self.facts = facts;
        self.facts.take_in(path, entry, talk);
        let objects = objects?;
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

/// The error of a revision with faults, if there are any.
fn refused(faults: Vec<Diagnostic>) -> Option<Error> {
    let message = match faults.len() {
        0 => return None,
        1 => "the revision has a fault; nothing is planned from it".to_owned(),
        n => format!("the revision has {n} faults; nothing is planned from it"),
    };
    Some(Error::invalid(message, faults))
}
