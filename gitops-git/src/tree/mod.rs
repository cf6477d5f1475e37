//! A commit's tree, read from the mirror without a checkout.

mod id;
mod listing;
mod locate;
mod name;
mod survey;

use std::sync::Arc;

use gitops_core::{Diagnostic, Digest, Entry, Error, Result, Tree};
use gix::ObjectId;

use crate::fault::{invalid, over_limit, shown, unreadable};
use crate::limits::GitLimits;
use crate::objects::Objects;
use crate::rules::Rules;

pub(crate) use id::ContentId;
pub(crate) use listing::{Listed, listed};
pub(crate) use locate::locate;
pub(crate) use survey::Survey;

/// The first bytes of a file that stands for another file kept elsewhere.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// The files of a commit, as far as the rules let them through.
///
/// Ids are the ids of Git itself, so what kept its id is known to be the same without being read. It holds no state of
/// its own: it can be asked from many threads, and nothing grows with use.
pub(crate) struct GitTree {
    pub objects: Arc<Objects>,
    pub rules: Arc<Rules>,
    pub limits: Arc<GitLimits>,
}

impl GitTree {
    /// The id under which this view shows a folder.
    pub fn folder_id(&self, path: &str, id: ObjectId) -> Digest {
        ContentId::of_folder(&self.rules, path, id)
    }

    /// What the rules let through of a folder.
    fn look(&self, path: &str, id: &Digest) -> Result<Listed> {
        let id = ContentId::folder(id).ok_or_else(|| foreign(path))?;
        self.objects.with(|repository| {
            self.checked_size(repository, path, id)?;
            let folder = repository.find_tree(id).map_err(|error| self.damaged(path, error))?;
            listed(&self.rules, &self.limits, path, &folder.data)
        })
    }

    fn checked_size(&self, repository: &gix::Repository, path: &str, id: ObjectId) -> Result<()> {
        let header = repository.find_header(id).map_err(|error| self.damaged(path, error))?;
        match header.size() > self.limits.file_bytes {
            true => Err(over_limit(
                format!("`{}` holds {} bytes", shown(path, 200), header.size()),
                "file_bytes",
                self.limits.file_bytes,
            )
            .with("object", id)),
            false => Ok(()),
        }
    }

    /// Marks the mirror, so that the next fetch makes it anew.
    fn damaged(&self, path: &str, error: gix::Error) -> Error {
        self.objects.mark_damaged();
        unreadable(&format!("`{}`", shown(path, 200)), error)
            .help("fetch again: the mirror is then made anew by itself")
    }
}

impl Tree for GitTree {
    fn list(&self, path: &str, id: &Digest) -> Result<Vec<Entry>> {
        Ok(self.look(path, id)?.entries)
    }

    fn read(&self, path: &str, id: &Digest) -> Result<Arc<[u8]>> {
        let id = ContentId::file(id).ok_or_else(|| foreign(path))?;
        self.objects.with(|repository| {
            self.checked_size(repository, path, id)?;
            let file = repository.find_blob(id).map_err(|error| self.damaged(path, error))?;
            match file.data.starts_with(LFS_POINTER) {
                true => Err(lfs_pointer(path)),
                false => Ok(file.data.as_slice().into()),
            }
        })
    }
}

fn lfs_pointer(path: &str) -> Error {
    let message = "the file is kept in Git LFS; the repository holds only a pointer to it";
    let diagnostic = Diagnostic::error("GO0207", shown(path, 200), message)
        .help("put the file itself into the repository (`git lfs migrate export`), or ignore it");
    Error::invalid(format!("`{}` is a Git LFS pointer", shown(path, 200)), vec![diagnostic])
        .help("put the file itself into the repository (`git lfs migrate export`), or ignore it")
}

fn foreign(path: &str) -> Error {
    invalid(format!("the id of `{}` is not one of a Git tree", shown(path, 200)))
        .help("ask a snapshot's tree only for ids that it gave")
}

impl std::fmt::Debug for GitTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitTree").finish_non_exhaustive()
    }
}
