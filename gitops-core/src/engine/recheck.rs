//! Approvals that were given elsewhere are asked about again, before anything is carried out by them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;

use super::Engine;
use super::approve::only;
use super::effects::contained;
use super::prepare::Prepared;
use crate::cx::Cx;
use crate::gate::{Proposal, Verdict};
use crate::plan::Plan;
use crate::state::approval::{Approval, Through};
use crate::state::audit::AuditEvent;
use crate::value::{Digest, Result, redact};

/// How long it may take to ask about one approval. Drift is not repaired meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Knows whether what somebody approved in a review of a request still stands: who approved it may have taken it back since, where nobody
/// heard of it.
#[async_trait]
pub trait ApprovalCheck: Send + Sync {
    /// How an approval stands; `plan` is what would be carried out by it.
    ///
    /// # Errors
    /// Whatever keeps it from being asked. Nothing is carried out by the approval then.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn check(&self, cx: &Cx, plan: &Plan, approval: &Approval) -> Result<ApprovalState>;
}

/// How an approval stands that was given in a review of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApprovalState {
    /// It counts.
    Stands,
    /// It was not given for this plan, though that has the same effect; with the reason. It is kept, and lifts nothing of the plan.
    GivenElsewhere(String),
    /// It counts no more; with the reason. It is removed from the state.
    Withdrawn(String),
}

/// Approvals that lift nothing in this pass, though nobody withdrew them, by what stands for them however much of them is done; each with
/// the reason.
pub(super) type Doubts = BTreeMap<Digest, String>;

impl Engine {
    /// Asks about each approval of a review by which something of a plan would be carried out. One that does not stand is taken back, and
    /// one that was given for something else or can't be asked about lifts nothing in this pass. Gives whether one was taken back: then the plan is to be judged anew.
    pub(super) async fn ask_again(&mut self, cx: &Cx, prepared: &mut Prepared) -> Result<bool> {
        let Some(check) = self.approval_check.clone() else { return Ok(false) };
        let before = std::mem::take(&mut self.doubts);
        let plan = &prepared.planned.plan;
        let (mut asked, mut has_taken_back) = (BTreeSet::new(), false);
        // Where one of them lifts nothing, another one may.
        while let Some(approval) = self.relied_on(plan, cx, &asked) {
            asked.insert(approval.origin());
            let call = cx.within(PATIENCE);
            match contained(call.bounded(check.check(&call, plan, &approval))).await {
                Ok(ApprovalState::Stands) => {}
                Ok(ApprovalState::GivenElsewhere(why)) => {
                    self.doubts
                        .insert(approval.origin(), format!("which was given for something else: {why}"));
                }
                Ok(ApprovalState::Withdrawn(why)) => {
                    self.take_back(cx, &approval, &why).await?;
                    has_taken_back = true;
                }
                Err(error) => {
                    cx.check()?;
                    let why = format!("whether that still stands can't be asked: {error}");
                    self.doubts.insert(approval.origin(), why);
                }
            }
        }
        self.shared.tell(|status| status.doubts.clone_from(&self.doubts));
        // The plan was judged by what was in doubt before.
        if self.doubts != before {
            (prepared.verdict, prepared.approved_by) = self.judge(&self.proposal(plan, cx.now()));
            self.tell_of_plan(plan, &prepared.verdict, prepared.line);
        }
        Ok(has_taken_back)
    }

    /// Goes by no approval that lifts nothing for another engine of the application, which is at work and asks about them
    /// ([`EngineStatus::doubts`](super::EngineStatus::doubts)), each with the reason. It replaces what was said before.
    pub fn doubted_elsewhere(&mut self, doubts: BTreeMap<Digest, String>) {
        self.doubts = doubts;
    }

    /// An approval of a review that lifts something of a plan, and that is not among these.
    fn relied_on(&self, plan: &Plan, cx: &Cx, asked: &BTreeSet<Digest>) -> Option<Approval> {
        let proposal: Proposal<'_> = self.proposal(plan, cx.now());
        let mut found = self.gates.iter().flat_map(|gate| {
            let verdict = gate.check(&proposal);
            let notes = match &verdict {
                Verdict::NeedsApproval { messages } => messages.as_slice(),
                _ => &[],
            };
            let lifting = |note| self.lifting(&**gate, note, plan, proposal.now).ok().cloned();
            notes.iter().filter(|note| !note.is_warning()).filter_map(lifting).collect::<Vec<_>>()
        });
        found.find(|approval| {
            matches!(approval.by.through, Through::Review { .. }) && !asked.contains(&approval.origin())
        })
    }

    /// Takes back one approval; those of others hold.
    async fn take_back(&mut self, cx: &Cx, approval: &Approval, why: &str) -> Result<()> {
        let by = match &approval.by.through {
            Through::Review { review } => review.split_once(": ").map_or(review.as_str(), |(of, _)| of),
            _ => &approval.by.name,
        };
        self.take_over(cx, by).await?;
        let reason = redact::credentials(&format!("the approval by {}: {why}", approval.by)).into_owned();
        self.audit(cx, by, vec![AuditEvent::Rejected { plan: Some(approval.plan), reason }]).await?;
        let others = self.inventory().approvals().iter().filter(|other| other.id() != approval.id());
        let records = only(others.cloned());
        self.ledger.commit(&records).await?;
        self.ledger.end_sync(cx).await
    }
}
