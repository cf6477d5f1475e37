use gitops_core::Time;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::User;

/// A comment on a change request. Its body was written by anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comment {
    /// What the forge knows it by; later comments have larger ids where they are numbers.
    pub id: SmolStr,
    /// Who wrote it.
    pub author: User,
    /// Its text, in the forge's Markdown.
    pub body: String,
    /// When it was written.
    pub created: Time,
    /// When it was last edited.
    pub updated: Time,
}

impl Comment {
    /// A comment that was not edited.
    pub fn new(id: impl Into<SmolStr>, author: User, body: impl Into<String>, created: Time) -> Self {
        Self { id: id.into(), author, body: body.into(), created, updated: created }
    }

    /// The same, last edited at a time.
    #[must_use]
    pub fn updated(self, updated: Time) -> Self {
        Self { updated, ..self }
    }
}

/// Which comments of a request are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommentQuery {
    /// Only those that were written or edited at this time or later. Forges count in seconds, so one that was edited in
    /// the same second is given too.
    pub since: Option<Time>,
}

impl CommentQuery {
    /// Those that were written or edited at a time or later.
    pub fn since(time: Time) -> Self {
        Self { since: Some(time) }
    }
}

/// One write of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommentWrite {
    /// A new one.
    Create {
        /// Its text.
        body: String,
    },
    /// Another text for one that is there.
    Edit {
        /// Which.
        id: SmolStr,
        /// Its new text.
        body: String,
    },
    /// Removes one; one that is not there is no error.
    Delete {
        /// Which.
        id: SmolStr,
    },
}

/// An emoji as an answer to a comment, of those that every forge with reactions has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reaction {
    /// Seen: 👀.
    Eyes,
    /// Done, or agreed: 👍.
    ThumbsUp,
    /// Refused: 👎.
    ThumbsDown,
    /// Not understood: 😕.
    Confused,
    /// Under way: 🚀.
    Rocket,
}
