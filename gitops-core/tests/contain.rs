//! Backends that misbehave: the engine contains them, says which one it was, and loses nothing by them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gitops_core::capability::{Health, MovedObjects, Readiness, Watch};
use gitops_core::*;
use support::{World, key};

/// What a target does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    PanicsWhenLookedAt,
    PanicsWhenWatched,
    HangsWhenLookedAt,
    HangsWhenApplied,
    HangsWhenReady,
    AnswersForAnother,
    TellsAnotherVersion,
    TellsAnotherIdentity,
    MovesByItself,
}

struct Misbehaving {
    memory: Arc<Memory>,
    wrong: Wrong,
    looks: AtomicU64,
}

impl Misbehaving {
    fn does(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    async fn hangs_if(&self, wrong: Wrong) {
        if self.does(wrong) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Target for Misbehaving {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        assert!(!self.does(Wrong::PanicsWhenLookedAt), "told to panic");
        self.hangs_if(Wrong::HangsWhenLookedAt).await;
        let mut found = self.memory.observe(cx, scope).await?;
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        for live in &mut found {
            if self.does(Wrong::AnswersForAnother) {
                live.key = key("another");
            }
            if self.does(Wrong::MovesByItself) {
                live.version = Version::new(format!("look {look}"));
            }
        }
        Ok(found)
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let applied = self.memory.apply(cx, change).await?;
        self.hangs_if(Wrong::HangsWhenApplied).await;
        let Some((uid, version)) = applied.state().map(|(uid, version)| (uid.clone(), version.clone()))
        else {
            return Ok(applied);
        };
        Ok(match self.wrong {
            Wrong::TellsAnotherVersion => Applied::Present { uid, version: Version::new("never was") },
            Wrong::TellsAnotherIdentity => Applied::Present { uid: Uid::new("never was"), version },
            _ => applied,
        })
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.does(Wrong::PanicsWhenWatched).then_some(self)
    }

    fn health(&self) -> Option<&dyn Health> {
        self.does(Wrong::HangsWhenReady).then_some(self)
    }
}

#[async_trait]
impl Watch for Misbehaving {
    async fn moved(&self, _: &Cx) -> Result<MovedObjects> {
        panic!("told to panic")
    }
}

#[async_trait]
impl Health for Misbehaving {
    async fn ready(&self, _: &Cx, _: &Key, _: &Applied) -> Result<Readiness> {
        std::future::pending().await
    }
}

async fn engine(world: &World, wrong: Wrong) -> Engine {
    let target = Misbehaving { memory: world.memory.clone(), wrong, looks: AtomicU64::new(0) };
    let builder = world.builder("test").target("t", Arc::new(target));
    let minute = Duration::from_secs(60);
    builder.call_timeout(minute).ready_timeout(minute).open(&world.cx).await.unwrap()
}

async fn converges(world: &World, contents: &[(&str, &str)]) {
    let report = world.converge().await;
    assert!(report.is_converged(), "{report:?}");
    let contents: Vec<(String, String)> = contents.iter().copied().map(support::owned).collect();
    assert_eq!(world.contents(), contents);
}

#[tokio::test]
async fn a_target_that_panics_when_it_is_looked_at_fails_the_pass_and_is_named() {
    let world = World::with(&[("a", "1")]);
    let mut bad = engine(&world, Wrong::PanicsWhenLookedAt).await;
    let error = bad.reconcile(&world.cx).await.unwrap_err();
    assert_eq!(error.to_string(), "observe: the backend panicked: told to panic (target: t)");
    let again = bad.reconcile(&world.cx).await.unwrap_err();
    assert_eq!((again.kind(), world.memory.writes()), (ErrorKind::Internal, 0));
    drop(bad);
    converges(&world, &[("a", "1")]).await;
}

#[tokio::test]
async fn a_watch_that_panics_is_told_of_and_everything_is_looked_at_instead() {
    let world = World::with(&[("a", "1")]);
    let mut bad = engine(&world, Wrong::PanicsWhenWatched).await;
    assert!(bad.reconcile(&world.cx).await.unwrap().is_converged());
    world.memory.edit(&key("a"), Some(support::body("theirs")));
    assert!(bad.reconcile(&world.cx).await.unwrap().is_converged());
    assert_eq!(world.contents(), [support::owned(("a", "1"))]);
    let told = |event: &Event| matches!(event, Event::WatchFailed { target, error } if target == "t" && error.contains("panicked"));
    assert!(world.events().iter().any(told), "{:?}", world.events());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_never_answers_a_look_ends_the_pass_at_the_time_limit_and_is_named() {
    let world = World::with(&[("a", "1")]);
    let mut bad = engine(&world, Wrong::HangsWhenLookedAt).await;
    let error = bad.reconcile(&world.cx).await.unwrap_err();
    assert_eq!(error.to_string(), "observe: the deadline passed (target: t)");
    drop(bad);
    converges(&world, &[("a", "1")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_never_answered_is_unknown_and_looked_up_by_the_next_pass() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    let report = engine(&world, Wrong::HangsWhenApplied).await.reconcile(&world.cx).await.unwrap();
    let unknown = |result: &StepResult| matches!(&result.outcome, StepOutcome::Unknown { error, .. } if error.contains("the deadline passed (limit of one change: 60s)"));
    assert!(report.results.len() == 2 && report.results.iter().all(unknown), "{report:?}");
    assert_eq!(world.memory.writes(), 2);
    converges(&world, &[("a", "1"), ("b", "2")]).await;
    assert_eq!(world.memory.writes(), 2, "what was done is not done twice");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_never_says_ready_holds_up_what_needs_the_object_and_nothing_else() {
    let world = World::with(&[("a", "1"), ("b", "needs: a"), ("c", "3")]);
    let report = engine(&world, Wrong::HangsWhenReady).await.reconcile(&world.cx).await.unwrap();
    let outcomes: Vec<_> = report.results.iter().map(|result| (result.key.name(), &result.outcome)).collect();
    let not_ready = |outcome: &StepOutcome| matches!(outcome, StepOutcome::NotReady { .. });
    let [("a", a), ("b", b), ("c", c)] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(not_ready(a) && not_ready(c) && matches!(b, StepOutcome::Blocked { .. }), "{outcomes:?}");
}

#[tokio::test]
async fn a_target_that_answers_for_another_object_is_believed_in_nothing() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    world.declare(&[("b", "2")]);
    let error = engine(&world, Wrong::AnswersForAnother).await.reconcile(&world.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().contains("`t`") && error.to_string().contains("t:K/-/another"), "{error}");
    assert_eq!(world.memory.writes(), 1, "nothing is deleted, and nothing is made");
}

#[tokio::test]
async fn a_version_or_an_identity_that_never_was_is_replaced_by_what_is_seen() {
    for wrong in [Wrong::TellsAnotherVersion, Wrong::TellsAnotherIdentity] {
        let world = World::with(&[("a", "1")]);
        let mut bad = engine(&world, wrong).await;
        bad.reconcile(&world.cx).await.unwrap();
        world.declare(&[("a", "2")]);
        for _ in 0..2 {
            drop(bad.reconcile(&world.cx).await);
        }
        drop(bad);
        converges(&world, &[("a", "2")]).await;
    }
}

#[tokio::test]
async fn versions_that_move_by_themselves_cost_looks_and_no_writes() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    let mut bad = engine(&world, Wrong::MovesByItself).await;
    bad.reconcile(&world.cx).await.unwrap();
    for _ in 0..20 {
        let report = bad.reconcile(&world.cx).await.unwrap();
        assert!(report.results.is_empty(), "{report:?}");
    }
    assert_eq!(world.memory.writes(), 2);
    world.declare(&[("a", "1"), ("b", "3")]);
    let report = bad.reconcile(&world.cx).await.unwrap();
    assert_eq!(report.failed(), 1, "an update of a state that is not there is refused: {report:?}");
    drop(bad);
    assert_eq!(engine(&world, Wrong::Nothing).await.plan(&world.cx).await.unwrap().steps.len(), 1);
    converges(&world, &[("a", "1"), ("b", "3")]).await;
}

/// Nothing locks this journal: of two engines that read the same state, the one that comes late is refused.
#[tokio::test]
async fn a_journal_that_another_engine_wrote_meanwhile_is_not_written() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    let (mut late, mut early) = (world.engine().await, world.engine().await);
    world.declare(&[("a", "2")]);
    early.reconcile(&world.cx).await.unwrap();
    world.declare(&[("a", "3")]);
    let journal = world.journal();
    let error = late.reconcile(&world.cx).await.unwrap_err();
    assert_eq!(error.to_string(), "another engine wrote the journal in between");
    assert_eq!(
        (world.memory.writes(), world.journal()),
        (2, journal),
        "nothing is sent, and nothing is written"
    );
    drop((early, late));
    converges(&world, &[("a", "3")]).await;
}
