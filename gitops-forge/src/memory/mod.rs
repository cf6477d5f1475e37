//! A forge in memory.

mod forge;
mod hub;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::{Cx, Error, ErrorKind, Result, Time};
use smol_str::SmolStr;

use self::hub::Hub;
use crate::fault::{invalid, not_found};
use crate::value::{
    Branch, ChangeRequest, CommitId, Permission, QueuedCommit, Reaction, RepositoryPath, RequestState,
    ReviewState, User,
};

/// A forge in memory, to test programs that use one: it passes the kit.
///
/// A handle is one account's view; [`acting_as`](Self::acting_as) gives that of another account on the same repository.
/// Times are those of the [`Cx`], in whole seconds as forges have them.
///
/// ```
/// use gitops_core::Cx;
/// use gitops_forge::{Forge, MemoryForge, Permission, ReviewState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> gitops_core::Result<()> {
/// let cx = Cx::system();
/// let forge = MemoryForge::new("platform/site", "gitops");
/// let alice = forge.acting_as(&forge.join("alice", Permission::Write));
/// let bob = forge.acting_as(&forge.join("bob", Permission::Maintain));
/// let request = alice.propose(&cx, "More replicas", "replicas", false);
/// bob.review(&cx, request.number, ReviewState::Approved)?;
/// assert_eq!(forge.reviews(&cx, request.number).await?.len(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MemoryForge {
    repository: RepositoryPath,
    me: User,
    tells_edits: bool,
    hub: Arc<Mutex<Hub>>,
}

/// What goes wrong with a call of a [`MemoryForge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is not done, and nobody knows.
    LoseRequest,
    /// The forge asks to wait for so many seconds.
    Patience(u64),
}

impl MemoryForge {
    /// An empty repository with the branch `main`, as seen by a program's account that may administer it.
    ///
    /// # Panics
    /// If the path is not one of a repository.
    pub fn new(repository: &str, login: &str) -> Self {
        let repository = RepositoryPath::parse(repository).expect("a test gives the path of a repository");
        let mut hub = Hub::default();
        let me = hub.join(login, Permission::Admin, true);
        Self { repository, me, tells_edits: true, hub: Arc::new(Mutex::new(hub)) }
    }

    /// The same, as a forge that does not [tell each edit](crate::ForgeInfo::tells_edits).
    #[must_use]
    pub fn telling_no_edits(self) -> Self {
        Self { tells_edits: false, ..self }
    }

    /// The same repository as another account sees it.
    #[must_use]
    pub fn acting_as(&self, user: &User) -> Self {
        Self { me: user.clone(), ..self.clone() }
    }

    /// The account of this handle.
    pub fn account(&self) -> &User {
        &self.me
    }

    /// Makes an account of a person.
    pub fn join(&self, login: &str, permission: Permission) -> User {
        self.hub().join(login, permission, false)
    }

    /// Makes an account of a program.
    pub fn join_bot(&self, login: &str, permission: Permission) -> User {
        self.hub().join(login, permission, true)
    }

    /// Changes what somebody may do.
    pub fn permit(&self, user: &User, permission: Permission) {
        self.hub().users.insert(user.id.clone(), (user.clone(), permission));
    }

    /// Makes a commit of no request ours.
    pub fn made(&self, commit: CommitId) {
        self.hub().pushed.insert(commit, self.me.clone());
    }

    /// The account of a login, and what it may do.
    pub fn account_of(&self, login: &str) -> Option<(User, Permission)> {
        self.hub().users.values().find(|(user, _)| user.login == login).cloned()
    }

    /// The account of an id, and what it may do.
    pub fn account_of_id(&self, id: &str) -> Option<(User, Permission)> {
        self.hub().users.get(id).cloned()
    }

    /// The head commits that a request had so far, the newest last.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn heads_of(&self, number: u64) -> Result<Vec<CommitId>> {
        Ok(self.hub().request(number)?.heads.clone())
    }

    /// Makes a team.
    pub fn team(&self, name: &str, members: &[User]) {
        self.hub().teams.insert(name.to_owned(), members.to_vec());
    }

    /// Says what waits in the merge queue.
    pub fn queue(&self, waiting: Vec<QueuedCommit>) {
        self.hub().queued = waiting;
    }

    /// Makes a branch with a new commit.
    pub fn branch(&self, name: &str) -> CommitId {
        self.hub().commit_on(name)
    }

    /// The newest commit of a branch.
    pub fn newest(&self, branch: &str) -> Option<CommitId> {
        self.hub().branches.get(branch).cloned()
    }

    /// Opens a request for a new branch with one commit into `main`, from a fork or not.
    pub fn propose(&self, cx: &Cx, title: &str, branch: &str, from_fork: bool) -> ChangeRequest {
        let fork = format!("{}/{}", self.me.login, self.repository.name());
        let repository = match from_fork {
            true => RepositoryPath::parse(&fork).expect("a login and a name make a path"),
            false => self.repository.clone(),
        };
        let mut hub = self.hub();
        hub.propose(now(cx), &self.me, &self.repository, title, branch, repository)
    }

    /// Opens a request between two commits that are given: those of a real repository, say.
    pub fn propose_between(&self, cx: &Cx, title: &str, head: Branch, base: Branch) -> ChangeRequest {
        let mut hub = self.hub();
        for branch in [&head, &base] {
            hub.know(branch.commit.clone());
        }
        hub.insert(now(cx), &self.me, title, head, base)
    }

    /// Pushes a commit that is given to a request's head.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn push_commit(&self, cx: &Cx, number: u64, commit: CommitId) -> Result<()> {
        let mut hub = self.hub();
        hub.know(commit.clone());
        hub.pushed.insert(commit.clone(), self.me.clone());
        hub.push(now(cx), number, commit)
    }

    /// Pushes a new commit to a request's head.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn push(&self, cx: &Cx, number: u64) -> Result<CommitId> {
        let mut hub = self.hub();
        let commit = hub.commit();
        hub.push(now(cx), number, commit.clone())?;
        Ok(commit)
    }

    /// Reviews a request at its present head; gives the review's id.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn review(&self, cx: &Cx, number: u64, state: ReviewState) -> Result<SmolStr> {
        self.hub().review(now(cx), &self.me, number, state)
    }

    /// Takes a review back.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn dismiss(&self, number: u64, review: &str) -> Result<()> {
        let mut hub = self.hub();
        let found = hub.request(number)?.reviews.iter_mut().find(|found| found.id == review);
        found.ok_or_else(|| not_found("there is no such review"))?.is_dismissed = true;
        Ok(())
    }

    /// Merges a request as a commit that is given: one of a real repository, say, which a merge queue made of several requests. It is not
    /// known who merged it, as where somebody merges by a push.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn merge_as(&self, cx: &Cx, number: u64, commit: CommitId) -> Result<()> {
        let mut hub = self.hub();
        hub.know(commit.clone());
        let request = &mut hub.request(number)?.request;
        (request.state, request.updated) = (RequestState::Merged, now(cx));
        (request.merge_commit, request.merged) = (Some(commit), Some(now(cx)));
        Ok(())
    }

    /// Has a request go into another branch.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn retarget(&self, cx: &Cx, number: u64, base: &str) -> Result<()> {
        let mut hub = self.hub();
        let request = &mut hub.request(number)?.request;
        base.clone_into(&mut request.base.name);
        request.updated = now(cx);
        Ok(())
    }

    /// Closes a request without merging it.
    ///
    /// # Errors
    /// `NotFound`, and `Invalid` for one that is merged.
    pub fn close(&self, number: u64) -> Result<()> {
        let mut hub = self.hub();
        let request = &mut hub.request(number)?.request;
        if request.state == RequestState::Merged {
            return Err(invalid("the request is merged"));
        }
        request.state = RequestState::Closed;
        Ok(())
    }

    /// Opens a request again that was closed.
    ///
    /// # Errors
    /// `NotFound`, and `Invalid` for one that is merged.
    pub fn reopen(&self, cx: &Cx, number: u64) -> Result<()> {
        let mut hub = self.hub();
        let request = &mut hub.request(number)?.request;
        if request.state == RequestState::Merged {
            return Err(invalid("the request is merged"));
        }
        (request.state, request.updated) = (RequestState::Open, now(cx));
        Ok(())
    }

    /// Lets the next call that writes go wrong.
    pub fn fail_next_write(&self, failure: Failure) {
        self.hub().failures.push_back(failure);
    }

    /// Whether the token is turned away from now on, whatever is asked: it has expired, say.
    pub fn turn_away(&self, is_turned_away: bool) {
        self.hub().is_closed = is_turned_away;
    }

    /// How many writes were made through the trait.
    pub fn writes(&self) -> u64 {
        self.hub().writes
    }

    /// The emojis of a comment, by login.
    pub fn reactions_of(&self, comment: &str) -> Vec<(SmolStr, Reaction)> {
        self.hub().reactions.get(comment).cloned().unwrap_or_default()
    }

    fn check(&self, cx: &Cx) -> Result<()> {
        cx.check()?;
        match self.hub().is_closed {
            true => Err(Error::new(ErrorKind::Unauthenticated, "the forge does not know the token")),
            false => Ok(()),
        }
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time in whole seconds.
fn now(cx: &Cx) -> Time {
    Time::from_micros(cx.now().as_micros().div_euclid(1_000_000) * 1_000_000)
}
