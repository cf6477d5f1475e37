use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gitops_core::Result;
use gix::odb::store::init::Slots;

use crate::fault::unreadable;

/// A file with this name in a mirror says that something in it could not be read.
pub(crate) const DAMAGED: &str = "gitops-damaged";

/// Bytes of decoded objects that each thread keeps.
const CACHE_BYTES: usize = 8 << 20;

/// How many threads' decoded objects are kept while nobody reads.
const IDLE: usize = 4;

/// Packs that can be open at once; a mirror is packed anew long before it has so many.
const PACKS: u16 = 1024;

/// The objects of a repository, read by many threads at once.
pub(crate) struct Objects {
    shared: gix::ThreadSafeRepository,
    idle: Mutex<Vec<gix::Repository>>,
    folder: PathBuf,
}

impl Objects {
    /// Opens a repository, reading no configuration but its own.
    ///
    /// # Errors
    /// `Corrupt` if it is not a repository.
    pub fn open(folder: &Path) -> Result<Self> {
        let options = gix::open::Options::isolated().object_store_slots(Slots::Given(PACKS));
        let shared = options.open(folder).map_err(|error| unreadable("the repository", error))?;
        Ok(Self { shared, idle: Mutex::new(Vec::new()), folder: folder.to_owned() })
    }

    /// Runs something with a handle of its own.
    pub fn with<T>(&self, run: impl FnOnce(&gix::Repository) -> T) -> T {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let repository = idle.unwrap_or_else(|| {
            let mut repository = self.shared.to_thread_local();
            repository.object_cache_size_if_unset(CACHE_BYTES);
            repository
        });
        let result = run(&repository);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(repository);
        }
        drop(idle);
        result
    }

    /// The folder of the repository.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Notes that something could not be read, so that the next fetch makes the mirror anew.
    pub fn mark_damaged(&self) {
        // Without the note the same read fails again, loudly; nothing is lost.
        let _ = std::fs::write(self.folder.join(DAMAGED), "");
    }
}
