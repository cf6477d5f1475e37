use serde::Serialize;

use super::approval::Standing;
use super::{
    Attribution, BlockedItem, Counts, Failure, Flag, Item, Labels, Outcome, Part, Review, Side, Withdrawn,
};
use crate::capability::Diff;
use crate::gate::Verdict;
use crate::plan::{Cause, Reason};
use crate::value::{Action, ComponentChange, Digest, ForeignField, Key, Provenance, Taken};

/// A review as a JSON document, for programs. Secrets are masked, as everywhere.
///
/// ```
/// use gitops_core::review::{Review, ReviewDocument};
/// let review = Review::default();
/// let json = serde_json::to_value(ReviewDocument::of(&review))?;
/// assert_eq!(json["outcome"], "no-changes");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Serialize)]
pub struct ReviewDocument<'a> {
    outcome: Outcome,
    effect: Digest,
    looked_at_targets: bool,
    summary: Counts,
    parts: Vec<PartDocument<'a>>,
    failures: &'a [Failure],
}

impl<'a> ReviewDocument<'a> {
    /// The document of a review.
    pub fn of(review: &'a Review) -> Self {
        Self {
            outcome: review.outcome(),
            effect: review.effect(),
            looked_at_targets: review.looked_at_targets(),
            summary: review.counts(),
            parts: review.parts.iter().map(PartDocument::of).collect(),
            failures: &review.failures,
        }
    }
}

#[derive(Debug, Serialize)]
struct PartDocument<'a> {
    application: &'a str,
    labels: &'a Labels,
    outcome: Outcome,
    base: &'a Side,
    head: &'a Side,
    effect: Digest,
    looked_at_target: bool,
    verdict: &'a Verdict,
    flags: &'a [Flag],
    summary: Counts,
    steps: Vec<StepDocument<'a>>,
    withdrawn: &'a [Withdrawn],
    blocked: &'a [BlockedItem],
    approvals: Option<&'a Standing>,
}

impl<'a> PartDocument<'a> {
    fn of(part: &'a Part) -> Self {
        Self {
            application: &part.application,
            labels: &part.labels,
            outcome: part.outcome(),
            base: &part.base,
            head: &part.head,
            effect: part.effect,
            looked_at_target: part.looked_at_target,
            verdict: &part.verdict,
            flags: &part.flags,
            summary: part.counts,
            steps: part.items.iter().map(StepDocument::of).collect(),
            withdrawn: &part.withdrawn,
            blocked: &part.blocked,
            approvals: part.approvals.as_ref(),
        }
    }
}

#[derive(Debug, Serialize)]
struct StepDocument<'a> {
    key: &'a Key,
    action: Action,
    attribution: Attribution,
    cause: Cause,
    reason: ReasonDocument<'a>,
    is_reported_only: bool,
    base_moved: bool,
    drifted: bool,
    flags: &'a [Flag],
    fields: &'a Diff,
    components: &'a [ComponentChange],
    source: Option<&'a Provenance>,
    takes: &'a [Taken],
    foreign: &'a [ForeignField],
}

impl<'a> StepDocument<'a> {
    fn of(item: &'a Item) -> Self {
        let step = &item.step;
        Self {
            key: &step.key,
            action: step.action,
            attribution: item.attribution,
            cause: step.cause,
            reason: ReasonDocument { reason: &step.reason, text: step.reason.to_string() },
            is_reported_only: item.is_reported_only,
            base_moved: item.base_moved,
            drifted: item.drifted,
            flags: &item.flags,
            fields: &step.diff,
            components: &step.components.changes,
            source: step.provenance.as_ref(),
            takes: &step.takes,
            foreign: &step.foreign,
        }
    }
}

#[derive(Debug, Serialize)]
struct ReasonDocument<'a> {
    #[serde(flatten)]
    reason: &'a Reason,
    text: String,
}
