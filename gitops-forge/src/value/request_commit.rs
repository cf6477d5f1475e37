use serde::{Deserialize, Serialize};

use super::{CommitId, User};

/// A commit of a request, and the accounts of those who made it.
///
/// Names and addresses in a commit were written by anybody; the forge says whose account an address is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestCommit {
    /// The commit.
    pub commit: CommitId,
    /// Who wrote the change, and who made the commit: often one person.
    pub people: Vec<CommitPerson>,
}

/// Somebody who made a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommitPerson {
    /// The account; `None` if the forge knows none with the address.
    pub account: Option<User>,
    /// The address in the commit.
    pub email: String,
}

impl RequestCommit {
    /// A commit of some people.
    pub fn new(commit: CommitId, people: impl IntoIterator<Item = CommitPerson>) -> Self {
        Self { commit, people: people.into_iter().collect() }
    }
}

impl CommitPerson {
    /// Somebody with an address, and perhaps with an account.
    pub fn new(account: Option<User>, email: impl Into<String>) -> Self {
        Self { account, email: email.into() }
    }
}
