//! The line that an application follows: what a pin does to it, and what comes after the pin. People went back during an
//! incident, the branch was moved meanwhile, and the deployment followed whatever was there when the pin ended.

use std::sync::{Arc, Mutex};

use gitops_core::*;

use crate::related::Related;
use crate::support::{World, key, owned};

/// A repository: `1`, `2` and `3` one after the other, and `x` and `x2` one after the other beside them.
struct Repository {
    head: Mutex<&'static str>,
}

fn depth(name: &str) -> (bool, usize) {
    (name.starts_with('x'), name.trim_start_matches('x').parse().unwrap_or(1))
}

static LINES: Related = Related(|from, to| {
    let ((from_beside, from), (to_beside, to)) = (depth(from), depth(to));
    match to.cmp(&from) {
        _ if from_beside != to_beside => Relation::Diverged,
        std::cmp::Ordering::Less => Relation::Older,
        std::cmp::Ordering::Equal => Relation::Same,
        std::cmp::Ordering::Greater => Relation::Newer,
    }
});

#[async_trait]
impl Source for Repository {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("git", "main")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new(*self.head.lock().unwrap(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("git", revision.clone(), [("a", revision.id())])
    }

    fn history(&self) -> Option<&dyn History> {
        Some(&LINES)
    }
}

/// An application on the repository that stands at `2`.
struct Place {
    world: World,
    repository: Arc<Repository>,
}

impl Place {
    async fn at_two() -> Self {
        let place =
            Self { world: World::with(&[]), repository: Arc::new(Repository { head: Mutex::new("2") }) };
        place.engine().await.reconcile(&place.world.cx).await.unwrap();
        place
    }

    async fn engine(&self) -> Engine {
        let builder = self.world.builder("test").source(self.repository.clone());
        builder.target("t", self.world.memory.clone()).open(&self.world.cx).await.unwrap()
    }

    /// What each sync was for, as the audit log has it.
    fn purposes(&self) -> Vec<Purpose> {
        let purpose = |entry: AuditEntry| match entry.what {
            AuditEvent::SyncStarted { purpose, .. } => Some(purpose),
            _ => None,
        };
        self.world.audit.entries().into_iter().filter_map(purpose).collect()
    }

    fn move_to(&self, head: &'static str) {
        *self.repository.head.lock().unwrap() = head;
    }

    fn is_at(&self, engine: &Engine) -> (String, String) {
        let accepted = engine.inventory().accepted().map(|revision| revision.id().to_owned());
        (self.world.contents()[0].1.clone(), accepted.unwrap_or_default())
    }
}

fn at(content: &str, line: &str) -> (String, String) {
    owned((content, line))
}

#[tokio::test]
async fn going_back_moves_no_line_and_what_comes_after_it_must_descend_from_what_was_applied() {
    for restarts in [false, true] {
        let place = Place::at_two().await;
        let cx = &place.world.cx;
        let mut engine = place.engine().await;
        engine.pin(cx, "1", "ana").await.unwrap();
        engine.reconcile(cx).await.unwrap();
        assert_eq!(place.is_at(&engine), at("1", "2"));
        assert_eq!(place.purposes(), [Purpose::Change, Purpose::Rollback]);
        // The branch is moved back to where the application is pinned.
        place.move_to("1");
        engine.unpin(cx, "ana").await.unwrap();
        if restarts {
            drop(engine);
            engine = place.engine().await;
        }
        for _ in 0..2 {
            let error = engine.reconcile(cx).await.unwrap_err();
            assert!(error.kind() == ErrorKind::Denied, "restarts: {restarts}: {error}");
            assert!(error.to_string().contains("1 is an ancestor of 2"), "{error}");
            assert_eq!(place.is_at(&engine), at("1", "2"), "restarts: {restarts}");
        }
        place.move_to("3");
        engine.reconcile(cx).await.unwrap();
        assert_eq!(place.is_at(&engine), at("3", "3"));
    }
}

#[tokio::test]
async fn a_pin_beside_the_line_is_the_grant_for_its_revision_and_what_comes_after_it_descends_from_that() {
    for restarts in [false, true] {
        let place = Place::at_two().await;
        let cx = &place.world.cx;
        let mut engine = place.engine().await;
        // The branch was moved on purpose.
        place.move_to("x");
        assert_eq!(engine.reconcile(cx).await.unwrap_err().kind(), ErrorKind::Denied);
        engine.pin(cx, "x", "ana").await.unwrap();
        if restarts {
            drop(engine);
            engine = place.engine().await;
        }
        engine.reconcile(cx).await.unwrap();
        assert_eq!(place.is_at(&engine), at("x", "x"), "restarts: {restarts}");
        engine.unpin(cx, "ana").await.unwrap();
        place.move_to("3");
        let error = engine.reconcile(cx).await.unwrap_err();
        assert!(error.to_string().contains("3 is not a descendant of x"), "{error}");
        place.move_to("x2");
        engine.reconcile(cx).await.unwrap();
        assert_eq!(place.is_at(&engine), at("x2", "x2"));
    }
}

/// Time that stands still: whoever waits for it is told to stop.
#[derive(Default)]
struct Standstill(Mutex<Option<Cx>>);

#[async_trait]
impl Clock for Standstill {
    fn now(&self) -> Time {
        System.now()
    }

    async fn wait_until(&self, _: Time) {
        if let Some(cx) = self.0.lock().unwrap().take() {
            cx.cancel();
        }
        std::future::pending::<()>().await;
    }
}

/// A process that is kept at work repairs drift while the branch can't be followed: but it does not bring back what
/// somebody went away from.
#[tokio::test]
async fn after_a_rollback_a_run_never_goes_forward_to_a_revision_that_left_the_branch() {
    for restarts in [false, true] {
        let mut place = Place::at_two().await;
        let clock = Arc::new(Standstill::default());
        place.world.cx = Cx::new(clock.clone(), Arc::new(System));
        let cx = &place.world.cx;
        let mut engine = place.engine().await;
        engine.pin(cx, "1", "ana").await.unwrap();
        engine.reconcile(cx).await.unwrap();
        place.move_to("1");
        engine.unpin(cx, "ana").await.unwrap();
        if restarts {
            drop(engine);
            engine = place.engine().await;
        }
        *clock.0.lock().unwrap() = Some(cx.clone());
        engine.run(cx, std::time::Duration::from_secs(3600)).await.unwrap();
        let failed = |event: &Event| matches!(event, Event::ReconcileFailed { error, .. } if error.contains("is an ancestor of"));
        assert!(place.world.events().iter().any(failed), "{:?}", place.world.events());
        assert_eq!(place.is_at(&engine), at("1", "2"), "restarts: {restarts}");
    }
}

/// Whoever begins with a rollback is pinned to a revision of no line yet: the line begins with it.
#[tokio::test]
async fn an_application_that_begins_with_a_pin_follows_only_what_descends_from_it() {
    let place = Place { world: World::with(&[]), repository: Arc::new(Repository { head: Mutex::new("3") }) };
    let cx = &place.world.cx;
    let mut engine = place.engine().await;
    engine.pin(cx, "2", "ana").await.unwrap();
    engine.reconcile(cx).await.unwrap();
    assert_eq!(place.is_at(&engine), at("2", "2"));
    place.move_to("1");
    engine.unpin(cx, "ana").await.unwrap();
    assert_eq!(engine.reconcile(cx).await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(place.world.memory.get(&key("a")).is_some());
    assert_eq!(place.is_at(&engine), at("2", "2"));
}
