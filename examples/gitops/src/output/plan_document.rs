//! A plan as a JSON document.

use gitops_core::{
    Action, Cause, ComponentChange, Diagnostic, Diff, Held, HeldBecause, Key, Plan, Provenance, Reason,
    Revision, Risk, Step,
};
use gitops_core::{PlanId, Time, Verdict};
use serde::Serialize;

use super::changes;
use super::document::Document;

/// The document of `plan`.
#[derive(Debug, Serialize)]
pub struct PlanDocument<'a> {
    plan_id: PlanId,
    application: &'a str,
    revision: &'a Revision,
    observed_at: Time,
    verdict: &'a Verdict,
    summary: Summary,
    steps: Vec<StepPart<'a>>,
    drift: Vec<StepPart<'a>>,
    held: Vec<HeldPart<'a>>,
    kept: &'a [Key],
    remarks: &'a [Diagnostic],
}

impl Document for PlanDocument<'_> {
    const KIND: &'static str = "Plan";
}

impl<'a> PlanDocument<'a> {
    /// The document of a plan, and what was remarked about its revision.
    pub fn new(plan: &'a Plan, verdict: &'a Verdict, remarks: &'a [Diagnostic]) -> Self {
        Self {
            plan_id: plan.id,
            application: &plan.application,
            revision: &plan.revision,
            observed_at: plan.observed_at,
            verdict,
            summary: Summary::of(plan),
            steps: plan.steps.iter().map(StepPart::from).collect(),
            drift: plan.drift.iter().map(StepPart::from).collect(),
            held: plan.held.iter().map(HeldPart::from).collect(),
            kept: &plan.kept,
            remarks,
        }
    }
}

/// How many objects are to be created, updated and so on.
#[derive(Debug, Serialize)]
pub struct Summary {
    create: usize,
    update: usize,
    replace: usize,
    delete: usize,
    unchanged: usize,
    drift: usize,
    held: usize,
    kept: usize,
}

impl Summary {
    /// The sums of a plan; `drift` counts what is corrected and what is left alone.
    pub fn of(plan: &Plan) -> Self {
        Self {
            create: plan.count(Action::Create),
            update: plan.count(Action::Update),
            replace: plan.count(Action::Replace),
            delete: plan.count(Action::Delete),
            unchanged: plan.unchanged,
            drift: plan.steps.iter().filter(|step| step.cause == Cause::Drift).count() + plan.drift.len(),
            held: plan.held.len(),
            kept: plan.kept.len(),
        }
    }

    /// What is not as declared, in a few words.
    pub fn line(&self) -> String {
        let parts = [
            (self.create, "to create"),
            (self.update, "to update"),
            (self.replace, "to replace"),
            (self.delete, "to delete"),
            (self.drift, "drifted"),
            (self.held, "held"),
        ];
        let words = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// One step of a document.
#[derive(Debug, Serialize)]
pub struct StepPart<'a> {
    key: &'a Key,
    action: Action,
    cause: Cause,
    reason: ReasonPart<'a>,
    fields: &'a Diff,
    /// What it does to what the object is made of: the resources of a root module.
    components: &'a [ComponentChange],
    risk: &'a [Risk],
    source: Option<&'a Provenance>,
    after: &'a [Key],
}

#[derive(Debug, Serialize)]
struct ReasonPart<'a> {
    #[serde(flatten)]
    reason: &'a Reason,
    text: String,
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
        }
    }
}

/// One object about which nothing is done.
#[derive(Debug, Serialize)]
pub struct HeldPart<'a> {
    key: &'a Key,
    #[serde(flatten)]
    why: &'a HeldBecause,
    text: String,
}

impl<'a> From<&'a Held> for HeldPart<'a> {
    fn from(held: &'a Held) -> Self {
        Self { key: &held.key, why: &held.why, text: held.why.to_string() }
    }
}
