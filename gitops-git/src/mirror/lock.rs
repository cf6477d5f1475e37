use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind, Result};

/// How often a lock that somebody else has is asked for; the system can't tell a future when it is free.
const PERIOD: Duration = Duration::from_millis(50);

/// The right to write to a mirror. It ends when this and every copy of it is gone, also those of child processes.
#[derive(Clone, Debug)]
pub(crate) struct Lock(Arc<File>);

impl Lock {
    /// Waits for it.
    ///
    /// # Errors
    /// `Locked` if the deadline passes or somebody asks to stop; nothing has happened then.
    pub async fn take(cx: &Cx, path: &Path) -> Result<Self> {
        let file = open(path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(Arc::new(file))),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) => {
                    cx.sleep(PERIOD).await.map_err(|error| waiting(path, error))?;
                }
            }
        }
    }

    /// A copy for a child process.
    pub fn copy(&self) -> Result<File> {
        Ok(self.0.try_clone()?)
    }
}

fn open(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, error))?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .read(true)
        .open(path)
        .map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{} can't be written", path.display()))
        .because(error)
        .help("check space and permissions, or give another folder for mirrors")
}

fn waiting(path: &Path, error: Error) -> Error {
    let kind = if error.kind() == ErrorKind::Cancelled { ErrorKind::Cancelled } else { ErrorKind::Locked };
    Error::new(kind, "another process is writing to the mirror")
        .with("lock", path.display())
        .because(error)
        .help("wait until its fetch is over")
}
