//! The state of a world, shared by all its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use smol_str::SmolStr;

use super::calls::Call;
use super::check::{self, Book};
use super::disk::Disk;
use super::fault::{Fault, Faults};
use super::office::{House, Look};
use super::origin::Origin;
use super::random::Random;
use super::server::Server;
use super::trace::Trace;
use super::twins;
use crate::cx::Bug;
use crate::value::{Key, Live, PlanId, Revision, Uid, Value, Version};

/// One micro-, milli- and whole second, minute and hour.
pub(super) const MILLI: i64 = 1_000;
pub(super) const SECOND: i64 = 1_000 * MILLI;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The number of the invariant; 0 for an engine that panicked.
    pub invariant: u8,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I{}: {}", self.invariant, self.what)
    }
}

/// Something that is going to happen at its time.
pub(super) enum Happening {
    Wake(Waker),
    /// A request arrives at the server.
    Arrives(usize),
    /// The answer of a call gets back to its caller.
    Answers(usize),
    /// An application's engine starts.
    Starts(usize),
    /// The source gets a new revision.
    SourceMoves(usize),
    /// Somebody else does something.
    Foreigner,
    /// A deletion may be finished.
    Reap,
    /// What has run to its end may be removed.
    Expires(Key, Uid),
    /// A paused engine goes on.
    Resumes(usize),
    /// Somebody edits an object.
    Edit(Key, Uid),
    /// A seeded bug labels an object by a second write, if it still lives.
    Labels(Key, Uid, SmolStr, usize),
    /// Faults are over.
    Quiet,
}

/// One start of one engine.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Life {
    pub app: usize,
    pub dead: bool,
    /// How far its clock is off.
    pub skew: i64,
    pub paused: bool,
    /// Its storage failed: nothing may be sent any more.
    pub storage_failed: bool,
    /// It looked at what the last one left, and has finished no reconciliation.
    pub recovering: bool,
    /// The states that it has seen with its own eyes.
    pub seen: BTreeSet<(Key, Uid, Version)>,
    /// The states in which its adoptions left objects.
    pub adopted: BTreeSet<(Key, Uid, Version)>,
    /// What it put back as it was recorded, beside a plan.
    pub put_back: BTreeSet<Key>,
    pub resolved: Option<Revision>,
    /// The plans that it made: their revision.
    pub plans: BTreeMap<PlanId, Revision>,
    /// When a reconciliation of it failed, if none was begun since.
    pub failed_at: Option<i64>,
    /// The minute in which it planned last, and how often it did.
    pub planned: (i64, u64),
    /// What seeded bugs keep of what was seen first.
    pub cache: BTreeMap<Key, Live>,
    pub look: Look,
}

/// One application on one machine: its state on disk, and the world's books about it.
pub(super) struct App {
    pub name: String,
    /// The place of its source, and of all that is the same on each of its machines.
    pub house: usize,
    pub disk: Disk,
    pub book: Book,
    /// Which life has the lock of the state.
    pub holder: Option<usize>,
    pub passes: u64,
    pub settled: bool,
    /// Whether it is known to be suspended.
    pub suspended: bool,
    /// What seeded bugs keep of the first answer of the source.
    pub first: Option<Revision>,
}

#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Inner {
    pub now: i64,
    next: u64,
    pub queue: BTreeMap<(i64, u64), Happening>,
    pub faults: Faults,
    pub trace: Trace,
    pub random: Random,
    pub server: Server,
    pub calls: BTreeMap<usize, Call>,
    pub last_call: usize,
    pub apps: Vec<App>,
    pub houses: Vec<House>,
    pub lives: Vec<Life>,
    /// Objects with a fault of their own.
    pub stubborn: BTreeSet<(Fault, Key)>,
    /// Targets answer a change with what is there now.
    pub tells: bool,
    pub throttled_until: i64,
    pub vanished_until: i64,
    /// Applications take over what nobody owns, where the client names objects.
    pub adopts: bool,
    /// The incarnations that ran to their end, and were removed after it.
    pub ended: BTreeSet<Uid>,
    /// What seeded bugs keep of what was only previewed.
    pub traces: BTreeMap<Key, Value>,
    pub moved: BTreeMap<usize, BTreeSet<Key>>,
    pub watchers: BTreeMap<usize, Waker>,
    pub crash_at: Vec<u64>,
    pub crash_points: u64,
    pub crashes: u64,
    pub has_health: bool,
    /// The stores outlive the machines: engines keep everything there.
    pub is_shared: bool,
    /// How large a journal grows before it is folded: small ones are folded within the hours of a world.
    pub fold_at: u64,
    /// People suspend applications and let them go on.
    pub has_orders: bool,
    pub is_quiet: bool,
    pub violation: Option<Violation>,
    pub bug: Option<Bug>,
}

impl Inner {
    /// Lets something happen after so many microseconds; gives its place in the queue.
    pub fn after(&mut self, micros: i64, what: Happening) -> (i64, u64) {
        let at = (self.now + micros.max(0), self.next);
        self.next += 1;
        self.queue.insert(at, what);
        at
    }

    pub fn say(&mut self, what: fmt::Arguments<'_>) {
        self.trace.say(self.now, what);
    }

    /// Notes the first broken promise; the world stops at it.
    pub fn broken(&mut self, invariant: u8, what: impl Into<String>) {
        if self.violation.is_none() {
            let violation = Violation { invariant, what: what.into() };
            self.say(format_args!("BROKEN {violation}"));
            self.violation = Some(violation);
        }
    }

    pub fn is_alive(&self, life: usize) -> bool {
        !self.lives[life].dead
    }

    pub fn app_of(&mut self, life: usize) -> &mut App {
        let app = self.lives[life].app;
        &mut self.apps[app]
    }

    /// A point at which the engine may die; says whether it lives on.
    pub fn survives(&mut self, life: usize, point: &str) -> bool {
        if !self.is_alive(life) {
            return false;
        }
        let number = self.crash_points;
        self.crash_points += 1;
        let chosen = self.crash_at.contains(&number);
        let fault = if self.lives[life].recovering { Fault::CrashAgain } else { Fault::Crash };
        if chosen || self.faults.strikes(fault) {
            self.say(format_args!("e{life} dies {point}"));
            self.lives[life].dead = true;
            self.crashes += 1;
        } else if self.faults.strikes(Fault::Paused) {
            let pause = self.random.between(1, 3600) as i64 * SECOND;
            self.say(format_args!("e{life} stands still for {} s", pause / SECOND));
            self.lives[life].paused = true;
            self.lives[life].failed_at = None;
            self.lives[life].look.stood_still = true;
            self.after(pause, Happening::Resumes(life));
            let app = self.lives[life].app;
            self.start_later(app);
        }
        self.is_alive(life)
    }

    /// Tells watchers that an object may have moved.
    pub fn tell(&mut self, key: &Key) {
        if self.loses_event(key) {
            return;
        }
        for moved in self.moved.values_mut() {
            moved.extend([twins::first(key), twins::other(&twins::first(key))]);
        }
        std::mem::take(&mut self.watchers).into_values().for_each(Waker::wake);
    }

    /// Seeded bugs: B32 misses every other event, B33 lets two cancel out, B36 misses what happens in a reconciliation.
    fn loses_event(&mut self, key: &Key) -> bool {
        match self.bug.map(Bug::number) {
            Some(32) => self.random.chance(5000),
            Some(33) => {
                self.moved.values_mut().filter_map(|moved| moved.remove(key).then_some(())).count() > 0
            }
            Some(36) => !self.calls.is_empty(),
            _ => false,
        }
    }

    /// Whether this seeded bug is switched on.
    pub fn has_bug(&self, number: u8) -> bool {
        self.bug == Some(Bug::new(number))
    }

    /// An object that an application made and still declares.
    pub fn some_owned(&mut self, app: usize) -> Option<(Key, Uid)> {
        let (origin, house) = (self.origin(app), self.apps[app].house);
        let excused = check::excused(self, app);
        let declared = origin.tip().objects.keys().map(|node| origin.key(*node));
        let open = declared.filter(|key| !excused.contains(key) && !self.is_stubborn(Fault::Immutable, key));
        let item = |key: &Key| self.server.at(key).find(|item| item.maker == Some(house));
        let ours: Vec<(Key, Uid)> =
            open.filter_map(|key| Some((key.clone(), item(key)?.uid.clone()))).collect();
        self.random.pick(&ours).cloned()
    }

    pub fn is_stubborn(&self, fault: Fault, key: &Key) -> bool {
        self.stubborn.contains(&(fault, twins::first(key)))
    }

    pub fn add_app(&mut self, name: &str, origin: Origin) {
        self.houses.push(House::new(origin, self.apps.len()));
        self.add_machine(name, self.houses.len() - 1, Disk::default());
    }

    pub fn add_machine(&mut self, name: &str, house: usize, disk: Disk) {
        let app = self.apps.len();
        let name = name.to_owned();
        let book = Book::default();
        self.apps.push(App {
            name,
            house,
            disk,
            book,
            holder: None,
            passes: 0,
            settled: false,
            suspended: false,
            first: None,
        });
        self.after(0, Happening::Starts(app));
    }
}

/// A handle of a world; clones share it.
#[derive(Clone)]
pub(super) struct Handle(Arc<Mutex<Inner>>);

impl Handle {
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(Mutex::new(inner)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    pub fn new(seed: u64, faults: Faults, keeps_trace: bool) -> Self {
        Self {
            now: 1_800_000_000 * SECOND,
            next: 0,
            queue: BTreeMap::new(),
            faults,
            trace: Trace::new(keeps_trace),
            random: Random::new(seed, 2),
            server: Server::default(),
            calls: BTreeMap::new(),
            last_call: 0,
            apps: Vec::new(),
            houses: Vec::new(),
            lives: Vec::new(),
            stubborn: BTreeSet::new(),
            tells: Random::new(seed, 9).chance(5000),
            throttled_until: 0,
            vanished_until: 0,
            adopts: Random::new(seed, 11).chance(3000),
            ended: BTreeSet::new(),
            traces: BTreeMap::new(),
            moved: BTreeMap::new(),
            watchers: BTreeMap::new(),
            crash_at: Vec::new(),
            crash_points: 0,
            crashes: 0,
            has_health: false,
            is_shared: false,
            fold_at: 4096 << (2 * Random::new(seed, 3).below(4)),
            has_orders: false,
            is_quiet: false,
            violation: None,
            bug: None,
        }
    }
}
