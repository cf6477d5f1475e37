use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use super::back_off::BackOff;
use super::base::Base;
use super::ledger::{FOLD_AT, Ledger, State};
use super::{Engine, Review};
use crate::diagnostic::Diagnostic;
use crate::diff::{Differ, Structural};
use crate::event::{EventSink, Events};
use crate::gate::{Gate, MassDelete};
use crate::planner::Options;
use crate::reconcile::Contest;
use crate::render::{Desired, Render, Renderer};
use crate::source::Source;
use crate::target::Target;
use crate::{Cx, Error, ErrorKind, Result};

/// Puts an [`Engine`] together.
#[must_use]
pub struct EngineBuilder {
    name: String,
    source: Option<Arc<dyn Source>>,
    render: Option<Arc<dyn Render>>,
    targets: BTreeMap<SmolStr, Arc<dyn Target>>,
    gates: Vec<Arc<dyn Gate>>,
    differ: Arc<dyn Differ>,
    options: Options,
    timeouts: Timeouts,
    ready_of: BTreeMap<SmolStr, Duration>,
    events: Events,
    reviews: Vec<Review>,
    state: Option<State>,
    recover_from_store: bool,
    fold_at: u64,
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
            gates: vec![Arc::new(MassDelete)],
            differ: Arc::new(Structural::default()),
            options: Options::default(),
            timeouts: Timeouts { call: Duration::from_secs(600), ready: Duration::from_secs(600) },
            ready_of: BTreeMap::new(),
            events: Events::default(),
            reviews: Vec::new(),
            state: None,
            recover_from_store: false,
            fold_at: FOLD_AT,
        }
    }

    /// Where desired state comes from. Required.
    pub fn source(mut self, source: Arc<dyn Source>) -> Self {
        self.source = Some(source);
        self
    }

    /// How files become objects. Required.
    pub fn render(mut self, render: Arc<dyn Render>) -> Self {
        self.render = Some(render);
        self
    }

    /// A target, under the name by which keys call it. At least one is required.
    pub fn target(mut self, name: impl Into<SmolStr>, target: Arc<dyn Target>) -> Self {
        self.targets.insert(name.into(), target);
        self
    }

    /// A rule that plans must pass, besides the guard against mass deletion that is always there.
    pub fn gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gates.push(gate);
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

    /// How long to wait for an object of one target to become ready, where that is not what holds for the others.
    pub fn ready_timeout_of(mut self, target: impl Into<SmolStr>, timeout: Duration) -> Self {
        self.ready_of.insert(target.into(), timeout);
        self
    }

    /// Somebody who is told of everything that happens.
    pub fn events(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.events.add(sink);
        self
    }

    /// Somebody who looks at all that is declared, whenever that moved, and remarks on it: that a rule fits nothing, say.
    /// It costs what a walk over the objects costs. What it says stops nothing; [`Engine::remarks`] has it.
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
    /// The inventory is then that of the last checkpoint, and everything that the pass after it may have made counts
    /// as begun: it is looked up by key and mark before anything else is done to it, and deleted only if it is the
    /// incarnation that we made. The audit log says that this was done. Right where a disk may be lost with its
    /// machine, as in a cluster; the store's own fencing keeps two engines apart.
    pub fn recover_from_store(mut self, recover: bool) -> Self {
        self.recover_from_store = recover;
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
    /// `Invalid` if a required part is missing; `Corrupt` if the state is damaged.
    pub async fn open(self, cx: &Cx) -> Result<Engine> {
        let missing = |what: &str| Error::new(ErrorKind::Invalid, format!("the engine has no {what}"));
        if self.targets.is_empty() {
            return Err(missing("target"));
        }
        let state = self.state.ok_or_else(|| missing("state"))?;
        let ledger = Ledger::open(cx, &self.name, state, self.recover_from_store, self.fold_at).await?;
        Ok(Engine {
            name: self.name,
            source: self.source.ok_or_else(|| missing("source"))?,
            renderer: Renderer::new(self.render.ok_or_else(|| missing("render"))?),
            targets: self.targets,
            gates: self.gates,
            differ: self.differ,
            options: self.options,
            timeouts: self.timeouts,
            ready_of: self.ready_of,
            events: self.events,
            ledger,
            declared: None,
            reviews: self.reviews,
            base: Base::default(),
            contest: Contest::default(),
            back_off: BackOff::default(),
        })
    }
}
