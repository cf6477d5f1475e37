use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use super::admission::Admission;
use super::binding::Binds;
use super::effects::contained;
use super::orders::Orders;
use super::seen::Seen;
use super::{Declared, Engine, Phase, Pin, Suspension, tamper};
use crate::capability::{RecoveryClass, Target};
use crate::cx::{Cx, Time};
use crate::engine::event::Event;
use crate::gate::Verdict;
use crate::plan::planner::{self, PlanInput, Planned};
use crate::plan::{Basis, OrphanedBecause};
use crate::render::{Rendered, Renderer};
use crate::source::Snapshot;
use crate::state::inventory::Inventory;
use crate::state::record::{Intent, Record};
use crate::value::{Action, Diagnostic, Digest, Error, ErrorKind, GroupKind, Hasher, Key, Result, Revision};

/// A plan, and what was learned on the way to it.
pub(super) struct Prepared {
    pub planned: Planned,
    /// What became of intents that an earlier run left open; to be made durable before anything is written.
    pub concluded: Vec<Record>,
    /// What the revision counts for.
    pub line: Line,
    /// What the gates say of it.
    pub verdict: Verdict,
    /// Why nothing is written, if that is so.
    pub suspension: Option<Suspension>,
    /// Who approved what needed an approval.
    pub approved_by: Vec<String>,
}

/// What a revision counts for.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "they are asked for one by one")]
pub(super) struct Line {
    /// Whether the applied line goes on from it.
    pub moves: bool,
    /// Whether the application is pinned to it.
    pub pinned: bool,
    /// Whether it is pinned to go back to it, or to stay there.
    pub goes_back: bool,
    /// Whether it is asked only for what was recorded of some objects: that says nothing of how far any revision has come.
    pub is_of_record: bool,
}

impl Line {
    /// It was accepted before, and is kept while nobody knows what comes next.
    pub const KEPT: Self = Self { moves: false, pinned: false, goes_back: false, is_of_record: false };

    /// Some objects are put back as they were recorded.
    pub const RECORDED: Self = Self { is_of_record: true, ..Self::KEPT };

    /// Whether it is what the application follows now.
    pub fn is_followed(self) -> bool {
        self.moves || self.pinned
    }
}

/// Which objects are looked at, and with which knowledge.
pub(super) struct Look<'a> {
    pub declared: &'a Declared,
    pub candidates: &'a BTreeSet<Key>,
    /// A time before the look.
    pub now: Time,
    pub flapping: &'a BTreeMap<Key, Time>,
    pub binds: &'a Binds,
    pub is_rollback: bool,
    /// What the plan saw that it is compared with, where it is.
    pub seen: Option<&'a Seen>,
}

/// What would be done, and from which knowledge.
pub(super) struct Considered {
    pub planned: Planned,
    /// As for [`Prepared`].
    pub concluded: Vec<Record>,
    /// What is ours once that is taken in.
    pub inventory: Inventory,
    /// The stamps that the candidates had before they were looked at.
    pub stamps: BTreeMap<Key, Option<Digest>>,
    /// What was found there.
    pub seen: Seen,
}

impl Engine {
    /// From the source to a plan, looking at no more than the base demands.
    pub(super) async fn prepare(&mut self, cx: &Cx) -> Result<Prepared> {
        self.take_back_displaced();
        self.ledger.landed().await?;
        let binds = self.binds(&cx.within(self.timeouts.call)).await?;
        let admission = std::mem::take(&mut self.admission);
        let orders = self.orders(&cx.within(self.timeouts.call)).await?;
        let line = self.declare(cx, orders.pin.as_ref()).await?;
        let first = Box::pin(self.plan_declared(cx, &binds, line, admission, orders)).await;
        match first {
            // What an earlier process kept can't be read any more.
            Err(_) if self.declared.is_none() => {
                self.read_anew(cx).await?;
                Box::pin(self.prepare(cx)).await
            }
            planned => planned,
        }
    }

    /// From what is declared to a plan, looking at no more than the base demands.
    pub(super) async fn plan_declared(
        &mut self,
        cx: &Cx,
        binds: &Binds,
        line: Line,
        mut admission: Admission,
        orders: Orders,
    ) -> Result<Prepared> {
        self.shared.tell(|status| status.phase = Phase::Planning);
        Box::pin(self.look_up_commits(&cx.within(self.timeouts.call))).await;
        let desired = self.desired().cloned().unwrap_or_default();
        if std::mem::take(&mut self.next_look.is_due) && !self.next_look.passes_over_drift {
            Box::pin(self.look_around(&cx.within(self.timeouts.call))).await;
        }
        let candidates = self.base.candidates(&desired, self.inventory());
        let candidates = tamper::candidates(cx, &desired, self.inventory(), candidates);
        // Before the look: what was absent then may have come since, however long the answer was on its way.
        let now = cx.now();
        let flapping = self.flap_guard.waiting(now);
        let declared = &self.declared.clone().expect("something was declared before");
        let (candidates, is_rollback) = (&candidates, line.goes_back);
        let look = Look { declared, candidates, now, flapping: &flapping, binds, is_rollback, seen: None };
        let considered = Box::pin(self.consider(cx, look, &mut admission)).await;
        self.shared.tell(|status| status.phase = Phase::Idle);
        if let Err(error) = self.check_kept() {
            self.admission = admission;
            return Err(error);
        }
        let Considered { planned, concluded, inventory, stamps, .. } = considered?;
        self.admission = admission;
        self.base.planned(&desired, &inventory, &planned);
        let mut stamped = std::mem::take(&mut self.stamped);
        stamped.take_in(stamps, |key| self.concerns(key));
        self.stamped = stamped;
        self.look_at_unready(cx, candidates).await;
        self.events.emit(&Event::Planned {
            plan: planned.plan.id,
            considered: candidates.len(),
            diffed: planned.diffed,
            steps: planned.plan.steps.len(),
            blocked: planned.plan.blocked.len(),
        });
        let (verdict, approved_by) = self.judge(&self.proposal(&planned.plan, cx.now()));
        self.check_kept()?;
        let suspension = tamper::suspended(cx, orders.suspension);
        let mut prepared = Prepared { planned, concluded, line, verdict, suspension, approved_by };
        if self.next_look.is_beside || (self.runs && self.is_held(&prepared)) {
            prepared.planned.plan.beside = Box::pin(self.look_beside(cx, &prepared)).await?;
        }
        self.tell_of_plan(&prepared.planned.plan, &prepared.verdict, line);
        Ok(prepared)
    }

    /// What would be done about some of what is declared or owned. Nothing is remembered of it.
    pub(super) async fn consider(
        &self,
        cx: &Cx,
        look: Look<'_>,
        admission: &mut Admission,
    ) -> Result<Considered> {
        let Look { declared, candidates, now, flapping, binds, is_rollback, seen } = look;
        let Declared { revision, desired, .. } = declared;
        let candidates = planner::with_serving(desired, candidates);
        self.check_targets(desired, &candidates)?;
        let (candidates, left): (BTreeSet<Key>, BTreeSet<Key>) =
            candidates.into_iter().partition(|key| self.targets.contains_key(key.target()));
        let candidates = &candidates;
        let layers = planner::layers(desired, candidates)?;
        let stamps = self.stamps_of(&cx.within(self.timeouts.call), candidates).await;
        let looked_at = with_used(desired, candidates);
        let mut live = self.observe_unseen(&cx.within(self.timeouts.call), &looked_at, seen).await?;
        tamper::identities(cx, desired, self.inventory(), &mut live);
        let mut concluded = tamper::concluded(cx, self.inventory(), self.conclude_open_intents(&live, now));
        concluded.splice(0..0, binds.record.clone());
        let mut inventory = self.inventory().clone();
        concluded.iter().for_each(|record| inventory.take_in(record));
        let ends = self.ends_of_gone(&cx.within(self.timeouts.call), &inventory, candidates, &live).await;
        ends.iter().for_each(|record| inventory.take_in(record));
        concluded.extend(ends);
        tamper::missed(cx, &mut inventory, &live);
        let input = PlanInput {
            application: &self.name,
            revision,
            desired,
            declared: desired,
            places: &binds.places,
            sites: &binds.sites,
            inventory: &inventory,
            candidates,
            live: &live,
            previews: &BTreeMap::new(),
            waiting: &BTreeMap::new(),
            quarantined: &tamper::doubts(cx, self.quarantined(&inventory)),
            flapping,
            differing: self.differing.all(),
            protected: &self.protected(),
            is_rollback,
            labelled: &self.labelled(),
            rebound: &binds.rebound,
            differ: &*self.differ,
            options: &self.options,
            basis: &self.basis(desired.objects().digest()),
            now,
        };
        let mut filled = self.fill(cx, input, &layers, seen).await?;
        let asks = admission.begin();
        self.admit_new(cx, input, declared, &mut filled, (asks, admission)).await?;
        let mut planned = planner::plan(&filled.input(input))?;
        let shown = (&planned.plan, &live);
        if self.hold_refused_deletions(cx, shown, &mut filled, (asks, admission)).await? {
            planned = planner::plan(&filled.input(input))?;
        }
        let mut planned = tamper::planned(cx, planned);
        let looking = cx.within(self.timeouts.call);
        concluded.extend(self.look_at_readiness(&looking, &filled.input(input), &mut planned).await);
        // Nobody can look at them, and nobody says that they are to go: they stay, and stay known.
        planned.plan.leave(left, OrphanedBecause::TargetGone);
        self.check_whole(desired)?;
        let seen = Seen::of(looked_at, live, filled);
        Ok(Considered { planned, concluded, inventory, stamps, seen })
    }

    /// Brings what is declared up to the newest, or pinned, revision; says what that revision counts for.
    pub(super) async fn declare(&mut self, cx: &Cx, pin: Option<&Pin>) -> Result<Line> {
        let call = cx.within(self.timeouts.call);
        let moves_the_line = pin.is_none_or(|pin| pin.leaves_the_line);
        let goes_back = pin.is_some_and(Pin::goes_back);
        let line = Line { moves: moves_the_line, pinned: pin.is_some(), goes_back, is_of_record: false };
        let revision = match (pin, self.agreed.take()) {
            (Some(pin), _) => pin.revision.clone(),
            (None, Some(agreed)) => agreed,
            (None, None) => self.resolve(cx).await?,
        };
        self.look_at(&revision);
        self.events.emit(&Event::Resolved { revision: revision.id().to_owned() });
        // A pin that leaves the line is the grant for its own revision; one that does not moves no line. What is declared
        // already may be declared by a pin that is over: then nobody asked whether it descends from what was applied.
        if pin.is_none() {
            self.check_descent(&call, &revision).await?;
        }
        if self.declared.as_ref().is_some_and(|declared| declared.revision == revision) {
            Box::pin(self.declare_again(cx)).await?;
            return Ok(line);
        }
        self.take_up(cx, revision).await?;
        Ok(line)
    }

    /// Reads and renders a revision: from now on it is what is declared.
    pub(super) async fn take_up(&mut self, cx: &Cx, revision: Revision) -> Result<()> {
        let call = cx.within(self.timeouts.call);
        let fetched = contained(call.bounded(self.source.fetch(&call, &revision))).await;
        let snapshot = fetched.map_err(|error| error.during("fetch"))?;
        let declared = if let Some(declared) = Box::pin(self.go_on(cx, &snapshot)).await {
            declared
        } else {
            let mut renderer = self.renderer.clone();
            let declared = self.read(cx, &mut renderer, snapshot).await?;
            self.renderer = renderer;
            declared
        };
        self.tell(&declared.warnings);
        self.rules.asked = Some(cx.now());
        self.declared = Some(declared);
        Ok(())
    }

    /// Renders a snapshot with a renderer, which then stands at it.
    pub(super) async fn read(
        &self,
        cx: &Cx,
        renderer: &mut Renderer,
        snapshot: Snapshot,
    ) -> Result<Declared> {
        let call = cx.within(self.timeouts.call);
        let refreshed = contained(call.bounded(renderer.refresh(&call))).await;
        refreshed.map_err(|error| error.during("render"))?;
        // Not bounded by the time of a call: programs that render have times of their own.
        let found = contained(renderer.declare(cx, &snapshot)).await.map_err(|error| match error.kind() {
            ErrorKind::Timeout => error.during("render"),
            _ => error,
        })?;
        let call = cx.within(self.timeouts.call);
        let asking = contained(call.bounded(renderer.find_out(&call, found))).await;
        let Rendered { desired, parts, warnings, .. } = asking.map_err(|error| error.during("render"))?;
        let reviewed = self.reviews.iter().flat_map(|review| review(&desired));
        let Snapshot { revision, warnings: of_source, .. } = &snapshot;
        let warnings = of_source.iter().cloned().chain(warnings).chain(reviewed).collect();
        self.events.emit(&Event::Rendered { parts, objects: desired.objects().len() });
        Ok(Declared { revision: revision.clone(), desired, warnings, snapshot })
    }

    /// Tells each warning that was not told of the revision before, once.
    pub(super) fn tell(&self, warnings: &[Diagnostic]) {
        let mut told: BTreeSet<String> = self.warnings().iter().map(ToString::to_string).collect();
        for warning in warnings.iter().filter(|warning| told.insert(warning.to_string())) {
            self.events.emit(&Event::Warned { warning: warning.clone() });
        }
    }

    pub(super) fn basis(&self, desired: Digest) -> Basis {
        let info = self.source.info();
        let mut gates = Hasher::new("gitops gates");
        self.gates.iter().for_each(|gate| {
            gates.field(gate.fingerprint().as_bytes());
        });
        let mut options = Hasher::new("gitops engine options");
        for part in [self.options.fingerprint(), self.differ.fingerprint(), self.renderer.fingerprint()] {
            options.field(part.as_bytes());
        }
        Basis {
            source: format!("{} {}", info.name, info.follows),
            desired,
            gates: gates.finish(),
            options: options.finish(),
            engine: concat!("gitops-core ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Declared objects of a target that nobody gave the engine are faults of the declaration, or of the set-up.
    fn check_targets(&self, desired: &crate::render::Desired, candidates: &BTreeSet<Key>) -> Result<()> {
        let unknown =
            |key: &&Key| !self.targets.contains_key(key.target()) && desired.objects().contains(key);
        let faults: Vec<Diagnostic> =
            candidates.iter().filter(unknown).map(|key| self.no_target(desired, key)).collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Error::invalid("some objects have no target; nothing is planned", faults)),
        }
    }

    fn no_target(&self, desired: &crate::render::Desired, key: &Key) -> Diagnostic {
        let known: Vec<&str> = self.targets.keys().map(SmolStr::as_str).collect();
        let place = desired.objects().get(key).map(|object| object.provenance.to_string());
        // Not every object says where it was written.
        let place = place.filter(|place| !place.is_empty()).unwrap_or_else(|| key.to_string());
        let message = format!("{key} is of the target `{}`, which is not set up", key.target());
        Diagnostic::error("GO0305", place, message).help(format!("the targets are: {}", known.join(", ")))
    }

    fn protected(&self) -> BTreeMap<SmolStr, BTreeSet<GroupKind>> {
        let of = |(name, target): (&SmolStr, &Arc<dyn Target>)| {
            let of_mount = self.protected.get(name).into_iter().flatten().cloned();
            (name.clone(), target.info().protected.into_iter().chain(of_mount).collect())
        };
        self.targets.iter().map(of).collect()
    }

    /// Objects with an open change in a target that can't say whether it happened; or, where the server names
    /// objects, with an open creation that may still land: a second one would make a second object. Each with the time at
    /// which that is over, if it ends by itself.
    fn quarantined(&self, inventory: &Inventory) -> BTreeMap<Key, Option<Time>> {
        let doubt = |intent: &Intent| {
            let info = self.targets.get(intent.key.target())?.info();
            let makes = matches!(intent.action, Action::Create | Action::Replace);
            match info.recovery_class {
                RecoveryClass::Opaque => Some((intent.key.clone(), None)),
                RecoveryClass::Discoverable if makes => {
                    Some((intent.key.clone(), Some(self.lands_until(intent, info.lands_within))))
                }
                RecoveryClass::Discoverable | RecoveryClass::Keyed => None,
            }
        };
        inventory.open().filter_map(doubt).collect()
    }
}

/// The candidates, and the objects whose outputs they use.
fn with_used(desired: &crate::render::Desired, candidates: &BTreeSet<Key>) -> BTreeSet<Key> {
    let used = candidates.iter().filter_map(|key| desired.outputs_used(key)).flatten();
    candidates.iter().chain(used.map(|used| &used.key)).cloned().collect()
}
