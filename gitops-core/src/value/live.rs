use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::{Component, Digest, Digested, Hasher, Key, Uid, Value, Version};

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
    /// Whose mark it carries.
    pub ownership: Ownership,
    /// The operation of the mark, where the target can say which wrote the object last. By it the outcome of an
    /// intent is known even if the target wrote the body down in another form than it was given.
    pub op: Option<SmolStr>,
    /// Whether it is there or on its way out.
    pub presence: Presence,
    /// What the target made of it that others may use (an address, an output).
    pub outputs: BTreeMap<String, Value>,
    /// What it is made of, where its target shows that: the resources of a root module.
    pub components: Vec<Component>,
}

/// Whose mark a live object carries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ownership {
    /// No mark: it was made by other means.
    Unmarked,
    /// The mark of this owner (an inventory's id).
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
    Unreadable(String),
}

impl Live {
    /// A present, unmarked object without outputs.
    pub fn new(key: Key, uid: Uid, version: Version, body: Value) -> Self {
        Self {
            key,
            uid,
            version,
            body,
            ownership: Ownership::Unmarked,
            op: None,
            presence: Presence::Present,
            outputs: BTreeMap::new(),
            components: Vec::new(),
        }
    }

    /// Something that is there and can't be read, for this reason.
    pub fn unreadable(key: Key, reason: impl Into<String>) -> Self {
        let mut live = Self::new(key, Uid::new(""), Version::new(""), Value::Null);
        live.presence = Presence::Unreadable(reason.into());
        live
    }

    /// The same with an owner's mark.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.ownership = Ownership::Owner(owner.into());
        self
    }

    /// Whether it carries the mark of this owner.
    pub fn is_owned_by(&self, owner: &str) -> bool {
        matches!(&self.ownership, Ownership::Owner(name) if name == owner)
    }
}

/// The digest covers identity, version, mark and presence: two observations with one digest are of one state.
impl Digested for Live {
    fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("gitops live");
        hasher.field(self.uid.as_str()).field(self.version.as_str());
        match &self.ownership {
            Ownership::Unmarked => hasher.field("unmarked"),
            Ownership::Owner(owner) => hasher.field("owner").field(owner),
        };
        match &self.presence {
            Presence::Present => hasher.field("present"),
            Presence::Deleting => hasher.field("deleting"),
            Presence::Unreadable(reason) => hasher.field("unreadable").field(reason),
        }
        .finish()
    }
}

/// What a target reports of a change that it made.
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
    /// The object was seen to be absent.
    Absent,
    /// The deletion was accepted; absence is still to be observed.
    Deleting,
}

impl From<&Live> for Applied {
    fn from(live: &Live) -> Self {
        Self::Present { uid: live.uid.clone(), version: live.version.clone() }
    }
}
