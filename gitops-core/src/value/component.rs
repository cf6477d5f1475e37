use serde::Serialize;

use super::Value;
use crate::value::Risk;

/// A part of an object that its target shows, and that is never written by itself: a resource of a root module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Component {
    /// Its name within the object.
    pub name: String,
    /// What kind of thing it is, in the target's words.
    pub kind: String,
    /// The identity that it has elsewhere, where it has one.
    pub id: Option<String>,
    /// What is wrong with it, if anything is known to be.
    pub trouble: Option<String>,
}

/// What a change of an object does to one of its components.
///
/// Serialised, values are shown as [`Value`] shows them: secrets are masked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComponentChange {
    /// Its name within the object.
    pub name: String,
    /// What kind of thing it is, in the target's words.
    pub kind: String,
    /// What is done to it, in the target's words.
    pub action: String,
    /// What is lost by it, if anything is.
    pub risk: Option<Risk>,
    /// What it is; nothing if it is not there.
    pub before: Option<Value>,
    /// What it becomes; nothing if it goes.
    pub after: Option<Value>,
}

/// What a change does to the components of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Components {
    /// How many there are before.
    pub owned: usize,
    /// Those that the change touches, by name.
    pub changes: Vec<ComponentChange>,
}

impl Components {
    /// Those that are removed, given up, or made anew.
    pub fn lost(&self) -> impl Iterator<Item = &ComponentChange> {
        self.changes.iter().filter(|change| change.risk.is_some())
    }
}
