use super::{Blocked, BlockedBecause};
use crate::capability::Readiness;
use crate::value::Key;

/// Something that does not change and that steps wait for: an object that must be ready, or a whole stage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prerequisite {
    /// The object; or a key that stands for all that it waits for itself.
    pub key: Key,
    /// Steps, blocked objects and other prerequisites that come before it.
    pub after: Vec<Key>,
    /// Whether the key is that of an object, which must be ready.
    pub is_object: bool,
    /// How the object was doing when the plan was made, where its target could say so without a wait.
    pub readiness: Option<Readiness>,
}

impl Prerequisite {
    /// An object that must be ready.
    pub(crate) fn object(key: Key, after: Vec<Key>) -> Self {
        Self { key, after, is_object: true, readiness: None }
    }

    /// A key that stands for others.
    pub(crate) fn all_of(key: Key, after: Vec<Key>) -> Self {
        Self { key, after, is_object: false, readiness: None }
    }

    /// Whether the object is to be waited for: nobody knows yet that it is ready.
    pub fn is_open(&self) -> bool {
        self.is_object && !self.readiness.as_ref().is_some_and(Readiness::is_ready)
    }

    /// That the object is not ready, if that is known.
    pub(crate) fn blocked(&self) -> Option<Blocked> {
        let readiness = self.readiness.as_ref().filter(|readiness| !readiness.is_ready())?;
        let progresses = matches!(readiness, Readiness::Progressing(_));
        let reason = readiness.reason()?.to_owned();
        Some(Blocked { key: self.key.clone(), why: BlockedBecause::NotReady { reason, progresses } })
    }
}
