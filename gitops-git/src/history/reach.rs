//! How far one look into the history reaches.

use std::cell::Cell;

use gitops_core::{Cx, Error, ErrorKind, Result};
use gix::ObjectId;
use gix::objs::{Data, Find, FindHeader, Header, Kind};

use crate::fault::unreadable;
use crate::limits::GitLimits;

/// What bounds a look into the history: how many commits it may read, and who may stop it.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    commits: usize,
    cx: Cx,
}

impl Reach {
    pub fn new(cx: &Cx, limits: &GitLimits) -> Self {
        Self { commits: limits.history, cx: cx.clone() }
    }

    /// One look into the history of a repository.
    pub fn look<'a>(&'a self, repository: &'a gix::Repository) -> Look<'a> {
        Look { repository, reach: self, read: Cell::new(0), end: Cell::new(End::None) }
    }
}

/// Why a look came to its end before it had seen what it looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    None,
    Limit,
    Cancelled,
}

/// Reads the objects of a repository for one look into its history, and counts the commits among them.
///
/// Every walk reads commits by this one alone: so no history, however long, is work without a bound.
pub(crate) struct Look<'a> {
    pub repository: &'a gix::Repository,
    reach: &'a Reach,
    read: Cell<usize>,
    end: Cell<End>,
}

impl<'a> Look<'a> {
    /// Another look, which reaches as far again.
    pub fn anew(&self) -> Self {
        self.reach.look(self.repository)
    }

    /// A commit.
    pub fn commit(&self, id: ObjectId) -> Result<gix::Commit<'a>> {
        self.count().map_err(|error| self.failed("a commit", error))?;
        self.repository.find_commit(id).map_err(|error| unreadable("a commit", error))
    }

    /// The error of a walk that read commits here.
    pub fn failed(&self, what: &str, error: gix::Error) -> Error {
        match self.end.get() {
            End::None => unreadable(what, error),
            End::Cancelled => Error::new(ErrorKind::Cancelled, "asked to stop"),
            End::Limit => {
                let message = "more commits than one look into the history may read";
                let error = Error::new(ErrorKind::Limit, message);
                let error = error.with("limit", format!("history = {}", self.reach.commits));
                error.help("raise `limits: { history: … }` of the source, if its history is as long as that")
            }
        }
    }

    fn count(&self) -> std::result::Result<(), gix::Error> {
        self.read.set(self.read.get() + 1);
        let end = match self.read.get() > self.reach.commits {
            true => End::Limit,
            false if self.reach.cx.is_cancelled() => End::Cancelled,
            false => return Ok(()),
        };
        self.end.set(end);
        Err(gix::Error::from_error(std::io::Error::other("the look into the history has ended")))
    }
}

impl Find for Look<'_> {
    fn try_find<'b>(
        &self,
        id: &gix::oid,
        buffer: &'b mut Vec<u8>,
    ) -> std::result::Result<Option<Data<'b>>, gix::Error> {
        let found = self.repository.objects.try_find(id, buffer)?;
        if found.as_ref().is_some_and(|found| found.kind == Kind::Commit) {
            self.count()?;
        }
        Ok(found)
    }
}

impl FindHeader for Look<'_> {
    fn try_header(&self, id: &gix::oid) -> std::result::Result<Option<Header>, gix::Error> {
        gix::objs::FindHeader::try_header(&self.repository.objects, id)
    }
}
