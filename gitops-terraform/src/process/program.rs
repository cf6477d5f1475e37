use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The tool's program, and how often it was started.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    started: AtomicU64,
}

impl Program {
    /// The program at a path, or of a name that is looked up in `PATH`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), started: AtomicU64::new(0) }
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

    pub(super) fn count(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }
}
