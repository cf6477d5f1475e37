//! What a forge in memory holds.

use std::collections::{BTreeMap, VecDeque};

use gitops_core::{Error, ErrorKind, Result, Retry, Time};
use smol_str::{SmolStr, ToSmolStr};

use super::Failure;
use crate::fault::not_found;
use crate::value::{
    Branch, ChangeRequest, Comment, CommitId, CommitStatus, Deployment, Issue, Mergeable, Permission,
    QueuedCommit, Reaction, RepositoryPath, Review, ReviewState, User,
};

pub(super) struct Hub {
    pub users: BTreeMap<SmolStr, (User, Permission)>,
    pub teams: BTreeMap<String, Vec<User>>,
    pub branches: BTreeMap<String, CommitId>,
    pub requests: BTreeMap<u64, Record>,
    pub statuses: BTreeMap<CommitId, BTreeMap<String, CommitStatus>>,
    /// Who pushed a commit, where it was not the request's author.
    pub pushed: BTreeMap<CommitId, User>,
    pub reactions: BTreeMap<SmolStr, Vec<(SmolStr, Reaction)>>,
    /// Who put 👍 on a comment, and when.
    pub thumbs: BTreeMap<SmolStr, Vec<(User, Time)>>,
    pub deployments: Vec<(SmolStr, Deployment)>,
    /// With who opened them, while they are open.
    pub issues: BTreeMap<u64, (User, Issue)>,
    pub queued: Vec<QueuedCommit>,
    pub failures: VecDeque<Failure>,
    pub writes: u64,
    /// Whether nobody is let in.
    pub is_closed: bool,
    last: u64,
}

/// A request and what hangs on it.
pub(super) struct Record {
    pub request: ChangeRequest,
    pub heads: Vec<CommitId>,
    pub comments: Vec<Comment>,
    pub reviews: Vec<Review>,
}

impl Default for Hub {
    fn default() -> Self {
        let mut hub = Self {
            users: BTreeMap::new(),
            teams: BTreeMap::new(),
            branches: BTreeMap::new(),
            requests: BTreeMap::new(),
            statuses: BTreeMap::new(),
            pushed: BTreeMap::new(),
            reactions: BTreeMap::new(),
            thumbs: BTreeMap::new(),
            deployments: Vec::new(),
            issues: BTreeMap::new(),
            queued: Vec::new(),
            failures: VecDeque::new(),
            writes: 0,
            is_closed: false,
            last: 0,
        };
        hub.commit_on("main");
        hub
    }
}

impl Hub {
    pub fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub fn join(&mut self, login: &str, permission: Permission, is_bot: bool) -> User {
        let user = User::new(self.next().to_smolstr(), login).bot(is_bot);
        self.users.insert(user.id.clone(), (user.clone(), permission));
        user
    }

    /// A commit that was never there before, with no status.
    pub fn commit(&mut self) -> CommitId {
        let digest = blake3::hash(&self.next().to_le_bytes()).to_hex();
        let commit = CommitId::parse(&digest[..40]).expect("40 digits are a commit's id");
        self.know(commit.clone());
        commit
    }

    /// Takes in a commit.
    pub fn know(&mut self, commit: CommitId) {
        self.statuses.entry(commit).or_default();
    }

    pub fn commit_on(&mut self, branch: &str) -> CommitId {
        let commit = self.commit();
        self.branches.insert(branch.to_owned(), commit.clone());
        commit
    }

    pub fn request(&mut self, number: u64) -> Result<&mut Record> {
        self.requests.get_mut(&number).ok_or_else(|| not_found("there is no such request"))
    }

    pub fn propose(
        &mut self,
        now: Time,
        author: &User,
        base: &RepositoryPath,
        title: &str,
        branch: &str,
        head: RepositoryPath,
    ) -> ChangeRequest {
        let commit = match head.is(base) {
            true => self.commit_on(branch),
            false => self.commit(),
        };
        let main = self.branches.get("main").cloned().expect("`main` is made with the forge");
        let head = Branch::new(branch, commit, Some(head));
        self.insert(now, author, title, head, Branch::new("main", main, Some(base.clone())))
    }

    pub fn insert(
        &mut self,
        now: Time,
        author: &User,
        title: &str,
        head: Branch,
        base: Branch,
    ) -> ChangeRequest {
        let number = self.next();
        let request = ChangeRequest {
            mergeable: Mergeable::Yes,
            updated: now,
            web_url: format!("https://forge.example.org/requests/{number}"),
            ..ChangeRequest::new(number, title, author.clone(), head, base)
        };
        let heads = vec![request.head.commit.clone()];
        let record = Record { request: request.clone(), heads, comments: Vec::new(), reviews: Vec::new() };
        self.requests.insert(number, record);
        request
    }

    pub fn push(&mut self, now: Time, number: u64, commit: CommitId) -> Result<()> {
        let Record { request, heads, .. } = self.request(number)?;
        heads.push(commit.clone());
        request.head.commit = commit.clone();
        request.updated = now;
        let (branch, is_fork) = (request.head.name.clone(), request.is_fork());
        if !is_fork {
            self.branches.insert(branch, commit);
        }
        Ok(())
    }

    pub fn review(&mut self, now: Time, by: &User, number: u64, state: ReviewState) -> Result<SmolStr> {
        let id = self.next().to_smolstr();
        let record = self.request(number)?;
        let head = record.request.head.commit.clone();
        let review = Review::new(id.clone(), by.clone(), state).commit(Some(head)).submitted(Some(now));
        record.reviews.push(review);
        Ok(id)
    }

    /// Makes a write, or lets it go wrong.
    pub fn write<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self.failures.pop_front() {
            Some(Failure::LoseAnswer) => {
                self.writes += 1;
                write(self)?;
                Err(lost())
            }
            Some(Failure::LoseRequest) => Err(lost()),
            Some(Failure::Patience(seconds)) => {
                let wait = std::time::Duration::from_secs(seconds);
                let asked = Error::new(ErrorKind::Unavailable, "the forge asks to wait");
                Err(asked.retry_when(Retry::After(wait)))
            }
            None => {
                self.writes += 1;
                write(self)
            }
        }
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "the answer was lost").outcome_unknown()
}
