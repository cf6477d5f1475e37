//! What kind of thing blocks an object.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Blocked, BlockedBecause, Plan};
use crate::value::{ErrorKind, Key};

/// What kind of thing blocks an object: who has to do something about it, if anybody. The gravest is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Obstacle {
    /// It ends by what goes on already, or by applying the rest of the plan: nobody has to do anything.
    Wait,
    /// Somebody else has a claim on the object, or on fields of it: a person has to decide.
    Conflict,
    /// Somebody has to approve the change.
    Approval,
    /// Rights are missing.
    MissingRights,
    /// Something has to be mended: a declaration, the target, or a change whose outcome nobody knows.
    Fault,
}

impl Obstacle {
    /// Whether it goes away without anybody's doing.
    pub fn ends_by_itself(self) -> bool {
        self == Self::Wait
    }

    const fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Forbidden | ErrorKind::Unauthenticated => Self::MissingRights,
            ErrorKind::Conflict | ErrorKind::NotOwned => Self::Conflict,
            _ => Self::Fault,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wait => "wait",
            Self::Conflict => "conflict",
            Self::Approval => "approval",
            Self::MissingRights => "missing-rights",
            Self::Fault => "fault",
        })
    }
}

impl Plan {
    /// Every object about which nothing may be done now, with the kind of thing that blocks it, in the order of keys.
    pub fn obstacles(&self) -> impl Iterator<Item = (&Blocked, Obstacle)> {
        let moving = self.steps.iter().map(|step| &step.key);
        let moving: BTreeSet<&Key> = moving.chain(self.blocked.iter().map(|blocked| &blocked.key)).collect();
        self.blocked.iter().map(move |blocked| (blocked, obstacle(blocked, &moving)))
    }
}

/// An output is on its way if its object is about to change, or is blocked itself: then that one counts. One that
/// an object at rest does not have will not come. So does a place come back that is declared and goes; one that is not declared is made
/// by somebody else, if at all.
fn obstacle(blocked: &Blocked, moving: &BTreeSet<&Key>) -> Obstacle {
    match &blocked.why {
        BlockedBecause::AwaitsOutput { of, .. } | BlockedBecause::GoesWith { of } if moving.contains(of) => {
            Obstacle::Wait
        }
        BlockedBecause::Deleting
        | BlockedBecause::LeftUntilGone { .. }
        | BlockedBecause::NotFollowed
        | BlockedBecause::NotReady { progresses: true, .. } => Obstacle::Wait,
        BlockedBecause::Unlabelled
        | BlockedBecause::LabelLost
        | BlockedBecause::OwnedByOther { .. }
        | BlockedBecause::Flapping { .. }
        | BlockedBecause::CannotAdopt { .. }
        | BlockedBecause::DeclaredAs { .. }
        | BlockedBecause::MayBeRenamed { .. }
        | BlockedBecause::ForeignFields { .. }
        | BlockedBecause::Obstructed { .. }
        | BlockedBecause::GoesWith { .. }
        | BlockedBecause::Unresolved => Obstacle::Conflict,
        BlockedBecause::NeedsApproval { .. } => Obstacle::Approval,
        BlockedBecause::Unreadable(refusal) | BlockedBecause::DryRunFailed(refusal) => {
            Obstacle::of(refusal.kind)
        }
        BlockedBecause::AwaitsOutput { .. }
        | BlockedBecause::LacksOutput { .. }
        | BlockedBecause::UnfitOutput { .. }
        | BlockedBecause::DeclaredTwice { .. }
        | BlockedBecause::TakesAlong { .. }
        | BlockedBecause::DeletionRefused(_)
        | BlockedBecause::Differs { .. }
        | BlockedBecause::NotReady { .. }
        | BlockedBecause::Ended { .. }
        | BlockedBecause::Quarantined { .. } => Obstacle::Fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{GroupKind, Refusal};

    #[test]
    fn who_has_to_act_follows_from_the_reason() {
        let key = |name: &str| Key::new("t", GroupKind::new("", "K"), "", name);
        let awaits =
            |of: &str| BlockedBecause::AwaitsOutput { of: key(of), output: "x".into(), known: Vec::new() };
        let of = |why| {
            let blocked = Blocked { key: key("a"), why };
            obstacle(&blocked, &[&key("moves")].into())
        };
        assert_eq!(of(awaits("moves")), Obstacle::Wait);
        assert_eq!(of(awaits("rests")), Obstacle::Fault, "an object at rest will not have it");
        assert_eq!(of(BlockedBecause::Deleting), Obstacle::Wait);
        assert_eq!(of(BlockedBecause::Unlabelled), Obstacle::Conflict);
        let refused = |kind| of(BlockedBecause::DryRunFailed(Refusal::new(kind, "no")));
        assert_eq!(refused(ErrorKind::Forbidden), Obstacle::MissingRights);
        assert_eq!(refused(ErrorKind::Conflict), Obstacle::Conflict);
        for kind in [ErrorKind::Invalid, ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Internal] {
            assert_eq!(refused(kind), Obstacle::Fault, "{kind:?}");
        }
        assert_eq!(of(BlockedBecause::Quarantined { until: None }), Obstacle::Fault);
    }
}
