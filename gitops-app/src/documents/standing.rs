//! Which revision is live completely, and which one was begun and is not.

use gitops_core::{Inventory, Left, Plan, Revision, Time};
use serde::Serialize;

/// A revision of which every object was applied.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Live {
    /// Which one.
    pub revision: Revision,
    /// When its last object was applied; nothing where that was seen only now.
    pub at: Option<Time>,
}

/// A revision whose application began and is not complete.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// Which one.
    pub revision: Revision,
    /// When it began.
    pub since: Time,
    /// The objects that are left: by the plan that comes next if it is of this revision, else those that the last
    /// reconciliation left. Nothing if none has come to its end.
    pub left: Option<Left>,
}

/// How far an application has come.
#[derive(Debug)]
#[non_exhaustive]
pub struct Standing {
    /// The last revision that was applied completely.
    pub live: Option<Live>,
    /// The one that was begun since.
    pub progress: Option<Progress>,
}

impl Standing {
    /// What the engine recorded. A plan of the revision that was begun says best what is left of it now.
    pub fn of(inventory: &Inventory, plan: Option<&Plan>) -> Self {
        let live = inventory
            .complete()
            .map(|complete| Live { revision: complete.revision.clone(), at: Some(complete.at) });
        let Some(begun) = inventory.progress() else { return Self { live, progress: None } };
        let looked = plan.filter(|plan| plan.revision.id() == begun.revision.id()).map(|plan| {
            let mut left = Left::of(plan.missing().cloned().collect());
            left.error = begun.left.as_ref().and_then(|left| left.error.clone());
            left
        });
        let revision = begun.revision.clone();
        match looked {
            Some(left) if left.count() == 0 => {
                Self { live: Some(Live { revision, at: None }), progress: None }
            }
            looked => {
                let left = looked.or_else(|| begun.left.clone());
                Self { live, progress: Some(Progress { revision, since: begun.since, left }) }
            }
        }
    }
}
