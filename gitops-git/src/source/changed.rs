//! Which files differ between two commits, from the root of the repository.

use gitops_core::{Cx, Error, ErrorKind, Result, Revision};

use super::history::commit_of;
use super::{GitSource, tree_of};
use crate::fault::{invalid, shown, unreadable};

impl GitSource {
    /// The paths of all files that differ between two commits, from the root of the repository, whatever folder and patterns
    /// are followed, in their order. Of a file that was moved both paths are among them.
    ///
    /// # Errors
    /// `Limit` if there are more than `limit`; `Invalid` for a name that is not UTF-8; what keeps a commit from being fetched.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn changed(
        &self,
        cx: &Cx,
        from: &Revision,
        to: &Revision,
        limit: usize,
    ) -> Result<Vec<String>> {
        let (from, to) = (commit_of(from)?, commit_of(to)?);
        self.0.ensure(cx, from).await?;
        let read = move |repository: &gix::Repository| {
            paths(repository, tree_of(repository, from)?, tree_of(repository, to)?, limit)
        };
        self.0.read(cx, to, read).await
    }
}

fn paths(
    repository: &gix::Repository,
    from: gix::ObjectId,
    to: gix::ObjectId,
    limit: usize,
) -> Result<Vec<String>> {
    let tree = |id| repository.find_tree(id).map_err(|error| unreadable("a tree or a file", error));
    let (from, to) = (tree(from)?, tree(to)?);
    let options = gix::diff::Options::default().with_rewrites(None);
    let changes = repository.diff_tree_to_tree(&from, &to, Some(options));
    let changes = changes.map_err(|error| unreadable("a tree or a file", error))?;
    let mut found = Vec::new();
    for change in changes.iter().filter(|change| !change.entry_mode().is_tree()) {
        if found.len() >= limit {
            let error = Error::new(ErrorKind::Limit, format!("more than {limit} files differ"));
            return Err(error.help("make the change in smaller requests"));
        }
        let path = String::from_utf8(change.location().to_vec()).map_err(|_| {
            let name = shown(&change.location().to_string(), 200);
            invalid(format!("`{name}` was changed, whose name is not UTF-8")).help("give it another name")
        })?;
        found.push(path);
    }
    found.sort();
    found.dedup();
    Ok(found)
}
