use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Confined;

/// The tool's program, and how often it was started.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    started: AtomicU64,
    unconfined: AtomicBool,
}

impl Program {
    /// The program at a path, or of a name that is looked up in `PATH`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), started: AtomicU64::new(0), unconfined: AtomicBool::new(false) }
    }

    /// The path or name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file is; nothing if there is none.
    pub fn file(&self) -> Option<PathBuf> {
        if self.path.components().count() > 1 {
            return self.path.is_file().then(|| self.path.clone());
        }
        let folders = std::env::var_os("PATH")?;
        std::env::split_paths(&folders).map(|folder| folder.join(&self.path)).find(|file| file.is_file())
    }

    /// How many processes were started.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Whether a run could not be kept from reading what is ours, for the system can't do that.
    pub fn is_unconfined(&self) -> bool {
        self.unconfined.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, confined: Confined) {
        self.unconfined.store(confined == Confined::No, Ordering::Relaxed);
    }

    pub(super) fn count(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }
}
