use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use super::effects::contained;
use super::{Declared, Engine, tamper};
use crate::diagnostic::Diagnostic;
use crate::event::Event;
use crate::journal::{Intent, Record};
use crate::plan::Basis;
use crate::planner::{PlanInput, Planned, Planner};
use crate::render::Rendered;
use crate::target::Tier;
use crate::value::{Action, Digest, GroupKind, Hasher, Key, Revision};
use crate::{Cx, Error, Inventory, Result};

/// A plan, and what was learned on the way to it.
pub(super) struct Prepared {
    pub planned: Planned,
    /// What became of intents that an earlier run left open; to be made durable before anything is written.
    pub settled: Vec<Record>,
    /// Whether the applied line goes on from this plan's revision.
    pub moves_the_line: bool,
}

impl Engine {
    /// From the source to a plan, looking at no more than the base demands.
    pub(super) async fn prepare(&mut self, cx: &Cx) -> Result<Prepared> {
        let moves_the_line = self.declare(&cx.within(self.timeouts.call)).await?;
        let Declared { revision, desired, .. } = self.declared.clone().expect("`declare` has just set it");
        let candidates = self.base.candidates(&desired, self.inventory());
        let candidates = tamper::candidates(cx, &desired, self.inventory(), candidates);
        self.check_targets(&desired, &candidates)?;
        let layers = Planner.layers(&desired, &candidates)?;
        // Before the look: what was absent then may have come since, however long the answer was on its way.
        let now = cx.now();
        let live = self.observe(&cx.within(self.timeouts.call), &with_used(&desired, &candidates)).await?;
        let contested = self.contest.waiting(now);
        let settled = tamper::settled(cx, self.inventory(), self.settle_open_intents(&live, now));
        let mut inventory = self.inventory().clone();
        settled.iter().for_each(|record| inventory.take_in(record));
        let input = PlanInput {
            application: &self.name,
            revision: &revision,
            desired: &desired,
            inventory: &inventory,
            candidates: &candidates,
            live: &live,
            previews: &BTreeMap::new(),
            waiting: &BTreeMap::new(),
            quarantined: &self.quarantined(&inventory),
            contested: &contested,
            protected: &self.protected(),
            differ: &*self.differ,
            options: &self.options,
            basis: &self.basis(desired.objects().digest()),
            now,
        };
        let filled = self.fill(cx, input, &layers).await?;
        let planned = tamper::planned(cx, Planner.plan(&filled.input(input))?);
        self.base.planned(&desired, &inventory, &planned);
        self.events.emit(&Event::Planned {
            plan: planned.plan.id,
            considered: candidates.len(),
            diffed: planned.diffed,
            steps: planned.plan.steps.len(),
        });
        Ok(Prepared { planned, settled, moves_the_line })
    }

    /// Brings what is declared up to the newest, or pinned, revision; says whether the applied line moves with it.
    async fn declare(&mut self, cx: &Cx) -> Result<bool> {
        let pin = self.pinned(cx).await?;
        let moves_the_line = pin.as_ref().is_none_or(|pin| pin.leaves_the_line);
        let revision = if let Some(pin) = pin {
            pin.revision
        } else {
            let resolved = contained(cx.bounded(self.source.resolve(cx))).await;
            resolved.map_err(|error| error.during("resolve"))?
        };
        self.events.emit(&Event::Resolved { revision: revision.id().to_owned() });
        if self.declared.as_ref().is_some_and(|declared| declared.revision == revision) {
            return Ok(moves_the_line);
        }
        if moves_the_line {
            self.check_line(cx, &revision).await?;
        }
        let fetched = contained(cx.bounded(self.source.fetch(cx, &revision))).await;
        let snapshot = fetched.map_err(|error| error.during("fetch"))?;
        let rendered = self.renderer.render(&snapshot)?;
        let asking = contained(cx.bounded(self.renderer.find_out(cx, rendered))).await;
        let Rendered { desired, parts, remarks, .. } = asking.map_err(|error| error.during("render"))?;
        let reviewed = self.reviews.iter().flat_map(|review| review(&desired));
        let remarks: Arc<[Diagnostic]> =
            snapshot.remarks.into_iter().chain(remarks).chain(reviewed).collect();
        self.tell(&remarks);
        self.events.emit(&Event::Rendered { parts, objects: desired.objects().len() });
        self.declared = Some(Declared { revision, desired, remarks });
        Ok(moves_the_line)
    }

    /// Tells each remark that was not told of the revision before, once.
    fn tell(&self, remarks: &[Diagnostic]) {
        let mut told: BTreeSet<String> = self.remarks().iter().map(ToString::to_string).collect();
        for remark in remarks.iter().filter(|remark| told.insert(remark.to_string())) {
            self.events.emit(&Event::Remarked { remark: remark.clone() });
        }
    }

    /// A pin that leaves the line is the grant for its own revision; every other one must descend.
    async fn check_line(&self, cx: &Cx, revision: &Revision) -> Result<()> {
        match self.pinned(cx).await? {
            Some(pin) if &pin.revision == revision => Ok(()),
            _ => self.check_descent(cx, revision).await,
        }
    }

    fn basis(&self, desired: Digest) -> Basis {
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

    /// Objects of a target that nobody gave the engine are faults of the declaration, or of the set-up.
    fn check_targets(&self, desired: &crate::Desired, candidates: &BTreeSet<Key>) -> Result<()> {
        let unknown = |key: &&Key| !self.targets.contains_key(key.target());
        let faults: Vec<Diagnostic> =
            candidates.iter().filter(unknown).map(|key| self.no_target(desired, key)).collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Error::invalid("some objects have no target; nothing is planned", faults)),
        }
    }

    fn no_target(&self, desired: &crate::Desired, key: &Key) -> Diagnostic {
        let known: Vec<&str> = self.targets.keys().map(SmolStr::as_str).collect();
        let place = desired.objects().get(key).map(|object| object.provenance.to_string());
        let message = format!("{key} is of the target `{}`, which is not set up", key.target());
        Diagnostic::error("GO0305", place.unwrap_or_default(), message)
            .help(format!("the targets are: {}", known.join(", ")))
    }

    fn protected(&self) -> BTreeMap<SmolStr, BTreeSet<GroupKind>> {
        self.targets.iter().map(|(name, target)| (name.clone(), target.info().protected)).collect()
    }

    /// Objects with an open change in a target that can't say whether it happened; or, where the server names
    /// objects, with an open creation that may still land: a second one would make a second object.
    fn quarantined(&self, inventory: &Inventory) -> BTreeSet<Key> {
        let in_doubt =
            |intent: &&Intent| match self.targets.get(intent.key.target()).map(|target| target.info().tier) {
                Some(Tier::Opaque) => true,
                Some(Tier::Discoverable) => matches!(intent.action, Action::Create | Action::Replace),
                Some(Tier::Keyed) | None => false,
            };
        inventory.open().filter(in_doubt).map(|intent| intent.key.clone()).collect()
    }
}

/// The candidates, and the objects whose outputs they use.
fn with_used(desired: &crate::Desired, candidates: &BTreeSet<Key>) -> BTreeSet<Key> {
    let used = candidates.iter().filter_map(|key| desired.outputs_used(key)).flatten();
    candidates.iter().chain(used.map(|used| &used.key)).cloned().collect()
}
