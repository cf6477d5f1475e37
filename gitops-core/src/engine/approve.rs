//! Approvals that outlive the process in which they were given, and what a forge says of requests.

use std::collections::BTreeSet;

use super::Engine;
use crate::cx::Cx;
use crate::plan::Plan;
use crate::state::approval::{Approval, Through};
use crate::state::audit::{AuditEvent, MergedRequest};
use crate::state::record::Record;
use crate::value::{Error, ErrorKind, Key, PlanId, Result, redact};

impl Engine {
    /// Keeps an approval: from now on, in this process and in later ones, it lifts what it names as far as it covers it.
    ///
    /// At most 256 are kept, of 256 KiB in all. Where there is no room, those go first whose request was approved again since, and then
    /// the oldest; the audit log says which.
    ///
    /// Whoever calls this answers for it that the approver is who the approval says: a forge's review, a signature, a token, a
    /// user of the operating system.
    ///
    /// # Errors
    /// `Invalid` if nothing is approved by it or it has expired; whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn approve(&mut self, cx: &Cx, approval: Approval) -> Result<()> {
        if !approval.is_valid(cx.now()) {
            let message = "the approval approves nothing: its plan does nothing, or it has expired";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let by = approval.by.name.clone();
        self.take_over(cx, &by).await?;
        let event = AuditEvent::Approved {
            plan: approval.plan,
            effect: approval.effect.digest(),
            steps: approval.effect.keys().count(),
            by: approval.by.clone(),
            until: approval.until,
        };
        let dropped = self.inventory().approvals().clone().add(&approval).into_iter();
        let dropped = dropped.map(|old| AuditEvent::ApprovalDropped { plan: old.plan, by: old.by });
        self.audit(cx, &by, std::iter::once(event).chain(dropped).collect()).await?;
        self.ledger.commit(&[Record::Approved { approval: Box::new(approval) }]).await?;
        self.ledger.end_sync(cx).await
    }

    /// Takes back everything that was approved and is not done yet.
    ///
    /// # Errors
    /// Whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn reject(&mut self, cx: &Cx, plan: Option<PlanId>, reason: &str, by: &str) -> Result<()> {
        self.take_over(cx, by).await?;
        let reason = redact::credentials(reason).into_owned();
        self.audit(cx, by, vec![AuditEvent::Rejected { plan, reason }]).await?;
        self.void_approvals(cx).await
    }

    /// Takes back what was approved on one request and is not done yet; what was approved elsewhere holds. `review` is the request, as
    /// approvals name it: `gitea platform/site#7`.
    ///
    /// # Errors
    /// Whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn withdraw(&mut self, cx: &Cx, review: &str, reason: &str, by: &str) -> Result<()> {
        let approvals = self.inventory().approvals().iter().cloned();
        let (gone, kept): (Vec<_>, Vec<_>) =
            approvals.partition(|approval| approval.by.through.is_on(review));
        if gone.is_empty() {
            return Ok(());
        }
        self.take_over(cx, by).await?;
        let rejected = gone.iter().map(|approval| {
            let reason = format!("the approval by {}: {reason}", approval.by);
            let reason = redact::credentials(&reason).into_owned();
            AuditEvent::Rejected { plan: Some(approval.plan), reason }
        });
        self.audit(cx, by, rejected.collect()).await?;
        self.ledger.commit(&only(kept)).await?;
        self.ledger.end_sync(cx).await
    }

    /// Records that a request was merged, on behalf of who says so.
    ///
    /// # Errors
    /// Whatever keeps the log from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn note_merged(&mut self, cx: &Cx, merged: &MergedRequest, by: &str) -> Result<()> {
        self.take_over(cx, by).await?;
        self.audit(cx, by, vec![AuditEvent::Merged(Box::new(merged.clone()))]).await?;
        self.ledger.end_sync(cx).await
    }

    /// The records by which what was approved at the state loses the steps that a plan of a new revision does not have any more: who
    /// took a deletion back in the source has taken the approval back with it. What is approved on a request may be yet to come.
    pub(super) fn lapsed(&self, plan: &Plan) -> Vec<Record> {
        let moving = plan.steps.iter().map(|step| &step.key);
        let moving: BTreeSet<&Key> = moving.chain(plan.blocked.iter().map(|blocked| &blocked.key)).collect();
        let is_of_the_line = |approval: &Approval| {
            matches!(approval.by.through, Through::Terminal { .. } | Through::Urgent { .. })
        };
        let left = |approval: &Approval| {
            let mut left = approval.clone();
            if is_of_the_line(approval) {
                let gone = approval.effect.keys().filter(|key| !moving.contains(key));
                gone.for_each(|key| left.effect.spend(key, false));
            }
            left
        };
        let (before, mut after): (Vec<&Approval>, Vec<Approval>) =
            self.inventory().approvals().iter().map(|approval| (approval, left(approval))).unzip();
        if before.into_iter().eq(&after) {
            return Vec::new();
        }
        after.retain(|approval| !approval.effect.is_empty());
        only(after)
    }

    /// Nothing that was approved holds any more, for whoever goes on from the shared store either.
    pub(super) async fn void_approvals(&mut self, cx: &Cx) -> Result<()> {
        if !self.inventory().approvals().is_empty() {
            self.ledger.commit(&[Record::Voided]).await?;
        }
        self.ledger.end_sync(cx).await
    }
}

/// The records after which these approvals hold and no other.
pub(super) fn only(approvals: impl IntoIterator<Item = Approval>) -> Vec<Record> {
    let kept = approvals.into_iter().map(|approval| Record::Approved { approval: Box::new(approval) });
    std::iter::once(Record::Voided).chain(kept).collect()
}
