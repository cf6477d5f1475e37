use serde::{Deserialize, Serialize};

/// An issue of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Issue {
    /// Its number in the repository.
    pub number: u64,
    /// One line.
    pub title: String,
    /// Its text, in the forge's Markdown.
    pub body: String,
}

impl Issue {
    /// An open issue.
    pub fn new(number: u64, title: impl Into<String>, body: impl Into<String>) -> Self {
        Self { number, title: title.into(), body: body.into() }
    }
}

/// One write of an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueWrite {
    /// A new one.
    Create {
        /// One line.
        title: String,
        /// Its text.
        body: String,
    },
    /// Another title and text for one that is there.
    Edit {
        /// Which.
        number: u64,
        /// One line.
        title: String,
        /// Its new text.
        body: String,
    },
    /// Closes one; one that is closed is no error.
    Close {
        /// Which.
        number: u64,
    },
}
