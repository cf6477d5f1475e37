use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result};
use smol_str::SmolStr;

use crate::forge::Forge;
use crate::value::{CommitId, ReviewState, User};

/// A forge to be checked, and what others do on it.
#[derive(Clone)]
pub struct ForgeSubject {
    pub(super) forge: Arc<dyn Forge>,
    pub(super) others: Arc<dyn Others>,
    pub(super) divergences: BTreeMap<&'static str, String>,
}

impl ForgeSubject {
    /// A forge, seen by an account that may administer the repository.
    pub fn new(forge: Arc<dyn Forge>, others: Arc<dyn Others>) -> Self {
        Self { forge, others, divergences: BTreeMap::new() }
    }

    /// Says that the forge does not keep what a check asks, and why.
    #[must_use]
    pub fn diverges(mut self, number: &'static str, why: impl Into<String>) -> Self {
        self.divergences.insert(number, why.into());
        self
    }
}

/// Who does something. They are four accounts, and none is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Person {
    /// Opens requests; may push.
    Author,
    /// Reviews; may push.
    Reviewer,
    /// May administer the repository.
    Maintainer,
    /// May at most read, as everybody may.
    Outsider,
}

/// What others do on the forge. What can't be done there is an error of the kind `Unsupported`; the check is skipped then.
#[async_trait]
pub trait Others: Send + Sync {
    /// Somebody's account.
    fn user(&self, person: Person) -> User;

    /// Opens a request into the main branch, with one commit of a new branch, or of a fork of the person's.
    async fn open(&self, cx: &Cx, by: Person, from_fork: bool) -> Result<u64>;

    /// Pushes another commit to a request's head; returns when the forge shows it.
    async fn push(&self, cx: &Cx, number: u64) -> Result<CommitId>;

    /// Makes a branch of the repository with a commit that the main branch does not have.
    async fn branch(&self, cx: &Cx, name: &str) -> Result<()>;

    /// The main branch.
    fn main_branch(&self) -> String {
        "main".to_owned()
    }

    /// Writes a comment; gives its id.
    async fn comment(&self, cx: &Cx, by: Person, number: u64, body: &str) -> Result<SmolStr>;

    /// Reviews a request at its present head.
    async fn review(&self, cx: &Cx, by: Person, number: u64, state: ReviewState) -> Result<()>;

    /// Takes the review back that a person gave last.
    async fn dismiss(&self, cx: &Cx, by: Person, number: u64) -> Result<()>;

    /// Closes a request.
    async fn close(&self, cx: &Cx, number: u64) -> Result<()>;

    /// A team whose members are the reviewer and the maintainer.
    fn team(&self) -> Option<String> {
        None
    }

    /// How many calls of ours that write the forge has got so far.
    fn writes(&self) -> Option<u64> {
        None
    }

    /// Lets the next call of ours go wrong, of those that write or of those that read.
    fn fail_next(&self, _fault: Fault, _is_write: bool) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "nothing is given that makes a call go wrong"))
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is not done, and the connection ends.
    LoseRequest,
    /// The forge asks to wait for so many seconds.
    Patience(u64),
    /// The forge fails, and does nothing.
    Broken,
    /// The answer ends in its middle; a write is done.
    Half,
    /// The answer never comes.
    Silence,
}
