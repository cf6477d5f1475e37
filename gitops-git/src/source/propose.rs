//! Commits that are proposed: made in the mirror, and pushed to a branch of their own.

use std::collections::BTreeMap;

use gitops_core::{Cx, Error, ErrorKind, Result, Revision};

use super::GitSource;
use super::builder::author;
use super::history::commit_of;
use crate::history;
use crate::reference::RefName;
use crate::revert::{Draft, edit, restore};

impl GitSource {
    /// A commit on top of `bad` in which all below the followed folder is as it was in `good`. It is made in the mirror alone, and
    /// is the same one whenever and wherever it is made.
    ///
    /// # Errors
    /// `Invalid` if nothing differs there; what keeps a commit from being fetched.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn restored(&self, cx: &Cx, good: &Revision, bad: &Revision) -> Result<Revision> {
        let (good, parent) = (commit_of(good)?, commit_of(bad)?);
        self.0.ensure(cx, good).await?;
        let (folder, author) = (self.0.path.clone(), self.1.clone());
        let write = move |repository: &gix::Repository| {
            let undone = history::describe(repository, parent, None)?;
            let place = if folder.is_empty() { String::new() } else { format!("{folder} ") };
            let message = format!(
                "Revert \"{}\"\n\nThis takes {place}back to commit {good}, as it was before commit {parent}.\n",
                undone.summary.trim()
            );
            restore(repository, good, &folder, &Draft { parent, author, message })
        };
        let made = self.0.read(cx, parent, write).await?.to_string();
        Ok(Revision::new(made.clone(), made))
    }

    /// A commit on top of another one with the content of some files, named from the root of the repository, which are there
    /// already. It is made in the mirror alone, and is the same one whenever and wherever it is made.
    ///
    /// # Errors
    /// `NotFound` for a file that is not there; what keeps the commit from being fetched.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn edited(
        &self,
        cx: &Cx,
        parent: &Revision,
        files: BTreeMap<String, Vec<u8>>,
        message: &str,
    ) -> Result<Revision> {
        let parent = commit_of(parent)?;
        let (author, message) = (self.1.clone(), message.to_owned());
        let write =
            move |repository: &gix::Repository| edit(repository, &files, &Draft { parent, author, message });
        let made = self.0.read(cx, parent, write).await?.to_string();
        Ok(Revision::new(made.clone(), made))
    }

    /// Pushes a commit that was made in the mirror to a branch that is not there yet. If the branch has this commit already,
    /// nothing is done.
    ///
    /// # Errors
    /// - `Conflict` if the branch has another commit: it is left alone.
    /// - `Forbidden` if the server refuses the push.
    /// - An error whose outcome is unknown if the connection broke during the push: make the call again.
    ///
    /// # Cancel safety
    /// If the future is dropped, the commit was pushed or not; make the call again.
    pub async fn push_to_branch(&self, cx: &Cx, commit: &Revision, branch: &str) -> Result<()> {
        let (new, name) = (commit_of(commit)?, RefName::parse(branch)?);
        match self.branch(cx, branch).await? {
            Some(found) if found.id() == commit.id() => return Ok(()),
            Some(found) => return Err(taken(branch, &found)),
            None => {}
        }
        // Until it is pushed no reference leads to it, and it could be cleaned up.
        self.0.keep(cx, new).await?;
        self.0.push(cx, &name, None, new).await
    }

    /// Has a branch lead to a commit that was made in the mirror, in the place of the one to which it leads now. The commits that
    /// lead to that one alone are left.
    ///
    /// # Errors
    /// `Conflict` if the branch leads to another commit than `from`: nothing is moved. As
    /// [`push_to_branch`](Self::push_to_branch) else.
    ///
    /// # Cancel safety
    /// As [`push_to_branch`](Self::push_to_branch).
    pub async fn move_branch(&self, cx: &Cx, commit: &Revision, branch: &str, from: &Revision) -> Result<()> {
        let (new, old, name) = (commit_of(commit)?, commit_of(from)?, RefName::parse(branch)?);
        self.0.keep(cx, new).await?;
        self.0.push(cx, &name, Some(old), new).await
    }

    /// The same source, whose proposed commits somebody else makes: a forge tells only by the address whose they are.
    ///
    /// # Errors
    /// `Invalid` for a name or an address that can't be written in a commit.
    pub fn committing_as(&self, name: &str, address: &str) -> Result<Self> {
        Ok(Self(self.0.clone(), author((name.to_owned(), address.to_owned()))?))
    }

    /// Who commits what is made here, as `Name <address>`.
    pub fn committer(&self) -> String {
        let (name, address) = &self.1;
        format!("{name} <{address}>")
    }
}

fn taken(branch: &str, found: &Revision) -> Error {
    let message = format!("the branch `{branch}` is there with another commit, {}", found.short());
    Error::new(ErrorKind::Conflict, message).help("delete the branch if nobody needs it, then try again")
}
