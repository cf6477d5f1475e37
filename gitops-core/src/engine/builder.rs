use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use super::Engine;
use super::admission::Admission;
use super::back_off::BackOff;
use super::base::Base;
use super::binding::{Grant, check_application};
use super::blocked::KnownBlocked;
use super::differing::Differed;
use super::handle::Shared;
use super::kept::Keeping;
use super::ledger::{FOLD_AT, Ledger, Opening, State};
use super::observe::NextLook;
use super::readiness::Unready;
use super::recheck::{ApprovalCheck, Doubts};
use super::rules::Rules;
use super::seen::Seen;
use crate::capability::{Differ, Structural, Target};
use crate::cx::Cx;
use crate::engine::event::{EventSink, Events};
use crate::engine::mount::{Mount, Review};
use crate::engine::reconcile::FlapGuard;
use crate::engine::stamps::Stamped;
use crate::gate::{BlastRadius, Gate, MassDelete};
use crate::plan::planner::Options;
use crate::render::{Desired, Render, Renderer, Routes};
use crate::source::Source;
use crate::value::{Diagnostic, Digest, Error, ErrorKind, GroupKind, Result};

/// Puts an [`Engine`] together.
#[must_use]
pub struct EngineBuilder {
    name: String,
    source: Option<Arc<dyn Source>>,
    render: Option<Arc<dyn Render>>,
    targets: BTreeMap<SmolStr, Arc<dyn Target>>,
    mounted: Mounted,
    gates: Vec<Arc<dyn Gate>>,
    approval_check: Option<Arc<dyn ApprovalCheck>>,
    differ: Arc<dyn Differ>,
    options: Options,
    timeouts: Timeouts,
    ready_of: BTreeMap<SmolStr, Duration>,
    events: Events,
    reviews: Vec<Review>,
    state: Option<State>,
    recover_from_store: bool,
    fold_at: u64,
    grant: Grant,
    keep_in: Option<(PathBuf, Digest)>,
}

/// What came with mounts.
#[derive(Default)]
struct Mounted {
    /// The renderer of each folder.
    renders: BTreeMap<String, Arc<dyn Render>>,
    protected: BTreeMap<SmolStr, BTreeSet<GroupKind>>,
    /// A name or a folder that two mounts have.
    twice: Option<String>,
}

/// How long the engine waits for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For the source, an observation or one change; a change that takes longer has an unknown outcome.
    pub call: Duration,
    /// For an object to become ready.
    pub ready: Duration,
}

impl EngineBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            source: None,
            render: None,
            targets: BTreeMap::new(),
            mounted: Mounted::default(),
            gates: vec![Arc::new(MassDelete), Arc::new(BlastRadius)],
            approval_check: None,
            differ: Arc::new(Structural::default()),
            options: Options::default(),
            timeouts: Timeouts { call: Duration::from_secs(600), ready: Duration::from_secs(600) },
            ready_of: BTreeMap::new(),
            events: Events::default(),
            reviews: Vec::new(),
            state: None,
            recover_from_store: false,
            fold_at: FOLD_AT,
            grant: Grant::default(),
            keep_in: None,
        }
    }

    /// Where desired state comes from. Required.
    pub fn source(mut self, source: Arc<dyn Source>) -> Self {
        self.source = Some(source);
        self
    }

    /// How files become objects. Required, unless backends are [mounted](Self::mount).
    pub fn render(mut self, render: Arc<dyn Render>) -> Self {
        self.render = Some(render);
        self
    }

    /// A target, under the name by which keys call it. At least one is required.
    pub fn target(mut self, name: impl Into<SmolStr>, target: Arc<dyn Target>) -> Self {
        self.targets.insert(name.into(), target);
        self
    }

    /// Adds a backend whole, under the name by which keys call its target. Its renderer makes the objects of a folder of
    /// the source and of what is below it; an empty path is all of the source. With it come its gates, its protected
    /// kinds, its reviews and its time limit.
    ///
    /// The renderers of mounts take the place of [`render`](Self::render): opening fails if both are given, or if two
    /// mounts have one name or one folder.
    pub fn mount(mut self, name: impl Into<SmolStr>, folder: &str, mount: Mount) -> Self {
        let (name, folder) = (name.into(), folder.trim_matches('/').to_owned());
        let Mount { target, render, gates, protected, ready_timeout, reviews } = mount;
        let is_twice = [
            self.targets.insert(name.clone(), target).map(|_| format!("the name `{name}`")),
            self.mounted.renders.insert(folder.clone(), render).map(|_| format!("the folder `{folder}`")),
        ];
        self.mounted.twice = self.mounted.twice.or_else(|| is_twice.into_iter().flatten().next());
        self.mounted.protected.insert(name.clone(), protected);
        self.ready_of.extend(ready_timeout.map(|timeout| (name, timeout)));
        self.gates.extend(gates);
        self.reviews.extend(reviews);
        self
    }

    /// A rule that plans must pass, besides the guards against mass deletion and against deletes that take what others
    /// have, which are always there.
    pub fn gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gates.push(gate);
        self
    }

    /// Who is asked, before something is carried out by an approval that was given in a review, whether that still stands. One that does not
    /// is taken back. While nobody can say it, what needs it waits, and the rest goes on. What is [applied](Engine::apply) by the name of its
    /// plan is not asked about: it needs no other approval.
    pub fn approval_check(mut self, check: Arc<dyn ApprovalCheck>) -> Self {
        self.approval_check = Some(check);
        self
    }

    /// How declared and live objects are compared.
    pub fn differ(mut self, differ: Arc<dyn Differ>) -> Self {
        self.differ = differ;
        self
    }

    /// What plans may do.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// How long to wait for the source, an observation or a change. Ten minutes by default.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.call = timeout;
        self
    }

    /// How long to wait for an object to become ready. Ten minutes by default.
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.ready = timeout;
        self
    }

    /// Somebody who is told of everything that happens.
    pub fn events(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.events.add(sink);
        self
    }

    /// Somebody who looks at all that is declared, whenever that moved, and warnings on it: that a rule fits nothing, say.
    /// It costs what a walk over the objects costs. What it says stops nothing; [`Engine::warnings`] has it.
    pub fn review(mut self, look: impl Fn(&Desired) -> Vec<Diagnostic> + Send + Sync + 'static) -> Self {
        self.reviews.push(Arc::new(look));
        self
    }

    /// Where the engine keeps what it must not forget. Required.
    pub fn state(mut self, state: impl Into<State>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Whether an engine may go on from a shared store alone if this machine has no journal, or one that another
    /// machine's engine has outdated. No by default: a journal that is missing is an error.
    ///
    /// The inventory is then that of the last checkpoint, and everything that the reconciliation after it may have made counts
    /// as begun: it is looked up by key and owner label before anything else is done to it, and deleted only if it is the
    /// incarnation that we made. The audit log says that this was done. Right where a disk may be lost with its
    /// machine, as in a cluster; the store's own fencing keeps two engines apart.
    pub fn recover_from_store(mut self, recover: bool) -> Self {
        self.recover_from_store = recover;
        self
    }

    /// The name that the application had before: a state that belongs to that name is taken for this one's.
    ///
    /// The plan shows what moves, and an apply of it makes that durable: the state, and the owner's label on every object of
    /// a target that [shows](crate::TargetInfo::shows_owner) it. The number in the label stays, and with it the owner.
    pub fn renamed_from(mut self, name: impl Into<String>) -> Self {
        self.grant.renamed_from = Some(name.into());
        self
    }

    /// Whether a state that belongs to another source, or to other places of its targets, is taken for this one's. No by
    /// default: it is refused. The plan shows what moves.
    pub fn rebind(mut self, rebind: bool) -> Self {
        self.grant.rebind = rebind;
        self
    }

    /// A file in which the engine keeps what its last plan knew, so that a plan in a new process costs what changed since: what
    /// kept its id is not read or rendered again, and an object whose [stamp](crate::capability::Stamps) is as it was is not
    /// observed.
    ///
    /// It serves applications whose files stand alone: nothing that they declare needs or fills another object, and no file
    /// reads another. For any other, and where the store is shared, nothing is kept. The file may be removed at any time, and one
    /// that was damaged is not used. `setup` is a digest of the set-up of source, renderers and targets, by
    /// which a file of another one is passed over. The file holds what an inventory holds, and is its owner's alone.
    pub fn keep_in(mut self, file: impl Into<PathBuf>, setup: Digest) -> Self {
        self.keep_in = Some((file.into(), setup));
        self
    }

    /// How large a journal grows before it is folded into the documents, so that worlds of hours fold it too.
    #[cfg(feature = "simulate")]
    pub(crate) fn fold_at(mut self, bytes: u64) -> Self {
        self.fold_at = bytes;
        self
    }

    /// Opens the engine: reads its state, and takes up what an earlier process left. Writes nothing.
    ///
    /// # Errors
    /// `Invalid` if a required part is missing, or mounts exclude one another; `Corrupt` if the state is damaged; `NotOwned` if it belongs to another
    /// application or source.
    pub async fn open(self, cx: &Cx) -> Result<Engine> {
        let missing = |what: &str| Error::new(ErrorKind::Invalid, format!("the engine has no {what}"));
        if self.targets.is_empty() {
            return Err(missing("target"));
        }
        let render = self.mounted.render(self.render)?.ok_or_else(|| missing("render"))?;
        let state = self.state.ok_or_else(|| missing("state"))?;
        let mut keeping = self.keep_in.map(|(path, setup)| Box::new(Keeping::open(&path, setup, &self.name)));
        let kept = keeping.as_ref().and_then(|keeping| keeping.inventory());
        let opening = Opening { recover: self.recover_from_store, fold_at: self.fold_at, kept };
        let ledger = Box::pin(Ledger::open(cx, &self.name, state, opening)).await?;
        if !ledger.goes_on() {
            keeping.iter_mut().for_each(|keeping| keeping.pass_over());
        }
        check_application(ledger.inventory(), &self.name, &self.grant)?;
        let shared = Arc::new(Shared::new(&self.name));
        let mut events = self.events;
        events.add(shared.clone());
        let engine = Engine {
            name: self.name,
            opened: cx.now(),
            source: self.source.ok_or_else(|| missing("source"))?,
            renderer: Renderer::new(render),
            targets: self.targets,
            gates: self.gates,
            approval_check: self.approval_check,
            doubts: Doubts::new(),
            differ: self.differ,
            options: self.options,
            timeouts: self.timeouts,
            ready_of: self.ready_of,
            protected: self.mounted.protected,
            events,
            place: None,
            shared,
            ledger,
            declared: None,
            displaced: None,
            commits: None,
            newest: None,
            agreed: None,
            runs: false,
            reviews: self.reviews,
            base: Base::default(),
            stamped: Stamped::default(),
            seen: Seen::default(),
            next_look: NextLook::default(),
            awaited: None,
            keeping,
            flap_guard: FlapGuard::default(),
            differing: Differed::default(),
            back_off: BackOff::default(),
            moved_back: None,
            unready: Unready::default(),
            blocked: KnownBlocked::default(),
            admission: Admission::default(),
            rules: Rules::default(),
            grant: self.grant,
            identities: None,
        };
        engine.check_source()?;
        Ok(engine)
    }
}

impl Mounted {
    /// The renderer of all mounts, or the one that was given instead.
    fn render(&self, given: Option<Arc<dyn Render>>) -> Result<Option<Arc<dyn Render>>> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Invalid, message));
        if let Some(twice) = &self.twice {
            return refuse(format!("two backends are mounted with {twice}"));
        }
        match (given, self.renders.is_empty()) {
            (given, true) => Ok(given),
            (Some(_), false) => {
                refuse("the engine has a renderer of its own beside those of its mounts".to_owned())
            }
            (None, false) => {
                let all = self.renders.iter();
                let routes =
                    all.fold(Routes::new(), |routes, (folder, render)| routes.route(folder, render.clone()));
                Ok(Some(Arc::new(routes)))
            }
        }
    }
}
