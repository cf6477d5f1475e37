//! Rules that a plan must pass before it is applied.

mod approving;
#[cfg(feature = "cel")]
pub mod cel;
mod message;
#[cfg(test)]
mod tests;

pub use message::{GateMessage, Strictness};

use serde::Serialize;

use crate::cx::Time;
use crate::plan::{Plan, Reason, Step};
use crate::render::Desired;
use crate::source::Commits;
use crate::state::approval::Approvals;
use crate::value::{Digest, Hasher, Key, Risk, Whose};

/// A rule that a plan must pass: pure, quick, without I/O.
///
/// ```
/// use gitops_core::{Action, Gate, Proposal, Verdict, gate};
/// let no_deletes = gate("no-deletes", 1, |proposal: &Proposal| match proposal.plan.count(Action::Delete) {
///     0 => Verdict::Allow,
///     n => Verdict::deny("no-deletes", format!("{n} objects would be deleted")),
/// });
/// assert_eq!(no_deletes.name(), "no-deletes");
/// ```
pub trait Gate: Send + Sync {
    /// The gate's name, as it appears in verdicts.
    fn name(&self) -> &str;

    /// What the gate says of a proposal.
    fn check(&self, proposal: &Proposal<'_>) -> Verdict;

    /// The identity of the rule: a changed rule makes older plans stale. The default is the name.
    fn fingerprint(&self) -> Digest {
        Hasher::new("gitops gate").field(self.name()).finish()
    }
}

/// What gates judge.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Proposal<'a> {
    /// What would be done.
    pub plan: &'a Plan,
    /// All that is declared, with secrets masked; nothing where only the plan is at hand.
    pub desired: Option<&'a Desired>,
    /// What the plan's revision brings over the accepted one. Nothing where the source can't tell, or where no revision was
    /// accepted before: a rule about commits has to deny that, or to let it pass.
    pub commits: Option<&'a Commits>,
    /// What people approved and is not done yet.
    pub approvals: &'a Approvals,
    /// The time at which it is judged.
    pub now: Time,
}

impl<'a> Proposal<'a> {
    /// A plan that is judged at a time.
    pub fn new(plan: &'a Plan, approvals: &'a Approvals, now: Time) -> Self {
        Self { plan, desired: None, commits: None, approvals, now }
    }

    /// The same with all that is declared.
    #[must_use]
    pub fn desired(mut self, desired: Option<&'a Desired>) -> Self {
        self.desired = desired;
        self
    }

    /// The same with the commits that the plan's revision brings.
    #[must_use]
    pub fn commits(mut self, commits: Option<&'a Commits>) -> Self {
        self.commits = commits;
        self
    }
}

/// What a gate says, and which gate said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing against it.
    Allow,
    /// It may go on; somebody should know.
    Warn {
        /// What to know, by gate.
        messages: Vec<GateMessage>,
    },
    /// It may go on once somebody has approved exactly this plan.
    NeedsApproval {
        /// Why, by gate.
        messages: Vec<GateMessage>,
    },
    /// It may not go on.
    Deny {
        /// Why, by gate.
        messages: Vec<GateMessage>,
    },
}

impl Verdict {
    /// A warning of a gate.
    pub fn warn(gate: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Warn { messages: vec![GateMessage::new(gate, message)] }
    }

    /// A gate's call for an approval.
    pub fn needs_approval(gate: impl Into<String>, message: impl Into<String>) -> Self {
        Self::NeedsApproval { messages: vec![GateMessage::new(gate, message)] }
    }

    /// A gate's refusal.
    pub fn deny(gate: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Deny { messages: vec![GateMessage::new(gate, message)] }
    }

    /// The same about the steps of some objects. A finding that names no object is about the whole plan.
    ///
    /// An [`Approval`](crate::Approval) lifts a finding only if it covers every step that the finding names. While nobody
    /// has approved them, an engine at work leaves these steps out and carries out the others.
    #[must_use]
    pub fn naming(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        let keys: Vec<Key> = keys.into_iter().collect();
        match &mut self {
            Self::Allow => {}
            Self::Warn { messages } | Self::NeedsApproval { messages } | Self::Deny { messages } => {
                messages.iter_mut().for_each(|note| note.keys.clone_from(&keys));
            }
        }
        self
    }

    /// All that the gates say.
    pub fn messages(&self) -> &[GateMessage] {
        match self {
            Self::Allow => &[],
            Self::Warn { messages } | Self::NeedsApproval { messages } | Self::Deny { messages } => messages,
        }
    }

    /// The same where it ends by itself at a time, as a change window opens. Nothing else of it is other than before.
    #[must_use]
    pub fn until(mut self, until: Option<Time>) -> Self {
        if let Self::Warn { messages } | Self::NeedsApproval { messages } | Self::Deny { messages } =
            &mut self
        {
            messages.iter_mut().for_each(|note| note.until = until);
        }
        self
    }

    /// All that the gates say, each message with how strict it is by itself.
    pub fn each(&self) -> impl Iterator<Item = (Strictness, &GateMessage)> {
        let whole = self.strictness();
        let each = move |note| Some((GateMessage::strictness_in(note, whole?), note));
        self.messages().iter().filter_map(each)
    }

    /// The findings that somebody has to approve, without the warnings and the denials beside them.
    pub fn findings(&self) -> impl Iterator<Item = &GateMessage> {
        self.of(Strictness::NeedsApproval)
    }

    /// The denials, without what else is said beside them.
    pub fn denials(&self) -> impl Iterator<Item = &GateMessage> {
        self.of(Strictness::Deny)
    }

    /// What stands in the way: the denials first, then what somebody has to approve.
    pub fn obstacles(&self) -> impl Iterator<Item = &GateMessage> {
        self.denials().chain(self.findings())
    }

    fn of(&self, strictness: Strictness) -> impl Iterator<Item = &GateMessage> {
        self.each().filter(move |(own, _)| *own == strictness).map(|(_, note)| note)
    }

    /// When the denials end by themselves; nothing if nothing is denied, or if one of them ends only by what somebody does.
    pub fn denied_until(&self) -> Option<Time> {
        denied_until(self.denials())
    }

    /// Both: the stricter decides, and no message is lost.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let stricter = self.strictness().max(other.strictness());
        let label = |(own, note): (Strictness, &GateMessage)| {
            let is_told = own == Strictness::Warn || Some(own) < stricter;
            note.labelled(is_told.then_some(own))
        };
        let messages: Vec<GateMessage> = self.each().chain(other.each()).map(label).collect();
        match stricter {
            None => Self::Allow,
            Some(Strictness::Warn) => Self::Warn { messages },
            Some(Strictness::NeedsApproval) => Self::NeedsApproval { messages },
            Some(Strictness::Deny) => Self::Deny { messages },
        }
    }

    /// The same with messages of a gate that say the same joined into one about all their objects.
    #[must_use]
    pub fn gathered(mut self) -> Self {
        if let Self::Warn { messages } | Self::NeedsApproval { messages } | Self::Deny { messages } =
            &mut self
        {
            *messages = GateMessage::gathered(std::mem::take(messages));
        }
        self
    }

    fn strictness(&self) -> Option<Strictness> {
        match self {
            Self::Allow => None,
            Self::Warn { .. } => Some(Strictness::Warn),
            Self::NeedsApproval { .. } => Some(Strictness::NeedsApproval),
            Self::Deny { .. } => Some(Strictness::Deny),
        }
    }
}

/// When denials end by themselves, all of them.
pub(crate) fn denied_until<'a>(denials: impl IntoIterator<Item = &'a GateMessage>) -> Option<Time> {
    let ends: Option<Vec<Time>> = denials.into_iter().map(|note| note.until).collect();
    ends?.into_iter().max()
}

/// A gate from a function. Raise the version whenever the function says something else than before: approvals that were
/// given under another rule do not lift what it finds.
pub fn gate<F>(name: impl Into<String>, version: u32, check: F) -> impl Gate
where
    F: Fn(&Proposal<'_>) -> Verdict + Send + Sync,
{
    Named { name: name.into(), version, check }
}

struct Named<F> {
    name: String,
    version: u32,
    check: F,
}

impl<F: Fn(&Proposal<'_>) -> Verdict + Send + Sync> Gate for Named<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, proposal: &Proposal<'_>) -> Verdict {
        (self.check)(proposal)
    }

    fn fingerprint(&self) -> Digest {
        Hasher::new("gitops gate").field(&self.name).field(self.version.to_le_bytes()).finish()
    }
}

/// Calls for an approval where a plan deletes more than max(5, 20 %) of what we own, all of it, or anything that is
/// [protected](crate::Risk::Protected); and where a change of one object takes as much of what that is made of.
///
/// Every engine has it; `--yes` does not lift it.
#[derive(Clone, Copy, Debug, Default)]
pub struct MassDelete;

impl Gate for MassDelete {
    fn name(&self) -> &'static str {
        "mass-delete"
    }

    fn check(&self, &Proposal { plan, .. }: &Proposal<'_>) -> Verdict {
        let mut verdict = Verdict::Allow;
        // What ended is deleted because it is declared so.
        let is_loss = |step: &&Step| step.action.removes() && !matches!(step.reason, Reason::Ended { .. });
        let lost: Vec<_> = plan.steps.iter().filter(is_loss).map(|step| step.key.clone()).collect();
        if let Some(much) = too_much(lost.len(), plan.removed, plan.owned, "objects") {
            verdict = Verdict::needs_approval(self.name(), much).naming(lost);
        }
        for step in &plan.steps {
            let (lost, owned) = (step.components.lost().count(), step.components.owned);
            if let Some(much) = too_much(lost, 0, owned, "components") {
                let finding = Verdict::needs_approval(self.name(), format!("in {}, {much}", step.key));
                verdict = verdict.and(finding.naming([step.key.clone()]));
            }
        }
        let protected = plan.steps.iter().filter(|step| step.risk.contains(&Risk::Protected));
        protected.fold(verdict, |verdict, step| {
            let message = format!("the {} of {} removes what is protected", step.action, step.key);
            verdict.and(Verdict::needs_approval(self.name(), message).naming([step.key.clone()]))
        })
    }
}

/// Calls for an approval where the delete or replacement of an object takes what others have with it, or where nobody can
/// say what it takes.
///
/// Every engine has it; `--yes` does not lift it.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlastRadius;

impl Gate for BlastRadius {
    fn name(&self) -> &'static str {
        "blast-radius"
    }

    fn check(&self, &Proposal { plan, .. }: &Proposal<'_>) -> Verdict {
        plan.steps.iter().fold(Verdict::Allow, |verdict, step| {
            let grave = step.takes.iter().filter(|taken| taken.whose != Whose::Ours);
            let grave: Vec<String> = grave.map(ToString::to_string).collect();
            if grave.is_empty() {
                return verdict;
            }
            let message = format!("the {} of {} takes {}", step.action, step.key, grave.join("; "));
            verdict.and(Verdict::needs_approval(self.name(), message).naming([step.key.clone()]))
        })
    }
}

/// Why so many losses are too many, if they are, after so many before them of which nobody was asked.
fn too_much(lost: usize, before: usize, owned: usize, what: &str) -> Option<String> {
    let limit = 5.max((owned + before) / 5);
    // More may go than what counts: what was made since the revision in progress began does not count.
    if lost >= owned && owned > 1 {
        return Some(format!("all {owned} {what} would be deleted; that needs an approval"));
    }
    let since = match before {
        0 => String::new(),
        before => format!(" after {before} since the revision in progress began"),
    };
    (lost > 0 && lost + before > limit).then(|| {
        format!("{lost} of {owned} {what} would be deleted{since}; more than {limit} need an approval")
    })
}
