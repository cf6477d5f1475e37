use std::cmp::Reverse;

use serde::Serialize;

use super::rules::gravest;
use super::{Attribution, Flag, RiskLevel};
use crate::plan::{Obstacle, Step};
use crate::value::{Action, Key, Risk};

/// One step of the merge result, with why it is needed and what is risky about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// The step.
    pub step: Step,
    /// Why it is needed.
    pub attribution: Attribution,
    /// What is risky about it, the gravest first.
    pub flags: Vec<Flag>,
    /// Whether it is only reported, because drift is not corrected.
    pub is_reported_only: bool,
    /// Whether it is of this change, and the target branch changed the same object too since the request was opened.
    pub base_moved: bool,
    /// Whether it is of this change, and the object is not as it was applied last either: the target branch alone would put that
    /// back.
    pub drifted: bool,
}

impl Item {
    /// What is removed, if anything is: the object, or a component of it.
    pub fn loss(&self) -> Option<Action> {
        let has = |risk| self.step.risk.contains(&risk);
        match self.step.action {
            _ if self.is_reported_only => None,
            action @ (Action::Delete | Action::Replace) => Some(action),
            _ if has(Risk::Delete) => Some(Action::Delete),
            _ if has(Risk::Replace) => Some(Action::Replace),
            _ => None,
        }
    }

    /// The gravest level of its flags.
    pub fn level(&self) -> Option<RiskLevel> {
        gravest(&self.flags)
    }

    /// Whether it is named among the risks: it removes something, or has a grave flag.
    pub fn is_grave(&self) -> bool {
        self.loss().is_some() || self.level() >= Some(RiskLevel::High)
    }

    /// The place among the items of all applications; what people must see comes first.
    ///
    /// Whatever rules say, what removes something comes before what creates something: its level counts as high at least,
    /// that of a creation as high at most.
    pub(super) fn rank(&self, is_production: bool) -> Rank {
        let action = self.loss().unwrap_or(self.step.action);
        let level = match action {
            Action::Delete | Action::Replace => self.level().max(Some(RiskLevel::High)),
            Action::Create => self.level().min(Some(RiskLevel::High)),
            Action::Update => self.level(),
        };
        (Reverse(level), action, !is_production, self.attribution)
    }
}

/// The order of items but for their names: level, action, production, attribution.
pub(super) type Rank = (Reverse<Option<RiskLevel>>, Action, bool, Attribution);

/// A step that the merge makes unnecessary: it is in a plan of the target branch, and not in that of the merge result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Withdrawn {
    /// The object.
    pub key: Key,
    /// What would have been done to it.
    pub action: Action,
    /// Whether the request or a move of the target branch took it away.
    pub attribution: Attribution,
}

/// An object of the merge result about which nothing may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BlockedItem {
    /// The object.
    pub key: Key,
    /// Why, for people.
    pub why: String,
    /// What kind of thing blocks it.
    pub obstacle: Obstacle,
    /// Whether it is blocked on the target branch too.
    pub attribution: Attribution,
}
