//! Many applications in one process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::cx::Cx;
use crate::engine::{Company, Engine, EngineHandle, Request};
use crate::plan::graph::{Cycle, Graph};
use crate::value::{Error, ErrorKind, GroupKind, Key, Result};

/// Keeps many applications equal to their sources, each with an engine and a handle of its own.
///
/// Applications come and go while it runs. They share what their engines were given: a source's mirror, targets, caches. How
/// many programs they run at once, `git` and `helm` and `tofu` among them, is a limit of the context that
/// [`run`](Self::run) is given: [`Cx::with_programs`].
///
/// # Guarantees
/// - *A slow or failing application costs the others nothing.* Each has a task of its own. At most
///   [`concurrency`](Self::new) plan at once, and the one that has waited longest is next; what waits for readiness keeps no
///   other one from planning.
/// - *Needs are kept.* An application takes up a revision only once every application that it needs has converged on the same one
///   or a newer one; where they follow other sources, on what those had newest when they were looked at. Until then its drift is
///   repaired as it was accepted last.
/// - *The loss of one state ends that application alone*; [`ended`](Self::ended) says why. A panic in an engine does too.
///
/// ```
/// # use std::time::Duration;
/// # use gitops_core::*;
/// # async fn example(network: Engine, shop: Engine, cx: &Cx) -> Result<()> {
/// let supervisor = Supervisor::new(16);
/// supervisor.add(network, &[], Duration::from_secs(60))?;
/// let shop = supervisor.add(shop, &["network"], Duration::from_secs(60))?;
/// supervisor.run(cx).await;
/// # let _ = shop;
/// # Ok(())
/// # }
/// ```
pub struct Supervisor {
    company: Arc<Company>,
    state: Arc<Mutex<State>>,
    /// The engines that run or are to run.
    alive: Alive,
}

/// One engine of an application: a name that was taken out may come again while the engine before still stops.
type Seat = (String, u64);

/// The engines that run or are to run. It is told when one comes or goes.
#[derive(Clone)]
struct Alive(Arc<watch::Sender<BTreeSet<Seat>>>);

impl Alive {
    fn begin(&self, seat: &Seat) {
        self.0.send_if_modified(|seats| seats.insert(seat.clone()));
    }

    fn end(&self, seat: &Seat) {
        self.0.send_if_modified(|seats| seats.remove(seat));
    }

    /// The newest engine of an application.
    fn newest(&self, name: &str) -> Option<Seat> {
        self.0.borrow().iter().rev().find(|(of, _)| of == name).cloned()
    }
}

/// Tells of the end of an engine, however it ends: also if its task is dropped.
struct UntilDropped {
    alive: Alive,
    seat: Seat,
}

impl Drop for UntilDropped {
    fn drop(&mut self) {
        self.alive.end(&self.seat);
    }
}

#[derive(Default)]
struct State {
    needs: BTreeMap<String, Vec<String>>,
    /// The number of each application's engine, and of the next one.
    numbers: BTreeMap<String, u64>,
    next: u64,
    running: BTreeMap<String, Running>,
    ended: BTreeMap<String, Ended>,
    /// Those that wait to be started, and where to send them once it runs.
    waiting: Vec<Member>,
    started: Option<mpsc::UnboundedSender<Member>>,
}

/// An engine that was started.
struct Running {
    /// Cancelled to stop it in good order.
    cx: Cx,
    task: AbortHandle,
}

/// Why an engine can't go on.
struct Ended {
    kind: ErrorKind,
    text: String,
    help: Option<String>,
}

impl From<&Error> for Ended {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind(), text: error.to_string(), help: error.help_text().map(str::to_owned) }
    }
}

/// An application that is to run.
struct Member {
    engine: Engine,
    interval: Duration,
    seat: Seat,
}

impl Supervisor {
    /// No applications; at most so many of them plan at once, and at least one.
    pub fn new(concurrency: usize) -> Self {
        let alive = Alive(Arc::new(watch::Sender::default()));
        Self { company: Company::new(concurrency), state: Arc::default(), alive }
    }

    /// Adds an application, names those that come first, and says how often it is looked at what no watch tells of. It starts at once if the supervisor runs.
    ///
    /// A need may come later than who has it.
    ///
    /// # Errors
    /// `Invalid` if there is an application of this name, or if the needs form a cycle, with all its members.
    pub fn add(&self, mut engine: Engine, needs: &[&str], interval: Duration) -> Result<EngineHandle> {
        let (name, needs) = (engine.name().to_owned(), strings(needs));
        let mut state = self.lock();
        if state.needs.contains_key(&name) {
            let message = format!("there is an application `{name}` already");
            return Err(
                Error::new(ErrorKind::Invalid, message).help("give each application a name of its own")
            );
        }
        let mut all = state.needs.clone();
        all.insert(name.clone(), needs.clone());
        graph(&all).map_err(|cycle| Error::new(ErrorKind::Invalid, cycle.to_string()))?;
        state.needs = all;
        state.ended.remove(&name);
        let handle = self.company.join(&mut engine, needs);
        let seat = state.seat(name);
        self.alive.begin(&seat);
        state.start(Member { engine, interval, seat });
        Ok(handle)
    }

    /// Takes an application out, and returns once its engine has stopped in good order and given its state up. What it owns
    /// stays as it is.
    ///
    /// # Errors
    /// `NotFound` if there is none of this name.
    ///
    /// # Cancel safety
    /// Once it was polled, the application is out and its engine stops, also if the future is dropped.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let (seat, running) = self.take_out(name)?;
        running.iter().for_each(|running| running.cx.cancel());
        self.gone(&seat).await;
        Ok(())
    }

    /// Takes an application out and ends its engine where it is, as a crash would: for who may write no longer, because a lease
    /// is lost. What was under way is looked up by the next engine.
    ///
    /// # Errors
    /// `NotFound` if there is none of this name.
    pub fn abandon(&self, name: &str) -> Result<()> {
        let (_, running) = self.take_out(name)?;
        running.iter().for_each(|running| running.task.abort());
        Ok(())
    }

    fn take_out(&self, name: &str) -> Result<(Seat, Option<Running>)> {
        let mut state = self.lock();
        if state.needs.remove(name).is_none() {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no application `{name}`")));
        }
        let seat = (name.to_owned(), state.numbers.remove(name).unwrap_or_default());
        let running = state.running.remove(name);
        let waited = state.waiting.len();
        state.waiting.retain(|member| member.seat != seat);
        if state.waiting.len() < waited {
            self.alive.end(&seat);
        }
        self.company.leave(name);
        Ok((seat, running))
    }

    /// Returns once the engine of an application has ended: because it was taken out, because all stop, or because it can't go
    /// on.
    ///
    /// # Errors
    /// Why it can't go on: its own state is lost or damaged.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn ended_of(&self, name: &str) -> Result<()> {
        if let Some(seat) = self.alive.newest(name) {
            self.gone(&seat).await;
        }
        match self.lock().ended.get(name) {
            Some(Ended { kind, text, help }) => {
                let error = Error::new(*kind, text.clone());
                Err(help.iter().fold(error, |error, help| error.help(help.clone())))
            }
            None => Ok(()),
        }
    }

    async fn gone(&self, seat: &Seat) {
        // The sender lives as long as the supervisor.
        let _ = self.alive.0.subscribe().wait_for(|seats| !seats.contains(seat)).await;
    }

    /// The handles of all applications, by name.
    pub fn handles(&self) -> BTreeMap<String, EngineHandle> {
        self.company.members()
    }

    /// The graph of the applications; each is a key of the kind `Application`. A need that is not there is no part of it.
    ///
    /// # Errors
    /// A cycle, which [`add`](Self::add) would have refused.
    pub fn graph(&self) -> Result<Graph, Cycle> {
        graph(&self.lock().needs)
    }

    /// The applications whose engines can't go on, each with the reason: their own state is lost or damaged.
    pub fn ended(&self) -> BTreeMap<String, String> {
        self.lock().ended.iter().map(|(name, ended)| (name.clone(), ended.text.clone())).collect()
    }

    /// Asks every application to write nothing any more, all at once, and gives those that did not say yes. One whose engine
    /// has ended writes nothing as it is; the request waits for its next engine.
    ///
    /// # Cancel safety
    /// A dropped call has asked some or all of them.
    pub async fn suspend_all(&self, cx: &Cx, reason: &str, by: &str) -> BTreeMap<String, Error> {
        let ended = &self.ended();
        let ask = |(name, handle): (String, EngineHandle)| async move {
            let request = Request::Suspend { reason: reason.to_owned() };
            let answered = match ended.get(&name) {
                None => handle.request(cx, by, request).await,
                Some(why) => handle.requests().ask(cx, by, request).await.and_then(|_| {
                    let message =
                        format!("its engine has ended, and the request waits for the next one: {why}");
                    Err(Error::new(ErrorKind::Unavailable, message))
                }),
            };
            answered.err().map(|error| (name, error))
        };
        join_all(self.handles().into_iter().map(ask)).await.into_iter().flatten().collect()
    }

    /// Runs all applications until the context is cancelled or its deadline has passed; then each has stopped in good order.
    ///
    /// # Cancel safety
    /// Cancel the context to stop in good order; dropping the future is the same as a crash of all engines.
    pub async fn run(&self, cx: &Cx) {
        let (sender, mut started) = mpsc::unbounded_channel();
        {
            let mut state = self.lock();
            let waiting = std::mem::take(&mut state.waiting);
            waiting.into_iter().for_each(|member| drop(sender.send(member)));
            state.started = Some(sender);
        }
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(member) = started.recv() => {
                    self.spawn(cx, &mut running, member);
                }
                Some(_) = running.join_next() => {}
                () = cx.cancelled() => break,
                _ = cx.sleep(Duration::MAX), if cx.deadline().is_some() => break,
            }
        }
        self.lock().started = None;
        started.close();
        while let Ok(Member { seat, .. }) = started.try_recv() {
            // It came too late to be started.
            self.alive.end(&seat);
        }
        while running.join_next().await.is_some() {}
    }

    fn spawn(&self, cx: &Cx, running: &mut JoinSet<()>, member: Member) {
        let Member { engine, interval, seat } = member;
        let own = cx.child();
        let mut state = self.lock();
        if !state.has(&seat) {
            // It was taken out before it was started.
            return self.alive.end(&seat);
        }
        let (name, cx) = (seat.0.clone(), own.clone());
        let (shared, alive) = (self.state.clone(), self.alive.clone());
        let task = running.spawn(async move {
            let _alive = UntilDropped { alive, seat: seat.clone() };
            let mut engine = engine;
            let run = std::panic::AssertUnwindSafe(engine.run(&own, interval)).catch_unwind().await;
            let panicked = || Err(Error::new(ErrorKind::Internal, "the engine panicked"));
            if let Err(error) = run.unwrap_or_else(|_| panicked()) {
                let mut state = lock(&shared);
                // Why one that was taken out ended says nothing of the one that came after it.
                if state.has(&seat) || !state.numbers.contains_key(&seat.0) {
                    state.ended.insert(seat.0, Ended::from(&error));
                }
            }
            // Nobody keeps it there any more.
            engine.shared.tell(|status| status.reached = None);
            // Before the end is told: its state is free then.
            engine.close().await;
        });
        state.running.insert(name, Running { cx, task });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn seat(&mut self, name: String) -> Seat {
        self.next += 1;
        self.numbers.insert(name.clone(), self.next);
        (name, self.next)
    }

    /// Whether this is the engine of its application now.
    fn has(&self, (name, number): &Seat) -> bool {
        self.numbers.get(name) == Some(number)
    }

    fn start(&mut self, member: Member) {
        match &self.started {
            None => self.waiting.push(member),
            Some(started) => {
                // It stops just now: then this one is not started either.
                let _ = started.send(member);
            }
        }
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn graph(needs: &BTreeMap<String, Vec<String>>) -> Result<Graph, Cycle> {
    let there = |names: &Vec<String>| {
        names.iter().filter(|name| needs.contains_key(*name)).map(|name| key(name)).collect()
    };
    Graph::new(needs.iter().map(|(name, names)| (key(name), there(names))))
}

fn key(name: &str) -> Key {
    Key::new("supervisor", GroupKind::new("", "Application"), "", name)
}
