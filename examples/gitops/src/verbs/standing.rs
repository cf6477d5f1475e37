//! Which revision is live completely, and which one was begun and is not.

use gitops_core::{BlockedBecause, Cause, Key, Plan, Revision, Time};
use serde::Serialize;

use super::deployment::{Deployment, Outcome};

/// A revision of which every object was applied.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Live {
    /// Which one.
    pub revision: Revision,
    /// When its last object was applied, where the audit log still knows.
    pub at: Option<Time>,
}

/// A revision whose application began and is not complete.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Which one.
    pub revision: Revision,
    /// When it began, where the audit log still knows.
    pub since: Option<Time>,
    /// The objects that are left; nothing where nobody looked, for another revision is planned now.
    pub left: Option<Vec<Key>>,
}

/// How far an application has come.
pub struct Standing {
    /// The last revision that was applied completely.
    pub live: Option<Live>,
    /// The one that was begun since.
    pub progress: Option<Progress>,
}

impl Standing {
    /// The standing of an application that began a revision last, by the plan that comes next, and by what was deployed,
    /// the newest first.
    ///
    /// A plan of the revision that was begun says best what is left of it. For any other, the log says how it ended.
    pub fn of(begun: Option<&Revision>, plan: Option<&Plan>, deployments: &[Deployment]) -> Self {
        let Some(begun) = begun else { return Self { live: None, progress: None } };
        let of_begun = deployments.iter().find(|deployment| deployment.revision.id() == begun.id());
        let looked = plan.filter(|plan| plan.revision.id() == begun.id()).map(missing);
        let is_complete = match &looked {
            Some(missing) => missing.is_empty(),
            None => of_begun.is_none_or(|deployment| deployment.result == Outcome::Succeeded),
        };
        if is_complete {
            let at = of_begun.and_then(|deployment| deployment.ended_at);
            return Self { live: Some(Live { revision: begun.clone(), at }), progress: None };
        }
        let before = deployments
            .iter()
            .find(|other| other.result == Outcome::Succeeded && other.revision.id() != begun.id());
        let live = before.map(|before| Live { revision: before.revision.clone(), at: before.ended_at });
        let since = of_begun.map(|deployment| deployment.started_at);
        Self { live, progress: Some(Progress { revision: begun.clone(), since, left: looked }) }
    }
}

/// The objects that keep the revision of a plan from being live completely: those that it would change because of the
/// revision, and those that are blocked. Drift is not among them, nor what others change again and again.
fn missing(plan: &Plan) -> Vec<Key> {
    let steps = plan.steps.iter().filter(|step| step.cause != Cause::Drift).map(|step| &step.key);
    let blocked =
        plan.blocked.iter().filter(|blocked| !matches!(blocked.why, BlockedBecause::Flapping { .. }));
    steps.chain(blocked.map(|blocked| &blocked.key)).cloned().collect()
}
