//! The engine: keeps targets equal to what a source declares.
// Long because what an engine holds, and each call of its surface, is documented here.

mod admission;
mod adoption;
mod ahead;
mod apply_options;
mod approve;
mod asked;
mod back_off;
mod base;
mod beside;
mod binding;
mod blocked;
mod builder;
mod carry_out;
mod commits;
mod company;
mod confirm;
mod descent;
mod differing;
mod effects;
pub(crate) mod event;
mod fill;
mod gates;
mod going;
mod handle;
mod kept;
mod ledger;
pub(crate) mod mount;
mod moved_back;
mod needs;
mod observe;
mod orders;
mod pin;
mod postponed;
mod prepare;
mod preview;
mod proof;
mod readiness;
mod recheck;
mod reconcile;
mod recorded;
mod recover;
mod report;
mod request;
mod restore;
mod rules;
mod run;
mod seen;
mod speculative;
mod stamps;
mod standing;
pub(crate) mod state_dir;
mod status;
pub(crate) mod supervisor;
mod suspension;
mod tamper;

pub use apply_options::ApplyOptions;
pub use builder::EngineBuilder;
pub use company::Company;
pub use confirm::Finding;
pub use handle::EngineHandle;
pub use ledger::State;
pub(crate) use ledger::look;
#[cfg(feature = "simulate")]
pub(crate) use ledger::stored;
pub use pin::{Pin, PinExpect};
pub use recheck::{ApprovalCheck, ApprovalState};
pub use report::{Report, StepOutcome, StepResult};
pub use request::{PendingRequest, Request, Requests, Ticket};
pub use speculative::SpeculativePlan;
pub use status::{Attempt, BlockedObject, EngineStatus, HealthStatus, Phase, SyncStatus};
pub use suspension::Suspension;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use crate::capability::{Differ, Target};
use crate::cx::{Cx, Time};
use crate::gate::Gate;
use crate::plan::Plan;
use crate::plan::graph::{Cycle, Graph};
use crate::plan::planner::Options;
use crate::process::fs;
use crate::render::{Desired, Renderer};
use crate::source::{Snapshot, Source};
use crate::state::inventory::Inventory;
use crate::value::{Diagnostic, Error, ErrorKind, GroupKind, Result, Revision};
use base::Base;
use differing::Differed;
use event::Events;
use kept::Keeping;
use ledger::Ledger;
use mount::Review;
use observe::NextLook;
use readiness::Unready;
use reconcile::FlapGuard;
use request::Which;
use stamps::Stamped;

/// One application: a source, a renderer, targets and gates, and the memory of what was done.
///
/// ```
/// # use std::sync::Arc;
/// # use gitops_core::*;
/// # async fn example(source: Arc<dyn Source>, target: Arc<dyn Target>, state: State) -> Result<()> {
/// let cx = Cx::system();
/// let mut engine = Engine::builder("shop")
///     .source(source)
///     .render(Arc::new(backend::directory::FileRender::new("dir")))
///     .target("dir", target)
///     .state(state)
///     .open(&cx)
///     .await?;
/// let plan = engine.plan(&cx).await?;
/// engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("alice")).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Guarantees
/// - *Plan = apply.* [`apply`](Self::apply) names a plan; if anything that it was made from moved, nothing is
///   written and the error says what moved. What is written is part of what was shown.
/// - *Intent before effect, outcome before forgetting.* Both are durable. A time-out is an unknown outcome, and is
///   looked up before anything else is done to the object.
/// - *Nothing is deleted that is not ours*, and nothing from partial knowledge:
///   see the gate [`MassDelete`](crate::MassDelete) too.
/// - *A reconciliation over a converged target writes nothing*, neither to the target nor to the state.
///
/// # Cancel safety
/// Every future may be dropped at any await: that is the same as a crash, and the next call recovers. A write of the state that
/// has begun still ends: the next call waits for it, and knows what it wrote; dropping the engine waits for it too, before the
/// state is given up. To stop in good order, cancel the [`Cx`]: no new change is sent, and those under way are finished and
/// recorded.
pub struct Engine {
    name: String,
    /// Who had the state before was gone by then.
    opened: Time,
    source: Arc<dyn Source>,
    renderer: Renderer,
    targets: BTreeMap<SmolStr, Arc<dyn Target>>,
    gates: Vec<Arc<dyn Gate>>,
    /// Who is asked whether approvals of reviews still stand.
    approval_check: Option<Arc<dyn ApprovalCheck>>,
    /// What could not be asked in this pass.
    doubts: recheck::Doubts,
    differ: Arc<dyn Differ>,
    options: Options,
    timeouts: builder::Timeouts,
    ready_of: BTreeMap<SmolStr, Duration>,
    /// The protected kinds that came with mounts, by target.
    protected: BTreeMap<SmolStr, BTreeSet<GroupKind>>,
    events: Events,
    ledger: Ledger,
    declared: Option<Declared>,
    /// What was declared before, while objects are put back as they were recorded.
    displaced: Option<Declared>,
    /// What its revision brings over the accepted one.
    commits: Option<Box<commits::LookedUp>>,
    /// What the source said last, unless it could not say.
    newest: Option<Revision>,
    /// What the applications that come first have come to, so that the next reconciliation may take it up.
    agreed: Option<Revision>,
    /// Whether it is kept at work: then drift is repaired also while something is waited for.
    runs: bool,
    reviews: Vec<Review>,
    base: Base,
    /// What targets said of objects when the last plan looked at them.
    stamped: Stamped,
    /// What the last first speculative plan saw.
    seen: seen::Seen,
    next_look: NextLook,
    /// The revision of which something awaits what comes of the last plan's changes.
    awaited: Option<Revision>,
    /// Where what plans know is kept for the next process.
    keeping: Option<Box<Keeping>>,
    flap_guard: FlapGuard,
    differing: Differed,
    back_off: back_off::BackOff,
    /// The revision to which the source was moved although it does not go on from what is applied.
    moved_back: Option<Revision>,
    /// What was applied and was not ready when it was last looked at.
    unready: Unready,
    blocked: blocked::KnownBlocked,
    admission: admission::Admission,
    rules: rules::Rules,
    grant: binding::Grant,
    /// Its place among other applications, if it works beside any.
    place: Option<company::Place>,
    /// What others see of it while it works.
    shared: Arc<handle::Shared>,
    /// The places that the targets work on, once they were asked.
    identities: Option<BTreeMap<SmolStr, String>>,
}

/// What was last rendered.
#[derive(Clone)]
struct Declared {
    revision: Revision,
    desired: Desired,
    warnings: Arc<[Diagnostic]>,
    /// The files.
    snapshot: Snapshot,
}

impl Engine {
    /// An engine for an application of this name.
    pub fn builder(name: impl Into<String>) -> EngineBuilder {
        EngineBuilder::new(name.into())
    }

    /// The application's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks at the source and at every object, and says what would be done. Writes nothing.
    ///
    /// An object that a target's watch [covers](crate::capability::Watch::covers) is not asked about again: so in a
    /// process that has been running the watch, a plan costs what changed.
    ///
    /// # Errors
    /// Whatever keeps the source, a renderer or a target from answering; `Invalid` with diagnostics for faults in
    /// what is declared; `Denied` if the source moved to a revision that does not descend from the one applied.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn plan(&mut self, cx: &Cx) -> Result<Plan> {
        self.next_look = NextLook { is_due: true, is_beside: true, passes_over_drift: false };
        self.admission.ask();
        let prepared = Box::pin(self.prepare(cx)).await;
        self.next_look.as_usual();
        let plan = prepared?.planned.plan;
        Box::pin(self.keep()).await;
        Ok(plan)
    }

    /// Like [`plan`](Self::plan), without a look for drift: plans what is declared otherwise than the last plan knew, in this
    /// process or in an earlier one that [kept](EngineBuilder::keep_in) it, and what that had not settled. Where nothing
    /// is known of a last plan, everything is looked at.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn plan_changed(&mut self, cx: &Cx) -> Result<Plan> {
        self.next_look.as_usual();
        self.next_look.passes_over_drift = true;
        self.admission.ask();
        let prepared = Box::pin(self.prepare(cx)).await;
        self.next_look.as_usual();
        let plan = prepared?.planned.plan;
        Box::pin(self.keep()).await;
        Ok(plan)
    }

    /// Like [`plan`](Self::plan), at the cost of what changed: looks only at objects whose declaration moved since
    /// the last plan, and at those that a target's watch reports. Objects of targets without a watch are all
    /// looked at.
    pub async fn replan(&mut self, cx: &Cx) -> Result<Plan> {
        self.next_look.as_usual();
        self.drain_watches(cx);
        self.admission.ask();
        Ok(Box::pin(self.prepare(cx)).await?.planned.plan)
    }

    /// What others see of the engine, and ask of it, while it works.
    pub fn handle(&self) -> EngineHandle {
        EngineHandle::new(self.shared.clone(), self.requests())
    }

    fn requests(&self) -> Requests {
        Requests::new(self.ledger.store().clone(), &self.name)
    }

    /// Carries out exactly this plan, after taking up what people asked for while no engine was at work. Who asks to
    /// [stop](Request::only_stops) meanwhile is heard: what was sent is finished, and the rest is not begun.
    ///
    /// # Errors
    /// `Stale` if anything moved since the plan was made: nothing was written, and
    /// [`Error::moved`](crate::Error::moved) says what. `Denied` and `NeedsApproval` if the gates do not let it
    /// pass: nothing was written; but where they deny it, what of it only puts back what was applied before goes on. `Storage` if intents or outcomes can't be made durable: the engine stops, and
    /// what was under way is looked up by the next one. Failures of single steps are in the report.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn apply(&mut self, cx: &Cx, plan: &Plan, options: &ApplyOptions) -> Result<Report> {
        self.take_up_requests(cx).await?;
        // What the last plan looked at need not be looked at again; another one's is not known.
        let is_last = self.shared.status().plan == Some(plan.id);
        let passes_over_drift = is_last && options.is_at_once();
        self.next_look = NextLook { is_due: true, is_beside: false, passes_over_drift };
        self.admission.remember();
        let prepared = Box::pin(self.prepare(cx)).await;
        self.next_look.as_usual();
        let prepared = prepared?;
        self.note_blocked(&prepared.planned.plan);
        let moved = tamper::stale(cx, prepared.planned.plan.moved_since(plan));
        if !moved.is_empty() {
            return Err(Error::stale(moved));
        }
        if let Err(error) = prepared.admit(options.names_the_plan()) {
            return Err(self.denied(cx, error, prepared, options).await);
        }
        let report = self.carry_out_beside_recorded(cx, prepared, options).await?;
        Box::pin(self.keep()).await;
        Ok(report)
    }

    /// Plans from what changed and carries the plan out. Steps that a gate wants approved, and that nobody has approved, are
    /// blocked; the others go on.
    ///
    /// # Errors
    /// As [`plan`](Self::plan) and [`apply`](Self::apply).
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn reconcile(&mut self, cx: &Cx) -> Result<Report> {
        self.next_look.as_usual();
        self.drain_watches(cx);
        let report = async {
            self.take_up_requests(cx).await?;
            let mut prepared = Box::pin(self.prepare(cx)).await?;
            while Box::pin(self.ask_again(cx, &mut prepared)).await? {
                prepared = Box::pin(self.prepare(cx)).await?;
            }
            if let Err(error) = self.admit_in_part(&mut prepared) {
                return Err(self.denied(cx, error, prepared, &ApplyOptions::automatic()).await);
            }
            let report = self.carry_out_beside_recorded(cx, prepared, &ApplyOptions::automatic()).await?;
            Box::pin(self.keep()).await;
            Ok(report)
        };
        let report = report.await;
        report.inspect_err(|error| self.tell_of_failure(cx, error))
    }

    /// Carries a plan out. Once somebody asks to stop, nothing new is begun, and who asked is answered after what was sent.
    async fn carry_out_until_stopped(
        &mut self,
        cx: &Cx,
        prepared: prepare::Prepared,
        options: &ApplyOptions,
    ) -> Result<Report> {
        let requests = self.requests();
        if !prepared.planned.plan.steps.is_empty() && requests.any_waits(cx, Which::Stops).await? {
            self.take_up_requests(cx).await?;
            return Err(self.stopped(cx).await?);
        }
        let (inner, shared) = (cx.child(), self.shared.clone());
        let stopped = async {
            requests.waits(cx, &shared.asked, Which::Stops, request::LOOK).await;
            inner.cancel();
            std::future::pending::<Infallible>().await
        };
        let report = tokio::select! {
            biased;
            report = Box::pin(self.carry_out(&inner, prepared, options)) => report?,
            never = stopped => match never {},
        };
        if inner.is_cancelled() && !cx.is_cancelled() {
            self.take_up_requests(cx).await?;
        }
        Ok(report)
    }

    /// Somebody asked to stop while the plan was made.
    async fn stopped(&self, cx: &Cx) -> Result<Error> {
        if let Some(suspension) = self.suspended(cx).await? {
            return Ok(suspension.denies());
        }
        let message = "approvals were revoked while the plan was made; nothing is written";
        Ok(Error::new(ErrorKind::Denied, message).help("plan again"))
    }

    /// Gives the state up, where that holds up no other task: waits for what of it is being written, brings the audit log's checkpoint to its end,
    /// and lets go of the lock. Dropping the engine does the same, and whoever drops it waits.
    ///
    /// # Cancel safety
    /// Once it was polled, the state is given up, also if the future is dropped.
    pub async fn close(self) {
        if self.ledger.is_locked() {
            // That the runtime goes down meanwhile ends nothing: the work has the engine, and drops it.
            let closed = fs::blocking(move || {
                drop(self);
                Ok(())
            });
            let _ = closed.await;
        }
    }

    /// What the application owns.
    pub fn inventory(&self) -> &Inventory {
        self.ledger.inventory()
    }

    /// What was declared at the last plan.
    pub fn desired(&self) -> Option<&Desired> {
        self.declared.as_ref().map(|declared| &declared.desired)
    }

    /// What somebody should know of the revision of the last plan although it can be used: what the source, the
    /// renderers and the [reviews](EngineBuilder::review) warned of. Each is told once as an [`Event`](crate::Event),
    /// and again only if it went in between.
    pub fn warnings(&self) -> &[Diagnostic] {
        self.declared.as_ref().map_or(&[], |declared| &*declared.warnings)
    }

    /// The dependency graph of what was declared at the last plan.
    ///
    /// # Errors
    /// A cycle, which a plan would refuse too.
    pub fn graph(&self) -> Result<Graph, Cycle> {
        Graph::new(self.desired().map(Desired::edges).unwrap_or_default())
    }

    /// The source.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.name)
    }
}
