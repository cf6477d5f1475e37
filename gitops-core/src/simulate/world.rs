use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::calls::{CALL_TIMEOUT, LANDS_WITHIN, recovery_class_of};
use super::fault::{Fault, Faults};
use super::foreign;
use super::office::House;
use super::origin::Origin;
use super::outcome::{Counts, Outcome};
use super::process::{Exit, Process, Task};
use super::profile::Profile;
use super::random::Random;
use super::state::{HOUR, Handle, Happening, Inner, Life, MINUTE, SECOND};
use crate::capability::RecoveryClass;
use crate::value::{ErrorKind, Revision};

/// A whole world made from one number: model targets of all three recovery classes, a model source, a disk, other people,
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
    task: Task,
    lasts: i64,
}

/// One engine that is alive.
struct Slot {
    app: usize,
    life: usize,
    future: BoxFuture<'static, Exit>,
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
        let (can_watch, has_health) = (random.chance(5000), random.chance(5000));
        let mut inner = Inner::new(seed, faults, profile.keeps_trace);
        inner.crash_at.clone_from(&profile.crash_at);
        inner.has_health = has_health;
        inner.is_shared = random.chance(5000);
        inner.bug = profile.bug;
        let first = Origin::new(seed, 0, nodes);
        // Without health nobody sees an end.
        let first = if Random::new(seed, 15).chance(4000) { first.with_twins() } else { first };
        let runs_once = has_health && Random::new(seed, 13).chance(5000);
        inner.add_app("first", if runs_once { first.running_once(seed) } else { first });
        if second {
            inner.add_app("second", Origin::new(seed, 1, nodes.div_ceil(4)));
        }
        if second && inner.is_shared && Random::new(seed, 4).chance(5000) {
            inner.add_rival(0);
            if Random::new(seed, 5).chance(5000) {
                inner.add_turns(0);
            }
        }
        // What one machine is told, another one that works at once learns only as it asks the store.
        inner.has_orders = !inner.has_rivals(0) && Random::new(seed, 16).chance(4000);
        inner.plan_ahead(&mut random, revisions, lasts);
        Self { seed, handle: Handle::new(inner), slots: Vec::new(), can_watch, task: Task::Serve, lasts }
    }

    /// Lets the world run to its end, or to the first broken promise.
    pub fn run(mut self) -> Outcome {
        loop {
            self.poll();
            if self.is_over() {
                break;
            }
            if !self.advance() {
                self.handle.lock().broken(16, "everything stands still, and nothing is at rest");
                break;
            }
        }
        self.slots.clear();
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
        let world = self.handle.lock();
        world.violation.is_some() || world.apps.iter().all(|app| app.settled)
    }

    /// Polls every engine that wants to be, until none does.
    fn poll(&mut self) {
        let mut index = 0;
        while index < self.slots.len() {
            match self.poll_one(index) {
                true => index += 1,
                false => drop(self.slots.remove(index)),
            }
        }
    }

    /// Says whether the engine is still there.
    fn poll_one(&mut self, index: usize) -> bool {
        let slot = &mut self.slots[index];
        let (app, life) = (slot.app, slot.life);
        while self.handle.lock().may_run(life) && slot.flag.0.swap(false, Ordering::Relaxed) {
            let waker = slot.waker.clone();
            let mut cx = Context::from_waker(&waker);
            match std::panic::catch_unwind(AssertUnwindSafe(|| slot.future.poll_unpin(&mut cx))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(exit)) if self.handle.lock().is_alive(life) => {
                    self.handle.lock().ended(app, life, &exit);
                    return false;
                }
                Ok(Poll::Ready(_)) => break,
                Err(_) => {
                    self.handle.lock().broken(0, "the engine panicked");
                    return false;
                }
            }
        }
        let mut world = self.handle.lock();
        if world.is_alive(life) {
            return true;
        }
        world.buried(app, life);
        false
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
            Happening::SourceMoves(house) => world.source_moves(house),
            Happening::Reap => world.reap(),
            Happening::Expires(key, uid) => world.expires(&key, &uid),
            Happening::Resumes(life) => {
                world.lives[life].paused = false;
                world.lives[life].failed_at = None;
                world.say(format_args!("e{life} goes on"));
            }
            Happening::Edit(key, uid) => foreign::meddle(&mut world, &key, &uid),
            Happening::Labels(key, uid, owner, life) if world.is_alive(life) => {
                world.server.owner_label(&key, &uid, owner);
            }
            Happening::Labels(..) => {}
            Happening::Starts(app) => {
                drop(world);
                self.start(app);
            }
            Happening::Quiet => {
                drop(world);
                self.quiet();
            }
        }
        true
    }

    fn start(&mut self, app: usize) {
        let mut world = self.handle.lock();
        let runs = |slot: &Slot| slot.app == app && !world.lives[slot.life].paused;
        if self.slots.iter().any(runs) {
            return;
        }
        let life = world.lives.len();
        let skew = world.faults.strength(Fault::ClockJumps, 240).map_or(0, |off| (off as i64 - 120) * SECOND);
        world.lives.push(Life { app, skew, recovering: true, ..Life::default() });
        world.moved.remove(&app);
        world.say(format_args!("e{life} starts for a{app}"));
        let (has_health, bug) = (world.has_health, world.bug);
        let Self { seed, can_watch, .. } = *self;
        let process = Process { world: self.handle.clone(), life, app, seed, can_watch, has_health, bug };
        let future = process.run(self.task).boxed();
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.slots.push(Slot { app, life, future, waker: Waker::from(flag.clone()), flag });
    }

    /// Ends all faults for good, lets everything land that is on its way, and lets each engine settle.
    fn quiet(&mut self) {
        self.slots.clear();
        self.task = Task::Settle;
        let mut world = self.handle.lock();
        world.say(format_args!("faults are over"));
        world.end_faults();
        world.queue.retain(|_, what| !matches!(what, Happening::Starts(_)));
        let rest = CALL_TIMEOUT + LANDS_WITHIN + 10 * MINUTE;
        for app in 0..world.apps.len() {
            match world.is_deposed(app) {
                true => world.apps[app].settled = true,
                false => drop(world.after(rest + app as i64 * HOUR, Happening::Starts(app))),
            }
        }
    }
}

impl Inner {
    fn may_run(&self, life: usize) -> bool {
        let Life { paused, dead, .. } = self.lives[life];
        !paused && !dead && self.violation.is_none()
    }

    /// Takes a dead engine out of the world, and starts the next one after a while.
    fn buried(&mut self, app: usize, life: usize) {
        self.leave(app, life);
        self.lose_power(app);
        self.decay(app);
        self.start_later(app);
    }

    /// An engine said itself that it can't, or need not, go on.
    fn ended(&mut self, app: usize, life: usize, exit: &Exit) {
        self.lives[life].dead = true;
        self.leave(app, life);
        let error = match exit {
            Exit::Finished => {
                self.apps[app].settled = true;
                return self.say(format_args!("e{life} is through"));
            }
            Exit::Failed(error) => error,
        };
        self.say(format_args!("e{life} ends: {error}"));
        if self.is_quiet {
            return self.broken(16, format!("no way to go on, and faults are over: {error}"));
        }
        if self.apps[app].disk.is_damaged() && error.kind() != ErrorKind::Locked {
            self.say(format_args!("a{app} its journal is restored"));
            self.apps[app].disk.restore();
        }
        self.start_later(app);
    }

    fn leave(&mut self, app: usize, life: usize) {
        self.lives[life].seen.clear();
        if self.apps[app].holder == Some(life) {
            self.apps[app].holder = None;
        }
    }

    /// Fills the queue with what comes from outside.
    fn plan_ahead(&mut self, random: &mut Random, revisions: u64, lasts: i64) {
        let hasty = self.faults.is_on(Fault::Hasty);
        for house in 0..self.houses.len() {
            for _ in 1..revisions {
                let at = random.below(lasts.unsigned_abs()) as i64;
                let more = if hasty && random.chance(3000) { 4 } else { 1 };
                for n in 0..more {
                    self.after(at + n * 3 * SECOND, Happening::SourceMoves(house));
                }
            }
        }
        for _ in 0..lasts / (10 * MINUTE) {
            let at = random.below(lasts.unsigned_abs()) as i64;
            self.after(at, Happening::Foreigner);
        }
        let keys: Vec<_> = self.origin(0).keys().cloned().collect();
        for key in keys {
            let (is_keyed, can_preview) = (
                recovery_class_of(key.target()) == RecoveryClass::Keyed,
                self.faults.has_ever(Fault::Immutable),
            );
            for fault in
                [Fault::Refused, Fault::NeverReady, Fault::Rewritten, Fault::Immutable, Fault::Untaken]
            {
                let can = match fault {
                    Fault::Immutable => is_keyed,
                    // What previews does as it said.
                    Fault::Untaken => !(is_keyed && can_preview),
                    _ => true,
                };
                if can && self.faults.strikes(fault) {
                    self.stubborn.insert((fault, key.clone()));
                }
            }
        }
        self.after(lasts, Happening::Quiet);
    }

    fn source_moves(&mut self, house: usize) {
        let origin = &mut self.houses[house].origin;
        let how = origin.advance(&mut self.faults);
        let revision = origin.served().revision.clone();
        self.say(format_args!("a{house} its source {how}: {revision}"));
    }

    fn reap(&mut self) {
        let now = self.now;
        for key in self.server.reap(now, false) {
            self.say(format_args!("{key} is gone"));
            self.tell(&key);
        }
    }

    pub(super) fn start_later(&mut self, app: usize) {
        // Machines that share a store take turns, and seldom.
        let longest = if self.has_rivals(app) { 600 } else { 120 };
        let delay = self.random.between(1, longest) as i64 * SECOND;
        self.after(delay, Happening::Starts(app));
    }

    fn end_faults(&mut self) {
        self.is_quiet = true;
        for app in 0..self.apps.len() {
            self.lose_power(app);
            self.apps[app].disk.restore();
            self.apps[app].holder = None;
        }
        self.faults.silence();
        self.stubborn.retain(|(fault, _)| *fault == Fault::Immutable);
        (self.throttled_until, self.vanished_until) = (0, 0);
        self.lives.iter_mut().for_each(|life| life.dead = true);
        for House { origin, office, .. } in &mut self.houses {
            let accepted = self.apps[*office].book.shadow.accepted();
            origin.heal(accepted.map(Revision::id));
        }
        self.server.reap(i64::MAX, true);
        foreign::tidy_up(self);
    }
}
