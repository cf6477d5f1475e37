//! Many applications in one process, under faults: none starves, no event is lost, nothing piles up.
//!
//! 60 applications of 10 objects in the ordinary run; `GITOPS_LOAD=1000x50` says otherwise.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, stream};
use gitops_core::capability::Watch;
use gitops_core::*;
use support::{World, body, key};

/// How many applications are under way at once, and how many calls each target takes at once.
const AT_ONCE: usize = 16;
const CALLS: usize = 4;

/// How long a call may take. One that never answers takes all of it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How many rounds are made under faults.
const ROUNDS: usize = 10;

/// The application whose target never answers.
const HOSTILE: usize = 7;

/// Time that passes only when everybody waits.
struct Paused(tokio::time::Instant);

#[async_trait]
impl Clock for Paused {
    fn now(&self) -> Time {
        Time::default().after(self.0.elapsed())
    }

    async fn wait_until(&self, time: Time) {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that others ask")]
        tokio::time::sleep(time.since(self.now())).await;
    }
}

/// Numbers that only look random, the same in each run.
#[derive(Default)]
struct Chance(AtomicU64);

impl Chance {
    fn below(&self, end: u64) -> u64 {
        let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (number ^ (number >> 27)) % end
    }
}

impl Entropy for Chance {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill_with(|| self.below(256).to_le_bytes()[0]);
    }
}

/// What all targets share: whether there are faults, and how much is under way.
#[derive(Default)]
struct Shared {
    faults: AtomicUsize,
    chance: Chance,
    struck: AtomicUsize,
    calls: AtomicUsize,
    most_calls: AtomicUsize,
    /// When each application's target was last called.
    last: Mutex<BTreeMap<usize, Time>>,
}

impl Shared {
    fn strikes(&self, in_a_hundred: u64) -> bool {
        let strikes = self.faults.load(Ordering::Relaxed) == 1 && self.chance.below(100) < in_a_hundred;
        self.struck.fetch_add(usize::from(strikes), Ordering::Relaxed);
        strikes
    }
}

/// A target in memory that takes its time, and fails.
struct Loaded {
    number: usize,
    memory: Arc<Memory>,
    shared: Arc<Shared>,
}

/// A call under way.
struct Call<'a>(&'a Shared);

impl<'a> Call<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let now = shared.calls.fetch_add(1, Ordering::Relaxed) + 1;
        shared.most_calls.fetch_max(now, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Loaded {
    /// A call on its way; some do not arrive.
    async fn arrives(&self, cx: &Cx) -> Result<Call<'_>> {
        let call = Call::begin(&self.shared);
        self.shared.last.lock().unwrap().insert(self.number, cx.now());
        if self.number == HOSTILE && self.shared.faults.load(Ordering::Relaxed) == 1 {
            std::future::pending::<()>().await;
        }
        cx.sleep(Duration::from_millis(1 + self.shared.chance.below(50))).await?;
        match self.shared.strikes(3) {
            true => Err(Error::new(ErrorKind::Unavailable, "not now")),
            false => Ok(call),
        }
    }
}

#[async_trait]
impl Target for Loaded {
    fn info(&self) -> TargetInfo {
        self.memory.info().concurrency(CALLS)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let _call = self.arrives(cx).await?;
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let _call = self.arrives(cx).await?;
        if self.shared.strikes(2) {
            let wait = Retry::After(Duration::from_secs(120));
            return Err(Error::new(ErrorKind::Unavailable, "too many requests").retry_when(wait));
        }
        let applied = self.memory.apply(cx, change).await;
        match self.shared.strikes(3) {
            true => Err(Error::new(ErrorKind::Unavailable, "the answer was lost").outcome_unknown()),
            false => applied,
        }
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.memory.watch()
    }
}

/// Applications of some objects each, and what they share.
struct Load {
    cx: Cx,
    shared: Arc<Shared>,
    worlds: Vec<World>,
    engines: Vec<tokio::sync::Mutex<Engine>>,
    objects: usize,
}

fn name(object: usize) -> String {
    format!("o{object:02}")
}

fn size() -> (usize, usize) {
    let text = std::env::var("GITOPS_LOAD").unwrap_or_else(|_| "60x10".to_owned());
    let size =
        text.split_once('x').and_then(|(apps, objects)| Some((apps.parse().ok()?, objects.parse().ok()?)));
    size.unwrap_or_else(|| panic!("GITOPS_LOAD is `{text}`, and not like 1000x50"))
}

impl Load {
    async fn new(applications: usize, objects: usize) -> Self {
        let cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(Chance::default()));
        let shared = Arc::new(Shared::default());
        let (mut worlds, mut engines) = (Vec::new(), Vec::new());
        for number in 0..applications {
            let world = World::with(&[]);
            let target = Loaded { number, memory: world.memory.clone(), shared: shared.clone() };
            let builder = world.builder(&format!("app{number:04}")).target("t", Arc::new(target));
            engines.push(builder.call_timeout(PATIENCE).open(&cx).await.unwrap().into());
            worlds.push(world);
        }
        let load = Self { cx, shared, worlds, engines, objects };
        (0..applications).for_each(|number| load.declare(number, 0));
        load
    }

    /// Declares an application's objects; one of them is of this round.
    fn declare(&self, number: usize, round: usize) {
        let value = |object: usize| if object == round % self.objects { round } else { 0 };
        let files: Vec<_> =
            (0..self.objects).map(|object| (name(object), value(object).to_string())).collect();
        let files: Vec<_> = files.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.worlds[number].declare(&files);
    }

    /// Somebody else edits an object that is there.
    fn edit(&self, number: usize, object: usize) {
        let (memory, key) = (&self.worlds[number].memory, key(&name(object % self.objects)));
        if memory.get(&key).is_some() {
            memory.edit(&key, Some(body("theirs")));
        }
    }

    async fn round(&self) -> BTreeMap<String, Result<Report>> {
        self.worlds.iter().for_each(World::clear_events);
        let outcomes = stream::iter(&self.engines).map(async |engine| {
            let mut engine = engine.lock().await;
            (engine.name().to_owned(), engine.reconcile(&self.cx).await)
        });
        let outcomes = outcomes.buffer_unordered(AT_ONCE);
        let outcomes: BTreeMap<_, _> = outcomes.collect().await;
        assert_eq!(outcomes.len(), self.worlds.len(), "each application has its turn in each round");
        outcomes
    }

    fn writes(&self) -> Vec<u64> {
        self.worlds.iter().map(|world| world.memory.writes()).collect()
    }

    fn journals(&self) -> usize {
        self.worlds.iter().map(World::journal_bytes).sum()
    }

    /// Every tenth application gets a commit, and every tenth an edit by somebody else, another one in each round.
    async fn round_under_faults(&self, round: usize) {
        for number in 0..self.worlds.len() {
            match (number + round) % 10 {
                0 => self.declare(number, round),
                5 => self.edit(number, round),
                _ => {}
            }
        }
        let begin = self.cx.now();
        let outcomes = self.round().await;
        assert!(
            matches!(&outcomes[&format!("app{HOSTILE:04}")], Err(error) if error.kind() == ErrorKind::Timeout)
        );
        let mut last = self.shared.last.lock().unwrap().clone();
        last.remove(&HOSTILE);
        let slowest = last.into_values().max().unwrap().since(begin);
        assert!(
            slowest < PATIENCE / 10,
            "one that never answers takes a share, and not the others' turns: {slowest:?}"
        );
    }

    /// Three rounds after the last fault all is as declared.
    async fn settle(&self) {
        self.round().await;
        self.round().await;
        let mut outcomes = self.round().await;
        outcomes.retain(|_, outcome| !outcome.as_ref().is_ok_and(Report::is_converged));
        assert!(outcomes.is_empty(), "{outcomes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_applications_under_faults_starve_nobody_and_lose_nothing() {
    let (applications, objects) = size();
    let load = Load::new(applications, objects).await;
    load.shared.faults.store(1, Ordering::Relaxed);
    for round in 0..ROUNDS {
        load.round_under_faults(round).await;
    }
    load.shared.faults.store(0, Ordering::Relaxed);
    load.settle().await;
    let struck = load.shared.struck.load(Ordering::Relaxed);
    assert!(struck > applications, "{struck}");

    let (writes, journals) = (load.writes(), load.journals());
    load.round().await;
    assert_eq!((load.writes(), load.journals()), (writes.clone(), journals), "a quiet round writes nothing");

    (0..applications).for_each(|number| load.edit(number, number));
    load.round().await;
    let once: Vec<u64> = writes.iter().map(|writes| writes + 1).collect();
    assert_eq!(load.writes(), once, "each event is seen, and costs one write");

    let most = load.shared.most_calls.load(Ordering::Relaxed);
    assert!((AT_ONCE..=AT_ONCE * CALLS).contains(&most), "{most} calls were under way at once");
    let changes: u64 = load.writes().iter().sum();
    let each = load.journals() as u64 / changes;
    assert!(each < 4096, "{each} bytes of journal for each change");
    println!(
        "{applications} applications of {objects} objects: {changes} changes, {struck} faults, at most {most} calls at \
         once, {each} bytes of journal a change, {} s of simulated time",
        load.cx.now().since(Time::default()).as_secs()
    );
}
