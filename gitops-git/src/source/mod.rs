mod builder;
mod changed;
mod entry;
mod fetch;
mod history;
mod landed;
mod merge;
mod names;
mod propose;
mod receive;
mod revert;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use gitops_core::{
    Cx, Error, ErrorKind, History, Merge, Result, Revision, Snapshot, Source, SourceInfo, SourceWatch,
};
use gix::ObjectId;
use tokio::sync::OnceCell;

pub use builder::GitSourceBuilder;
pub use entry::Entry;
pub use landed::Landed;

use crate::credentials::Credentials;
use crate::git::{GitProgram, Trust};
use crate::limits::GitLimits;
use crate::mirror::Mirror;
use crate::objects::Objects;
use crate::reference::{CommitId, GitRef};
use crate::rules::Rules;
use crate::signature::Signers;
use crate::tree::{GitTree, Survey, locate};
use crate::url::GitUrl;
use crate::watch::LocalWatch;

/// A Git repository as a source of desired state.
///
/// # Guarantees
/// - [`resolve`](Source::resolve) fetches nothing: it asks a server for one reference, and reads a repository of this
///   machine without starting a process.
/// - [`fetch`](Source::fetch) of a revision that the mirror has costs no call, and of another one only what is new.
/// - A whole tree is looked over before its snapshot is given: a submodule, an unsafe name or a limit is an error with all
///   places, never a smaller tree. Folders that kept their ids are not looked over again. A symbolic link is shown as one
///   (`EntryKind::Link`) and never followed.
/// - A revision that was fetched once stays readable, also when its branch was force-pushed since; of such revisions the
///   mirror keeps those that were used last, up to [`GitLimits::kept_revisions`].
///
/// # Cancel safety
/// Any future may be dropped: the `git` program and all that it started are killed, and the next call repairs what
/// they left. At the deadline of [`Cx`], or when it is cancelled, they are asked first and have two seconds to end.
///
/// # Errors
/// `Unauthenticated`, `Forbidden`, `NotFound` (repository, reference, commit or path: the help says what there is),
/// `Unavailable` for the network, `Timeout`, `Corrupt`, `Limit`, `Locked` while another process fetches for too long,
/// `Storage` if the mirror can't be written, `Unsupported` if `git` is missing or too old, `Invalid` with diagnostics
/// for a tree that can't be used.
#[derive(Clone)]
pub struct GitSource(Arc<Inner>, Author);

/// Who makes commits: name and address.
type Author = (String, String);

pub(crate) struct Inner {
    url: GitUrl,
    follows: GitRef,
    /// The followed folder, without slashes around it; empty for the whole tree.
    path: String,
    rules: Arc<Rules>,
    limits: Arc<GitLimits>,
    credentials: Credentials,
    /// Kinds of faults of format that `git fsck` finds, and that are taken.
    tolerated: Vec<String>,
    authorities: Option<PathBuf>,
    /// Whose signatures of commits are verified.
    signers: Option<Signers>,
    author: (String, String),
    mirror: Arc<Mirror>,
    program: Option<PathBuf>,
    git: OnceCell<GitProgram>,
    /// Whether the server is known to speak only an older protocol.
    is_old: AtomicBool,
    survey: Mutex<Survey>,
    watch: OnceLock<LocalWatch>,
}

impl GitSource {
    /// Begins a source for a URL or path; see [`GitUrl`] for what may be written. Without more said it follows the branch
    /// `main` and keeps its mirrors in `.gitops/mirrors`.
    pub fn builder(url: impl Into<String>) -> GitSourceBuilder {
        GitSourceBuilder::new(url.into())
    }

    /// The folder of the mirror; it can be removed whenever no source uses it.
    pub fn mirror(&self) -> &std::path::Path {
        self.0.mirror.folder()
    }
}

impl Inner {
    fn trust(&self) -> Trust {
        Trust { authorities: self.authorities.clone() }
    }

    async fn git(&self, cx: &Cx) -> Result<&GitProgram> {
        self.git.get_or_try_init(|| GitProgram::find(cx, self.program.as_deref())).await
    }

    /// The tree of a commit that is in the mirror, looked over.
    fn snapshot(&self, objects: Arc<Objects>, commit: ObjectId, revision: Revision) -> Result<Snapshot> {
        let tree = objects.with(|repository| tree_of(repository, commit))?;
        self.snapshot_of(objects, tree, revision)
    }

    /// The same of a tree.
    fn snapshot_of(&self, objects: Arc<Objects>, tree: ObjectId, revision: Revision) -> Result<Snapshot> {
        let folder = objects.with(|repository| locate(repository, tree, &self.path))?;
        let (rules, limits) = (Arc::clone(&self.rules), Arc::clone(&self.limits));
        let tree = GitTree { objects, rules, limits };
        let root = tree.folder_id("", folder);
        let warnings = self.survey.lock().unwrap_or_else(PoisonError::into_inner).check(&tree, root)?;
        Ok(Snapshot::new(revision, self.url.to_string(), root, Arc::new(tree)).warning(warnings))
    }
}

fn tree_of(repository: &gix::Repository, commit: ObjectId) -> Result<ObjectId> {
    let unreadable = |error| crate::fault::unreadable("a commit", error);
    let commit = repository.find_commit(commit).map_err(unreadable)?;
    Ok(commit.tree_id().map_err(unreadable)?.detach())
}

/// Runs what may block on local storage where it holds nobody up.
async fn blocking<T: Send + 'static>(cx: &Cx, run: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let ended =
        |error: tokio::task::JoinError| Error::new(ErrorKind::Internal, "a task panicked").because(error);
    cx.bounded(async { tokio::task::spawn_blocking(run).await.map_err(ended)? }).await
}

#[async_trait]
impl Source for GitSource {
    fn info(&self) -> SourceInfo {
        let path = if self.0.path.is_empty() { String::new() } else { format!(" in {}", self.0.path) };
        SourceInfo::new(self.0.url.to_string(), format!("{}{path}", self.0.follows))
            .reference(self.0.follows.to_string())
    }

    async fn resolve(&self, cx: &Cx) -> Result<Revision> {
        self.0.newest(cx).await
    }

    async fn fetch(&self, cx: &Cx, revision: &Revision) -> Result<Snapshot> {
        let commit = CommitId::parse(revision.id())?.object();
        let objects = self.0.ensure(cx, commit).await?;
        let (inner, revision) = (Arc::clone(&self.0), revision.clone());
        blocking(cx, move || inner.snapshot(objects, commit, revision)).await
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }

    fn merge(&self) -> Option<&dyn Merge> {
        Some(self)
    }

    /// There for a repository of this machine.
    fn watch(&self) -> Option<&dyn SourceWatch> {
        if self.0.watch.get().is_none() {
            let watch = LocalWatch::new(self.0.url.local_path()?).ok()?;
            // A second thread may have been first; one watch is as good as the other.
            let _ = self.0.watch.set(watch);
        }
        self.0.watch.get().map(|watch| watch as &dyn SourceWatch)
    }
}

impl std::fmt::Debug for GitSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GitSource({}, {})", self.0.url, self.0.follows)
    }
}
