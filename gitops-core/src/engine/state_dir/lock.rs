//! The lock of a state folder: which process is at work.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
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
    /// What it says of itself ([`StatePeek::leave_note`](super::StatePeek::leave_note)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
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
        Err(TryLockError::WouldBlock) => Ok(Some(noted(path, signed(&mut file).unwrap_or_default()))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Where the note of a lock's holder is.
fn note_of(path: &Path) -> PathBuf {
    path.with_extension("note")
}

/// The holder with its note. One that an earlier holder left says nothing.
fn noted(path: &Path, holder: StateHolder) -> StateHolder {
    let read = fs::read(&note_of(path), LIMIT).ok().flatten();
    let left: Option<StateHolder> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let is_of = |left: &StateHolder| (left.pid, left.since) == (holder.pid, holder.since);
    let note = left.filter(is_of).and_then(|left| left.note);
    StateHolder { note, ..holder }
}

/// Leaves a note beside a lock for whoever asks who has it.
pub(super) fn leave_note(path: &Path, note: String) -> Result<()> {
    let failed = |error| fs::failed("leave a note in the state folder", path, error);
    let holder = File::open(path).ok().and_then(|mut file| signed(&mut file));
    let is_ours = |holder: &StateHolder| holder.pid == Some(std::process::id());
    let Some(holder) = holder.filter(is_ours) else {
        return Err(Error::new(ErrorKind::Locked, "another process has the state folder"));
    };
    let left = StateHolder { note: Some(note), ..holder };
    let bytes = serde_json::to_vec(&left).map_err(|error| failed(error.into()))?;
    fs::atomic_write(&note_of(path), &bytes, fs::PRIVATE).map_err(failed)
}

/// How much of a note is read.
const LIMIT: u64 = 1 << 16;

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
    let holder = StateHolder { pid, since, command, note: None };
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
        Some(StateHolder { pid: Some(pid), since: Some(since), command: Some(command), .. }) => {
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
