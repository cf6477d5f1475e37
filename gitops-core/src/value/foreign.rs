use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::Key;

/// A declared field that another client set to another value, and what becomes of it.
///
/// A target tells it in the [`Preview`](crate::capability::Preview) of a write. It never stands in the way of the other
/// fields of its object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ForeignField {
    /// The field, as [`FieldChange`](crate::FieldChange) names it.
    pub path: String,
    /// The client that set it.
    pub by: String,
    /// When: `at TIME`, or `after TIME` where the target keeps no more than when it was last as declared.
    pub when: Option<String>,
    /// What becomes of it.
    pub outcome: ForeignOutcome,
    /// The object for whose sake it is left, if it is left for one: as long as that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Key>,
}

/// What becomes of a declared field that another client set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ForeignOutcome {
    /// The declared value is set again.
    Restored,
    /// It is left to the client, which is meant to set it.
    Left {
        /// Why.
        why: String,
    },
    /// Nothing may be done about it until a person decides whose it is.
    Blocked,
    /// The target stores another value whenever it is written: a policy of its own makes that of it.
    StoredOtherwise {
        /// What is declared, as it is shown.
        declared: String,
        /// What is stored, as it is shown.
        stored: String,
    },
}

impl ForeignField {
    /// A field that a client set.
    pub fn new(path: impl Into<String>, by: impl Into<String>, outcome: ForeignOutcome) -> Self {
        Self { path: path.into(), by: by.into(), when: None, outcome, holder: None }
    }

    /// The same with the time.
    #[must_use]
    pub fn set(mut self, when: Option<String>) -> Self {
        self.when = when;
        self
    }

    /// The same, left as long as this object is there.
    #[must_use]
    pub fn held_by(mut self, holder: Option<Key>) -> Self {
        self.holder = holder;
        self
    }

    /// Whether it is left to a client that is known to set it.
    pub fn is_left(&self) -> bool {
        matches!(self.outcome, ForeignOutcome::Left { .. })
    }

    /// Whether it is not what is declared, and stays so until a person decides.
    pub fn is_blocked(&self) -> bool {
        self.outcome == ForeignOutcome::Blocked || self.is_stored_otherwise()
    }

    /// Whether the target stores another value whenever it is written.
    pub fn is_stored_otherwise(&self) -> bool {
        matches!(self.outcome, ForeignOutcome::StoredOtherwise { .. })
    }

    /// The field as people write it: with dots.
    fn dotted(&self) -> String {
        let steps = self.path.trim_start_matches('/').split('/');
        let steps: Vec<String> = steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        steps.join(".")
    }

    /// The field, who set it, and when; or what is stored instead of what is declared.
    pub fn origin(&self) -> String {
        if let ForeignOutcome::StoredOtherwise { declared, stored } = &self.outcome {
            return format!("`{}` is declared {declared}, and {} stores {stored}", self.dotted(), self.by);
        }
        let when = self.when.as_ref().map(|when| format!(" {when}")).unwrap_or_default();
        format!("`{}` was set by `{}`{when}", self.dotted(), self.by)
    }
}

impl fmt::Display for ForeignField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())?;
        match &self.outcome {
            ForeignOutcome::Restored => f.write_str(" and is restored"),
            ForeignOutcome::Left { why } => write!(f, " and is left to it: {why}"),
            ForeignOutcome::Blocked => f.write_str(" and is blocked: the field has another owner"),
            ForeignOutcome::StoredOtherwise { .. } => {
                f.write_str(": a policy or a webhook of its own makes that of it")
            }
        }
    }
}
