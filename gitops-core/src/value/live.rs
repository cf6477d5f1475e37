use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::owner;
use super::{Component, Digest, Digested, Hasher, Key, Refusal, Uid, Value, Version};

/// One object as a target has it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Live {
    /// Its identity, as the target names it.
    pub key: Key,
    /// Which incarnation it is.
    pub uid: Uid,
    /// Which state of it this is.
    pub version: Version,
    /// The fields that a declaration could set.
    pub body: Value,
    /// Whose owner label it carries.
    pub ownership: Ownership,
    /// The operation of the owner label, where the target can say which wrote the object last. By it the outcome of an
    /// intent is known even if the target wrote the body down in another form than it was given.
    pub op: Option<SmolStr>,
    /// Whether it is there or on its way out.
    pub presence: Presence,
    /// Whether it says itself that it is to stay when it leaves the source: by an annotation that a person put on it. It is
    /// orphaned then, not deleted.
    pub keep: bool,
    /// What the target made of it that others may use (an address, an output).
    pub outputs: BTreeMap<String, Value>,
    /// What it is made of, where its target shows that: the resources of a root module.
    pub components: Vec<Component>,
}

/// Whose owner label a live object carries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ownership {
    /// No owner label: it was made by other means.
    Unlabelled,
    /// The owner label of this owner (an inventory's id).
    Owner(String),
}

/// Whether an object is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// It is there.
    Present,
    /// Its deletion was accepted and is not finished: neither there nor absent.
    Deleting,
    /// Something is there that can't be read, for this reason; the others are not affected.
    Unreadable(Refusal),
    /// It is absent, and other objects are in its place: it can be made once all of them are gone.
    Obstructed {
        /// The objects in its place.
        by: Vec<Key>,
        /// What is in its place, for people.
        reason: String,
    },
}

impl Live {
    /// A present, unlabelled object without outputs.
    pub fn new(key: Key, uid: Uid, version: Version, body: Value) -> Self {
        Self {
            key,
            uid,
            version,
            body,
            ownership: Ownership::Unlabelled,
            op: None,
            presence: Presence::Present,
            keep: false,
            outputs: BTreeMap::new(),
            components: Vec::new(),
        }
    }

    /// Something that is there and can't be read, for this reason.
    pub fn unreadable(key: Key, refusal: impl Into<Refusal>) -> Self {
        let mut live = Self::new(key, Uid::new(""), Version::new(""), Value::Null);
        live.presence = Presence::Unreadable(refusal.into());
        live
    }

    /// An absent object whose place these other objects take.
    pub fn obstructed(key: Key, by: Vec<Key>, reason: impl Into<String>) -> Self {
        let mut live = Self::new(key, Uid::new(""), Version::new(""), Value::Null);
        live.presence = Presence::Obstructed { by, reason: reason.into() };
        live
    }

    /// Whether it is absent, and something else is in its place.
    pub fn is_obstructed(&self) -> bool {
        matches!(self.presence, Presence::Obstructed { .. })
    }

    /// Whether something is there and its identity is known.
    pub fn is_readable(&self) -> bool {
        matches!(self.presence, Presence::Present | Presence::Deleting)
    }

    /// The same with an owner's owner label.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.ownership = Ownership::Owner(owner.into());
        self
    }

    /// Whether it carries the owner label of this owner, under its name of now or an earlier one.
    pub fn is_owned_by(&self, owner: &str) -> bool {
        matches!(&self.ownership, Ownership::Owner(label) if owner::is_same(label, owner))
    }

    /// The label under which this owner had the object before the application was renamed, if it still carries that.
    pub fn former_label(&self, owner: &str) -> Option<&str> {
        match &self.ownership {
            Ownership::Owner(label) if label != owner && owner::is_same(label, owner) => Some(label),
            _ => None,
        }
    }
}

/// The digest covers identity, version, owner label and presence: two observations with one digest are of one state.
impl Digested for Live {
    fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("gitops live");
        hasher.field(self.uid.as_str()).field(self.version.as_str());
        match &self.ownership {
            Ownership::Unlabelled => hasher.field("unlabelled"),
            Ownership::Owner(owner) => hasher.field("owner").field(owner),
        };
        match &self.presence {
            Presence::Present => hasher.field("present"),
            Presence::Deleting => hasher.field("deleting"),
            Presence::Unreadable(refusal) => hasher.field("unreadable").field(&refusal.reason),
            Presence::Obstructed { by, reason } => {
                by.iter().for_each(|key| {
                    hasher.field(key.to_string());
                });
                hasher.field("obstructed").field(reason)
            }
        }
        .finish()
    }
}

/// What a target reports of a change that it made.
///
/// Nothing is remembered as equal that was not compared. Of a change that is answered with [`Present`](Self::Present), the
/// engine looks at the object once more, unless the target [previews](crate::capability::DryRun) its changes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Applied {
    /// The object is there in this state.
    Present {
        /// Which incarnation it is.
        uid: Uid,
        /// Which state of it.
        version: Version,
    },
    /// The object is there, and this is what the target holds by its own answer to the change. The engine compares it
    /// with the declaration, and does not have to look again.
    Holds(Box<Live>),
    /// The object is there in this state, and by the target's own answer to the change it is not what was declared: what was
    /// written was changed within the write.
    Differs {
        /// Which incarnation it is.
        uid: Uid,
        /// Which state of it.
        version: Version,
        /// The declared fields that are otherwise, as paths and without their values; at least one.
        fields: Vec<String>,
    },
    /// The object was seen to be absent.
    Absent,
    /// The deletion was accepted; absence is still to be observed.
    Deleting,
}

impl Applied {
    /// Which incarnation is there, and in which state; nothing if the object is not there.
    pub fn state(&self) -> Option<(&Uid, &Version)> {
        match self {
            Self::Present { uid, version } | Self::Differs { uid, version, .. } => Some((uid, version)),
            Self::Holds(live) => Some((&live.uid, &live.version)),
            Self::Absent | Self::Deleting => None,
        }
    }
}

impl From<&Live> for Applied {
    fn from(live: &Live) -> Self {
        Self::Present { uid: live.uid.clone(), version: live.version.clone() }
    }
}
