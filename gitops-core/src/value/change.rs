use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::owner;
use super::{Digest, Key, Live, Object, Presence, Uid, Value, Version};

/// One change of one object, complete with its precondition.
///
/// Whatever sees a change (the journal, a layer, a backend, an audit record) sees what must hold for it, and a
/// change without an expectation can't be written down. What its target previewed of it, and the plan showed, travels
/// along as `preview`.
#[derive(Clone, Debug)]
pub enum Change {
    /// Make an object that must be absent.
    Create {
        /// What to make.
        object: Arc<Object>,
        /// Whose it becomes.
        owner_label: OwnerLabel,
        /// What the target previewed: see [`Change::preview`].
        preview: Option<Digest>,
    },
    /// Change an object in place.
    Update {
        /// What it should become.
        object: Arc<Object>,
        /// What it must be before.
        expect: Expect,
        /// Whose it is.
        owner_label: OwnerLabel,
        /// What the target previewed: see [`Change::preview`].
        preview: Option<Digest>,
    },
    /// Remove an object and make it anew, because a field of it can't be changed in place.
    Replace {
        /// What to make.
        object: Arc<Object>,
        /// What must be removed.
        expect: Expect,
        /// Whose it becomes.
        owner_label: OwnerLabel,
        /// What the target previewed: see [`Change::preview`].
        preview: Option<Digest>,
    },
    /// Remove an object.
    Delete {
        /// Which one.
        key: Key,
        /// What it must be before.
        expect: Expect,
        /// Whose it is.
        owner_label: OwnerLabel,
        /// What the target previewed: see [`Change::preview`].
        preview: Option<Digest>,
    },
}

/// The incarnation and state that an object must be in for a change to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// The incarnation.
    pub uid: Uid,
    /// The state.
    pub version: Version,
}

impl From<&Live> for Expect {
    fn from(live: &Live) -> Self {
        Self { uid: live.uid.clone(), version: live.version.clone() }
    }
}

/// The owner label that a change leaves on an object, set in the same step as the object itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerLabel {
    /// The id of the inventory that owns it.
    pub owner: SmolStr,
    /// The operation: unique per intent, so that a repeated request is known as the same one.
    pub op: SmolStr,
}

impl OwnerLabel {
    /// Whether another owner label is of the same owner, whatever the application is called in it.
    pub fn is_of(&self, owner: &str) -> bool {
        owner::is_same(&self.owner, owner)
    }
}

/// What must hold for a change, apart from the change itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition<'a> {
    /// There must be no such object.
    Absent,
    /// The object must be there in exactly this state.
    Exactly(&'a Expect),
}

impl Precondition<'_> {
    /// Whether it holds for what a target has; an object on its way out is neither absent nor present.
    pub fn holds(&self, live: Option<&Live>) -> bool {
        match (self, live) {
            (Self::Absent, live) => live.is_none(),
            (Self::Exactly(_), None) => false,
            (Self::Exactly(expect), Some(live)) => {
                live.presence == Presence::Present && Expect::from(live) == **expect
            }
        }
    }
}

/// The four things that can be done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Remove it.
    Delete,
    /// Remove it and make it anew.
    Replace,
    /// Change it in place.
    Update,
    /// Make it.
    Create,
}

impl Action {
    /// Whether the object that was there goes.
    pub const fn removes(self) -> bool {
        matches!(self, Self::Delete | Self::Replace)
    }

    /// The symbol by which people know the action from Terraform: `+`, `~`, `-/+`, `-`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
        })
    }
}

impl Change {
    /// The object that is changed.
    pub fn key(&self) -> &Key {
        match self {
            Self::Create { object, .. } | Self::Update { object, .. } | Self::Replace { object, .. } => {
                &object.key
            }
            Self::Delete { key, .. } => key,
        }
    }

    /// What should be there afterwards; `None` for a delete.
    pub fn body(&self) -> Option<&Value> {
        self.object().map(|object| &object.body)
    }

    /// The declared object; `None` for a delete.
    pub fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Create { object, .. } | Self::Update { object, .. } | Self::Replace { object, .. } => {
                Some(object)
            }
            Self::Delete { .. } => None,
        }
    }

    /// What must hold before.
    pub fn expects(&self) -> Precondition<'_> {
        match self {
            Self::Create { .. } => Precondition::Absent,
            Self::Update { expect, .. } | Self::Replace { expect, .. } | Self::Delete { expect, .. } => {
                Precondition::Exactly(expect)
            }
        }
    }

    /// Owner and operation.
    pub fn owner_label(&self) -> &OwnerLabel {
        match self {
            Self::Create { owner_label, .. }
            | Self::Update { owner_label, .. }
            | Self::Replace { owner_label, .. }
            | Self::Delete { owner_label, .. } => owner_label,
        }
    }

    /// The digest of what the target previewed of this change, and the plan showed; nothing if it was not asked.
    ///
    /// A target with [`DryRun`](crate::capability::DryRun) refuses with a conflict what it would now do
    /// otherwise.
    pub fn preview(&self) -> Option<&Digest> {
        match self {
            Self::Create { preview, .. }
            | Self::Update { preview, .. }
            | Self::Replace { preview, .. }
            | Self::Delete { preview, .. } => preview.as_ref(),
        }
    }

    /// What is done.
    pub fn action(&self) -> Action {
        match self {
            Self::Create { .. } => Action::Create,
            Self::Update { .. } => Action::Update,
            Self::Replace { .. } => Action::Replace,
            Self::Delete { .. } => Action::Delete,
        }
    }
}
