use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind, Result, Time};

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
        let file = disk::open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(disk::failed("lock", &path, error)),
        }
    }
}

impl Folder {
    /// Says in a lock who has it, for whoever waits for it. One that can't be written says nothing.
    pub fn sign(mut lock: &File, now: Time) {
        let _ =
            lock.set_len(0).and_then(|()| lock.write_all(format!("{} {now}", std::process::id()).as_bytes()));
    }

    /// The process that has the lock, and since when, if it says so.
    pub fn holder(&self) -> Option<(u32, String)> {
        let text = std::fs::read_to_string(self.path().join("lock")).ok()?;
        let (process, since) = text.split_once(' ')?;
        Some((process.parse().ok()?, since.to_owned()))
    }
}

/// Locks a file until it is dropped or its process ends.
pub(crate) async fn lock(path: &Path, cx: &Cx) -> Result<File> {
    let file = disk::open(path)?;
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
