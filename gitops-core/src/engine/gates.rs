//! What the gates say of a plan, what stored approvals lift of it, and what may be carried out.

use std::collections::BTreeMap;

use super::Engine;
use super::prepare::Prepared;
use crate::cx::{Cx, Time};
use crate::gate::{Gate, GateMessage, Proposal, Verdict};
use crate::plan::{Blocked, BlockedBecause, Cause, Plan};
use crate::render::Desired;
use crate::source::Commits;
use crate::state::approval::{Approval, Approver};
use crate::value::{Digest, Error, ErrorKind, Key, Result, Uncovered};

/// How many steps are named in the reason why an approval does not count.
const NAMED: usize = 3;

impl Engine {
    /// What the gates say of a plan. A finding that a stored [approval](Approval) lifts is a warning that names who approved
    /// it; of one that an approval no longer covers, the message says why.
    pub fn verdict(&self, cx: &Cx, plan: &Plan) -> Verdict {
        self.judge(&self.proposal(plan, cx.now())).0
    }

    /// An approval of what a plan would do, which lifts what the gates find now. It counts once it is
    /// [stored](Self::approve).
    ///
    /// # Errors
    /// As [`Approval::new`].
    pub fn approval_of(&self, cx: &Cx, plan: &Plan, by: Approver) -> Result<Approval> {
        let now = cx.now();
        Approval::new(plan, self.findings(&self.proposal(plan, now)), by, now)
    }

    /// What the gates want approved of a plan, each with the fingerprint of its rule, whether somebody approved it or not.
    pub(super) fn findings(&self, proposal: &Proposal<'_>) -> Vec<(GateMessage, Digest)> {
        let found = self.gates.iter().flat_map(|gate| {
            let verdict = gate.check(proposal);
            verdict.findings().map(|found| (found.clone(), gate.fingerprint())).collect::<Vec<_>>()
        });
        found.collect()
    }

    /// A plan of what is declared, with all that there is to say of it.
    pub(super) fn proposal<'a>(&'a self, plan: &'a Plan, now: Time) -> Proposal<'a> {
        let commits = self.commits().filter(|commits| commits.to == plan.revision);
        self.proposal_of(plan, self.desired(), commits, now)
    }

    pub(super) fn proposal_of<'a>(
        &'a self,
        plan: &'a Plan,
        desired: Option<&'a Desired>,
        commits: Option<&'a Commits>,
        now: Time,
    ) -> Proposal<'a> {
        Proposal::new(plan, self.inventory().approvals(), now).desired(desired).commits(commits)
    }

    /// The verdict, and who approved what would need an approval without them.
    pub(super) fn judge(&self, proposal: &Proposal<'_>) -> (Verdict, Vec<String>) {
        let (mut verdict, mut approvers) = (Verdict::Allow, Vec::new());
        for gate in &self.gates {
            let said = match gate.check(proposal) {
                Verdict::NeedsApproval { messages } => {
                    messages.into_iter().fold(Verdict::Allow, |said, note| {
                        if note.is_warning() {
                            return said.and(Verdict::Warn { messages: vec![note] });
                        }
                        let (note, approver) = self.lift(&**gate, note, proposal.plan, proposal.now);
                        approvers.extend(approver);
                        said.and(note)
                    })
                }
                other => other,
            };
            verdict = verdict.and(said);
        }
        approvers.sort();
        approvers.dedup();
        (verdict.gathered(), approvers)
    }

    fn lift(
        &self,
        gate: &dyn Gate,
        mut note: GateMessage,
        plan: &Plan,
        now: Time,
    ) -> (Verdict, Option<String>) {
        match self.lifting(gate, &note, plan, now) {
            Ok(Approval { by, .. }) => {
                note.message = format!("approved by {by}: {}", note.message);
                note.approved_by = Some(by.to_string());
                (Verdict::Warn { messages: vec![note] }, Some(by.traced()))
            }
            Err(uncovered) => {
                let more = match self.doubted(gate, &note, plan, now) {
                    Some((Approval { by, .. }, why)) => {
                        format!(" (approved by {by}; {why})")
                    }
                    None => {
                        self.expired(gate, &note, plan, now).unwrap_or_else(|| no_longer_covered(&uncovered))
                    }
                };
                note.message.push_str(&more);
                (Verdict::NeedsApproval { messages: vec![note] }, None)
            }
        }
    }

    /// The approval that lifts a finding, or why none does.
    pub(super) fn lifting(
        &self,
        gate: &dyn Gate,
        note: &GateMessage,
        plan: &Plan,
        now: Time,
    ) -> Result<&Approval, Vec<(Key, Uncovered)>> {
        let stands = |approval: &Approval| !self.doubts.contains_key(&approval.origin());
        self.inventory().approvals().lifting(note, gate.fingerprint(), plan, now, stands)
    }

    /// An approval that would lift a finding, and why it does not in this pass.
    fn doubted(
        &self,
        gate: &dyn Gate,
        note: &GateMessage,
        plan: &Plan,
        now: Time,
    ) -> Option<(&Approval, &str)> {
        let is_doubted = |approval: &Approval| self.doubts.contains_key(&approval.origin());
        let approvals = self.inventory().approvals();
        let approval = approvals.lifting(note, gate.fingerprint(), plan, now, is_doubted).ok()?;
        Some((approval, self.doubts.get(&approval.origin())?))
    }

    /// Says of an approval that would lift a finding that it has expired.
    fn expired(&self, gate: &dyn Gate, note: &GateMessage, plan: &Plan, now: Time) -> Option<String> {
        let rule = gate.fingerprint();
        let would_lift = |approval: &&Approval| approval.lifts(note, rule, plan).is_ok();
        let mut expired =
            self.inventory().approvals().newest_first().filter(|approval| !approval.is_valid(now));
        let Approval { by, until, .. } = expired.find(would_lift)?;
        Some(format!(" (the approval by {by} expired at {})", until.as_ref()?))
    }

    /// Leaves what the revision still brings, keeps what puts right what others did, and judges that afresh.
    pub(super) fn leave_what_is_no_drift(&self, cx: &Cx, prepared: &mut Prepared) {
        prepared.leave_what_is_no_drift();
        (prepared.verdict, prepared.approved_by) =
            self.judge(&self.proposal(&prepared.planned.plan, cx.now()));
    }

    /// Lets pass what needs nobody's approval, and blocks the steps that do. What is said of the whole plan stops all of it.
    /// Whatever comes of it, blocked objects are told of.
    pub(super) fn admit_in_part(&mut self, prepared: &mut Prepared) -> Result<()> {
        let admitted = prepared.admit_in_part();
        self.note_blocked(&prepared.planned.plan);
        admitted
    }
}

impl Prepared {
    /// Lets a plan pass whole, or not at all.
    pub(super) fn admit(&self, names_the_plan: bool) -> Result<()> {
        check_not_suspended(self)?;
        match &self.verdict {
            Verdict::Deny { .. } => Err(denied(&self.verdict)),
            Verdict::NeedsApproval { .. } if !names_the_plan => {
                Err(needs_approval(&self.planned.plan, &self.verdict))
            }
            _ => Ok(()),
        }
    }

    fn leave_what_is_no_drift(&mut self) {
        let plan = &mut self.planned.plan;
        let (drift, brought) = std::mem::take(&mut plan.steps)
            .into_iter()
            .partition::<Vec<_>, _>(|step| step.cause == Cause::Drift);
        plan.steps = drift;
        let left =
            brought.into_iter().map(|step| Blocked { key: step.key, why: BlockedBecause::NotFollowed });
        plan.blocked.extend(left);
        plan.blocked.sort_by(|a, b| a.key.cmp(&b.key));
    }

    pub(super) fn admit_in_part(&mut self) -> Result<()> {
        check_not_suspended(self)?;
        if matches!(self.verdict, Verdict::Deny { .. }) {
            return Err(denied(&self.verdict));
        }
        let plan = &mut self.planned.plan;
        let mut findings: BTreeMap<Key, Vec<String>> = BTreeMap::new();
        let by_key = plan.by_key();
        for note in self.verdict.findings() {
            let steps: Vec<&Key> = note.keys.iter().filter(|key| by_key.contains_key(key)).collect();
            if steps.is_empty() {
                return Err(needs_approval(plan, &self.verdict));
            }
            for key in steps {
                findings.entry(key.clone()).or_default().push(note.to_string());
            }
        }
        plan.steps.retain(|step| !findings.contains_key(&step.key));
        let blocked = |(key, findings)| Blocked { key, why: BlockedBecause::NeedsApproval { findings } };
        plan.blocked.extend(findings.into_iter().map(blocked));
        plan.blocked.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(())
    }
}

fn check_not_suspended(prepared: &Prepared) -> Result<()> {
    match &prepared.suspension {
        Some(suspension) => Err(suspension.denies()),
        None => Ok(()),
    }
}

/// Why the newest approval does not count, if there is one.
fn no_longer_covered(uncovered: &[(Key, Uncovered)]) -> String {
    if uncovered.iter().all(|(_, why)| *why == Uncovered::NotApproved) {
        return String::new();
    }
    let named = uncovered.iter().filter(|(_, why)| *why != Uncovered::NotApproved);
    let named: Vec<String> = named.take(NAMED).map(|(key, why)| format!("{key}: {why}")).collect();
    format!(" (an earlier approval does not cover it: {})", named.join("; "))
}

/// Names what stands in the way, and nothing that was approved or is only to be known.
fn denied(verdict: &Verdict) -> Error {
    let error = Error::new(ErrorKind::Denied, "a gate denies the plan");
    let error = verdict.denials().fold(error, |error, note| error.with("gate", note));
    let error = verdict.findings().fold(error, |error, note| error.with("needs an approval", note));
    error.of_gate().help(match verdict.denied_until() {
        Some(_) => "wait until changes may be made; what only puts back what was applied before goes on",
        None => "change what is declared, or the gate's rule",
    })
}

fn needs_approval(plan: &Plan, verdict: &Verdict) -> Error {
    let error = Error::new(ErrorKind::NeedsApproval, "the plan needs an approval");
    let error = verdict.findings().fold(error, |error, note| error.with("gate", note));
    error.help(format!("review it, then apply plan {}", plan.id.short()))
}
