//! Drift that nobody looked at for minutes: while one workload was not ready, while the Git server was away, after a
//! force-push, behind a commit with a fault.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::capability::{Health, Readiness, Watch};
use gitops_core::*;

use crate::related::Related;
use crate::support::{World, body, key};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A target whose object `web` never becomes ready.
pub struct Slow(pub Arc<Memory>);

#[async_trait]
impl Target for Slow {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.0.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.0.apply(cx, change).await
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.0.watch()
    }

    fn health(&self) -> Option<&dyn Health> {
        Some(self)
    }
}

#[async_trait]
impl Health for Slow {
    async fn ready(&self, _: &Cx, key: &Key, _: &Applied) -> Result<Readiness> {
        match key.name() {
            "web" => std::future::pending().await,
            _ => Ok(Readiness::Ready),
        }
    }
}

#[tokio::test]
async fn drift_is_repaired_while_something_else_becomes_ready() {
    let world = World::with(&[("a", "1"), ("web", "1")]);
    let (memory, cx, seen) = (world.memory.clone(), world.cx.within(MINUTE).child(), AtomicUsize::new(0));
    let stop = cx.clone();
    let somebody = move |event: &Event| match event {
        Event::Applied { key, .. } if key.name() == "web" => memory.edit(&super::support::key("a"), None),
        Event::Applied { key, .. } if key.name() == "a" && seen.fetch_add(1, Ordering::SeqCst) == 1 => {
            stop.cancel();
        }
        _ => {}
    };
    let slow = Arc::new(Slow(world.memory.clone()));
    let builder = world.builder("test").target("t", slow).ready_timeout(HOUR).events(Arc::new(somebody));
    let mut engine = builder.open(&cx).await.unwrap();
    engine.run(&cx, HOUR).await.unwrap();
    assert!(world.memory.get(&key("a")).is_some(), "{:?}", world.events());
}

/// The clock of tokio, which a test pauses.
pub struct Paused(pub tokio::time::Instant);

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

/// [`Slow`], which refuses every change of `a`: somebody changes it once more each time.
struct Refusing(Slow, AtomicUsize);

#[async_trait]
impl Target for Refusing {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.0.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        if change.key().name() != "a" {
            return self.0.apply(cx, change).await;
        }
        let tries = self.1.fetch_add(1, Ordering::SeqCst);
        self.0.0.edit(&key("a"), Some(body(&format!("edited {tries} times"))));
        Err(Error::new(ErrorKind::Forbidden, "refused for the test"))
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.0.watch()
    }

    fn health(&self) -> Option<&dyn Health> {
        self.0.health()
    }
}

/// Or else it is tried each second, and nobody ever waits for the other object to its end.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_repaired_is_no_reason_to_stop_waiting_for_something_else() {
    let mut world = World::with(&[("a", "1")]);
    world.converge().await;
    world.declare(&[("a", "1"), ("web", "1")]);
    world.memory.edit(&key("a"), Some(body("edited")));
    world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
    let target = Arc::new(Refusing(Slow(world.memory.clone()), AtomicUsize::new(0)));
    let builder = world.builder("test").target("t", target.clone()).ready_timeout(HOUR);
    let cx = world.cx.child();
    let mut engine = builder.open(&cx).await.unwrap();
    let ending = async {
        let _ = world.cx.sleep(10 * MINUTE).await;
        cx.cancel();
    };
    let (ran, ()) = tokio::join!(engine.run(&cx, HOUR), ending);
    ran.unwrap();
    assert_eq!(target.1.load(Ordering::SeqCst), 1, "{:?}", world.events());
}

/// What a source does after its first good answer.
#[derive(Clone, Copy)]
pub enum Ill {
    Away,
    Faulty,
    MovedBack,
}

/// A source with a history. Of each revision, `a` has the name as its content.
#[derive(Default)]
pub struct Patient {
    pub ill: Mutex<Option<Ill>>,
    /// What each revision has besides.
    pub others: Vec<(&'static str, &'static str)>,
}

static BACK_TO_OLDER: Related =
    Related(|_, to| if to == "older" { Relation::Older } else { Relation::Newer });

#[async_trait]
impl Source for Patient {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("ill", "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        match *self.ill.lock().unwrap() {
            None => Ok(Revision::new("good", "")),
            Some(Ill::Away) => Err(Error::new(ErrorKind::Unavailable, "the server is away")),
            Some(Ill::Faulty) => Ok(Revision::new("faulty", "")),
            Some(Ill::MovedBack) => Ok(Revision::new("older", "")),
        }
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let content = if revision.id() == "faulty" { "fault: a typo" } else { revision.id() };
        let files = std::iter::once(("a", content)).chain(self.others.iter().copied());
        Snapshot::from_files("ill", revision.clone(), files)
    }

    fn history(&self) -> Option<&dyn History> {
        Some(&BACK_TO_OLDER)
    }
}

/// Runs until the edited object is as it was; gives what is there, and how many passes failed.
async fn repaired(ill: Ill, restarts: bool) -> (Vec<(String, String)>, usize) {
    let world = World::with(&[]);
    let source = Arc::new(Patient::default());
    let cx = world.cx.within(MINUTE).child();
    let open = async |stop: Cx| {
        let repairs = move |event: &Event| {
            if matches!(event, Event::Applied { action: Action::Update, .. }) {
                stop.cancel();
            }
        };
        let builder = world.builder("test").source(source.clone()).target("t", world.memory.clone());
        builder.events(Arc::new(repairs)).open(&cx).await.unwrap()
    };
    let mut engine = open(cx.clone()).await;
    engine.reconcile(&cx).await.unwrap();
    if restarts {
        drop(engine);
        engine = open(cx.clone()).await;
    }
    *source.ill.lock().unwrap() = Some(ill);
    world.memory.edit(&key("a"), Some(body("edited")));
    engine.run(&cx, HOUR).await.unwrap();
    let failed = world.events().iter().filter(|event| matches!(event, Event::ReconcileFailed { .. })).count();
    (world.contents(), failed)
}

#[tokio::test]
async fn drift_of_the_last_good_revision_is_repaired_whatever_the_source_says() {
    for ill in [Ill::Away, Ill::Faulty, Ill::MovedBack] {
        for restarts in [false, true] {
            let (contents, failed) = repaired(ill, restarts).await;
            assert_eq!(contents, [("a".to_owned(), "good".to_owned())]);
            assert!(failed > 0, "that the source is ill is told");
        }
    }
}

/// Met with a rollout that went on after its commits had been taken back with a force-push.
#[tokio::test]
async fn what_was_taken_back_is_kept_as_it_is_and_not_rolled_out_further() {
    let world = World::with(&[]);
    let others = vec![("web", "1"), ("z", "needs: web")];
    let source = Arc::new(Patient { others, ..Patient::default() });
    let builder = || world.builder("test").source(source.clone());
    let cx = world.cx.within(MINUTE).child();
    let stop = cx.clone();
    let half = move |event: &Event| match event {
        Event::Applied { key, .. } if key.name() == "web" => stop.cancel(),
        _ => {}
    };
    let slow = Arc::new(Slow(world.memory.clone()));
    let mut engine = builder().target("t", slow).events(Arc::new(half)).open(&cx).await.unwrap();
    assert!(engine.reconcile(&cx).await.unwrap().skipped() > 0);
    drop(engine);
    *source.ill.lock().unwrap() = Some(Ill::MovedBack);
    world.memory.edit(&key("a"), Some(body("edited")));
    let cx = world.cx.within(MINUTE).child();
    let stop = cx.clone();
    let ended = move |event: &Event| {
        if matches!(event, Event::Finished { .. }) {
            stop.cancel();
        }
    };
    let builder = builder().target("t", world.memory.clone()).events(Arc::new(ended));
    let mut engine = builder.open(&cx).await.unwrap();
    let handle = engine.handle();
    engine.run(&cx, HOUR).await.unwrap();
    let there = [("a", "good"), ("web", "1")].map(crate::support::owned);
    assert_eq!(world.contents(), there, "drift is repaired, and nothing new is made");
    let blocked = handle.status().borrow().blocked.clone();
    assert!(blocked.iter().any(|blocked| blocked.key.name() == "z"), "and what is left is told: {blocked:?}");
    drop(engine);
    *source.ill.lock().unwrap() = None;
    let mut engine =
        world.builder("test").source(source).target("t", world.memory.clone()).open(&world.cx).await.unwrap();
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    assert!(world.memory.get(&key("z")).is_some());
}
