use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::calls::{CALL_TIMEOUT, LANDS_WITHIN};
use super::check::Book;
use super::disk::Disk;
use super::fault::{Fault, Faults};
use super::foreign;
use super::origin::Origin;
use super::outcome::{Counts, Outcome};
use super::process::{Exit, Process, Task, restart_delay};
use super::profile::Profile;
use super::random::Random;
use super::state::{App, HOUR, Handle, Happening, Inner, Life, MINUTE, SECOND};

/// A whole world made from one number: model targets of all three tiers, a model source, a disk, other people,
/// time, and the shipping engine in the middle of it.
///
/// Equal seeds and profiles give equal traces, byte for byte, on any machine and any number of threads.
///
/// ```
/// use gitops_core::simulate::{Profile, World};
/// let outcome = World::new(7, &Profile::default()).run();
/// assert!(outcome.violation.is_none(), "{outcome}");
/// assert_eq!(outcome.digest, World::new(7, &Profile::default()).run().digest);
/// ```
pub struct World {
    seed: u64,
    handle: Handle,
    slots: Vec<Slot>,
    can_watch: bool,
    has_health: bool,
    task: Task,
    lasts: i64,
}

/// The place of an application's engine.
struct Slot {
    future: Option<BoxFuture<'static, Exit>>,
    flag: Arc<Flag>,
    waker: Waker,
}

/// Says that a future wants to be polled.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, profile: &Profile) -> Self {
        let faults = Faults::new(seed, profile.draw_faults(seed), profile.spared.clone());
        let second = faults.is_on(Fault::SecondEngine);
        let mut random = Random::new(seed, 0);
        let nodes = random.between(profile.nodes.0, profile.nodes.1);
        let revisions = random.between(profile.revisions.0, profile.revisions.1);
        let lasts = i64::try_from(profile.lasts.as_micros()).unwrap_or(HOUR);
        let mut inner = Inner::new(seed, faults, profile.keeps_trace);
        inner.crash_at.clone_from(&profile.crash_at);
        inner.bug = profile.bug.map_or(0, |bug| bug.number());
        inner.add_app("first", Origin::new(seed, 0, nodes));
        if second {
            inner.add_app("second", Origin::new(seed, 1, nodes.div_ceil(4)));
        }
        inner.plan_ahead(&mut random, revisions, lasts);
        let slots = inner.apps.iter().map(|_| Slot::new()).collect();
        Self {
            seed,
            handle: Handle::new(inner),
            slots,
            can_watch: random.chance(5000),
            has_health: random.chance(5000),
            task: Task::Serve,
            lasts,
        }
    }

    /// Lets the world run to its end, or to the first broken promise.
    pub fn run(mut self) -> Outcome {
        loop {
            self.poll();
            if self.is_over() || !self.advance() {
                break;
            }
        }
        let slots = std::mem::take(&mut self.slots);
        drop(slots);
        let mut world = self.handle.lock();
        Outcome {
            seed: self.seed,
            violation: world.violation.clone(),
            digest: world.trace.digest(),
            fired: world.faults.fired().to_vec(),
            counts: Counts {
                events: world.trace.events(),
                writes: world.server.writes,
                crashes: world.crashes,
                crash_points: world.crash_points,
                passes: world.apps.iter().map(|app| app.passes).sum(),
                hours: u64::try_from(self.lasts / HOUR).unwrap_or_default(),
            },
            trace: world.trace.take_lines(),
        }
    }

    fn is_over(&self) -> bool {
        let settled = self.task == Task::Settle && self.slots.iter().all(|slot| slot.future.is_none());
        self.handle.lock().violation.is_some() || settled
    }

    /// Polls every engine that wants to be, until none does.
    fn poll(&mut self) {
        for app in 0..self.slots.len() {
            while self.wants_a_poll(app) {
                let slot = &mut self.slots[app];
                let Some(future) = &mut slot.future else { break };
                let waker = slot.waker.clone();
                let mut cx = Context::from_waker(&waker);
                match std::panic::catch_unwind(AssertUnwindSafe(|| future.poll_unpin(&mut cx))) {
                    Ok(Poll::Pending) => {}
                    Ok(Poll::Ready(exit)) => self.ended(app, exit),
                    Err(_) => {
                        slot.future = None;
                        self.handle.lock().broken(0, "the engine panicked");
                    }
                }
                self.bury(app);
            }
        }
    }

    fn wants_a_poll(&self, app: usize) -> bool {
        let world = self.handle.lock();
        let life = &world.lives[world.apps[app].life];
        let runs = !life.paused && !life.dead && world.violation.is_none();
        drop(world);
        runs && self.slots[app].future.is_some() && self.slots[app].flag.0.swap(false, Ordering::Relaxed)
    }

    /// Takes a dead engine out of the world, and starts the next one after a while.
    fn bury(&mut self, app: usize) {
        let life = {
            let world = self.handle.lock();
            world.apps[app].life
        };
        if !self.handle.lock().lives[life].dead || self.slots[app].future.is_none() {
            return;
        }
        self.slots[app].future = None;
        let mut world = self.handle.lock();
        world.lives[life].seen.clear();
        world.lose_power(app);
        world.rot(app);
        world.start_later(app);
    }

    fn ended(&mut self, app: usize, exit: Exit) {
        self.slots[app].future = None;
        let mut world = self.handle.lock();
        let life = world.apps[app].life;
        world.lives[life].dead = true;
        match exit {
            Exit::Finished => world.say(format_args!("e{life} is through")),
            Exit::Failed(error) => {
                world.say(format_args!("e{life} ends: {error}"));
                if self.task == Task::Settle {
                    return world.broken(16, format!("no way to go on, and faults are over: {error}"));
                }
                if world.apps[app].disk.is_damaged() {
                    world.say(format_args!("a{app} its journal is restored"));
                    world.apps[app].disk.restore();
                }
                world.start_later(app);
            }
        }
    }

    /// Lets the next thing happen.
    fn advance(&mut self) -> bool {
        let mut world = self.handle.lock();
        let Some(((at, _), what)) = world.queue.pop_first() else { return false };
        world.now = at;
        match what {
            Happening::Wake(waker) => waker.wake(),
            Happening::Arrives(call) => world.arrives(call),
            Happening::Answers(call) => world.answers(call),
            Happening::Foreigner => foreign::acts(&mut world),
            Happening::SourceMoves(app) => world.source_moves(app),
            Happening::Reap => {
                let now = world.now;
                world.server.reap(now, false).iter().for_each(|key| world.tell(key));
            }
            Happening::Resumes(life) => {
                world.lives[life].paused = false;
                world.say(format_args!("e{life} goes on"));
            }
            Happening::Starts(app) => {
                drop(world);
                self.start(app);
                return true;
            }
            Happening::Quiet => {
                drop(world);
                self.quiet();
                return true;
            }
        }
        drop(world);
        (0..self.slots.len()).for_each(|app| self.bury(app));
        true
    }

    fn start(&mut self, app: usize) {
        let mut world = self.handle.lock();
        if self.slots[app].future.is_some() {
            return;
        }
        let life = world.lives.len();
        let skew = world.faults.strength(Fault::ClockJumps, 240).map_or(0, |off| (off as i64 - 120) * SECOND);
        world.lives.push(Life { app, skew, recovering: true, ..Life::default() });
        world.apps[app].life = life;
        world.moved.remove(&app);
        world.say(format_args!("e{life} starts for a{app}"));
        let Self { seed, can_watch, has_health, .. } = *self;
        let process = Process { world: self.handle.clone(), life, app, seed, can_watch, has_health };
        self.slots[app].future = Some(process.run(self.task).boxed());
        self.slots[app].flag.0.store(true, Ordering::Relaxed);
    }

    /// Ends all faults for good, lets everything land that is on its way, and lets each engine settle.
    fn quiet(&mut self) {
        let first = self.task == Task::Serve;
        if first {
            self.slots.iter_mut().for_each(|slot| slot.future = None);
            self.task = Task::Settle;
        }
        let mut world = self.handle.lock();
        world.say(format_args!("faults are over"));
        world.end_faults();
        let rest = CALL_TIMEOUT + LANDS_WITHIN + 10 * MINUTE;
        for app in 0..world.apps.len() {
            world.queue.retain(|_, what| !matches!(what, Happening::Starts(other) if *other == app));
        }
        for app in 0..world.apps.len() {
            world.after(rest + app as i64 * HOUR, Happening::Starts(app));
        }
    }
}

impl Slot {
    fn new() -> Self {
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        Self { future: None, waker: Waker::from(flag.clone()), flag }
    }
}

impl Inner {
    fn add_app(&mut self, name: &str, origin: Origin) {
        let life = self.lives.len();
        let app = self.apps.len();
        self.lives.push(Life { app, dead: true, ..Life::default() });
        let (disk, book) = (Disk::default(), Book::default());
        self.apps.push(App { name: name.to_owned(), origin, disk, book, life, passes: 0 });
        self.after(0, Happening::Starts(app));
    }

    /// Fills the queue with what comes from outside.
    fn plan_ahead(&mut self, random: &mut Random, revisions: u64, lasts: i64) {
        let hasty = self.faults.is_on(Fault::Hasty);
        for app in 0..self.apps.len() {
            for _ in 1..revisions {
                let at = random.below(lasts.unsigned_abs()) as i64;
                self.after(at, Happening::SourceMoves(app));
                if hasty && random.chance(3000) {
                    (1..4).for_each(|n| {
                        self.after(at + n * 3 * SECOND, Happening::SourceMoves(app));
                    });
                }
            }
        }
        let visits = lasts / (10 * MINUTE);
        for _ in 0..visits {
            let at = random.below(lasts.unsigned_abs()) as i64;
            self.after(at, Happening::Foreigner);
        }
        let keys: Vec<_> = self.apps[0].origin.keys().cloned().collect();
        for key in keys {
            if self.faults.strikes(Fault::Refused) {
                self.refused.insert(key.clone());
            }
            if self.faults.strikes(Fault::NeverReady) {
                self.never_ready.insert(key.clone());
            }
            if self.faults.strikes(Fault::Rewritten) {
                self.rewritten.insert(key);
            }
        }
        self.after(lasts, Happening::Quiet);
    }

    fn source_moves(&mut self, app: usize) {
        let App { origin, .. } = &mut self.apps[app];
        let how = origin.advance(&mut self.faults);
        let revision = origin.served().revision.clone();
        self.say(format_args!("a{app} its source {how}: {revision}"));
    }

    fn start_later(&mut self, app: usize) {
        let delay = restart_delay(&mut self.random);
        self.after(delay, Happening::Starts(app));
    }

    fn end_faults(&mut self) {
        self.quiet = true;
        for app in 0..self.apps.len() {
            self.lose_power(app);
            self.apps[app].disk.restore();
        }
        self.faults.silence();
        self.refused.clear();
        self.never_ready.clear();
        self.rewritten.clear();
        (self.throttled_until, self.vanished_until) = (0, 0);
        self.lives.iter_mut().for_each(|life| life.dead = true);
        self.apps.iter_mut().for_each(|app| app.origin.heal());
        self.server.reap(i64::MAX, true);
        foreign::tidy_up(self);
    }
}
