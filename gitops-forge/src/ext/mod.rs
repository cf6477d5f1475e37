//! What a program wants of a forge, made of the calls that forges have.

mod comment;
mod deployment;
mod issue;
mod request;
mod status;

use async_trait::async_trait;
use gitops_core::redact::tokens;
use gitops_core::{Cx, Error, ErrorKind, Result};

use crate::forge::Forge;
use crate::value::{
    ChangeRequest, Comment, CommitId, CommitStatus, Deployment, Issue, Marker, Merge, Merged, NewRequest,
};

/// Calls that bring something about, however often they are made.
///
/// Each reads first and writes only what differs. A write whose answer was lost is looked up before it is made again, so
/// that a call that answers `Ok` has brought it about exactly once, and one that was interrupted can be made again.
///
/// # Errors
/// Those of [`Forge`]. After an error with an unknown outcome, make the same call again.
///
/// # Cancel safety
/// A call that is dropped may have been done; make it again.
#[async_trait]
pub trait ForgeExt: Forge {
    /// Keeps the one comment of ours that a marker names on a request at a text: writes it, edits it in place, or, if it
    /// has this text, leaves it.
    ///
    /// There is never a second one for long: of two that were written at one time, the older one stays, and the next
    /// call removes the other. Comments of others with the same marker are left alone. Line ends and blanks at the end
    /// make no difference.
    ///
    /// # Errors
    /// `Limit` for a text that is longer than [`comment_bytes`](crate::ForgeInfo::comment_bytes); nothing is written then.
    async fn upsert_comment(
        &self,
        cx: &Cx,
        number: u64,
        marker: &Marker,
        text: &str,
    ) -> Result<Upserted<Comment>> {
        comment::upsert(self, cx, number, marker, &tokens(text)).await
    }

    /// The one comment of ours that a marker names on a request, if it is there; writes nothing.
    ///
    /// # Errors
    /// Those of [`Forge`].
    async fn find_comment(&self, cx: &Cx, number: u64, marker: &Marker) -> Result<Option<Comment>> {
        comment::find(self, cx, number, marker).await
    }

    /// Sets a status unless the commit has it. A context that is too long for the forge is
    /// [shortened](CommitStatus::fitted).
    ///
    /// Gives whether it was written.
    async fn ensure_status(&self, cx: &Cx, commit: &CommitId, status: &CommitStatus) -> Result<bool> {
        let mut status = status.clone();
        status.description = hidden(status.description);
        status::ensure(self, cx, commit, &status).await
    }

    /// Opens a request between two branches, or gives the one that is open.
    async fn ensure_request(&self, cx: &Cx, new: &NewRequest) -> Result<Upserted<ChangeRequest>> {
        let mut new = new.clone();
        (new.title, new.body) = (hidden(new.title), hidden(new.body));
        request::ensure(self, cx, &new).await
    }

    /// Merges a request, or gives what it was merged as, if its head was the expected one.
    async fn ensure_merged(&self, cx: &Cx, number: u64, merge: &Merge) -> Result<Merged> {
        request::merged(self, cx, number, merge).await
    }

    /// Closes a request without merging it; gives whether it was open.
    ///
    /// # Errors
    /// `Unsupported` where the forge closes no requests.
    async fn close_request(&self, cx: &Cx, number: u64) -> Result<bool> {
        request::close(self, cx, number).await
    }

    /// Keeps the one open issue of ours that a marker names at a title and a text.
    ///
    /// # Errors
    /// `Unsupported` where the forge has no issues; `Limit` as for comments.
    async fn upsert_issue(
        &self,
        cx: &Cx,
        marker: &Marker,
        title: &str,
        text: &str,
    ) -> Result<Upserted<Issue>> {
        issue::upsert(self, cx, marker, &tokens(title), &tokens(text)).await
    }

    /// Closes the issue of ours that a marker names; gives whether there was one.
    ///
    /// # Errors
    /// `Unsupported` where the forge has no issues.
    async fn close_issue(&self, cx: &Cx, marker: &Marker) -> Result<bool> {
        issue::close(self, cx, marker).await
    }

    /// Records how the deployment of a commit to an environment stands: as a state of the latest record, if that is of the
    /// same commit, or as a new one. Gives whether something was written.
    ///
    /// # Errors
    /// `Unsupported` where the forge has no deployments.
    async fn ensure_deployment(&self, cx: &Cx, deployment: &Deployment) -> Result<bool> {
        let mut deployment = deployment.clone();
        deployment.description = deployment.description.map(hidden);
        deployment::ensure(self, cx, &deployment).await
    }
}

impl<T: Forge + ?Sized> ForgeExt for T {}

/// What many will read without tokens: they may stand as names of files, objects, branches and people, which are shown in clear.
fn hidden(text: String) -> String {
    tokens(&text).into_owned()
}

/// What is there now, and whether it was written for that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upserted<T> {
    /// What is there now.
    pub value: T,
    /// Whether something was written.
    pub is_written: bool,
}

impl<T> Upserted<T> {
    fn kept(value: T) -> Self {
        Self { value, is_written: false }
    }

    fn written(value: T) -> Self {
        Self { value, is_written: true }
    }
}

/// How often a write is made whose answer is lost each time, and which is not to be found.
const TRIES: usize = 2;

/// Whether a write that failed may be made again, after it was looked up and not found.
fn may_repeat(error: &Error, tries: usize) -> bool {
    error.is_unknown() && error.is_retryable() && tries < TRIES
}

/// Whether a forge would show both texts alike: it may change line ends and take blanks away at the end.
fn same_text(one: &str, other: &str) -> bool {
    let lines = |text: &str| text.trim_end().replace("\r\n", "\n");
    lines(one) == lines(other)
}

/// Refuses what the forge would refuse.
fn check_length(forge: &(impl Forge + ?Sized), text: &str) -> Result<()> {
    let limit = forge.info().comment_bytes;
    if text.len() <= limit {
        return Ok(());
    }
    let message = format!("a text of {} bytes is too long for a comment of this forge", text.len());
    Err(Error::new(ErrorKind::Limit, message)
        .with("limit", format!("comment_bytes = {limit}"))
        .help("show less, and link to the whole"))
}
