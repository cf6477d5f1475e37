//! Where desired state comes from.

mod info;
mod memory;

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use smol_str::SmolStr;

use crate::cx::{Cx, Time};
use crate::value::{Diagnostic, Digest, Result, Revision};
pub use info::SourceInfo;
use memory::MemoryTree;

/// A source of desired state: something with revisions, each an immutable tree of files.
///
/// | Required | Signature |
/// | --- | --- |
/// | `info` | `fn info(&self) -> SourceInfo` |
/// | `resolve` | `async fn resolve(&self, cx: &Cx) -> Result<Revision>` |
/// | `fetch` | `async fn fetch(&self, cx: &Cx, revision: &Revision) -> Result<Snapshot>` |
///
/// # Guarantees asked of an implementation
/// - A snapshot of a revision is the same for ever; two snapshots with one root id hold the same bytes.
/// - `resolve` is cheap: it asks what is newest and reads no content.
/// - `fetch` of a revision that it has already costs no call over the network.
/// - Partial content is an error, never a smaller tree.
///
/// # Cancel safety
/// Any future may be dropped; the source stays usable, and a later call starts afresh.
#[async_trait]
pub trait Source: Send + Sync {
    /// What the source is.
    fn info(&self) -> SourceInfo;

    /// The newest revision.
    async fn resolve(&self, cx: &Cx) -> Result<Revision>;

    /// The tree of a revision.
    async fn fetch(&self, cx: &Cx, revision: &Revision) -> Result<Snapshot>;

    /// How revisions are related and who made them, if the source knows.
    fn history(&self) -> Option<&dyn History> {
        None
    }

    /// Tells when there may be a new revision, if the source can.
    fn watch(&self) -> Option<&dyn SourceWatch> {
        None
    }

    /// Merges revisions without moving anything, if the source can.
    fn merge(&self) -> Option<&dyn Merge> {
        None
    }
}

/// Tells when there may be a new revision, so that nobody has to poll.
#[async_trait]
pub trait SourceWatch: Send + Sync {
    /// Returns when the source may have a new revision; early and needless returns are allowed, missed ones not.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event: the next call returns at once if something happened in between.
    async fn changed(&self, cx: &Cx) -> Result<()>;
}

/// Merges revisions without moving anything: what a request would make of the target branch.
#[async_trait]
pub trait Merge: Send + Sync {
    /// The tree that a merge of `head` into `base` would have.
    ///
    /// # Errors
    /// `Conflict` if the merge has conflicts, with the paths in the message; `Invalid` if the histories have nothing in
    /// common.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn merged(&self, cx: &Cx, base: &Revision, head: &Revision) -> Result<Merged>;
}

/// The result of a merge that nobody made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Merged {
    /// Its tree. The revision is named after both sides and can't be fetched by its id.
    pub snapshot: Snapshot,
    /// Where both sides parted.
    pub merge_base: Revision,
}

impl Merged {
    /// A merge with its tree, and where both sides parted.
    pub fn new(snapshot: Snapshot, merge_base: Revision) -> Self {
        Self { snapshot, merge_base }
    }
}

/// How revisions are related, and who made them.
#[async_trait]
pub trait History: Send + Sync {
    /// How `to` lies to `from`.
    async fn relation(&self, cx: &Cx, from: &Revision, to: &Revision) -> Result<Relation>;

    /// The revision that a name or an abbreviated id written by a person means.
    async fn find(&self, cx: &Cx, name: &str) -> Result<Revision>;

    /// One revision's author, time and message.
    async fn describe(&self, cx: &Cx, revision: &Revision) -> Result<Commit>;

    /// The revisions, newest first, that changed a file, or all if the path is empty; at most `limit`.
    async fn log(&self, cx: &Cx, revision: &Revision, path: &str, limit: usize) -> Result<Vec<Commit>>;

    /// What `to` has and `from` has not: the commits of `to` and of its ancestors without those of `from`, newest first, at
    /// most `limit`.
    async fn between(&self, cx: &Cx, from: &Revision, to: &Revision, limit: usize) -> Result<Vec<Commit>>;

    /// How many commits [`Commits`] lists at most.
    fn most_commits(&self) -> usize {
        Commits::MOST
    }

    /// Who last changed one of these lines (from 1) of a file: the newest of their commits.
    async fn blame(
        &self,
        cx: &Cx,
        revision: &Revision,
        path: &str,
        lines: RangeInclusive<u32>,
    ) -> Result<Commit>;
}

/// How one revision lies to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// They are the same.
    Same,
    /// The second descends from the first.
    Newer,
    /// The second is an ancestor of the first.
    Older,
    /// Neither descends from the other.
    Diverged,
}

/// Who made a revision, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Commit {
    /// Its id.
    pub id: SmolStr,
    /// The author, as `Name <address>`.
    pub author: String,
    /// Who committed it, in the same form: another than the author where a change was applied for somebody.
    pub committer: String,
    /// When it was authored.
    pub time: Time,
    /// The first line of its message.
    pub summary: String,
    /// Whose signature it carries, if the source verified that; what author and committer say of themselves, anybody can say.
    pub signer: Option<Signer>,
}

impl Commit {
    /// A commit that nobody signed.
    pub fn new(
        id: impl Into<SmolStr>,
        author: impl Into<String>,
        committer: impl Into<String>,
        time: Time,
        summary: impl Into<String>,
    ) -> Self {
        let (id, author, committer, summary) = (id.into(), author.into(), committer.into(), summary.into());
        Self { id, author, committer, time, summary, signer: None }
    }

    /// With who signed it, if somebody did.
    #[must_use]
    pub fn signed_by(mut self, signer: Option<Signer>) -> Self {
        self.signer = signer;
        self
    }
}

/// The person whose key signed a commit, as somebody verified who knows the keys of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Signer {
    /// The person, as the list of keys names them.
    pub name: String,
    /// The key, by its fingerprint.
    pub key: String,
    /// How it was signed.
    pub method: SignatureMethod,
}

/// How a commit was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SignatureMethod {
    /// With a key of SSH.
    Ssh,
}

impl Signer {
    /// A person who signed with a key of SSH.
    pub fn ssh(name: impl Into<String>, key: impl Into<String>) -> Self {
        Self { name: name.into(), key: key.into(), method: SignatureMethod::Ssh }
    }
}

/// The commits that a revision brings over another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Commits {
    /// The revision that they come after.
    pub from: Revision,
    /// The revision that has them.
    pub to: Revision,
    /// The commits, newest first, at most [`History::most_commits`].
    pub list: Vec<Commit>,
    /// Whether there are more.
    pub more: bool,
}

impl Commits {
    /// How many commits are listed at most where the source says nothing else.
    pub const MOST: usize = 1000;

    /// What `to` brings over `from`, as a history tells it.
    ///
    /// # Errors
    /// As [`History::between`].
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn find(history: &dyn History, cx: &Cx, from: &Revision, to: &Revision) -> Result<Self> {
        let most = history.most_commits();
        let mut list = match from.id() == to.id() {
            true => Vec::new(),
            false => history.between(cx, from, to, most.saturating_add(1)).await?,
        };
        let more = list.len() > most;
        list.truncate(most);
        Ok(Self { from: from.clone(), to: to.clone(), list, more })
    }
}

/// One immutable tree of files.
#[derive(Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// Which revision it is of.
    pub revision: Revision,
    /// What a person would call the source; becomes part of every object's provenance.
    pub source: Arc<str>,
    /// The id of the root folder.
    pub root: Digest,
    /// Its content.
    pub tree: Arc<dyn Tree>,
    /// What somebody should know of it although it can be used, such as a rule that fits nothing.
    pub warnings: Vec<Diagnostic>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} {})", self.source, self.revision)
    }
}

/// The content of a snapshot: folders and files by their content's id.
///
/// An id is a digest of everything below: two folders of one id hold the same names and bytes. Whatever kept its
/// id is not read again. Calls may block on local storage, never on a network.
pub trait Tree: Send + Sync {
    /// The entries of a folder, in the order of their names. `path` is empty for the root.
    fn list(&self, path: &str, id: &Digest) -> Result<Vec<Entry>>;

    /// The bytes of a file.
    fn read(&self, path: &str, id: &Digest) -> Result<Arc<[u8]>>;
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name within the folder: never empty, `.` or `..`, without `/` and NUL.
    pub name: SmolStr,
    /// What it is.
    pub kind: EntryKind,
    /// The id of what it holds.
    pub id: Digest,
}

impl Entry {
    /// An entry of this name.
    pub fn new(name: impl Into<SmolStr>, kind: EntryKind, id: Digest) -> Self {
        Self { name: name.into(), kind, id }
    }
}

/// What an entry is. Submodules never reach a renderer: a source reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File {
        /// Whether it may be run.
        executable: bool,
    },
    /// A folder.
    Folder,
    /// A symbolic link: a name behind which nothing can be read. It is a fault of the revision wherever something may be
    /// declared by it, as [`Render::passes_over`](crate::Render::passes_over) tells.
    Link,
}

impl Snapshot {
    /// A snapshot of a tree whose root folder has this id.
    pub fn new(revision: Revision, source: impl Into<Arc<str>>, root: Digest, tree: Arc<dyn Tree>) -> Self {
        Self { revision, source: source.into(), root, tree, warnings: Vec::new() }
    }

    /// With what somebody should know of it.
    #[must_use]
    pub fn warning(mut self, warnings: impl IntoIterator<Item = Diagnostic>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// A snapshot of files held in memory: for tests, and for sources that have no tree of their own.
    ///
    /// # Errors
    /// `Invalid` if a path is not relative, has an empty, `.` or `..` part, or is a file and a folder at once.
    pub fn from_files<P: Into<String>, B: Into<Vec<u8>>>(
        source: &str,
        revision: Revision,
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Result<Self> {
        let mut tree = MemoryTree::default();
        let files = files.into_iter().map(|(path, bytes)| (path.into(), bytes.into())).collect();
        let root = tree.store("", &files)?;
        Ok(Self { revision, source: source.into(), root, tree: Arc::new(tree), warnings: Vec::new() })
    }
}

impl Snapshot {
    /// A file's bytes, or nothing if there is no such file.
    ///
    /// # Errors
    /// The tree can't be read.
    pub fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>> {
        match self.find(path)? {
            Some(Entry { kind: EntryKind::File { .. }, id, .. }) => self.tree.read(path, &id).map(Some),
            _ => Ok(None),
        }
    }
    /// The entry at a path, found folder by folder from the root; of a path behind a link, the link.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Entry>> {
        let mut entry = Entry { name: "".into(), kind: EntryKind::Folder, id: self.root };
        let mut end = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match entry.kind {
                EntryKind::Folder => {}
                EntryKind::Link => return Ok(Some(entry)),
                EntryKind::File { .. } => return Ok(None),
            }
            let folder = path.get(..end).unwrap_or_default().trim_end_matches('/');
            let entries = self.tree.list(folder, &entry.id)?;
            let Some(found) = entries.into_iter().find(|entry| entry.name == name) else { return Ok(None) };
            entry = found;
            end += name.len() + 1;
        }
        Ok(Some(entry))
    }
}
