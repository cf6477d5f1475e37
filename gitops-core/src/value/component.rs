use serde::Serialize;

use super::Value;
use crate::value::Risk;

/// A part of an object that its target shows, and that is never written by itself: a resource of a root module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
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

impl Component {
    /// A part of this name and kind, with which nothing is known to be wrong.
    pub fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { name: name.into(), kind: kind.into(), id: None, trouble: None }
    }
}

/// What a change of an object does to one of its components.
///
/// Serialised, values are shown as [`Value`] shows them: secrets are masked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
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

impl ComponentChange {
    /// What is done to a component, without loss.
    pub fn new(name: impl Into<String>, kind: impl Into<String>, action: impl Into<String>) -> Self {
        let (name, kind, action) = (name.into(), kind.into(), action.into());
        Self { name, kind, action, risk: None, before: None, after: None }
    }

    /// With what is lost by it.
    #[must_use]
    pub fn losing(mut self, risk: Option<Risk>) -> Self {
        self.risk = risk;
        self
    }

    /// With what the component is, and what it becomes.
    #[must_use]
    pub fn between(mut self, before: Option<Value>, after: Option<Value>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }
}

/// What a change does to the components of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Components {
    /// How many there are before.
    pub owned: usize,
    /// Those that the change touches, by name.
    pub changes: Vec<ComponentChange>,
}

impl Components {
    /// These changes to some of what is there.
    pub fn new(owned: usize, changes: Vec<ComponentChange>) -> Self {
        Self { owned, changes }
    }

    /// Those that are removed, given up, or made anew.
    pub fn lost(&self) -> impl Iterator<Item = &ComponentChange> {
        self.changes.iter().filter(|change| change.risk.is_some())
    }
}
