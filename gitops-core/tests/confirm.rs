//! A person settles what a target can't tell.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use gitops_core::*;
use support::{World, key, yes};

/// A target that never says what came of a change, nor whose an object is.
struct Opaque {
    memory: Arc<Memory>,
    answers: AtomicBool,
    makes: AtomicBool,
}

#[async_trait]
impl Target for Opaque {
    fn info(&self) -> TargetInfo {
        self.memory.info().recovery_class(RecoveryClass::Opaque)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        if self.answers.load(SeqCst) {
            return self.memory.apply(cx, change).await;
        }
        if self.makes.load(SeqCst) {
            self.memory.apply(cx, change).await?;
        }
        Err(Error::new(ErrorKind::Unavailable, "no answer").at(change.key()).outcome_unknown())
    }
}

/// A world whose engine sent a change of `a` and got no answer; the change was made or not.
async fn quarantined(begin: &[(&str, &str)], then: &[(&str, &str)], makes: bool) -> (World, Engine) {
    let world = World::with(begin);
    let (answers, makes) = (AtomicBool::new(true), AtomicBool::new(makes));
    let target = Arc::new(Opaque { memory: world.memory.clone(), answers, makes });
    let mut engine = open(&world, target.clone()).await;
    apply(&world, &mut engine).await;
    world.declare(then);
    target.answers.store(false, SeqCst);
    apply(&world, &mut engine).await;
    target.answers.store(true, SeqCst);
    let blocked = engine.plan(&world.cx).await.unwrap().blocked;
    assert_eq!(blocked, [Blocked::new(key("a"), BlockedBecause::Quarantined { until: None })]);
    (world, engine)
}

async fn open(world: &World, target: Arc<Opaque>) -> Engine {
    world.builder("test").target("t", target).open(&world.cx).await.unwrap()
}

async fn apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap()
}

fn pair(name: &str, content: &str) -> (String, String) {
    (name.to_owned(), content.to_owned())
}

#[tokio::test]
async fn what_was_made_is_ours_and_compared_again() {
    let (world, mut engine) = quarantined(&[], &[("a", "1")], true).await;
    engine.confirm(&world.cx, &key("a"), Finding::Made, "ann").await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(plan.steps.is_empty() && plan.blocked.is_empty(), "{plan:?}");
    assert_eq!(engine.inventory().entries().get(&key("a")).unwrap().state, OwnedState::Held);
    world.declare(&[("a", "2")]);
    assert!(apply(&world, &mut engine).await.is_converged());
    assert_eq!(world.contents(), [pair("a", "2")]);
}

#[tokio::test]
async fn what_was_not_made_is_planned_anew_also_after_a_restart() {
    let (world, mut engine) = quarantined(&[], &[("a", "1")], false).await;
    engine.confirm(&world.cx, &key("a"), Finding::NotMade, "ann").await.unwrap();
    drop(engine);
    let (answers, makes) = (AtomicBool::new(true), AtomicBool::new(true));
    let mut engine = open(&world, Arc::new(Opaque { memory: world.memory.clone(), answers, makes })).await;
    let report = apply(&world, &mut engine).await;
    assert!(report.is_converged() && report.applied() == 1);
    assert_eq!(world.contents(), [pair("a", "1")]);
}

#[tokio::test]
async fn a_deletion_is_settled_either_way() {
    let both = [("a", "1"), ("b", "1")];
    for made in [true, false] {
        let (world, mut engine) = quarantined(&both, &[("b", "1")], made).await;
        let finding = if made { Finding::Made } else { Finding::NotMade };
        engine.confirm(&world.cx, &key("a"), finding, "ann").await.unwrap();
        assert!(apply(&world, &mut engine).await.is_converged());
        assert_eq!(world.contents(), [pair("b", "1")], "made: {made}");
        assert!(engine.inventory().entries().get(&key("a")).is_none());
    }
}

#[tokio::test]
async fn nothing_is_settled_against_what_the_target_shows() {
    for (makes, finding) in [(true, Finding::NotMade), (false, Finding::Made)] {
        let (world, mut engine) = quarantined(&[], &[("a", "1")], makes).await;
        let before = world.contents();
        let error = engine.confirm(&world.cx, &key("a"), finding, "ann").await.unwrap_err();
        assert!(error.is_conflict() && error.help_text().is_some(), "{error}");
        let plan = engine.plan(&world.cx).await.unwrap();
        assert_eq!((plan.blocked.len(), engine.inventory().open().count()), (1, 1));
        assert_eq!(world.contents(), before);
    }
    let (world, mut engine) = quarantined(&[("a", "1"), ("b", "1")], &[("b", "1")], false).await;
    assert!(engine.confirm(&world.cx, &key("a"), Finding::Made, "ann").await.unwrap_err().is_conflict());
}

#[tokio::test]
async fn what_is_somebody_elses_does_not_become_ours() {
    let (world, mut engine) = quarantined(&[], &[("a", "1")], false).await;
    let place = Provenance::new("s", "1", "a", 0);
    let object = Arc::new(Object::new(key("a"), support::body("theirs"), place));
    let owner_label = OwnerLabel { owner: "somebody".into(), op: "1".into() };
    world.memory.apply(&world.cx, &Change::Create { object, owner_label, preview: None }).await.unwrap();
    let error = engine.confirm(&world.cx, &key("a"), Finding::Made, "ann").await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("somebody"), "{error}");
    assert_eq!(engine.inventory().open().count(), 1);
}

#[tokio::test]
async fn only_what_is_unsettled_can_be_settled() {
    let (world, mut engine) = quarantined(&[("b", "1")], &[("a", "1"), ("b", "1")], true).await;
    let error = engine.confirm(&world.cx, &key("b"), Finding::Made, "ann").await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn the_audit_log_says_who_settled_it() {
    let (world, mut engine) = quarantined(&[], &[("a", "1")], true).await;
    engine.confirm(&world.cx, &key("a"), Finding::Made, "ann").await.unwrap();
    let last = world.audit.entries().pop().unwrap();
    assert_eq!(last.actor, "ann");
    let by_hand = |what: &AuditEvent| {
        matches!(what, AuditEvent::Outcome { key: of, result, detail: Some(detail), .. }
            if of == &key("a") && result == "done" && detail == "confirmed by a person")
    };
    assert!(by_hand(&last.what), "{last:?}");
}
