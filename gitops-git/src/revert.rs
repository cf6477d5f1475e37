//! The commit that undoes a commit.

use std::collections::BTreeMap;

use gitops_core::{Error, ErrorKind, Result, Time};
use gix::objs::tree::EntryMode;
use gix::{ObjectId, Tree};

use crate::fault::{invalid, not_found, shown, unreadable};

/// More paths than this are only counted in an error.
const MAX_SHOWN: usize = 20;

/// What to undo, and on top of what.
pub(crate) struct Undo {
    /// The commit on top of which the new one is made.
    pub head: ObjectId,
    /// The commit that is undone.
    pub undone: ObjectId,
    /// Name and address.
    pub author: (String, String),
    pub time: Time,
}

/// Writes the commit; no reference is moved.
///
/// # Errors
/// `Conflict` if a path that the commit changed is no longer as the commit left it; `Invalid` for a merge and for a
/// commit that changed nothing.
pub(crate) fn undo(repository: &gix::Repository, what: &Undo) -> Result<ObjectId> {
    let trees = Trees::read(repository, what)?;
    let paths = trees.changed(repository)?;
    if paths.is_empty() {
        return Err(invalid(format!("commit {} changed nothing", what.undone)).help("name another commit"));
    }
    let mut conflicts = Vec::new();
    for path in &paths {
        if !trees.is_untouched(path)? {
            conflicts.push(shown(path, 200));
        }
    }
    match conflicts.is_empty() {
        true => write(repository, what, trees.restored(&paths)?),
        false => Err(conflict(what.undone, &conflicts)),
    }
}

/// A commit to be made on top of another one. It is the same one each time: its time is that of the commit that it is made on.
pub(crate) struct Draft {
    /// The commit on top of which it is made.
    pub parent: ObjectId,
    /// Name and address.
    pub author: (String, String),
    pub message: String,
}

/// Writes a commit on top of a bad one, in which all below a folder is as it was in a good one; no reference is moved.
///
/// # Errors
/// `Invalid` if nothing differs there.
pub(crate) fn restore(
    repository: &gix::Repository,
    good: ObjectId,
    folder: &str,
    draft: &Draft,
) -> Result<ObjectId> {
    let tree_of = |commit: ObjectId| repository.find_commit(commit)?.tree();
    let [before, after] = [tree_of(good).map_err(damaged)?, tree_of(draft.parent).map_err(damaged)?];
    let trees = Trees { before, now: after.clone(), after };
    let is_below = |path: &String| {
        folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    let paths: Vec<String> = trees.changed(repository)?.into_iter().filter(is_below).collect();
    if paths.is_empty() {
        let place = if folder.is_empty() { "the repository" } else { folder };
        return Err(invalid(format!("nothing differs in {place} between {good} and {}", draft.parent))
            .help("name another revision to go back to"));
    }
    commit(repository, draft, trees.restored(&paths)?)
}

/// Writes a commit on top of another one with the content of some files, which are there already; no reference is moved.
///
/// # Errors
/// `NotFound` for a file that is not there.
pub(crate) fn edit(
    repository: &gix::Repository,
    files: &BTreeMap<String, Vec<u8>>,
    draft: &Draft,
) -> Result<ObjectId> {
    let tree = repository.find_commit(draft.parent).map_err(damaged)?.tree().map_err(damaged)?;
    let mut editor = tree.edit().map_err(damaged)?;
    for (path, bytes) in files {
        let Some((mode, _)) = find(&tree, path)?.filter(|(mode, _)| mode.is_blob()) else {
            return Err(not_found(format!("there is no file `{}` to be changed", shown(path, 200))));
        };
        let id = repository.write_blob(bytes).map_err(unwritten)?.detach();
        editor.upsert(path.as_str(), mode.kind(), id).map_err(damaged)?;
    }
    commit(repository, draft, editor.write().map_err(damaged)?.detach())
}

fn commit(repository: &gix::Repository, draft: &Draft, tree: ObjectId) -> Result<ObjectId> {
    let parent = repository.find_commit(draft.parent).map_err(damaged)?;
    let seconds = parent.time().map_err(damaged)?.seconds;
    let time = gix::date::Time::new(seconds, 0).to_string();
    let (name, email) = &draft.author;
    let author =
        gix::actor::SignatureRef { name: name.as_str().into(), email: email.as_str().into(), time: &time };
    let made = repository.new_commit_as(author, author, &draft.message, tree, [draft.parent]);
    Ok(made.map_err(unwritten)?.id)
}

fn unwritten(error: gix::Error) -> Error {
    Error::new(ErrorKind::Storage, "the new commit could not be written to the mirror").because(error)
}

/// The trees before and after the commit that is undone, and the newest one.
struct Trees<'a> {
    before: Tree<'a>,
    after: Tree<'a>,
    now: Tree<'a>,
}

type Found = Option<(EntryMode, ObjectId)>;

impl<'a> Trees<'a> {
    fn read(repository: &'a gix::Repository, what: &Undo) -> Result<Self> {
        let tree_of = |commit: ObjectId| repository.find_commit(commit)?.tree();
        let undone = repository.find_commit(what.undone).map_err(damaged)?;
        let parents: Vec<_> = undone.parent_ids().map(gix::Id::detach).collect();
        let before = match parents.as_slice() {
            [] => repository.empty_tree(),
            [parent] => tree_of(*parent).map_err(damaged)?,
            _ => return Err(merge(what.undone)),
        };
        Ok(Self { before, after: undone.tree().map_err(damaged)?, now: tree_of(what.head).map_err(damaged)? })
    }

    /// The paths of all files that the commit changed.
    fn changed(&self, repository: &gix::Repository) -> Result<Vec<String>> {
        let options = gix::diff::Options::default().with_rewrites(None);
        let changes =
            repository.diff_tree_to_tree(&self.before, &self.after, Some(options)).map_err(damaged)?;
        let files = changes.iter().filter(|change| !change.entry_mode().is_tree());
        files.map(|change| utf8(change.location())).collect()
    }

    /// Whether a path is still as the commit left it, and can be made what it was before.
    fn is_untouched(&self, path: &str) -> Result<bool> {
        let now = find(&self.now, path)?;
        if now != find(&self.after, path)? {
            return Ok(false);
        }
        // A file where a folder must be would be lost.
        for (end, _) in path.match_indices('/') {
            let in_the_way = find(&self.now, &path[..end])?.is_some_and(|(mode, _)| !mode.is_tree());
            if in_the_way && find(&self.after, &path[..end])?.is_none_or(|(mode, _)| mode.is_tree()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The newest tree with some paths as they were before.
    fn restored(&self, paths: &[String]) -> Result<ObjectId> {
        let mut editor = self.now.edit().map_err(damaged)?;
        let mut former = Vec::new();
        for path in paths {
            match find(&self.before, path)? {
                Some(entry) => former.push((path, entry)),
                None => drop(editor.remove(path.as_str()).map_err(damaged)?),
            }
        }
        for (path, (mode, id)) in former {
            editor.upsert(path.as_str(), mode.kind(), id).map_err(damaged)?;
        }
        Ok(editor.write().map_err(damaged)?.detach())
    }
}

fn find(tree: &Tree<'_>, path: &str) -> Result<Found> {
    let entry = tree.lookup_entry(path.split('/')).map_err(damaged)?;
    Ok(entry.map(|entry| (entry.mode(), entry.object_id())))
}

fn write(repository: &gix::Repository, what: &Undo, tree: ObjectId) -> Result<ObjectId> {
    let undone = repository.find_commit(what.undone).map_err(damaged)?;
    let summary = undone.message().map_err(damaged)?.summary().to_string();
    let summary = gitops_core::redact::credentials(&summary).into_owned();
    let message = format!("Revert \"{}\"\n\nThis reverts commit {}.\n", summary.trim(), what.undone);
    let time = gix::date::Time::new(what.time.as_micros().div_euclid(1_000_000), 0).to_string();
    let (name, email) = &what.author;
    let author =
        gix::actor::SignatureRef { name: name.as_str().into(), email: email.as_str().into(), time: &time };
    let commit = repository.new_commit_as(author, author, message, tree, [what.head]);
    Ok(commit.map_err(unwritten)?.id)
}

fn utf8(path: &gix::bstr::BStr) -> Result<String> {
    String::from_utf8(path.to_vec()).map_err(|_| {
        invalid(format!("the commit changed `{}`, whose name is not UTF-8", shown(&path.to_string(), 200)))
            .help("revert it by hand")
    })
}

fn merge(commit: ObjectId) -> Error {
    invalid(format!("commit {commit} is a merge: which side to undo is not known"))
        .help("revert the commits that it brought in, or run `git revert -m 1` by hand")
}

fn conflict(commit: ObjectId, paths: &[String]) -> Error {
    let shown: Vec<_> = paths.iter().take(MAX_SHOWN).map(String::as_str).collect();
    let message = format!("later commits changed what commit {commit} changed: {}", shown.join(", "));
    Error::new(ErrorKind::Conflict, message)
        .with("paths", paths.len())
        .help("revert the later commits first, newest first, or make the change by hand")
}

fn damaged(error: gix::Error) -> Error {
    unreadable("a commit or its tree", error)
}
