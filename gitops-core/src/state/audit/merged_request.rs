use serde::{Deserialize, Serialize};

/// What a forge says of a request that was merged: who opened it, who reviewed it and who merged it. All names are those of its
/// accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MergedRequest {
    /// The request, as approvals name it: `gitea platform/site#7`.
    pub request: String,
    /// Who opened it.
    pub opened_by: String,
    /// Its head when it was merged.
    pub head: String,
    /// The commit of the branch that has it.
    pub commit: String,
    /// Who merged it, or put it into the queue that did; nothing where the forge does not say.
    #[serde(default)]
    pub merged_by: Option<String>,
    /// What was said of it by those who may write, the oldest first; at most [`MergedRequest::MOST_REVIEWS`], the last ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<RequestReview>,
}

/// What one person said of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestReview {
    /// Who.
    pub by: String,
    /// Where, as approvals name it: `review 5`, `comment 12`.
    pub place: String,
    /// What: `approved`, `changes requested` or `withdrawn`.
    pub said: String,
    /// The head commit of which it was said, where the forge tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The beginning of the effect that it names, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

impl MergedRequest {
    /// How many reviews are kept.
    pub const MOST_REVIEWS: usize = 32;

    /// A request of which nobody said anything, and of which it is not known who merged it.
    pub fn new(
        request: impl Into<String>,
        opened_by: impl Into<String>,
        head: impl Into<String>,
        commit: impl Into<String>,
    ) -> Self {
        let (request, opened_by) = (request.into(), opened_by.into());
        Self {
            request,
            opened_by,
            head: head.into(),
            commit: commit.into(),
            merged_by: None,
            reviews: Vec::new(),
        }
    }

    /// The same, merged by somebody.
    #[must_use]
    pub fn merged_by(self, merged_by: Option<String>) -> Self {
        Self { merged_by, ..self }
    }

    /// The same with what was said of it, the oldest first.
    #[must_use]
    pub fn reviews(self, mut reviews: Vec<RequestReview>) -> Self {
        reviews.drain(..reviews.len().saturating_sub(Self::MOST_REVIEWS));
        Self { reviews, ..self }
    }
}

impl RequestReview {
    /// What somebody said, of no known commit.
    pub fn new(by: impl Into<String>, place: impl Into<String>, said: impl Into<String>) -> Self {
        Self { by: by.into(), place: place.into(), said: said.into(), commit: None, effect: None }
    }

    /// The same, of a commit.
    #[must_use]
    pub fn of_commit(self, commit: Option<String>) -> Self {
        Self { commit, ..self }
    }

    /// The same, naming an effect.
    #[must_use]
    pub fn naming(self, effect: impl Into<String>) -> Self {
        Self { effect: Some(effect.into()), ..self }
    }
}
