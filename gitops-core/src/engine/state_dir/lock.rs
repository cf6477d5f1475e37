//! The lock of a state folder: which process is at work.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cx::{Cx, Time};
use crate::process::fs;
use crate::value::{Error, ErrorKind, Result};

/// Who is at work with a state, as it signed the lock; nothing of what it has not written yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StateHolder {
    /// The number of its process.
    pub pid: Option<u32>,
    /// Since when.
    pub since: Option<Time>,
    /// The program and its verb.
    pub command: Option<String>,
}

/// How often the lock is tried, a millisecond after the other: who only looks has it for an instant.
const TRIES: usize = 10;

/// Who has a lock; nothing if nobody does.
pub(super) fn holder(path: &Path) -> Result<Option<StateHolder>> {
    let failed = |error| fs::failed("look at the lock of the state folder", path, error);
    let mut file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| None).map_err(failed),
        Err(TryLockError::WouldBlock) => Ok(Some(signed(&mut file).unwrap_or_default())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Takes a lock without waiting for its holder, and signs it.
pub(super) fn take(path: &Path, cx: &Cx) -> Result<File> {
    let failed = |error| fs::failed("lock the state folder", path, error);
    fs::regular(path).map_err(failed)?;
    let mut options = fs::private();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(path).map_err(failed)?;
    let mut taken = file.try_lock();
    for _ in 1..TRIES {
        if !matches!(taken, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked(&mut file).with("path", path.display())),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    sign(&mut file, cx).map_err(failed)?;
    Ok(file)
}

fn sign(file: &mut File, cx: &Cx) -> std::io::Result<()> {
    let (pid, since, command) = (Some(std::process::id()), Some(cx.now()), Some(command()));
    let holder = StateHolder { pid, since, command };
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(&holder)?)
}

fn signed(file: &mut File) -> Option<StateHolder> {
    let mut text = Vec::new();
    file.take(4096).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn locked(file: &mut File) -> Error {
    let message = match signed(file) {
        Some(StateHolder { pid: Some(pid), since: Some(since), command: Some(command) }) => {
            format!("the state folder is used by process {pid} since {since} ({command})")
        }
        _ => "the state folder is used by another process".to_owned(),
    };
    Error::new(ErrorKind::Locked, message).help("wait until it is through, or stop it")
}

/// The program and its verb. No other argument: one may hold a secret.
fn command() -> String {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    match arguments.next().filter(|verb| verb.bytes().all(|byte| byte.is_ascii_lowercase())) {
        Some(verb) => format!("{name} {verb}"),
        None => name,
    }
}
