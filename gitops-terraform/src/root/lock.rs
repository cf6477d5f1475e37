use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind, Result};

use super::Folder;
use crate::disk;

/// How often a lock that another process holds is asked for.
const EVERY: Duration = Duration::from_millis(50);

impl Folder {
    /// Keeps other processes of ours away from the root until the file is dropped; waits within the context.
    ///
    /// # Errors
    /// `Locked` if the context ends first.
    pub async fn lock(&self, cx: &Cx) -> Result<File> {
        lock(&self.path().join("lock"), cx).await
    }

    /// The same at once, or not at all.
    pub fn try_lock(&self) -> Result<Option<File>> {
        let path = self.path().join("lock");
        let file = disk::create(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(disk::failed("lock", &path, error)),
        }
    }
}

/// Locks a file until it is dropped or its process ends.
pub(crate) async fn lock(path: &Path, cx: &Cx) -> Result<File> {
    let file = disk::create(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => cx.sleep(EVERY).await.map_err(|error| {
                Error::new(ErrorKind::Locked, "another process of ours is at work here")
                    .with("lock", path.display())
                    .because(error)
                    .help("wait for it, or stop it")
            })?,
            Err(TryLockError::Error(error)) => return Err(disk::failed("lock", path, error)),
        }
    }
}
