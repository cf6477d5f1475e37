//! What the key-value service understands: one JSON document a line, one answer a line.
//!
//! The service is somebody else's: it knows nothing of `gitops`. It has what a keyed target needs, a
//! compare-and-swap on a version of its own and a place for labels.

use serde::{Deserialize, Serialize};

/// A question to the service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// What is under a name?
    Get {
        /// The name.
        name: String,
    },
    /// Put this under a name, if what is there has this version (`None`: if nothing is there).
    Put {
        /// The name.
        name: String,
        /// The version that must be there.
        expect: Option<u64>,
        /// What to put.
        item: Item,
    },
    /// Remove what is under a name, if it has this version.
    Remove {
        /// The name.
        name: String,
        /// The version that must be there.
        expect: u64,
    },
    /// Several questions, one after the other; what comes of one does not keep the next from being answered.
    All {
        /// The questions.
        requests: Vec<Request>,
    },
}

/// What is kept under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The value.
    pub value: String,
    /// Whose it is.
    pub owner: String,
    /// A label that its maker chose.
    pub label: String,
}

/// The service's answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    /// This is there, in this version.
    Item {
        /// The version.
        version: u64,
        /// The item.
        item: Item,
    },
    /// Nothing is there.
    Nothing,
    /// The version is another; nothing was done.
    Moved,
    /// Done; this is the version now (0 once removed).
    Done {
        /// The version.
        version: u64,
    },
    /// The answers to several questions, in their order.
    All {
        /// The answers.
        replies: Vec<Reply>,
    },
}
