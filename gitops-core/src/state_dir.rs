//! State in a folder.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::FileAudit;
use crate::engine::State;
use crate::journal::FileJournalIo;
use crate::store::FileStore;
use crate::value::SecretKey;
use crate::{Cx, Error, ErrorKind, Result, fs};

/// The state of one application in a folder: documents, journal, audit log, and what else wants to live there.
///
/// [`open`](Self::open) takes the folder for this process alone and for as long as the value, or a [`State`] made from
/// it, lives. [`peek`](Self::peek) looks without taking or making anything.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    lock: Option<Arc<File>>,
}

impl StateDir {
    /// Takes a folder, making it (mode 0700) if it is not there.
    ///
    /// # Errors
    /// `Locked` if another process has it, naming that process; `Storage` or `Forbidden` if it can't be made or
    /// written; `Invalid` if something else is in its place.
    pub fn open(path: impl Into<PathBuf>, cx: &Cx) -> Result<Self> {
        let path = path.into();
        if path.exists() && !path.is_dir() {
            let message = format!("{} is not a folder", path.display());
            return Err(Error::new(ErrorKind::Invalid, message).help("name another place for the state"));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|error| at(&path, error))?;
        let lock = lock(&path.join("lock"), cx).map_err(|error| error.with("state", path.display()))?;
        Ok(Self { path, lock: Some(Arc::new(lock)) })
    }

    /// Looks at a folder that another process may be using; makes nothing.
    pub fn peek(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock: None }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the audit log is.
    pub fn audit_path(&self) -> PathBuf {
        self.path.join("audit.jsonl")
    }

    /// The documents.
    pub fn store(&self) -> FileStore {
        FileStore::new(&self.path)
    }

    /// The key under which this application's secrets are compared; made once.
    pub fn secret_key(&self, cx: &Cx) -> Result<SecretKey> {
        let path = self.path.join("secret-key");
        if !path.exists() {
            fs::replace(&path, &cx.random_bytes::<32>()).map_err(|error| at(&path, error))?;
        }
        let bytes = std::fs::read(&path).map_err(|error| at(&path, error))?;
        let bytes = bytes.try_into().map_err(|_| {
            Error::new(ErrorKind::Corrupt, "the secret key is not 32 bytes long").with("path", path.display())
        })?;
        Ok(SecretKey::new(bytes))
    }
}

impl From<StateDir> for State {
    fn from(dir: StateDir) -> Self {
        Self {
            store: Arc::new(dir.store()),
            journal: Box::new(FileJournalIo::new(dir.path.join("journal"))),
            audit: Arc::new(FileAudit::new(dir.audit_path())),
            guard: dir.lock.map(|lock| lock as Arc<dyn std::any::Any + Send + Sync>),
        }
    }
}

fn at(path: &Path, error: std::io::Error) -> Error {
    Error::from(error).with("path", path.display()).help("see that the folder can be written and has room")
}

/// Takes the lock and writes into it who has it.
fn lock(path: &Path, cx: &Cx) -> Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| at(path, error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(at(path, error)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = (&mut file).take(200).read_to_string(&mut holder);
            let message = format!("the state is in use by {}", holder.trim());
            return Err(Error::new(ErrorKind::Locked, message).help("wait for it, or stop it"));
        }
    }
    let holder = format!("process {} since {}\n", std::process::id(), cx.now());
    let written = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
    written.map_err(|error| at(path, error))?;
    Ok(file)
}
