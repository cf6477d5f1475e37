use serde::{Deserialize, Serialize};

use crate::fault::cut;

/// A line beside a commit: what a check said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommitStatus {
    /// Which check; a commit shows the latest status of each.
    pub context: String,
    /// What it said.
    pub state: StatusState,
    /// In a few words.
    pub description: String,
    /// Where to read more: an http or https URL.
    pub target_url: Option<String>,
}

/// How many characters of a description every forge takes.
const DESCRIPTION: usize = 140;

/// How many hexadecimal digits tell long contexts apart.
const TAIL: usize = 16;

impl CommitStatus {
    /// A status. A description of more than 140 characters is cut, and ends in `…`: longer ones are refused by GitHub.
    pub fn new(context: impl Into<String>, state: StatusState, description: &str) -> Self {
        let description = cut(description, DESCRIPTION);
        Self { context: context.into(), state, description, target_url: None }
    }

    /// The same, with a place to read more.
    #[must_use]
    pub fn target_url(self, url: impl Into<String>) -> Self {
        Self { target_url: Some(url.into()), ..self }
    }

    /// The same under a context of at most so many characters. A longer context keeps its beginning and ends in a digest
    /// of the whole, so that two of them stay apart.
    ///
    /// ```
    /// use gitops_forge::{CommitStatus, StatusState};
    /// let long = CommitStatus::new("gitops/plan/".repeat(40), StatusState::Success, "no changes");
    /// assert_eq!(long.fitted(255).context.chars().count(), 255);
    /// ```
    #[must_use]
    pub fn fitted(mut self, limit: usize) -> Self {
        if self.context.chars().count() > limit {
            let digest = blake3::hash(self.context.as_bytes()).to_hex();
            let kept: String = self.context.chars().take(limit.saturating_sub(TAIL + 1)).collect();
            self.context = format!("{kept}-{}", &digest[..TAIL]);
        }
        self
    }
}

/// What a check said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StatusState {
    /// It is under way, or waits for somebody.
    Pending,
    /// Good.
    Success,
    /// Not good.
    Failure,
    /// It could not be found out.
    Error,
    /// A state that only some forges have; it is read and never written.
    Other,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_status_is_within_the_limits_of_every_forge(context: String, description: String, limit in 18usize..300) {
            let status = CommitStatus::new(context.clone(), StatusState::Success, &description).fitted(limit);
            prop_assert!(status.description.chars().count() <= DESCRIPTION);
            prop_assert!(status.context.chars().count() <= limit);
            prop_assert!(context.chars().count() > limit || status.context == context);
            prop_assert!(description.chars().count() > DESCRIPTION || status.description == description);
        }

        #[test]
        fn long_contexts_stay_apart(common in "[a-z/]{60,80}", one in "[a-z]{1,9}", other in "[a-z]{1,9}") {
            prop_assume!(one != other);
            let fitted = |end: &str| {
                CommitStatus::new(format!("{common}{end}"), StatusState::Success, "").fitted(40).context
            };
            prop_assert_ne!(fitted(&one), fitted(&other));
        }
    }
}
