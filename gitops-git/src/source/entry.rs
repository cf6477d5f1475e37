//! What a commit has at a path, from the root of the repository.

use gitops_core::{Cx, Result, Revision};
use gix::objs::tree::EntryKind as Mode;

use super::history::commit_of;
use super::{GitSource, tree_of};
use crate::fault::{over_limit, unreadable};

/// What a commit has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// A file with its bytes.
    File(Vec<u8>),
    /// A folder with the names of what is in it, in their order.
    Folder(Vec<String>),
    /// Something else, such as a link or a submodule.
    Other,
}

impl GitSource {
    /// What a commit has at a path that begins at the root of the repository, whatever folder and patterns are followed;
    /// nothing if there is nothing. An empty path is the root.
    ///
    /// # Errors
    /// `Limit` for a file that is too large; what keeps the commit from being fetched.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn entry(&self, cx: &Cx, commit: &Revision, path: &str) -> Result<Option<Entry>> {
        let (id, path, limit) = (commit_of(commit)?, path.to_owned(), self.0.limits.file_bytes);
        self.0.read(cx, id, move |repository| read(repository, tree_of(repository, id)?, &path, limit)).await
    }
}

fn read(repository: &gix::Repository, root: gix::ObjectId, path: &str, limit: u64) -> Result<Option<Entry>> {
    let tree = repository.find_tree(root).map_err(|error| unreadable("a tree or a file", error))?;
    let names = path.split('/').filter(|name| !name.is_empty());
    let (id, kind) = match path.trim_matches('/') {
        "" => (root, Mode::Tree),
        _ => match tree.lookup_entry(names).map_err(|error| unreadable("a tree or a file", error))? {
            Some(entry) => (entry.object_id(), entry.mode().kind()),
            None => return Ok(None),
        },
    };
    match kind {
        Mode::Tree => {
            let tree = repository.find_tree(id).map_err(|error| unreadable("a tree or a file", error))?;
            let names = tree
                .iter()
                .map(|entry| Ok(entry.map_err(|error| unreadable("a tree", error))?.filename().to_string()));
            Ok(Some(Entry::Folder(names.collect::<Result<_>>()?)))
        }
        Mode::Blob | Mode::BlobExecutable => {
            let header = repository.find_header(id).map_err(|error| unreadable("a tree or a file", error))?;
            if header.size() > limit {
                return Err(over_limit("a file is too large", "file_bytes", limit));
            }
            let blob = repository.find_blob(id).map_err(|error| unreadable("a tree or a file", error))?;
            Ok(Some(Entry::File(blob.detach().data)))
        }
        _ => Ok(Some(Entry::Other)),
    }
}
