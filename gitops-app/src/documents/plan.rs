//! A plan as a JSON document.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use gitops_core::{
    Action, Cause, Commits, ComponentChange, Diagnostic, Diff, ForeignField, Key, Plan, Provenance, Reason,
    Revision, Risk, Step, Taken,
};
use gitops_core::{OrphanedBecause, PlanId, Rebound, Suspension, Time, Verdict};
use serde::Serialize;

use super::Document;
use super::beside::{self, BesidePart};
use super::blocked::{self, BlockedPart};
use super::changes;
use super::held::{self, HeldPart};
use crate::config::{Config, TargetConfig};

/// The document of `plan`.
#[derive(Debug, Serialize)]
pub struct PlanDocument<'a> {
    plan_id: PlanId,
    application: &'a str,
    /// Where it is applied.
    targets: Vec<TargetPart>,
    revision: &'a Revision,
    observed_at: Time,
    /// What the revision brings over the accepted one; nothing where the source can't tell.
    commits: Option<&'a Commits>,
    verdict: &'a Verdict,
    summary: Summary,
    /// What the state would belong to instead of what it belongs to.
    rebound: &'a [Rebound],
    steps: Vec<StepPart<'a>>,
    drift: Vec<StepPart<'a>>,
    /// The objects of steps that are not as they were applied last either.
    beside: Vec<BesidePart<'a>>,
    blocked: Vec<BlockedPart<'a>>,
    /// The deletions that wait for what is blocked.
    held: Vec<HeldPart<'a>>,
    orphaned: &'a [Key],
    /// Why each of them stays.
    orphaned_because: &'a BTreeMap<Key, OrphanedBecause>,
    warnings: &'a [Diagnostic],
    /// Why nothing is written, if that is so.
    suspended: Option<Suspension>,
    /// Whether every object was looked at, or only what is declared otherwise.
    drift_looked_for: bool,
}

impl Document for PlanDocument<'_> {
    const KIND: &'static str = "Plan";
}

impl<'a> PlanDocument<'a> {
    /// The document of a plan, with the commits that it brings and the warnings about its revision.
    pub fn new(
        plan: &'a Plan,
        verdict: &'a Verdict,
        commits: Option<&'a Commits>,
        warnings: &'a [Diagnostic],
    ) -> Self {
        Self {
            plan_id: plan.id,
            application: &plan.application,
            targets: Vec::new(),
            revision: &plan.revision,
            observed_at: plan.observed_at,
            commits,
            verdict,
            summary: Summary::of(plan),
            rebound: &plan.rebound,
            steps: plan.steps.iter().map(StepPart::from).collect(),
            drift: plan.drift.iter().map(StepPart::from).collect(),
            beside: beside::all(plan),
            blocked: blocked::all(plan),
            held: held::all(plan),
            orphaned: &plan.orphaned,
            orphaned_because: &plan.orphaned_because,
            warnings,
            suspended: None,
            drift_looked_for: true,
        }
    }

    /// The same with the places where it is applied.
    #[must_use]
    pub fn targets(self, targets: Vec<TargetPart>) -> Self {
        Self { targets, ..self }
    }

    /// The same of a plan that did not look for drift, if this is false.
    #[must_use]
    pub fn drift_looked_for(self, drift_looked_for: bool) -> Self {
        Self { drift_looked_for, ..self }
    }

    /// The same of an application for which nothing is written, if that is so.
    #[must_use]
    pub fn suspended(self, suspended: Option<Suspension>) -> Self {
        Self { suspended, ..self }
    }
}

/// One target of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TargetPart {
    /// Its name, as keys of objects begin.
    pub name: String,
    /// Where it is, as a person would say it.
    pub place: String,
}

impl TargetPart {
    /// The targets of a configuration.
    pub fn all(config: &Config) -> Vec<Self> {
        let part = |target: &TargetConfig| Self { name: target.name.clone(), place: target.to_string() };
        config.targets.iter().map(part).collect()
    }

    /// The places of all targets of a configuration on one line.
    pub fn line(config: &Config) -> String {
        let places: Vec<String> = config.targets.iter().map(ToString::to_string).collect();
        places.join(", ")
    }
}

/// How many objects are to be created, updated and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    create: usize,
    update: usize,
    replace: usize,
    delete: usize,
    unchanged: usize,
    drift: usize,
    blocked: usize,
    orphaned: usize,
}

impl Summary {
    /// The sums of a plan; `drift` counts what is corrected, what is left alone, and what a commit changes too.
    pub fn of(plan: &Plan) -> Self {
        let only_drift = beside::only_drift(plan);
        let is_corrected = |step: &&Step| step.cause == Cause::Drift || only_drift.contains(&step.key);
        let corrected = plan.steps.iter().filter(is_corrected).count();
        Self {
            create: plan.count(Action::Create),
            update: plan.count(Action::Update),
            replace: plan.count(Action::Replace),
            delete: plan.count(Action::Delete),
            unchanged: plan.unchanged,
            drift: corrected + plan.drift.len() + beside::known(plan).len(),
            blocked: plan.blocked.len(),
            orphaned: plan.orphaned.len(),
        }
    }

    /// The same of what a look for drift found: so many objects drifted, and so many are blocked.
    pub fn of_drift(plan: &Plan, drifted: usize) -> Self {
        Self { drift: drifted, blocked: plan.blocked.len(), ..Self::default() }
    }

    /// What is not as declared, in a few words.
    pub fn line(&self) -> String {
        let parts = [
            (self.create, "to create"),
            (self.update, "to update"),
            (self.replace, "to replace"),
            (self.delete, "to delete"),
            (self.drift, "drifted"),
            (self.blocked, "blocked"),
        ];
        let words = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// The sums of several plans.
impl AddAssign<&Self> for Summary {
    fn add_assign(&mut self, other: &Self) {
        self.create += other.create;
        self.update += other.update;
        self.replace += other.replace;
        self.delete += other.delete;
        self.unchanged += other.unchanged;
        self.drift += other.drift;
        self.blocked += other.blocked;
        self.orphaned += other.orphaned;
    }
}

/// One step of a document.
#[derive(Debug, Serialize)]
pub struct StepPart<'a> {
    key: &'a Key,
    pub(super) action: Action,
    cause: Cause,
    reason: ReasonPart<'a>,
    fields: &'a Diff,
    /// What it does to what the object is made of: the resources of a root module.
    components: &'a [ComponentChange],
    risk: &'a [Risk],
    source: Option<&'a Provenance>,
    after: &'a [Key],
    /// Whether it writes again what was written last, because the target made something else of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    left_otherwise: bool,
    /// What goes with the object where it is deleted or replaced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    takes: Vec<Told<&'a Taken>>,
    /// Declared fields that other clients set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    foreign: Vec<Told<&'a ForeignField>>,
}

/// A value and how it reads.
#[derive(Debug, Serialize)]
struct Told<T> {
    #[serde(flatten)]
    value: T,
    text: String,
}

fn told<T: std::fmt::Display>(values: &[T]) -> Vec<Told<&T>> {
    values.iter().map(|value| Told { value, text: value.to_string() }).collect()
}

#[derive(Debug, Serialize)]
struct ReasonPart<'a> {
    #[serde(flatten)]
    reason: &'a Reason,
    text: String,
}

impl StepPart<'_> {
    /// The same of a step that only puts back what was changed outside of Git, if this is true.
    #[must_use]
    pub(super) fn drifting(self, drifting: bool) -> Self {
        Self { cause: if drifting { Cause::Drift } else { self.cause }, ..self }
    }
}

impl<'a> From<&'a Step> for StepPart<'a> {
    fn from(step: &'a Step) -> Self {
        Self {
            key: &step.key,
            action: step.action,
            cause: step.cause,
            reason: ReasonPart { reason: &step.reason, text: changes::reason(step) },
            fields: &step.diff,
            components: &step.components.changes,
            risk: &step.risk,
            source: step.provenance.as_ref(),
            after: &step.after,
            left_otherwise: step.left_otherwise,
            takes: told(&step.takes),
            foreign: told(&step.foreign),
        }
    }
}
