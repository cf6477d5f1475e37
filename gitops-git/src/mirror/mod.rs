//! Our own bare copy of a repository, shared by all sources and processes that follow the same URL.
//!
//! ```text
//! MIRRORS/site-3f2a91c07d5e.git/     the copy: a bare repository
//! MIRRORS/site-3f2a91c07d5e.lock     held by who writes to it
//! ```
//! Each commit that was fetched whole has a reference `refs/gitops/ID`, until one that descends from it is fetched.
//! A commit that no such reference reaches counts as absent, whatever objects lie there. A revision that was fetched once
//! can be read again, however the branch was moved since; until so many branches were moved that it is one of the many
//! references that were not used for the longest, which are taken away together with what they alone reached.

mod haves;
mod lock;
mod pack;
mod refs;
mod repair;

pub(crate) use haves::haves;
pub(crate) use lock::Lock;
pub(crate) use pack::tidy_packs;
pub(crate) use refs::{FETCHED, forget_unused, holds, keep, note_use, tips};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use gitops_core::process::fs;
use gitops_core::{Cx, Error, ErrorKind, Hasher, Result};

use crate::objects::Objects;
use crate::url::GitUrl;

/// The mirrors that this process follows. Applications of one repository share what is open and what was decoded of it.
static FOLLOWED: Mutex<BTreeMap<PathBuf, Weak<Mirror>>> = Mutex::new(BTreeMap::new());

/// The mirror of one URL.
pub(crate) struct Mirror {
    folder: PathBuf,
    lock: PathBuf,
    url: String,
    opened: Mutex<Option<Arc<Objects>>>,
}

impl Mirror {
    /// The mirror of a URL below the folder of all mirrors; nothing is written yet. Who tolerates faults of format has one of
    /// its own: others never believe what it took.
    pub fn new(mirrors: &Path, url: &GitUrl, tolerated: &[String]) -> Arc<Self> {
        let name = name(url, tolerated);
        let folder = mirrors.join(format!("{name}.git"));
        let mut followed = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mirror) = followed.get(&folder).and_then(Weak::upgrade) {
            return mirror;
        }
        let mirror = Arc::new(Self {
            lock: mirrors.join(format!("{name}.lock")),
            url: url.to_string(),
            opened: Mutex::new(None),
            folder: folder.clone(),
        });
        followed.retain(|_, mirror| mirror.strong_count() > 0);
        followed.insert(folder, Arc::downgrade(&mirror));
        mirror
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its objects, if it is there and sound.
    pub fn objects(&self) -> Option<Arc<Objects>> {
        if repair::is_marked(&self.folder) {
            return None;
        }
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.is_none() {
            *opened = Objects::open(&self.folder).ok().map(Arc::new);
        }
        opened.clone()
    }

    /// Waits until nobody else writes to it, and keeps it so for as long as the lock lives.
    pub async fn lock(&self, cx: &Cx) -> Result<Lock> {
        Lock::take(cx, &self.lock).await
    }

    /// Makes it, or repairs what a process that died left behind.
    pub fn prepare(&self, _: &Lock) -> Result<Arc<Objects>> {
        if repair::is_marked(&self.folder) || !repair::tidy(&self.folder)? {
            self.make_anew()?;
        }
        self.reopen()
    }

    /// Throws it away and makes an empty one.
    pub fn start_over(&self, _: &Lock) -> Result<Arc<Objects>> {
        self.make_anew()?;
        self.reopen()
    }

    /// Opens it again, so that what was written since is found.
    pub fn reopen(&self) -> Result<Arc<Objects>> {
        let objects = Arc::new(Objects::open(&self.folder)?);
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&objects));
        Ok(objects)
    }

    /// Builds a new one beside it and exchanges them; at no time is there half of one.
    fn make_anew(&self) -> Result<()> {
        let parent = self.folder.parent().unwrap_or(Path::new("."));
        let prefix = format!(".{}-", self.folder.file_name().unwrap_or_default().display());
        repair::sweep(parent, &prefix)?;
        let make = || tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).map_err(fs::unnamed);
        let new = make()?;
        gix::init_bare(new.path())
            .map_err(|error| Error::new(ErrorKind::Storage, "the mirror could not be made").because(error))?;
        std::fs::write(new.path().join("description"), format!("Mirror of {}\n", self.url))?;
        let old = make()?;
        if self.folder.exists() {
            std::fs::rename(&self.folder, old.path().join("mirror"))?;
        }
        std::fs::rename(new.keep(), &self.folder)?;
        Ok(())
    }
}

/// A name that says to a person what it is, and is different for each URL and each set of faults.
fn name(url: &GitUrl, tolerated: &[String]) -> String {
    let text = url.to_string();
    let last = text.rsplit(['/', ':']).find(|part| !part.is_empty()).unwrap_or_default();
    let plain: String = last
        .trim_end_matches(".git")
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(40)
        .collect();
    let mut hasher = Hasher::new("gitops-git mirror");
    hasher.field(&text);
    for fault in tolerated.iter().collect::<BTreeSet<_>>() {
        hasher.field(fault);
    }
    let digest = hasher.finish();
    format!("{plain}-{}", digest.short()).trim_start_matches('-').to_owned()
}
