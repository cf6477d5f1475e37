use gitops_core::redact::credentials;
use gitops_core::{Commit, Result, Time};
use gix::ObjectId;

use crate::fault::{shown, unreadable};
use crate::signature::{self, Signers};

/// A summary is not longer than this in what people read.
const SUMMARY: usize = 500;

/// Author, committer, time and first line of the message. All of it is what they wrote, made safe to show.
pub(crate) fn describe(
    repository: &gix::Repository,
    id: ObjectId,
    signers: Option<&Signers>,
) -> Result<Commit> {
    let commit = repository.find_commit(id).map_err(|error| unreadable("a commit", error))?;
    let author = commit.author().map_err(|error| unreadable("a commit", error))?;
    let committer = commit.committer().map_err(|error| unreadable("a commit", error))?;
    let person = |of: gix::actor::SignatureRef<'_>| shown(&format!("{} <{}>", of.name, of.email), SUMMARY);
    let seconds = author.time().map_or(0, |time| time.seconds);
    let summary = commit.message().map_err(|error| unreadable("a commit", error))?.summary();
    Ok(Commit::new(
        id.to_string(),
        person(author),
        person(committer),
        Time::from_micros(seconds.saturating_mul(1_000_000)),
        shown(&credentials(summary.to_string().trim()), SUMMARY),
    )
    .signed_by(signers.and_then(|signers| signature::signer(&commit.data, signers))))
}
