//! A running engine: what wakes it, and what does not.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::backend::service::{Item, Page, Query, Service, ServiceInfo, ServiceTarget, Write};
use gitops_core::capability::{MovedObjects, Watch};
use gitops_core::*;
use support::{World, key};

const INTERVAL: Duration = Duration::from_secs(3600);

/// A clock that stands still; who waits for an interval ends the run.
#[derive(Default)]
struct Standstill(Mutex<Option<Cx>>);

#[async_trait]
impl Clock for Standstill {
    fn now(&self) -> Time {
        Time::default()
    }

    async fn wait_until(&self, time: Time) {
        if time.since(self.now()) == INTERVAL {
            self.0.lock().unwrap().as_ref().unwrap().cancel();
        }
        std::future::pending::<()>().await;
    }
}

/// A target in memory with a watch of its own.
struct Watched {
    memory: Arc<Memory>,
    asked: AtomicUsize,
    says: fn(usize) -> Option<Result<MovedObjects>>,
}

#[async_trait]
impl Target for Watched {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.memory.apply(cx, change).await
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }
}

#[async_trait]
impl Watch for Watched {
    async fn moved(&self, _: &Cx) -> Result<MovedObjects> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(asked < 1000, "the engine runs in circles");
        match (self.says)(asked) {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

/// The events of a run over a converged target, up to its first wait for the interval.
async fn run(says: fn(usize) -> Option<Result<MovedObjects>>) -> Vec<Event> {
    let mut world = World::with(&[("a", "1")]);
    world.converge().await;
    let clock = Arc::new(Standstill::default());
    world.cx = Cx::new(clock.clone(), Arc::new(System));
    *clock.0.lock().unwrap() = Some(world.cx.clone());
    let target = Watched { memory: world.memory.clone(), asked: AtomicUsize::new(0), says };
    let mut engine = world.builder("test").target("t", Arc::new(target)).open(&world.cx).await.unwrap();
    world.clear_events();
    engine.run(&world.cx, INTERVAL).await.unwrap();
    world.events()
}

fn passes(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Planned { .. })).count()
}

#[tokio::test]
async fn a_watch_that_fails_is_told_of_and_keeps_no_engine_busy() {
    let events = run(|_| Some(Err(Error::new(ErrorKind::Unavailable, "the watch is blind")))).await;
    assert_eq!(passes(&events), 1);
    let failed = Event::WatchFailed { target: "t".to_owned(), error: "the watch is blind".to_owned() };
    assert!(events.contains(&failed), "{events:?}");
}

#[tokio::test]
async fn what_moves_and_is_not_ours_costs_no_pass() {
    let theirs = |asked| (0 < asked && asked < 50).then(|| Ok(MovedObjects::Keys(vec![key("theirs")])));
    assert_eq!(passes(&run(theirs).await), 1);
}

#[tokio::test]
async fn what_moves_and_is_ours_is_looked_at() {
    let ours = |asked| (asked == 1).then(|| Ok(MovedObjects::Keys(vec![key("theirs"), key("a")])));
    assert_eq!(passes(&run(ours).await), 2);
}

/// The clock of tokio, which a test pauses.
struct Paused(tokio::time::Instant);

#[async_trait]
impl Clock for Paused {
    fn now(&self) -> Time {
        Time::default().after(self.0.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    async fn wait_until(&self, time: Time) {
        tokio::time::sleep(time.since(self.now())).await;
    }
}

/// A target that answers its first change with a wish to be left alone, and whose watch tells of news each second.
struct Busy {
    memory: Arc<Memory>,
    asks: Duration,
    /// When changes came; the second ends the run.
    changes: Mutex<Vec<Time>>,
    run: Cx,
}

#[async_trait]
impl Target for Busy {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let mut changes = self.changes.lock().unwrap();
        changes.push(cx.now());
        if changes.len() > 1 {
            self.run.cancel();
        }
        Err(Error::new(ErrorKind::Unavailable, "busy").at(change.key()).retry_when(Retry::After(self.asks)))
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }
}

#[async_trait]
impl Watch for Busy {
    async fn moved(&self, cx: &Cx) -> Result<MovedObjects> {
        cx.sleep(Duration::from_secs(1)).await?;
        Ok(MovedObjects::Keys(vec![key("a")]))
    }
}

/// How long a target that asks to be left alone for so long is left alone.
async fn left_alone(asks: Duration) -> Duration {
    let mut world = World::with(&[("a", "1")]);
    world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
    let (memory, changes, run) = (world.memory.clone(), Mutex::default(), world.cx.clone());
    let busy = Arc::new(Busy { memory, asks, changes, run });
    let mut engine = world.builder("test").target("t", busy.clone()).open(&world.cx).await.unwrap();
    engine.run(&world.cx, INTERVAL).await.unwrap();
    let changes = busy.changes.lock().unwrap();
    changes[1].since(changes[0])
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_be_left_alone_is_whatever_happens() {
    let wait = left_alone(Duration::from_secs(90)).await;
    assert!((Duration::from_secs(90)..Duration::from_secs(95)).contains(&wait), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_a_whole_day_holds_nobody_up_for_more_than_five_minutes() {
    let wait = left_alone(Duration::from_secs(86_400)).await;
    assert!((Duration::from_secs(300)..Duration::from_secs(305)).contains(&wait), "{wait:?}");
}

/// A service that asks to be left alone whenever it is written to; the second time ends the run.
struct Throttled {
    asks: Duration,
    writes: Arc<Mutex<Vec<Time>>>,
    run: Cx,
}

#[async_trait]
impl Service for Throttled {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::new("t", "K").named()
    }

    async fn list(&self, _: &Cx, _: &Query) -> Result<Page> {
        Ok(Page::last([]))
    }

    async fn get(&self, _: &Cx, _: &Key, _: &str) -> Result<Option<Item>> {
        Ok(None)
    }

    async fn create(&self, cx: &Cx, _: &Key, _: &Write) -> Result<Item> {
        let mut writes = self.writes.lock().unwrap();
        writes.push(cx.now());
        if writes.len() > 1 {
            self.run.cancel();
        }
        let error = Error::new(ErrorKind::Unavailable, "too many requests");
        Err(error.retry_when(Retry::After(self.asks)))
    }

    async fn update(&self, cx: &Cx, key: &Key, _: &str, write: &Write) -> Result<Item> {
        self.create(cx, key, write).await
    }

    async fn delete(&self, _: &Cx, _: &Key, _: &str, _: Option<&Version>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_behind_the_adapter_is_left_alone_for_as_long_as_it_asks() {
    let mut world = World::with(&[("a", "1")]);
    world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
    let asks = Duration::from_secs(120);
    let writes = Arc::<Mutex<Vec<Time>>>::default();
    let service = Throttled { asks, writes: writes.clone(), run: world.cx.clone() };
    let target = Arc::new(ServiceTarget::new(service));
    let mut engine = world.builder("test").target("t", target).open(&world.cx).await.unwrap();
    engine.run(&world.cx, INTERVAL).await.unwrap();
    let writes = writes.lock().unwrap();
    let wait = writes[1].since(writes[0]);
    assert!((asks..asks + Duration::from_secs(5)).contains(&wait), "{wait:?}");
}
