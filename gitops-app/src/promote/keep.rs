//! The one request of a promotion by rule, which is kept current.

use gitops_core::{Cx, Digest, Error, ErrorKind, Result, Revision};
use gitops_forge::{ChangeRequest, Forge, ForgeExt, Marker, NewRequest, RequestQuery, RequestState};
use gitops_git::GitSource;
use serde::{Deserialize, Serialize};

use super::{Promotion, block};
use crate::config::FORGE_CONTEXT;
use crate::rollback;
use crate::session::Session;

/// How many requests are remembered that somebody closed.
const CLOSED: usize = 16;

/// What was proposed: to be remembered from one call of [`Promotion::keep`] to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Last>,
    /// Requests that are over, and the versions that they brought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    over: Vec<(u64, Digest)>,
}

/// The last request, as it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub request: u64,
    /// The versions that it brings.
    pub versions: Digest,
    /// The files that it brings, whole.
    files: Digest,
}

impl Proposed {
    /// Forgets the last request: it is closed by this program, so that its versions may be proposed again.
    pub fn forget_last(&mut self) {
        self.last = None;
    }
}

/// What came of a promotion that is kept current.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// The open request brings these versions.
    Proposed {
        /// What is to be remembered for the next call.
        proposed: Proposed,
        /// The request.
        request: u64,
        /// Whether something was written for that.
        is_written: bool,
    },
    /// A request that brought these versions was merged or closed: they are not proposed again.
    Over {
        /// That request.
        request: u64,
    },
}

impl Promotion {
    /// Keeps one request at these versions: opens it, or moves its branch and says so in a comment. `before` is what the last call
    /// gave. What somebody closed is not opened again; other versions are.
    ///
    /// The branch is `gitops/promote-FROM-to-TO`. It moves too if the target branch changed the same files meanwhile.
    ///
    /// # Errors
    /// `Conflict` if somebody else pushed to the branch: it is not touched. `Forbidden` if we may not push or open a request; those
    /// of the forge.
    ///
    /// # Cancel safety
    /// If the future is dropped, some of it was done; make the call again, and nothing is made twice.
    pub async fn keep(&self, cx: &Cx, to: &Session, forge: &dyn Forge, before: &Proposed) -> Result<Kept> {
        let (versions, files) = (self.versions(), self.contents());
        let open = match (self.open_request(cx, forge).await?, before.last) {
            // A list may be late.
            (None, Some(last)) => self.still_open(cx, forge, last.request).await?,
            (open, _) => open,
        };
        let mut over = before.over.clone();
        let is_open = |last: &Last| open.as_ref().is_some_and(|open| open.number == last.request);
        let last = before.last.filter(is_open);
        match (last, before.last) {
            (Some(last), _) if last.versions == versions && last.files == files => {
                let (proposed, request) = (before.clone(), last.request);
                return Ok(Kept::Proposed { proposed, request, is_written: false });
            }
            (None, Some(ended)) => over.push((ended.request, ended.versions)),
            _ => {}
        }
        let is_over = over.iter().find(|(_, brought)| *brought == versions);
        if let (None, Some((request, _))) = (&open, is_over) {
            return Ok(Kept::Over { request: *request });
        }
        over.drain(..over.len().saturating_sub(CLOSED));
        let is_news = last.is_some_and(|last| last.versions != versions);
        let request = self.bring(cx, to, forge, open, is_news).await?.number;
        let proposed = Proposed { last: Some(Last { request, versions, files }), over };
        Ok(Kept::Proposed { proposed, request, is_written: true })
    }

    /// The open request of a promotion that has nothing to bring any more, if it can be closed; none to whose branch somebody
    /// else pushed.
    ///
    /// # Errors
    /// Those of the forge and of the source.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn needless(&self, cx: &Cx, to: &Session, forge: &dyn Forge) -> Result<Option<ChangeRequest>> {
        let Some(open) = self.open_request(cx, forge).await? else { return Ok(None) };
        let head = Revision::new(open.head.commit.as_str(), open.head.commit.as_str());
        let git = rollback::proposing(cx, &to.git, forge).await?;
        let may_be = forge.closing().is_some() && self.is_ours(cx, to, &git, &head).await?;
        Ok(Some(open).filter(|_| may_be))
    }

    /// Closes such a request and says why; gives whether it was open.
    ///
    /// # Errors
    /// Those of the forge.
    ///
    /// # Cancel safety
    /// If the future is dropped, it was closed or not; make the call again.
    pub async fn withdraw(
        &self,
        cx: &Cx,
        to: &Session,
        forge: &dyn Forge,
        request: &ChangeRequest,
    ) -> Result<bool> {
        let text = format!(
            "`{}` has the versions of `{}` at {}: there is nothing to promote.",
            self.to,
            self.from,
            self.revision.id()
        );
        self.comment(cx, to, forge, request, &text).await?;
        forge.close_request(cx, request.number).await
    }

    /// Has the open request bring these versions, or opens one. It says what it brings now if that is news there.
    pub(super) async fn bring(
        &self,
        cx: &Cx,
        to: &Session,
        forge: &dyn Forge,
        open: Option<ChangeRequest>,
        is_news: bool,
    ) -> Result<ChangeRequest> {
        let title = self.title();
        let message = format!("{title}\n\n{}\n", self.lines().join("\n"));
        let git = rollback::proposing(cx, &to.git, forge).await?;
        let commit = git.edited(cx, &self.revision, self.files.clone(), &message).await?;
        let is_moved = self.move_branch(cx, to, &git, &commit).await?;
        let Some(open) = open else {
            let new = NewRequest::new(self.branch(), &self.target, title).body(self.body());
            return rollback::opened(cx, forge, &new).await;
        };
        if is_news || is_moved {
            self.say(cx, to, forge, &open).await?;
        }
        Ok(open)
    }

    /// The open request of the branch that is kept.
    pub(super) async fn open_request(&self, cx: &Cx, forge: &dyn Forge) -> Result<Option<ChangeRequest>> {
        let between = RequestQuery::Between { head: self.branch(), base: self.target.clone() };
        Ok(forge.change_requests(cx, &between).await?.into_iter().next())
    }

    async fn still_open(&self, cx: &Cx, forge: &dyn Forge, request: u64) -> Result<Option<ChangeRequest>> {
        let is_it =
            |found: &ChangeRequest| found.state == RequestState::Open && found.head.name == self.branch();
        match forge.change_request(cx, request).await {
            Err(error) if error.is_not_found() => Ok(None),
            found => Ok(Some(found?).filter(is_it)),
        }
    }

    fn branch(&self) -> String {
        branch(&self.from, &self.to)
    }

    pub(super) fn versions(&self) -> Digest {
        Digest::of(self.lines().join("\n").as_bytes())
    }

    fn contents(&self) -> Digest {
        let of_file = |(path, bytes): (&String, &Vec<u8>)| format!("{} {path}\n", Digest::of(bytes));
        Digest::of(self.files.iter().map(of_file).collect::<String>().as_bytes())
    }

    /// Says in the request what it brings now.
    async fn say(&self, cx: &Cx, to: &Session, forge: &dyn Forge, request: &ChangeRequest) -> Result<()> {
        let text = format!(
            "This request was brought up to date. The versions that `{}` declares at {}:\n\n{}",
            self.from,
            self.revision.id(),
            block(self.lines())
        );
        self.comment(cx, to, forge, request, &text).await
    }

    /// Keeps the one comment of the promotion at a text.
    async fn comment(
        &self,
        cx: &Cx,
        to: &Session,
        forge: &dyn Forge,
        request: &ChangeRequest,
        text: &str,
    ) -> Result<()> {
        say_in(cx, to, forge, (request, &self.to), text).await
    }

    /// Has the branch lead to a commit; gives whether it led elsewhere before.
    async fn move_branch(&self, cx: &Cx, to: &Session, git: &GitSource, commit: &Revision) -> Result<bool> {
        let branch = self.branch();
        let Some(head) = to.git.branch(cx, &branch).await? else {
            to.git.push_to_branch(cx, commit, &branch).await?;
            return Ok(false);
        };
        if head.id() == commit.id() {
            return Ok(false);
        }
        if !self.is_ours(cx, to, git, &head).await? {
            let message = format!("somebody else pushed to `{branch}`: it is not touched");
            return Err(Error::new(ErrorKind::Conflict, message)
                .with("commit", head.short())
                .help("merge or close its request and delete the branch; then what is next is proposed"));
        }
        to.git.move_branch(cx, commit, &branch, &head).await.map(|()| true)
    }

    /// Whether a commit was made by a promotion like this one, and nobody touched it since.
    async fn is_ours(&self, cx: &Cx, to: &Session, git: &GitSource, head: &Revision) -> Result<bool> {
        is_untouched(cx, to, git, head, &self.title()).await
    }
}

/// What the branches of promotions begin with.
pub(super) const BRANCH: &str = "gitops/promote-";

/// The branch of the one request of a promotion by rule.
pub(super) fn branch(from: &str, to: &str) -> String {
    format!("{BRANCH}{from}-to-{to}")
}

/// What a promotion is called.
pub(super) fn title(from: &str, to: &str) -> String {
    format!("Promote {from} to {to}")
}

/// Keeps the one comment of the promotion to an application at a text.
pub(super) async fn say_in(
    cx: &Cx,
    session: &Session,
    forge: &dyn Forge,
    (request, to): (&ChangeRequest, &str),
    text: &str,
) -> Result<()> {
    let context = session.config.forge.as_ref().map_or(FORGE_CONTEXT, |forge| &forge.context);
    let marker = Marker::new(format!("promotion/{context}/{to}"))?;
    forge.upsert_comment(cx, request.number, &marker, text).await.map(drop)
}

/// Whether a commit was made by a promotion of this title, and nobody touched it since.
pub(super) async fn is_untouched(
    cx: &Cx,
    session: &Session,
    git: &GitSource,
    head: &Revision,
    title: &str,
) -> Result<bool> {
    let Some(history) = session.engine.source().history() else { return Ok(false) };
    let commit = history.describe(cx, head).await?;
    // Before the forge was asked for an address, all were made by the same nobody.
    let committers = [git.committer(), session.git.committer()];
    Ok(commit.summary == title && committers.contains(&commit.committer))
}
