//! Files below a root folder: the target that needs no server, and the model for authors of backends.
//!
//! Read it in this order: `body` says what a file object is, `path` where it may lie, `owner_label` whose it is,
//! `state` what is there, and `job` how it is changed, with one file for each change.

mod adopt;
mod body;
mod claim;
#[cfg(test)]
mod crash;
mod create;
mod delete;
mod fault;
mod folder;
mod job;
mod obstacle;
mod owner_label;
mod path;
mod render;
mod rewrite;
mod stamp;
mod state;
#[cfg(feature = "watch")]
mod watch;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

pub use self::body::{FileBody, MAX_FILE_BYTES, file_body};
pub use self::path::file_kind;
pub use self::render::FileRender;

use self::folder::Folder;
use self::path::Place;
use self::state::State;
#[cfg(feature = "watch")]
use self::watch::Watching;
use crate::capability::{Identity, Import, Remains, Scope, Stamps, Target, TargetInfo};
#[cfg(feature = "watch")]
use crate::capability::{MovedObjects, Watch};
use crate::cx::Cx;
use crate::process::fs;
use crate::process::fs::blocking;
use crate::process::key_locks::Locks;
use crate::value::{Applied, Change, Digest, Error, ErrorKind, Key, Live, Refusal, Result, Uid};

/// Files below a root folder, one object each.
///
/// The key of a file is `TARGET:File/-/path/below/the/root`; its body is made by [`file_body`].
///
/// # Whose a file is
/// Beside each file `NAME` that it makes, a directory keeps the owner label `.NAME.gitops`: a line of JSON with the
/// owner, the file's identity and its path. A file without an owner label, with another owner's, or with a copy of the owner label
/// of another file, is shown and never touched; [`Import`] puts an annotation on it.
///
/// # Guarantees
/// - A change is durable before it is reported, and whole: after a crash at any point the file has its old
///   content or its new one, and is ours or not. What a crash leaves beside a file is finished or removed when
///   the file is next looked at or changed.
/// - A change is refused if the file is not in the expected state; a file that somebody else makes meanwhile is
///   never replaced.
/// - No symbolic link below the root is followed.
/// - Folders are made as needed, and removed when a delete leaves them empty. The root stays.
/// - A file that becomes a folder, and a folder that becomes a file, do so in one plan if all that is in the way is ours.
/// - An update keeps the file's owner and permissions; access lists and extended attributes are not kept.
///
/// # Assumptions
/// The file system has hard links and file locks. Programs that write to a file of ours in the very
/// microseconds in which it is replaced lose their edit.
///
/// # Cancel safety
/// A change that was begun is completed in the background when its future is dropped; `observe` and later changes
/// of the same file wait for it.
#[derive(Clone)]
pub struct Directory {
    root: Arc<Path>,
    target: SmolStr,
    locks: Locks,
    #[cfg(feature = "watch")]
    watching: Arc<Watching>,
    /// Whether a root that is not there has no files; else it is an error, for it was there.
    may_be_missing: bool,
}

impl Directory {
    /// Opens a root folder, and makes it if only the folder itself is missing. `target` is the name under which
    /// the engine knows this target, as its keys have it.
    ///
    /// # Errors
    /// `Unavailable` if the folder that the root should be in is missing, `Conflict` if the root is not a folder,
    /// `Forbidden` or `Storage` if it can't be made or opened.
    pub fn open(root: impl AsRef<Path>, target: impl Into<SmolStr>) -> Result<Self> {
        let root = std::path::absolute(root)?;
        make_root(&root)?;
        Folder::root(&root)?;
        Ok(Self::at(&root, target.into(), false))
    }

    /// Looks at a root folder that need not be there yet, and does not make it: one that is missing has no files, and the
    /// names of files are checked as if it were there. To be looked at only: a change of it fails while it is missing.
    ///
    /// # Errors
    /// As [`open`](Self::open), of a root that is there.
    pub fn peek(root: impl AsRef<Path>, target: impl Into<SmolStr>) -> Result<Self> {
        let root = std::path::absolute(root)?;
        if root.exists() {
            Folder::root(&root)?;
        }
        Ok(Self::at(&root, target.into(), true))
    }

    fn at(root: &Path, target: SmolStr, may_be_missing: bool) -> Self {
        Self {
            root: root.into(),
            target,
            locks: Locks::default(),
            #[cfg(feature = "watch")]
            watching: Arc::default(),
            may_be_missing,
        }
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Runs a change of one file to its end, whatever becomes of the caller.
    async fn change(&self, change: &Change, run: fn(&Path, &Change) -> Result<Applied>) -> Result<Applied> {
        let held = self.locks.hold(change.key()).await;
        let (root, change) = (self.root.clone(), change.clone());
        blocking(move || {
            let _held = held;
            run(&root, &change).map_err(|error| error.at(change.key()))
        })
        .await
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("root", &self.root).field("target", &self.target).finish()
    }
}

#[async_trait]
impl Target for Directory {
    fn info(&self) -> TargetInfo {
        // `observe` waits for what is under way, and nothing outlives the process: no change lands late.
        TargetInfo::new("directory").lands_within(Duration::ZERO).shows_owner()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.locks.settled(scope.keys()).await;
        let (root, cx, scope) = (self.root.clone(), cx.clone(), scope.clone());
        let may_be_missing = self.may_be_missing;
        blocking(move || {
            let is_missing = may_be_missing && !root.exists();
            observe((!is_missing).then_some(&*root), &cx, &scope)
        })
        .await
    }

    async fn apply(&self, _: &Cx, change: &Change) -> Result<Applied> {
        self.change(change, job::apply).await
    }

    #[cfg(feature = "watch")]
    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }

    fn import(&self) -> Option<&dyn Import> {
        Some(self)
    }

    fn identity(&self) -> Option<&dyn Identity> {
        Some(self)
    }

    fn stamps(&self) -> Option<&dyn Stamps> {
        Some(self)
    }

    fn remains(&self) -> Option<&dyn Remains> {
        Some(self)
    }
}

/// The owner labels of files that somebody deleted.
#[async_trait]
impl Remains for Directory {
    async fn clear(&self, cx: &Cx, gone: &[(Key, Uid)]) -> Result<()> {
        self.locks.settled(gone.iter().map(|(key, _)| key)).await;
        let (root, cx, gone) = (self.root.clone(), cx.clone(), gone.to_vec());
        blocking(move || delete::clear(&root, &cx, &gone)).await
    }
}

/// Files that were changed within the last second have no stamp.
#[async_trait]
impl Stamps for Directory {
    async fn stamps(&self, cx: &Cx, keys: &[Key]) -> Result<Vec<Option<Digest>>> {
        let (root, cx, keys) = (self.root.clone(), cx.clone(), keys.to_vec());
        blocking(move || stamp::stamps(&root, &cx, &keys)).await
    }
}

/// A folder is known by its path, without links. One that is yet to be made has its place already.
#[async_trait]
impl Identity for Directory {
    async fn place(&self, _: &Cx) -> Result<Option<String>> {
        let found = fs::without_links(&self.root);
        let path = found.map_err(|error| fs::failed("find the folder", &self.root, error))?;
        Ok(Some(path.to_string_lossy().into_owned()))
    }
}

#[async_trait]
impl Import for Directory {
    async fn adopt(&self, _: &Cx, change: &Change) -> Result<Applied> {
        self.change(change, job::adopt).await
    }
}

/// The watch starts with the first call, which returns [`MovedObjects::Any`]; from then on every move is kept until a
/// call returns it. Clones of a directory share one watch: each move is told to one of them.
#[cfg(feature = "watch")]
#[async_trait]
impl Watch for Directory {
    async fn moved(&self, cx: &Cx) -> Result<MovedObjects> {
        loop {
            if !self.watching.is_current() {
                let Self { root, target, watching, .. } = self.clone();
                blocking(move || watching.start(&root, &target)).await?;
            }
            if let Some(moved) = self.watching.take() {
                return Ok(moved);
            }
            self.watching.seen(cx).await?;
        }
    }

    /// All of them, once every folder is watched.
    fn covers(&self, _: &Key) -> bool {
        self.covers_all()
    }

    fn covers_all(&self) -> bool {
        self.watching.is_current()
    }
}

/// The files below a root; none without one, where only the names are looked at.
fn observe(root: Option<&Path>, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
    let mut live = Vec::new();
    for key in scope.keys() {
        if cx.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "asked to stop"));
        }
        live.extend(observe_one(root, key).map_err(|error| error.at(key))?);
    }
    Ok(live)
}

fn observe_one(root: Option<&Path>, key: &Key) -> Result<Option<Live>> {
    let unreadable = |error: &Error| Live::unreadable(key.clone(), refusal(error));
    let place = match Place::of(key) {
        Ok(place) => place,
        Err(error) => return Ok(Some(unreadable(&error))),
    };
    let Some(root) = root else { return Ok(None) };
    match State::below(root, &place) {
        Ok(state) => Ok(state.into_live(key)),
        Err(error) if error.kind() == ErrorKind::Conflict => {
            Ok(Some(obstacle::find(root, key, &place)?.unwrap_or_else(|| unreadable(&error))))
        }
        Err(error) if is_of_one_file(&error) => Ok(Some(unreadable(&error))),
        Err(error) => Err(error),
    }
}

fn refusal(error: &Error) -> Refusal {
    let reason = error.help_text().map_or_else(|| error.to_string(), |help| format!("{error}; {help}"));
    Refusal::new(error.kind(), reason)
}

/// Whether an error says something of one file alone; any other says that nothing is known of the rest either.
fn is_of_one_file(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Invalid | ErrorKind::Limit | ErrorKind::Forbidden)
}

fn make_root(root: &Path) -> Result<()> {
    if let (Some(parent), Some(name)) = (root.parent(), root.file_name().and_then(|name| name.to_str()))
        && !root.exists()
    {
        Folder::root(parent)?.folder_made(name)?;
    }
    Ok(())
}
