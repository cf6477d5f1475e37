//! Rules that a plan must pass before it is applied.

use std::fmt;

use serde::Serialize;

use crate::plan::{Plan, Risk};
use crate::value::{Action, Digest, Hasher};

/// A rule that a plan must pass: pure, quick, without I/O.
///
/// ```
/// use gitops_core::{Action, Gate, Plan, Verdict, gate};
/// let no_deletes = gate("no-deletes", |plan: &Plan| match plan.count(Action::Delete) {
///     0 => Verdict::Allow,
///     n => Verdict::deny("no-deletes", format!("{n} objects would be deleted")),
/// });
/// assert_eq!(no_deletes.name(), "no-deletes");
/// ```
pub trait Gate: Send + Sync {
    /// The gate's name, as it appears in verdicts.
    fn name(&self) -> &str;

    /// What the gate says of a plan.
    fn check(&self, plan: &Plan) -> Verdict;

    /// The identity of the rule: a changed rule makes older plans stale. The default is the name.
    fn fingerprint(&self) -> Digest {
        Hasher::new("gitops gate").field(self.name()).finish()
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
        notes: Vec<Note>,
    },
    /// It may go on once somebody has approved exactly this plan.
    NeedsApproval {
        /// Why, by gate.
        notes: Vec<Note>,
    },
    /// It may not go on.
    Deny {
        /// Why, by gate.
        notes: Vec<Note>,
    },
}

/// One gate's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The gate.
    pub gate: String,
    /// What it says.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.gate, self.message)
    }
}

fn note(gate: impl Into<String>, message: impl Into<String>) -> Vec<Note> {
    vec![Note { gate: gate.into(), message: message.into() }]
}

impl Verdict {
    /// A warning of a gate.
    pub fn warn(gate: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Warn { notes: note(gate, message) }
    }

    /// A gate's call for an approval.
    pub fn needs_approval(gate: impl Into<String>, message: impl Into<String>) -> Self {
        Self::NeedsApproval { notes: note(gate, message) }
    }

    /// A gate's refusal.
    pub fn deny(gate: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Deny { notes: note(gate, message) }
    }

    /// All that the gates say.
    pub fn notes(&self) -> &[Note] {
        match self {
            Self::Allow => &[],
            Self::Warn { notes } | Self::NeedsApproval { notes } | Self::Deny { notes } => notes,
        }
    }

    /// Both: the graver decides, and no note is lost.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let graver = self.gravity().max(other.gravity());
        let notes: Vec<Note> = self.notes().iter().chain(other.notes()).cloned().collect();
        match graver {
            0 => Self::Allow,
            1 => Self::Warn { notes },
            2 => Self::NeedsApproval { notes },
            _ => Self::Deny { notes },
        }
    }

    fn gravity(&self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Warn { .. } => 1,
            Self::NeedsApproval { .. } => 2,
            Self::Deny { .. } => 3,
        }
    }
}

/// A gate from a function.
pub fn gate<F>(name: impl Into<String>, check: F) -> impl Gate
where
    F: Fn(&Plan) -> Verdict + Send + Sync,
{
    Named { name: name.into(), check }
}

struct Named<F> {
    name: String,
    check: F,
}

impl<F: Fn(&Plan) -> Verdict + Send + Sync> Gate for Named<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, plan: &Plan) -> Verdict {
        (self.check)(plan)
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

    fn check(&self, plan: &Plan) -> Verdict {
        let mut verdict = Verdict::Allow;
        let deletes = plan.count(Action::Delete) + plan.count(Action::Replace);
        if let Some(much) = too_much(deletes, plan.owned, "objects") {
            verdict = Verdict::needs_approval(self.name(), much);
        }
        for step in &plan.steps {
            let (lost, owned) = (step.components.lost().count(), step.components.owned);
            if let Some(much) = too_much(lost, owned, "components") {
                verdict =
                    verdict.and(Verdict::needs_approval(self.name(), format!("in {}, {much}", step.key)));
            }
        }
        let protected = plan.steps.iter().filter(|step| step.risk.contains(&Risk::Protected));
        protected.fold(verdict, |verdict, step| {
            let message = format!("the {} of {} removes what is protected", step.action, step.key);
            verdict.and(Verdict::needs_approval(self.name(), message))
        })
    }
}

/// Why so many losses are too many, if they are.
fn too_much(lost: usize, owned: usize, what: &str) -> Option<String> {
    let limit = 5.max(owned / 5);
    if lost == owned && owned > 1 {
        return Some(format!("all {owned} {what} would be deleted; that needs an approval"));
    }
    (lost > limit)
        .then(|| format!("{lost} of {owned} {what} would be deleted; more than {limit} need an approval"))
}
