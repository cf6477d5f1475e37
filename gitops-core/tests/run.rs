//! A running engine: what wakes it, and what does not.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::capability::{Moved, Watch};
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
    says: fn(usize) -> Option<Result<Moved>>,
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
    async fn moved(&self, _: &Cx) -> Result<Moved> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(asked < 1000, "the engine runs in circles");
        match (self.says)(asked) {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

/// The events of a run over a converged target, up to its first wait for the interval.
async fn run(says: fn(usize) -> Option<Result<Moved>>) -> Vec<Event> {
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
    let theirs = |asked| (0 < asked && asked < 50).then(|| Ok(Moved::Keys(vec![key("theirs")])));
    assert_eq!(passes(&run(theirs).await), 1);
}

#[tokio::test]
async fn what_moves_and_is_ours_is_looked_at() {
    let ours = |asked| (asked == 1).then(|| Ok(Moved::Keys(vec![key("theirs"), key("a")])));
    assert_eq!(passes(&run(ours).await), 2);
}
