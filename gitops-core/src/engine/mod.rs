//! The engine: keeps targets equal to what a source declares.

mod approval;
mod back_off;
mod base;
mod builder;
mod carry_out;
mod descent;
mod effects;
mod fill;
mod foretell;
mod ledger;
mod observe;
mod pin;
mod prepare;
mod recover;
mod report;
mod request;
mod run;
mod settle;
mod tamper;

pub use approval::Approval;
pub use builder::EngineBuilder;
pub use ledger::State;
#[cfg(feature = "simulate")]
pub(crate) use ledger::stored;
pub use pin::Pin;
pub use report::{Report, StepOutcome, StepResult};
pub use request::PinRequest;
pub use settle::Finding;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use crate::diagnostic::Diagnostic;
use crate::event::Events;
use crate::gate::Gate;
use crate::graph::{Cycle, Graph};
use crate::plan::Plan;
use crate::planner::Options;
use crate::reconcile::Contest;
use crate::render::{Desired, Renderer};
use crate::source::Source;
use crate::target::Target;
use crate::value::Revision;
use crate::{Cx, Differ, Error, ErrorKind, Inventory, Result, Verdict};
use base::Base;
use ledger::Ledger;

/// One application: a source, a renderer, targets and gates, and the memory of what was done.
///
/// ```
/// # use std::sync::Arc;
/// # use gitops_core::*;
/// # async fn example(source: Arc<dyn Source>, target: Arc<dyn Target>, state: State) -> Result<()> {
/// let cx = Cx::system();
/// let mut engine = Engine::builder("shop")
///     .source(source)
///     .render(Arc::new(directory::FileRender::new("dir")))
///     .target("dir", target)
///     .state(state)
///     .open(&cx)
///     .await?;
/// let plan = engine.plan(&cx).await?;
/// engine.apply(&cx, &plan, &Approval::of_this_plan("alice")).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Guarantees
/// - *Plan = apply.* [`apply`](Self::apply) names a plan; if anything that it was made from moved, nothing is
///   written and the error says what moved. What is written is part of what was shown.
/// - *Intent before effect, outcome before forgetting.* Both are durable. A time-out is an unknown outcome, and is
///   looked up before anything else is done to the object.
/// - *Nothing is deleted that is not ours*, and nothing from partial knowledge: see
///   [`PlanInput`](crate::PlanInput) and the gate [`MassDelete`](crate::MassDelete).
/// - *A pass over a converged target writes nothing*, neither to the target nor to the state.
///
/// # Cancel safety
/// Every future may be dropped at any await: that is the same as a crash, and the next call recovers. To stop in
/// good order, cancel the [`Cx`]: no new change is sent, and those under way are finished and recorded.
pub struct Engine {
    name: String,
    source: Arc<dyn Source>,
    renderer: Renderer,
    targets: BTreeMap<SmolStr, Arc<dyn Target>>,
    gates: Vec<Arc<dyn Gate>>,
    differ: Arc<dyn Differ>,
    options: Options,
    timeouts: builder::Timeouts,
    ready_of: BTreeMap<SmolStr, Duration>,
    events: Events,
    ledger: Ledger,
    declared: Option<Declared>,
    reviews: Vec<Review>,
    base: Base,
    contest: Contest,
    back_off: back_off::BackOff,
}

/// What was last rendered.
#[derive(Clone)]
struct Declared {
    revision: Revision,
    desired: Desired,
    remarks: Arc<[Diagnostic]>,
}

/// Looks at all that is declared.
type Review = Arc<dyn Fn(&Desired) -> Vec<Diagnostic> + Send + Sync>;

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
        self.doubt_what_is_not_covered(cx);
        Ok(self.prepare(cx).await?.planned.plan)
    }

    /// Like [`plan`](Self::plan), at the cost of what changed: looks only at objects whose declaration moved since
    /// the last plan, and at those that a target's watch reports. Objects of targets without a watch are all
    /// looked at.
    pub async fn replan(&mut self, cx: &Cx) -> Result<Plan> {
        self.drain_watches(cx);
        Ok(self.prepare(cx).await?.planned.plan)
    }

    /// What the gates say of a plan.
    pub fn verdict(&self, plan: &Plan) -> Verdict {
        self.gates.iter().fold(Verdict::Allow, |verdict, gate| verdict.and(gate.check(plan)))
    }

    /// Carries out exactly this plan.
    ///
    /// # Errors
    /// `Stale` if anything moved since the plan was made: nothing was written, and
    /// [`Error::moved`](crate::Error::moved) says what. `Denied` and `NeedsApproval` if the gates do not let it
    /// pass: nothing was written. `Storage` if intents or outcomes can't be made durable: the engine stops, and
    /// what was under way is looked up by the next one. Failures of single steps are in the report.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn apply(&mut self, cx: &Cx, plan: &Plan, approval: &Approval) -> Result<Report> {
        self.doubt_what_is_not_covered(cx);
        let prepared = self.prepare(cx).await?;
        let moved = tamper::stale(cx, prepared.planned.plan.moved_since(plan));
        if !moved.is_empty() {
            return Err(Error::stale(moved));
        }
        self.admit(&prepared.planned.plan, approval.names_the_plan())?;
        self.carry_out(cx, prepared, approval).await
    }

    /// Plans from what changed and carries the plan out, if the gates let it pass without a person.
    ///
    /// # Errors
    /// As [`plan`](Self::plan) and [`apply`](Self::apply).
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn pass(&mut self, cx: &Cx) -> Result<Report> {
        self.drain_watches(cx);
        let prepared = self.prepare(cx).await?;
        self.admit(&prepared.planned.plan, false)?;
        self.carry_out(cx, prepared, &Approval::automatic()).await
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
    /// renderers and the [reviews](EngineBuilder::review) remarked. Each is told once as an [`Event`](crate::Event),
    /// and again only if it went in between.
    pub fn remarks(&self) -> &[Diagnostic] {
        self.declared.as_ref().map_or(&[], |declared| &*declared.remarks)
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

    fn admit(&self, plan: &Plan, approved: bool) -> Result<()> {
        let (kind, message, notes) = match self.verdict(plan) {
            Verdict::Deny { notes } => (ErrorKind::Denied, "a gate denies the plan", notes),
            Verdict::NeedsApproval { notes } if !approved => {
                (ErrorKind::NeedsApproval, "the plan needs an approval that names it", notes)
            }
            _ => return Ok(()),
        };
        let help = match kind {
            ErrorKind::NeedsApproval => format!("review it, then apply plan {}", plan.id.short()),
            _ => "change what is declared, or the gate's rule".to_owned(),
        };
        Err(notes.iter().fold(Error::new(kind, message).help(help), |error, note| error.with("gate", note)))
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.name)
    }
}
