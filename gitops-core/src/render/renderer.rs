use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use smol_str::SmolStr;

use super::facts::Facts;
use super::kept::{FreshRendering, KeptRendering};
use super::part::{Found, link};
use super::parts::{Done, Parts, Reads};
use super::tree_diff::TreeDiff;
use super::{Desired, Part, Render, roots};
use crate::cx::Cx;
use crate::source::{Entry, EntryKind, Snapshot};
use crate::value::{Diagnostic, Digest, Error, Result};

/// Renders revision after revision, each at the cost of what changed since the last.
///
/// A part whose inputs kept their ids is not rendered again, and a folder that kept its id is not entered.
#[derive(Clone)]
pub struct Renderer {
    render: Arc<dyn Render>,
    last: Option<Arc<State>>,
}

/// Faults of a revision, warnings about one part, and warnings about circles, that are kept at most.
const FAULTS: usize = 100;
/// Bytes of all faults of a revision that are kept at most.
const FAULT_BYTES: usize = 256 << 10;

/// How often parts are rendered again because of what others tell: a fact seldom depends on another.
const ROUNDS: usize = 4;

/// What is declared, and what it took to find out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rendered {
    /// Everything that is declared.
    pub desired: Desired,
    /// How many parts were rendered; the others kept their inputs.
    pub parts: usize,
    /// The [warnings](Part::warning) about all parts, in the order of their paths; then those about needs that would close a
    /// circle.
    pub warnings: Vec<Diagnostic>,
    /// The [facts](Part::fact) that parts asked for and nobody knows yet: [`Renderer::find_out`] asks for them.
    pub open: Vec<SmolStr>,
}

#[derive(Clone)]
struct State {
    snapshot: Snapshot,
    fingerprint: Digest,
    parts: Parts,
    /// Parts by the other paths that they read.
    readers: BTreeMap<SmolStr, BTreeSet<SmolStr>>,
    /// The warnings about parts: nothing about nearly all of them.
    warnings: OrdMap<SmolStr, Arc<[Diagnostic]>>,
    facts: Facts,
    desired: Desired,
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

    /// Whether the rules are others by now than those by which it rendered last.
    pub(crate) fn is_outdated(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.fingerprint != self.render.fingerprint())
    }

    /// Has the rules [brought up to date](Render::refresh), for the revision that is rendered next.
    ///
    /// # Errors
    /// Whatever keeps the renderer from knowing what they depend on.
    pub async fn refresh(&self, cx: &Cx) -> Result<()> {
        self.render.refresh(cx).await
    }

    /// Goes on from where an earlier process stood, whose tree is in the snapshot's storage too. What was kept of a renderer with
    /// other rules is not used.
    pub(crate) fn go_on_from(&mut self, cx: &Cx, kept: &Arc<KeptRendering>, snapshot: &Snapshot) {
        let older = Snapshot { revision: kept.revision.clone(), root: kept.root, ..snapshot.clone() };
        self.last = Some(Arc::new(State {
            parts: Parts::from_kept(kept.parts.clone()),
            desired: Desired::from_kept(kept.objects(cx, &self.render, snapshot)),
            ..State::new(&older, kept.fingerprint)
        }));
    }

    /// Lets go of what it rendered: everything is rendered anew.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// What another process needs to go on from here. Nothing if parts have to do with one another, or there is something to
    /// say about them: then all of them are rendered anew.
    pub(crate) fn to_keep(&self) -> Option<FreshRendering<'_>> {
        let State { snapshot, fingerprint, parts, readers, warnings, facts, desired } =
            &**self.last.as_ref()?;
        let alone = readers.values().all(BTreeSet::is_empty) && warnings.is_empty() && facts.is_empty();
        let alone = alone && snapshot.warnings.is_empty() && desired.stand_alone();
        alone.then_some(FreshRendering {
            snapshot,
            fingerprint: *fingerprint,
            parts,
            objects: desired.objects(),
        })
    }

    /// Everything that a snapshot declares, on this thread: see [`declare`](Self::declare).
    ///
    /// # Errors
    /// `Invalid` with every fault of every part; `Cancelled` and `Timeout` if the context is over before the last part is
    /// done. The renderer then still stands at the last good revision.
    pub fn render(&mut self, cx: &Cx, snapshot: &Snapshot) -> Result<Rendered> {
        if let Some(error) = refused(roots::check(&*self.render, snapshot), 0) {
            return Err(error);
        }
        let fingerprint = self.render.fingerprint();
        let last = self.last.as_deref().cloned().filter(|last| last.fingerprint == fingerprint);
        let older = last.as_ref().map(|last| (&*last.snapshot.tree, last.snapshot.root));
        let diff = TreeDiff::between(older, snapshot)?;
        let mut state = last.unwrap_or_else(|| State::new(snapshot, fingerprint));
        let before = state.desired.clone();
        state.snapshot = snapshot.clone();
        let parts = state.take_in(cx, &*self.render, diff)?;
        state.desired.settle(&before);
        Ok(self.stand_at(state, parts))
    }

    /// Has what parts asked for and nobody told [found out](Render::answer), and renders those parts again. Asks nobody
    /// if nothing is open.
    ///
    /// # Errors
    /// As [`render`](Self::render); whatever keeps it from being found out.
    pub async fn find_out(&mut self, cx: &Cx, rendered: Rendered) -> Result<Rendered> {
        if rendered.open.is_empty() {
            return Ok(rendered);
        }
        let answers = self.render.answer(cx, &rendered.open).await?;
        let before = rendered.parts;
        self.apart(cx, move |renderer, cx| renderer.learn(cx, answers, before)).await
    }

    /// Like [`render`](Self::render), [off the executor's threads](Cx::off_thread).
    ///
    /// # Errors
    /// As [`render`](Self::render).
    ///
    /// # Cancel safety
    /// A dropped call leaves the renderer where it was, and asks the rendering to stop.
    pub async fn declare(&mut self, cx: &Cx, snapshot: &Snapshot) -> Result<Rendered> {
        let snapshot = snapshot.clone();
        self.apart(cx, move |renderer, cx| renderer.render(cx, &snapshot)).await
    }

    /// Has a copy of the renderer work on another thread, and takes it over if that went well.
    async fn apart(
        &mut self,
        cx: &Cx,
        work: impl FnOnce(&mut Self, &Cx) -> Result<Rendered> + Send + 'static,
    ) -> Result<Rendered> {
        let mut copy = self.clone();
        let done = cx.off_thread(move |cx| work(&mut copy, cx).map(|rendered| (copy, rendered))).await?;
        let (copy, rendered) = done?;
        *self = copy;
        Ok(rendered)
    }

    /// Renders what is different by answers from outside.
    fn learn(&mut self, cx: &Cx, answers: BTreeMap<SmolStr, SmolStr>, before: usize) -> Result<Rendered> {
        let mut state =
            self.last.as_deref().cloned().expect("what is open was asked while something was rendered");
        state.facts.answer(answers);
        let due = state.facts.outdated().into_iter().collect();
        let before_answers = state.desired.clone();
        let parts = state.render(cx, &*self.render, due)?;
        state.desired.settle(&before_answers);
        Ok(self.stand_at(state, before + parts))
    }

    fn stand_at(&mut self, state: State, parts: usize) -> Rendered {
        let of_parts = state.warnings.values().flat_map(|warnings| warnings.iter().cloned());
        let of_circles = state.desired.warnings_of_circles().take(FAULTS);
        let warnings = of_parts.chain(of_circles).collect();
        let rendered = Rendered { desired: state.desired.clone(), parts, warnings, open: state.facts.open() };
        self.last = Some(Arc::new(state));
        rendered
    }
}

impl State {
    fn new(snapshot: &Snapshot, fingerprint: Digest) -> Self {
        Self {
            snapshot: snapshot.clone(),
            fingerprint,
            parts: Parts::default(),
            readers: BTreeMap::new(),
            warnings: OrdMap::new(),
            facts: Facts::default(),
            desired: Desired::default(),
        }
    }

    /// Brings the state up to a tree that differs by `diff`; says how many parts were rendered.
    fn take_in(&mut self, cx: &Cx, render: &dyn Render, diff: TreeDiff) -> Result<usize> {
        diff.removed.iter().for_each(|path| self.drop_part(path));
        let due = self.due(render, diff);
        self.render(cx, render, due)
    }

    /// Renders parts, and once more those that asked for a fact that another one told after them.
    fn render(&mut self, cx: &Cx, render: &dyn Render, mut due: Vec<(SmolStr, Entry)>) -> Result<usize> {
        let revision: Arc<str> = self.snapshot.revision.id().into();
        let (mut faults, mut parts) = (Faults::default(), 0);
        for _ in 0..ROUNDS {
            parts += due.len();
            due.iter().for_each(|(path, _)| self.drop_part(path));
            for (path, entry) in &due {
                let added = self.add_part(cx, render, &revision, path, entry);
                // What comes of a part once the context is over is not to be believed.
                cx.check()?;
                match added {
                    Ok(()) => faults.remove(path),
                    Err(found) => faults.insert(path, found),
                }
            }
            due = self.facts.outdated().into_iter().collect();
            if due.is_empty() {
                return faults.refused().map_or(Ok(parts), Err);
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
        due.retain(|(path, entry)| entry.kind == EntryKind::Link || render.wants(path));
        due.extend(again);
        due.sort_by(|(a, _), (b, _)| a.cmp(b));
        due.dedup_by(|later, earlier| later.0 == earlier.0);
        due
    }

    fn drop_part(&mut self, path: &SmolStr) {
        self.facts.drop_part(path);
        let Some(done) = self.parts.remove(path) else { return };
        self.warnings.remove(path);
        done.keys.as_slice().iter().for_each(|key| self.desired.retract(key));
        for input in done.reads.iter().flat_map(|reads| reads.inputs.keys()) {
            if let Some(readers) = self.readers.get_mut(input) {
                readers.remove(path);
            }
        }
    }

    fn add_part(
        &mut self,
        cx: &Cx,
        render: &dyn Render,
        revision: &Arc<str>,
        path: &SmolStr,
        entry: &Entry,
    ) -> Result<(), Vec<Diagnostic>> {
        if entry.kind == EntryKind::Link {
            return self.add_link(render, path, entry);
        }
        let snapshot = self.snapshot.clone();
        let facts = std::mem::take(&mut self.facts);
        let part = Part::new(&snapshot, revision, path, entry, &facts);
        let objects = render.render(cx, &part);
        let Found { inputs, talk, warnings } = part.into_found();
        self.facts = facts;
        self.facts.take_in(path, entry, talk);
        let objects = objects?;
        if !warnings.is_empty() {
            let warnings: Vec<Diagnostic> = warnings.into_iter().take(FAULTS).collect();
            self.warnings.insert(path.clone(), warnings.into());
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
        self.parts.insert(path.clone(), Done { keys: keys.into(), id: entry.id, kind: entry.kind, reads });
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

impl State {
    /// A link stands for a part that declares nothing, or is a fault.
    fn add_link(
        &mut self,
        render: &dyn Render,
        path: &SmolStr,
        entry: &Entry,
    ) -> Result<(), Vec<Diagnostic>> {
        if !render.passes_over(path) {
            return Err(vec![link(path)]);
        }
        let message = "it is a symbolic link, which is not followed: nothing behind it is declared";
        let warning =
            Diagnostic::warning("GO0203", path.as_str(), message).help("ignore it if that is meant");
        self.warnings.insert(path.clone(), Arc::new([warning]));
        let done = Done { keys: Vec::new().into(), id: entry.id, kind: entry.kind, reads: None };
        self.parts.insert(path.clone(), done);
        Ok(())
    }
}

/// The faults of a revision by their parts. Beyond as many as are shown they are counted and not kept, however many there are.
#[derive(Default)]
struct Faults {
    parts: BTreeMap<SmolStr, (Vec<Diagnostic>, usize)>,
    kept: usize,
}

impl Faults {
    fn insert(&mut self, part: &SmolStr, found: Vec<Diagnostic>) {
        self.remove(part);
        let all = found.len();
        // Parts are rendered in the order of their paths, and a few of the first may turn out to have none.
        let found = if self.kept < 4 * FAULTS { first(found) } else { Vec::new() };
        self.kept += found.len();
        let more = all - found.len();
        self.parts.insert(part.clone(), (found, more));
    }

    fn remove(&mut self, part: &SmolStr) {
        self.kept -= self.parts.remove(part).map_or(0, |(found, _)| found.len());
    }

    fn refused(self) -> Option<Error> {
        let more = self.parts.values().map(|(_, more)| more).sum();
        refused(self.parts.into_values().flat_map(|(found, _)| found).collect(), more)
    }
}

/// The error of a revision with faults, if there are any, and so many more. Two parts may find the same one.
fn refused(mut faults: Vec<Diagnostic>, more: usize) -> Option<Error> {
    let mut told = BTreeSet::new();
    faults.retain(|fault| told.insert(fault.to_string()));
    let all = faults.len() + more;
    let shown = first(faults);
    let message = match (all, shown.len()) {
        (0, _) => return None,
        (1, _) => "the revision has a fault; nothing is planned from it".to_owned(),
        (_, shown) if shown < all => {
            format!("the revision has {all} faults, of which {shown} are shown; nothing is planned from it")
        }
        _ => format!("the revision has {all} faults; nothing is planned from it"),
    };
    Some(Error::invalid(message, shown))
}

/// As many of the first faults as somebody may want to read: they go into logs, documents and events each time.
fn first(faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut room = FAULT_BYTES;
    let mut fits = |fault: &Diagnostic| {
        let line = fault.span.as_ref().map_or(0, |span| span.text.len());
        let bytes =
            fault.message.len() + fault.path.len() + fault.help.as_ref().map_or(0, String::len) + line;
        let fits = room == FAULT_BYTES || bytes <= room;
        room = room.saturating_sub(bytes.max(1));
        fits
    };
    faults.into_iter().take(FAULTS).take_while(|fault| fits(fault)).collect()
}
