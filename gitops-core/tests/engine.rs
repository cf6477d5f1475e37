//! The engine over a target in memory: what it writes, refuses, remembers and repeats.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::*;
use support::{World, body, key};

#[tokio::test]
async fn a_first_apply_makes_everything_and_a_second_pass_writes_nothing() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!((plan.count(Action::Create), plan.steps.len()), (2, 2));
    assert!(engine.apply(&world.cx, &plan, &support::yes()).await.unwrap().is_converged());
    let (writes, journal) = (world.memory.writes(), world.journal_bytes());
    assert!(engine.plan(&world.cx).await.unwrap().is_empty());
    assert!(engine.reconcile(&world.cx).await.unwrap().results.is_empty());
    assert_eq!((world.memory.writes(), world.journal_bytes()), (writes, journal));
}

#[tokio::test]
async fn a_plan_writes_nothing_at_all() {
    let world = World::with(&[("a", "1")]);
    world.engine().await.plan(&world.cx).await.unwrap();
    assert_eq!((world.memory.writes(), world.journal_bytes()), (0, 0));
    assert!(world.audit.entries().is_empty());
}

#[tokio::test]
async fn what_left_the_source_is_deleted_and_nothing_else() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    world.memory.edit(&key("foreign"), Some(body("theirs")));
    world.converge().await;
    world.declare(&[("a", "1")]);
    let report = world.converge().await;
    assert_eq!(report.plan.count(Action::Delete), 1);
    assert_eq!(world.memory.keys(), [key("a"), key("foreign")]);
}

#[tokio::test]
async fn drift_is_told_apart_from_a_change_and_corrected() {
    let world = World::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    world.converge().await;
    world.memory.edit(&key("a"), Some(body("edited")));
    world.memory.edit(&key("b"), None);
    world.declare(&[("a", "1"), ("b", "2"), ("c", "4")]);
    let report = world.converge().await;
    let causes: Vec<_> = report.plan.steps.iter().map(|step| (step.key.name(), step.cause)).collect();
    assert_eq!(causes, [("a", Cause::Drift), ("c", Cause::ThisChange), ("b", Cause::Drift)]);
    assert_eq!(world.contents(), [("a", "1"), ("b", "2"), ("c", "4")].map(support::owned));
}

#[tokio::test]
async fn drift_is_only_reported_if_the_policy_says_so() {
    let world = World::with(&[("a", "1")]).options(Options::default().drift(DriftPolicy::Report));
    world.converge().await;
    world.memory.edit(&key("a"), Some(body("edited")));
    let report = world.converge().await;
    assert_eq!((report.plan.drift.len(), report.results.len()), (1, 0));
    assert_eq!(world.contents(), [("a", "edited")].map(support::owned));
}

#[tokio::test]
async fn a_stale_plan_writes_nothing_and_names_what_moved() {
    let world = World::with(&[("a", "1")]);
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &support::yes()).await.unwrap();
    world.declare(&[("a", "2")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    world.memory.edit(&key("a"), Some(body("edited")));
    let writes = world.memory.writes();
    let error = engine.apply(&world.cx, &plan, &support::yes()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.moved()),
        (ErrorKind::Stale, &[StaleBecause::Live { key: key("a") }][..])
    );
    world.declare(&[("a", "3")]);
    let error = engine.apply(&world.cx, &plan, &support::yes()).await.unwrap_err();
    assert!(matches!(error.moved()[0], StaleBecause::Revision { .. }), "{:?}", error.moved());
    assert_eq!(world.memory.writes(), writes);
}

#[tokio::test]
async fn what_others_made_is_held_and_never_written() {
    let world = World::with(&[("a", "ours"), ("b", "2")]);
    world.memory.edit(&key("a"), Some(body("theirs")));
    let report = world.converge().await;
    assert_eq!(report.plan.blocked[0].why, BlockedBecause::Unlabelled);
    assert!(!report.is_converged());
    assert_eq!(world.contents(), [("a", "theirs"), ("b", "2")].map(support::owned));
}

#[tokio::test]
async fn a_mass_deletion_needs_an_approval_that_names_the_plan() {
    let names: Vec<String> = (0..10).map(|n| format!("o{n}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let world = World::with(&files);
    world.converge().await;
    world.declare(&files[..4]);
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let error = engine.apply(&world.cx, &plan, &ApplyOptions::by("me")).await.unwrap_err();
    assert_eq!((error.kind(), world.memory.keys().len()), (ErrorKind::NeedsApproval, 10));
    engine.apply(&world.cx, &plan, &support::yes()).await.unwrap();
    assert_eq!(world.memory.keys().len(), 4);
}

#[tokio::test]
async fn an_empty_source_does_not_empty_the_target() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    world.converge().await;
    world.declare(&[]);
    let mut engine = world.engine().await;
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert!(report.plan.obstacles().all(|(_, obstacle)| obstacle == Obstacle::Approval));
    assert_eq!((report.applied(), report.plan.blocked.len(), report.is_converged()), (0, 2, false));
    assert_eq!(world.memory.keys().len(), 2);
}

#[tokio::test]
async fn one_faulty_file_refuses_the_revision_and_prunes_nothing() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    world.converge().await;
    world.declare(&[("a", "fault: here"), ("c", "fault: and here")]);
    let error = world.engine().await.plan(&world.cx).await.unwrap_err();
    assert_eq!((error.kind(), error.diagnostics().len()), (ErrorKind::Invalid, 2));
    assert_eq!(world.memory.keys().len(), 2);
}

#[tokio::test]
async fn steps_go_in_the_order_of_their_needs_and_deletes_the_other_way() {
    let world = World::with(&[("a", "needs: b"), ("b", "needs: c"), ("c", "1")]);
    world.converge().await;
    assert_eq!(world.applied(), ["c", "b", "a"]);
    world.declare(&[("z", "1")]);
    world.clear_events();
    world.converge().await;
    let mut applied = world.applied();
    applied.retain(|name| name != "z");
    assert_eq!(applied, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_failed_step_blocks_its_descendants_and_no_other() {
    let world = World::with(&[("a", "1"), ("b", "needs: a"), ("c", "needs: b"), ("d", "1")]);
    world.refuse("a");
    let report = world.converge().await;
    let outcome = |name: &str| {
        report
            .results
            .iter()
            .find(|result| result.key == key(name))
            .map(|result| result.outcome.clone())
            .unwrap()
    };
    assert!(matches!(outcome("a"), StepOutcome::Failed { .. }));
    assert_eq!(outcome("b"), StepOutcome::Blocked { by: key("a") });
    assert_eq!(outcome("c"), StepOutcome::Blocked { by: key("a") });
    assert_eq!(outcome("d"), StepOutcome::Done);
    world.allow();
    assert!(world.converge().await.is_converged());
}

#[tokio::test]
async fn a_cycle_and_an_undeclared_need_are_faults_that_name_their_objects() {
    let world = World::with(&[("a", "needs: b"), ("b", "needs: a")]);
    let error = world.engine().await.plan(&world.cx).await.unwrap_err();
    insta::assert_snapshot!(error.diagnostics()[0], @"error[GO0304]: a: these objects need each other in a circle: t:K/-/a → t:K/-/b → t:K/-/a (remove one of these needs)");
    world.declare(&[("a", "needs: nowhere")]);
    let error = world.engine().await.plan(&world.cx).await.unwrap_err();
    insta::assert_snapshot!(error.diagnostics()[0], @"error[GO0303]: a: t:K/-/a needs t:K/-/nowhere, which nobody declares (declare it, or remove the need)");
}

#[tokio::test]
async fn what_is_still_needed_is_not_deleted() {
    let world = World::with(&[("a", "needs: b"), ("b", "1"), ("c", "1")]);
    let mut engine = world.engine().await;
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    world.declare(&[("a", "needs: b"), ("c", "1")]);
    for error in [engine.replan(&world.cx).await.unwrap_err(), engine.plan(&world.cx).await.unwrap_err()] {
        let [fault] = error.diagnostics() else { panic!("{error:?}") };
        insta::allow_duplicates! {
            insta::assert_snapshot!(fault, @"error[GO0303]: a: t:K/-/a needs t:K/-/b, which nobody declares (declare it, or remove the need)");
        }
    }
    world.declare(&[("a", "1"), ("c", "1")]);
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    assert_eq!(world.memory.keys(), [key("a"), key("c")]);
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_not_done_twice() {
    let world = World::with(&[("a", "1")]);
    world.lose_answers();
    let report = world.converge().await;
    assert!(matches!(report.results[0].outcome, StepOutcome::Unknown { .. }));
    world.allow();
    let report = world.converge().await;
    assert!(report.is_converged() && report.results.is_empty());
    assert_eq!(world.memory.writes(), 1);
    assert_eq!(world.engine().await.inventory().open().count(), 0);
}

#[tokio::test]
async fn a_creation_that_was_made_in_part_is_ours_and_leaves_with_its_declaration() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.lose_answers();
    world.converge().await;
    world.allow();
    world.memory.edit(&key("a"), Some(body("half")));
    world.declare(&[("b", "1")]);
    world.converge().await;
    assert_eq!(world.memory.keys(), [key("b")], "what is ours is not forgotten");
}

#[tokio::test]
async fn a_panicking_backend_fails_its_own_step_alone() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    world.panic_at("a");
    let report = world.converge().await;
    assert!(
        matches!(&report.results[0].outcome, StepOutcome::Unknown { error, .. } if error.contains("panicked"))
    );
    assert_eq!(report.results[1].outcome, StepOutcome::Done);
}

#[tokio::test]
async fn replan_after_a_one_file_commit_looks_at_one_object() {
    let names: Vec<String> = (0..500).map(|n| format!("o{n:03}")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let world = World::with(&files);
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &support::yes()).await.unwrap();
    engine.replan(&world.cx).await.unwrap();
    files[7].1 = "y";
    world.declare(&files);
    world.clear_events();
    let (reads, observed) = (world.reads(), world.memory.observed());
    let plan = engine.replan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!((plan.unchanged, world.reads() - reads, world.memory.observed() - observed), (499, 1, 1));
    let planned = |event: &Event| match event {
        Event::Planned { considered, diffed, .. } => Some((*considered, *diffed)),
        _ => None,
    };
    assert_eq!(world.events().iter().find_map(planned), Some((1, 1)));
    let full = world.engine().await.plan(&world.cx).await.unwrap();
    assert_eq!(full.id, plan.id, "a plan from what changed is the plan from everything");
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_skips_the_rest() {
    let world = World::with(&[("a", "1"), ("b", "needs: a")]);
    world.cancel_at("a");
    let report = world.converge().await;
    assert_eq!(report.results[0].outcome, StepOutcome::Done);
    assert_eq!(report.results[1].outcome, StepOutcome::Skipped);
    assert_eq!(world.engine().await.inventory().open().count(), 0);
}

#[tokio::test]
async fn a_secret_is_in_no_output() {
    let secret = Secret::new("canary-7f3a", &SecretKey::new([1; 32]));
    let value = Value::map([("password", Value::Secret(secret))]);
    let diff = Structural::default().diff(&value, &Value::map([("password", Value::from("old"))]));
    let shown =
        format!("{value} {value:?} {diff:?} {} {}", diff.fields()[0], serde_json::to_string(&diff).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    let _: Arc<dyn Target> = Arc::new(Memory::new());
}

/// A clock that tests move.
#[derive(Default)]
struct ByHand(std::sync::atomic::AtomicI64);

#[async_trait]
impl Clock for ByHand {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }

    async fn wait_until(&self, _: Time) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn an_object_that_others_change_again_and_again_is_contested() {
    let mut world = World::with(&[("a", "1"), ("b", "2")]);
    let clock = Arc::new(ByHand::default());
    world.cx = Cx::new(clock.clone(), Arc::new(System));
    let mut engine = world.engine().await;
    engine.reconcile(&world.cx).await.unwrap();
    let (mut corrections, mut blocked) = (0, None);
    for _ in 0..360 {
        clock.0.fetch_add(10_000_000, std::sync::atomic::Ordering::SeqCst);
        world.memory.edit(&key("a"), Some(body("edited")));
        let report = engine.reconcile(&world.cx).await.unwrap();
        corrections += report.applied();
        blocked = report.plan.blocked.first().map(|blocked| blocked.why.to_string());
    }
    assert_eq!(corrections, 12, "in the first hour");
    insta::assert_snapshot!(blocked.unwrap(), @"others change it as often as it is corrected; the next time is at 1970-01-01T01:00:10.000Z");
    world.declare(&[("a", "new"), ("b", "2")]);
    assert_eq!(
        engine.reconcile(&world.cx).await.unwrap().applied(),
        1,
        "a change of the declaration does not wait"
    );
}

#[tokio::test]
async fn what_is_warned_of_on_is_told_once_and_again_if_it_went_in_between() {
    let world = World::with(&[("a", "1")]);
    let review = |desired: &Desired| match desired.objects().contains(&key("b")) {
        true => Vec::new(),
        false => vec![Diagnostic::warning("GO0000", "rules", "there is no b")],
    };
    let builder = world.builder("test").target("t", world.memory.clone()).review(review);
    let mut engine = builder.open(&world.cx).await.unwrap();
    let warned = |event: &Event| matches!(event, Event::Warned { .. });
    let mut told = Vec::new();
    for files in [&[("a", "1")][..], &[("a", "2")], &[("b", "1")], &[("a", "3")]] {
        world.declare(files);
        engine.plan(&world.cx).await.unwrap();
        engine.plan(&world.cx).await.unwrap();
        told.push((world.events().iter().filter(|event| warned(event)).count(), engine.warnings().len()));
    }
    assert_eq!(told, [(1, 1), (1, 1), (1, 0), (2, 1)], "events in all, and warnings on the revision");
}

/// A disk is waited for once for all that came back together.
#[tokio::test]
async fn answers_that_come_together_are_made_durable_together() {
    let names: Vec<String> = (0..8).map(|n| format!("n{n}")).collect();
    let world = World::with(&names.iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>());
    let builder = world.builder("test").target("t", world.memory.clone());
    builder.open(&world.cx).await.unwrap().reconcile(&world.cx).await.unwrap();
    let groups = world.events().into_iter().filter(|event| matches!(event, Event::Journaled { .. }));
    assert_eq!(groups.count(), 2, "the intents, and the outcomes: {:?}", world.events());
}
