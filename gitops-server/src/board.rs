//! The applications of a process, as others may see them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::{Attempt, EngineHandle, EngineStatus, ErrorKind, Obstacle, SyncResult, Time};
use tokio::sync::watch;

/// The applications that a process works with, and how far it is with each. Cheap to clone; all clones are one board.
///
/// ```
/// # use gitops_server::Board;
/// let board = Board::default();
/// board.expect("site");
/// assert!(!board.readiness().0, "it is not open yet");
/// board.leave("site");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    applications: Mutex<BTreeMap<String, Place>>,
    /// What ails applications beside what their engines tell.
    troubles: Mutex<BTreeMap<String, Troubles>>,
    /// Whether the configuration was changed to one that can't be used.
    is_outdated: AtomicBool,
    /// Told when an application comes or goes.
    moved: watch::Sender<u64>,
}

/// What may be wrong with an application beside its engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ails {
    /// The forge can't be asked for its requests: nothing is reviewed and nothing is told, and what is merged is applied all the same.
    Forge,
    /// A request could not be reviewed.
    Reviews,
    /// Its state can't be written.
    State,
    /// What is remembered of its requests can't be written.
    Memory,
}

impl Ails {
    /// Whether nothing that is merged or approved can be taken up.
    fn is_grave(self, why: ErrorKind) -> bool {
        match self {
            Self::Forge => false,
            // An approval is stored by the review.
            Self::Reviews => why == ErrorKind::Storage,
            Self::State | Self::Memory => true,
        }
    }

    /// What is told without a login, after the name of the application: since when, and why in words of ours.
    fn words(self, since: Time, why: ErrorKind) -> String {
        match self {
            Self::Forge => {
                format!(
                    "; its forge can't be asked since {since}, so no request is reviewed: {}",
                    of_forge(why)
                )
            }
            Self::Reviews => {
                format!("; a request can't be reviewed since {since}: {}", of_review(why))
            }
            Self::State => format!("; its state can't be written since {since}: {}", of_disk(why)),
            Self::Memory => {
                format!("; what is known of its requests can't be written since {since}: {}", of_disk(why))
            }
        }
    }
}

fn of_forge(why: ErrorKind) -> &'static str {
    match why {
        ErrorKind::Unauthenticated => "it does not take the token",
        ErrorKind::Forbidden => "the token lacks a right",
        ErrorKind::NotFound => "the repository is not there, or the token may not see it",
        ErrorKind::Unavailable | ErrorKind::Timeout => "it does not answer",
        _ => IN_THE_LOG,
    }
}

fn of_review(why: ErrorKind) -> &'static str {
    match why {
        ErrorKind::Denied => "the configuration here is not that of the target branch",
        ErrorKind::Storage => DISK,
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => "a right is missing",
        ErrorKind::Unavailable | ErrorKind::Timeout => "something does not answer",
        _ => IN_THE_LOG,
    }
}

fn of_disk(why: ErrorKind) -> &'static str {
    match why {
        ErrorKind::Storage => DISK,
        ErrorKind::Forbidden => "a right is missing",
        ErrorKind::NotFound => "its folder is not there",
        ErrorKind::Unavailable | ErrorKind::Timeout => "the cluster does not answer",
        _ => IN_THE_LOG,
    }
}

const DISK: &str = "the disk is full, read-only or failing";
const IN_THE_LOG: &str = "the log says why";

/// What ails one application: since when, and why.
type Troubles = BTreeMap<Ails, (Time, ErrorKind)>;

/// How far a process is with an application.
#[derive(Clone, Debug)]
enum Place {
    /// It is being opened; perhaps not for the first time.
    Opening { has_failed: bool },
    /// Its engine is at work.
    Open(EngineHandle),
    /// Its engine can't go on.
    Ended,
}

/// What is told of an application without a login: no names of objects, and no texts of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Works,
    WaitsForApproval,
    Opens,
    NotReached,
    CanNotBeOpened,
    Failed,
    Ended,
}

impl Standing {
    fn is_ready(self) -> bool {
        matches!(self, Self::Works | Self::WaitsForApproval)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::WaitsForApproval => "waits: a gate denies something or wants it approved",
            Self::Opens => "is being opened",
            Self::NotReached => "nothing was planned yet",
            Self::CanNotBeOpened => "can't be opened or go on, and is tried again",
            Self::Failed => "the last reconciliation failed",
            Self::Ended => "its engine has ended, and the log says why",
        }
    }
}

impl Board {
    /// An application is to be opened by this process.
    pub fn expect(&self, application: &str) {
        self.put(application, Place::Opening { has_failed: false });
    }

    /// An application could not be opened, and is tried again.
    pub fn fail(&self, application: &str) {
        self.put(application, Place::Opening { has_failed: true });
    }

    /// The engine of an application is at work.
    pub fn open(&self, application: &str, handle: EngineHandle) {
        self.put(application, Place::Open(handle));
    }

    /// The engine of an application can't go on, which is a failure until it is opened again or left.
    pub fn end(&self, application: &str) {
        self.put(application, Place::Ended);
    }

    /// This process does not work with an application any more.
    pub fn leave(&self, application: &str) {
        self.applications().remove(application);
        self.note(application, Ails::State, None);
        self.0.moved.send_modify(|moved| *moved += 1);
    }

    /// Whether the configuration that is there now is the one that is at work. If not, the applications go on as it was before, which is
    /// told and is no failure of theirs.
    pub fn configured(&self, is_current: bool) {
        self.0.is_outdated.store(!is_current, Ordering::Relaxed);
    }

    /// Whether the state of an application could be written last: an engine that has nothing to write does not tell.
    pub fn written(&self, application: &str, now: Time, written: Result<(), ErrorKind>) {
        self.note(application, Ails::State, written.err().map(|why| (now, why)));
    }

    /// Notes that something beside its engine ails an application, or does not any more.
    pub(crate) fn note(&self, application: &str, ails: Ails, found: Option<(Time, ErrorKind)>) {
        let mut troubles = self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it = troubles.entry(application.to_owned()).or_default();
        match found {
            // Since when it is so stays as it was.
            Some((now, why)) => of_it.entry(ails).or_insert((now, why)).1 = why,
            None => drop(of_it.remove(&ails)),
        }
    }

    /// Whether what ails an application is grave, and what it is, for people.
    fn troubles(&self, application: &str) -> (bool, String) {
        let troubles = self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it = || troubles.get(application).into_iter().flatten();
        (
            of_it().any(|(ails, (_, why))| ails.is_grave(*why)),
            of_it().map(|(ails, (since, why))| ails.words(*since, *why)).collect(),
        )
    }

    /// The handle of an application that is at work.
    pub fn handle(&self, application: &str) -> Option<EngineHandle> {
        match self.applications().get(application) {
            Some(Place::Open(handle)) => Some(handle.clone()),
            _ => None,
        }
    }

    /// Tells when an application comes or goes.
    pub fn moved(&self) -> watch::Receiver<u64> {
        self.0.moved.subscribe()
    }

    /// Whether there are applications and each works, and one line for each. What a gate denies or wants approved is no
    /// failure, nor is a forge that can't be asked; an application whose source or target can't be reached, or whose state can't be
    /// written, is one.
    pub fn readiness(&self) -> (bool, String) {
        let (mut is_ready, mut lines) = (true, String::new());
        let applications = self.applications();
        for (name, place) in &*applications {
            let standing = place.standing();
            let (is_grave, troubles) = self.troubles(name);
            is_ready &= standing.is_ready() && !is_grave;
            let _ = writeln!(lines, "{name}: {}{troubles}", standing.words());
        }
        if applications.is_empty() {
            lines.push_str("another process works with the applications, or none has begun\n");
        }
        if self.0.is_outdated.load(Ordering::Relaxed) {
            lines.push_str("the configuration was changed and can't be used; it works as it was before\n");
        }
        (is_ready && !applications.is_empty(), lines)
    }

    fn put(&self, application: &str, place: Place) {
        self.applications().insert(application.to_owned(), place);
        self.0.moved.send_modify(|moved| *moved += 1);
    }

    fn applications(&self) -> MutexGuard<'_, BTreeMap<String, Place>> {
        self.0.applications.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn standing(&self) -> Standing {
        match self {
            Self::Opening { has_failed: false } => Standing::Opens,
            Self::Opening { has_failed: true } => Standing::CanNotBeOpened,
            Self::Ended => Standing::Ended,
            Self::Open(handle) => of_status(&handle.status().borrow()),
        }
    }
}

fn of_status(status: &EngineStatus) -> Standing {
    let last = match (&status.last, &status.revision) {
        (Some(last), _) => last,
        // Source and targets were reached; the first reconciliation goes on.
        (None, Some(_)) => return Standing::Works,
        (None, None) => return Standing::NotReached,
    };
    let is_only_gated =
        status.blocked.iter().all(|blocked| matches!(blocked.obstacle, Obstacle::Approval | Obstacle::Wait));
    match last {
        Attempt { by_gate: true, .. } => Standing::WaitsForApproval,
        Attempt { error: Some(_), .. } => Standing::Failed,
        Attempt { result: Some(SyncResult::Failed | SyncResult::Partial), .. } if !is_only_gated => {
            Standing::Failed
        }
        _ if !status.awaits_approval.is_empty() => Standing::WaitsForApproval,
        _ => Standing::Works,
    }
}
