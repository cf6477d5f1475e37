use std::fmt;

use serde::Serialize;

use super::{Attribution, Item};
use crate::value::Action;

/// How many steps there are of each action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ByAction {
    /// Objects to delete.
    pub delete: usize,
    /// Objects to delete and create again.
    pub replace: usize,
    /// Objects to change in place.
    pub update: usize,
    /// Objects to create.
    pub create: usize,
}

impl ByAction {
    /// The sum.
    pub fn total(&self) -> usize {
        self.delete + self.replace + self.update + self.create
    }

    /// How many there are of an action.
    pub fn of(&self, action: Action) -> usize {
        match action {
            Action::Delete => self.delete,
            Action::Replace => self.replace,
            Action::Update => self.update,
            Action::Create => self.create,
        }
    }

    pub(super) fn add(&mut self, action: Action) {
        match action {
            Action::Delete => self.delete += 1,
            Action::Replace => self.replace += 1,
            Action::Update => self.update += 1,
            Action::Create => self.create += 1,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            delete: self.delete + other.delete,
            replace: self.replace + other.replace,
            update: self.update + other.update,
            create: self.create + other.create,
        }
    }
}

/// Such as `1 to create, 2 to update, 0 to replace, 3 to delete`.
impl fmt::Display for ByAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delete, replace, update, create } = self;
        write!(f, "{create} to create, {update} to update, {replace} to replace, {delete} to delete")
    }
}

/// How many steps there are, by attribution and action, and what else is not as declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Steps that the request brings.
    pub this_change: ByAction,
    /// Steps that the target branch alone needs as well.
    pub existing_drift: ByAction,
    /// Steps that came because the target branch moved.
    pub base_moved: ByAction,
    /// Objects that drifted and are only reported.
    pub reported: usize,
    /// Steps that the merge makes unnecessary.
    pub withdrawn: usize,
    /// Objects about which nothing may be done.
    pub blocked: usize,
    /// Objects that are as declared.
    pub unchanged: usize,
}

impl Counts {
    /// The steps of an attribution.
    pub fn of(&self, attribution: Attribution) -> ByAction {
        match attribution {
            Attribution::ThisChange => self.this_change,
            Attribution::ExistingDrift => self.existing_drift,
            Attribution::BaseMoved => self.base_moved,
        }
    }

    /// The steps of all attributions.
    pub fn steps(&self) -> ByAction {
        Attribution::ALL
            .into_iter()
            .fold(ByAction::default(), |sum, attribution| sum.plus(self.of(attribution)))
    }

    /// The number of all entries of a review: steps, reported drift, withdrawn steps, blocked objects.
    pub fn entries(&self) -> usize {
        self.steps().total() + self.reported + self.withdrawn + self.blocked
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            this_change: self.this_change.plus(other.this_change),
            existing_drift: self.existing_drift.plus(other.existing_drift),
            base_moved: self.base_moved.plus(other.base_moved),
            reported: self.reported + other.reported,
            withdrawn: self.withdrawn + other.withdrawn,
            blocked: self.blocked + other.blocked,
            unchanged: self.unchanged + other.unchanged,
        }
    }

    pub(super) fn add(&mut self, item: &Item) {
        if item.is_reported_only {
            self.reported += 1;
            return;
        }
        match item.attribution {
            Attribution::ThisChange => &mut self.this_change,
            Attribution::ExistingDrift => &mut self.existing_drift,
            Attribution::BaseMoved => &mut self.base_moved,
        }
        .add(item.step.action);
    }
}
