//! The handle: what others see of an engine, and ask of it, while it works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{Notify, broadcast, watch};

use super::request::{Request, Requests};
use super::status::EngineStatus;
use crate::cx::Cx;
use crate::engine::event::{Event, EventSink};
use crate::plan::Plan;
use crate::value::{Result, Revision};

/// How many events a receiver may be behind before it misses the oldest.
const EVENTS: usize = 1024;

/// What others see of an engine, and ask of it, while it works. Cheap to clone; it never waits for a reconciliation.
///
/// ```
/// # use gitops_core::*;
/// # async fn example(engine: &Engine, cx: &Cx) -> Result<()> {
/// let handle = engine.handle();
/// let status = handle.status().borrow().clone();
/// println!("{}: {}", status.application, status.sync);
/// handle.request(cx, "alice", Request::Suspend { reason: "incident 17".into() }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EngineHandle {
    shared: Arc<Shared>,
    requests: Requests,
}

/// What the engine tells.
pub(super) struct Shared {
    status: watch::Sender<Arc<EngineStatus>>,
    plan: watch::Sender<Option<Arc<Plan>>>,
    /// There from when somebody first listens: it has room for all events that one may be behind.
    events: OnceLock<broadcast::Sender<Event>>,
    /// Whether anybody asked for a handle: a plan is copied only then.
    is_watched: AtomicBool,
    /// Somebody in this process asked for something, and the engine answered. The store's watch tells other processes; within one it
    /// would tell one of the two.
    pub asked: Notify,
    pub answered: Notify,
    /// The revision that another application waits for, and that it is to be looked at now.
    wanted: Mutex<Option<Revision>>,
    look: Notify,
}

impl Shared {
    pub fn new(application: &str) -> Self {
        Self {
            status: watch::Sender::new(Arc::new(EngineStatus::new(application))),
            plan: watch::Sender::new(None),
            events: OnceLock::new(),
            is_watched: AtomicBool::new(false),
            asked: Notify::new(),
            answered: Notify::new(),
            wanted: Mutex::default(),
            look: Notify::new(),
        }
    }

    /// Returns once another application waits for a revision at which nobody has looked.
    pub async fn is_wanted(&self) {
        loop {
            self.look.notified().await;
            let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if wanted != self.status().looked_at {
                return;
            }
        }
    }

    pub fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Relaxed)
    }

    /// The status that is told now.
    pub fn status(&self) -> Arc<EngineStatus> {
        self.status.borrow().clone()
    }

    /// Puts another status in the place of the one that is told.
    pub fn tell(&self, change: impl FnOnce(&mut EngineStatus)) {
        self.status.send_modify(|status| change(Arc::make_mut(status)));
    }

    pub fn show(&self, plan: &Plan) {
        if self.is_watched() {
            self.plan.send_replace(Some(Arc::new(plan.clone())));
        }
    }
}

impl EventSink for Shared {
    fn event(&self, event: &Event) {
        if let Some(events) = self.events.get().filter(|events| events.receiver_count() > 0) {
            // The last one may stop listening just now: then nobody misses it.
            let _ = events.send(event.clone());
        }
    }
}

impl EngineHandle {
    pub(super) fn new(shared: Arc<Shared>, requests: Requests) -> Self {
        shared.is_watched.store(true, Ordering::Relaxed);
        Self { shared, requests }
    }

    /// How the application is: one value that is replaced whenever something of it moves.
    pub fn status(&self) -> watch::Receiver<Arc<EngineStatus>> {
        self.shared.status.subscribe()
    }

    /// How the application is now.
    pub(super) fn now(&self) -> Arc<EngineStatus> {
        self.shared.status()
    }

    /// Has the engine look at its source now, once for each revision that another application waits for.
    pub(super) fn want(&self, revision: &Revision) {
        if self.now().looked_at.as_ref() == Some(revision) {
            return;
        }
        let mut wanted = self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.replace(revision.clone()).as_ref() != Some(revision) {
            self.shared.look.notify_one();
        }
    }

    /// The latest plan; nothing before the first one after somebody first asked for a handle.
    pub fn plans(&self) -> watch::Receiver<Option<Arc<Plan>>> {
        self.shared.plan.subscribe()
    }

    /// All events from now on. A receiver that is more than 1,024 events behind is told how many it missed.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.get_or_init(|| broadcast::Sender::new(EVENTS)).subscribe()
    }

    /// The requests to the engine, which also other processes can make.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Asks for something on behalf of somebody, and waits for the answer. While no engine is at work, nobody answers.
    ///
    /// # Errors
    /// `Denied` with the engine's reason if it could not be done; `Timeout` or `Cancelled` as the context ends, and then the
    /// request still waits.
    ///
    /// # Cancel safety
    /// A dropped call has asked or not; what was asked for is done all the same.
    pub async fn request(&self, cx: &Cx, by: &str, request: Request) -> Result<()> {
        let ticket = self.requests.ask(cx, by, request).await?;
        self.shared.asked.notify_one();
        loop {
            // It hears of every answer from here on.
            let answered = self.shared.answered.notified();
            if self.requests.answer(cx, &ticket).await?.is_some() {
                return Ok(());
            }
            tokio::select! {
                () = answered => {}
                changed = self.requests.changed(cx) => changed?,
            }
        }
    }
}

impl std::fmt::Debug for EngineHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EngineHandle({})", self.shared.status.borrow().application)
    }
}
