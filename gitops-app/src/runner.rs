//! Who works with an application, and what that process says of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gitops_core::{Cx, Digest, EngineStatus, Key, Result, StateDir, StateHolder, Time};
use gitops_k8s::{ClusterLease, LeaseHolder, LeaseNote};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Who works with an application: the process that has its state folder, or who holds its lease in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Runner {
    /// The process and its command, or the holder and the lease.
    pub by: String,
    /// Since when.
    pub since: Option<Time>,
    /// When the lease was renewed last, by the holder's clock; nothing of a process that has a folder, which is there now.
    pub renewed: Option<Time>,
    /// How far it is, if it says so: only who keeps an application at work does.
    #[serde(flatten)]
    pub noted: Noted,
}

/// What a process at work says of itself, for whoever looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Noted {
    /// When the last reconciliation ended.
    pub last: Option<Time>,
    /// When the next one begins at the latest.
    pub next: Option<Time>,
    /// Why what is new is not taken up for now, if that is so.
    pub postponed: Option<String>,
    /// Since when its files hold a configuration that can't be used: it goes on with the one before.
    pub refused: Option<Refused>,
    /// Objects that it does not correct before a time, because others change them again and again; the first hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contested: Vec<Contested>,
    /// Approvals of reviews that lift nothing for now: it can't ask whether they still stand, or they were given for something else; the
    /// first hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubted: Vec<Doubted>,
}

/// An approval of a review that lifts nothing for now, though nobody withdrew it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Doubted {
    /// What tells the approval from others, however much of it is done.
    pub approval: Digest,
    /// Why; nothing where that may be read by others than the operator.
    pub why: Option<String>,
}

impl Doubted {
    /// Why, for whoever looks.
    pub(crate) fn reason(self) -> String {
        self.why
            .unwrap_or_else(|| "which does not count now: the log of the process at work says why".to_owned())
    }
}

/// An object that is not corrected before a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contested {
    /// Which one.
    pub key: Key,
    /// Before which time.
    pub until: Time,
}

/// How many contested objects, and how many doubted approvals, a note names.
const MOST: usize = 100;

/// A configuration that a process at work does not take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refused {
    /// Since when.
    pub since: Time,
    /// Why; nothing where that may be read by others than the operator.
    pub why: Option<String>,
}

impl Refused {
    /// Since a time.
    pub fn new(since: Time, why: Option<String>) -> Self {
        Self { since, why }
    }
}

impl Runner {
    pub(crate) fn of_folder(holder: StateHolder) -> Self {
        let StateHolder { pid, since, command, note, .. } = holder;
        let process = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
        let by = command.map_or_else(|| process.clone(), |command| format!("{process} ({command})"));
        Self { by, since, renewed: None, noted: Noted::read(note) }
    }

    pub(crate) fn of_lease(lease: &ClusterLease, holder: LeaseHolder) -> Self {
        let LeaseHolder { holder, since, renewed, note, .. } = holder;
        Self { by: format!("{holder} (lease {})", lease.name()), since, renewed, noted: Noted::read(note) }
    }
}

impl Noted {
    /// A note of another version says as much as is understood of it.
    fn read(note: Option<String>) -> Self {
        note.and_then(|note| serde_json::from_str(&note).ok()).unwrap_or_default()
    }
}

/// How often a note is written at most: what moves all the time is told as it is now and then.
const EVERY: Duration = Duration::from_secs(1);

/// How long after a note that could not be written it is tried again at the latest.
const AGAIN: Duration = Duration::from_secs(10);

/// Where a process at work says how far it is.
#[derive(Clone, Debug)]
pub struct NotePlace(Place);

#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    Lease(LeaseNote),
}

impl NotePlace {
    /// Beside the lock of a state folder that this process has.
    pub fn in_folder(state: &Path) -> Self {
        Self(Place::Folder(state.to_owned()))
    }

    /// With the renewals of a lease that this process holds. There nobody is told why a configuration is refused, or an approval doubted.
    pub fn on_lease(note: LeaseNote) -> Self {
        Self(Place::Lease(note))
    }

    /// Says how far an engine is, and whether the configuration is refused, whenever that moves. A note that can't be written is
    /// missing, and nothing else; it is tried again. `wrote` is told of each in a folder whether it could be written: where it could not,
    /// the engine can't write its state either, once it has something to write.
    ///
    /// # Cancel safety
    /// It goes on until it is dropped.
    pub async fn keep(
        &self,
        cx: &Cx,
        mut status: watch::Receiver<Arc<EngineStatus>>,
        mut refused: watch::Receiver<Option<Refused>>,
        wrote: impl Fn(Result<()>),
    ) {
        let (mut told, mut is_untold) = (Noted::default(), false);
        loop {
            let noted = {
                let status = status.borrow_and_update().clone();
                let last = status.last.as_ref().map(|last| last.at);
                let contested = status.contested.iter().take(MOST);
                let contested = contested.map(|(key, until)| Contested { key: key.clone(), until: *until });
                let doubted = status.doubts.iter().take(MOST);
                let doubted =
                    doubted.map(|(approval, why)| Doubted { approval: *approval, why: Some(why.clone()) });
                Noted {
                    last,
                    next: status.next,
                    postponed: status.postponed.clone(),
                    refused: refused.borrow_and_update().clone(),
                    contested: contested.collect(),
                    doubted: doubted.collect(),
                }
            };
            if noted != told {
                let left = self.leave(cx, &noted).await;
                is_untold = left.as_ref().is_some_and(Result::is_err);
                left.into_iter().for_each(&wrote);
                told = if is_untold { Noted::default() } else { noted };
                if cx.sleep(EVERY).await.is_err() {
                    break;
                }
            }
            // What has no sender any more moves no more.
            tokio::select! {
                Ok(()) = status.changed() => {}
                Ok(()) = refused.changed() => {}
                _ = cx.sleep(AGAIN), if is_untold => {}
                else => break,
            }
        }
        std::future::pending::<()>().await;
    }

    /// Gives whether it could be written, where that is known.
    async fn leave(&self, cx: &Cx, noted: &Noted) -> Option<Result<()>> {
        match &self.0 {
            Place::Folder(path) => {
                let (path, note) = (path.clone(), serde_json::to_string(noted).ok()?);
                let left = move |_: &Cx| StateDir::peek(&path).and_then(|peek| peek.leave_note(note));
                match cx.off_thread(left).await {
                    Err(_) if cx.is_cancelled() => None,
                    left => Some(left.and_then(|left| left)),
                }
            }
            Place::Lease(lease) => {
                let refused = noted.refused.as_ref().map(|refused| Refused { why: None, ..refused.clone() });
                let untold = |doubted: &Doubted| Doubted { why: None, ..doubted.clone() };
                let doubted = noted.doubted.iter().map(untold).collect();
                let noted = Noted { refused, doubted, ..noted.clone() };
                let _ = serde_json::to_string(&noted).map(|note| lease.set(note));
                None
            }
        }
    }
}
