use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gitops_core::Revision;
use gix::ObjectId;

use crate::reference::CommitId;

/// How many commits of a working copy are looked at for the first ones of its history.
const COMMITS: usize = 20_000;

/// How many of the first commits count.
const FIRST: usize = 8;

/// The working copy that a file or a folder of this machine lies in.
///
/// Nothing of its configuration is believed, and no program is started.
#[derive(Debug)]
pub struct Checkout {
    repository: gix::Repository,
    root: PathBuf,
}

impl Checkout {
    /// The working copy that a path lies in; nothing if there is none, or nothing that can be read as one.
    pub fn of(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let folder = if path.is_dir() { path.as_path() } else { path.parent()? };
        let isolated = gix::open::Options::isolated;
        let trust = gix::sec::trust::Mapping { full: isolated(), reduced: isolated() };
        let found = gix::ThreadSafeRepository::discover_opts(
            folder,
            gix::discover::upwards::Options::default(),
            trust,
        );
        let repository = found.ok()?.to_thread_local();
        let root = repository.workdir()?.canonicalize().ok()?;
        Some(Self { repository, root })
    }

    /// Whether it is a working copy of the repository of some commits: it has one of them, or its own is a merge of one.
    pub fn has_any(&self, commits: &[&Revision]) -> bool {
        let ids = commits.iter().filter_map(|commit| CommitId::parse(commit.id()).ok());
        let ids: Vec<ObjectId> = ids.map(CommitId::object).collect();
        ids.iter().any(|id| self.repository.has_object(*id) || self.parents().contains(id))
    }

    /// The first commits of the history of what is checked out, as far as the copy has it; at most eight. A copy of a repository has them
    /// in common with it, also one that is far behind or has commits of its own.
    pub fn first_commits(&self) -> Vec<Revision> {
        let Ok(head) = self.repository.head_id() else { return Vec::new() };
        let (mut ahead, mut seen, mut first) = (vec![head.detach()], BTreeSet::new(), Vec::new());
        while let Some(id) = ahead.pop() {
            if !seen.insert(id) {
                continue;
            }
            // Where there are more, those that are left are old enough.
            let before = match seen.len() < COMMITS {
                true => self.before(id),
                false => Vec::new(),
            };
            match before.is_empty() {
                true => first.push(Revision::new(id.to_string(), id.to_string())),
                false => ahead.extend(before),
            }
        }
        first.truncate(FIRST);
        first
    }

    /// The parents of a commit that the copy has.
    fn before(&self, id: ObjectId) -> Vec<ObjectId> {
        let Ok(commit) = self.repository.find_commit(id) else { return Vec::new() };
        commit.parent_ids().map(gix::Id::detach).filter(|id| self.repository.has_object(*id)).collect()
    }

    /// A path of this machine as the repository names it; nothing if it lies elsewhere.
    pub fn path_of(&self, path: &Path) -> Option<String> {
        let path = path.canonicalize().ok()?;
        path.strip_prefix(&self.root).ok()?.to_str().map(str::to_owned)
    }

    /// The parents of the commit that is checked out. A shallow copy knows their names and does not have them.
    fn parents(&self) -> Vec<ObjectId> {
        let Ok(commit) = self.repository.head_commit() else { return Vec::new() };
        commit.parent_ids().map(gix::Id::detach).collect()
    }
}
