//! Readiness belongs to the object, not to the reconciliation.
//!
//! Met with GitOps controllers whose second sync went on behind a failed hook, and whose prune took configuration from
//! pods that still ran.

use gitops_core::{BlockedBecause, Event, HealthStatus, StepOutcome, Time};

use crate::support::World;
use crate::ward::{Ward, apply, apply_with, came, engine, names};

/// The ways in which `b` can come after `a`.
const WAYS: [[(&str, &str); 2]; 2] =
    [[("a", "1"), ("b", "1 needs=a")], [("a", "1 stage=0"), ("b", "1 stage=1")]];

#[tokio::test]
async fn what_failed_blocks_new_declarations_in_every_later_process() {
    for files in WAYS {
        let world = World::with(&files);
        let ward = Ward::of(&world);
        ward.fails("a");
        assert_eq!(apply(&world, &ward).await, came(&[("a", "not ready"), ("b", "blocked by a")]));
        for _ in 0..2 {
            assert_eq!(apply(&world, &ward).await, came(&[("b", "blocked by a")]), "{files:?}");
        }
        let mut lasting = engine(&world, &ward).await;
        for _ in 0..2 {
            assert_eq!(apply_with(&world, &mut lasting).await, came(&[("b", "blocked by a")]));
        }
        let plan = lasting.plan(&world.cx).await.unwrap();
        let why = BlockedBecause::NotReady { reason: "it broke".to_owned(), progresses: false };
        assert_eq!(plan.blocked.len(), 1, "a plan says what its steps wait for");
        assert_eq!((plan.blocked[0].key.name(), &plan.blocked[0].why), ("a", &why));
        ward.heals("a");
        assert_eq!(apply(&world, &ward).await, came(&[("b", "done")]));
    }
}

#[tokio::test]
async fn what_needs_it_through_objects_that_do_not_change_is_blocked_too() {
    let world = World::with(&[("a", "1 stage=0"), ("b", "1 stage=1"), ("c", "1 stage=2")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    ward.fails("a");
    world.declare(&[("a", "1 stage=0"), ("b", "1 stage=1"), ("c", "2 stage=2")]);
    assert_eq!(apply(&world, &ward).await, came(&[("c", "blocked by a")]));
    assert_eq!(apply(&world, &ward).await, came(&[("c", "blocked by a")]));
}

#[tokio::test]
async fn a_target_that_can_only_be_waited_for_is_waited_for() {
    let world = World::with(&[("a", "1"), ("b", "1 needs=a")]);
    let ward = Ward::blind(&world);
    ward.fails("a");
    apply(&world, &ward).await;
    assert_eq!(apply(&world, &ward).await, came(&[("b", "blocked by a")]));
    ward.heals("a");
    assert_eq!(apply(&world, &ward).await, came(&[("b", "done")]));
}

/// The end of an apply says what is blocked then, and not what was when it began.
#[tokio::test]
async fn what_was_waited_for_is_blocked_in_the_report_until_it_is_ready() {
    let world = World::with(&[("a", "1"), ("b", "1 needs=a")]);
    let ward = Ward::of(&world);
    ward.progresses("a");
    let mut lasting = engine(&world, &ward).await;
    apply_with(&world, &mut lasting).await;
    let report = lasting.reconcile(&world.cx).await.unwrap();
    let blocked: Vec<&str> = report.plan.blocked.iter().map(|blocked| blocked.key.name()).collect();
    assert_eq!((blocked, report.is_converged()), (vec!["a"], false), "{report:?}");
    ward.is_ready_when_waited_for("a");
    let report = lasting.reconcile(&world.cx).await.unwrap();
    assert_eq!((&report.plan.blocked[..], report.is_converged()), (&[][..], true), "{report:?}");
}

#[tokio::test]
async fn what_was_recorded_is_brought_back_beside_what_is_unready() {
    for files in WAYS {
        let world = World::with(&files);
        let ward = Ward::of(&world);
        apply(&world, &ward).await;
        ward.fails("a");
        world.memory.edit(&crate::support::key("b"), None);
        assert_eq!(apply(&world, &ward).await, came(&[("b", "done")]), "{files:?}");
    }
}

#[tokio::test]
async fn what_was_recorded_is_brought_back_while_what_it_needs_rolls_out() {
    let world = World::with(&[("a", "1"), ("b", "1 needs=a")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    ward.progresses("a");
    world.memory.edit(&crate::support::key("b"), None);
    world.declare(&[("a", "2"), ("b", "1 needs=a")]);
    assert_eq!(apply(&world, &ward).await, came(&[("a", "not ready"), ("b", "done")]));
}

#[tokio::test]
async fn both_gone_both_come_back_also_if_the_first_is_not_ready_without_the_second() {
    let world = World::with(&[("a", "1"), ("b", "1 needs=a")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    ward.fails("a");
    ["a", "b"].iter().for_each(|name| world.memory.edit(&crate::support::key(name), None));
    assert_eq!(apply(&world, &ward).await, came(&[("a", "not ready"), ("b", "done")]));
}

#[tokio::test]
async fn replacing_the_unready_object_is_not_blocked_by_it() {
    let world = World::with(&[("a", "1"), ("b", "1 needs=a")]);
    let ward = Ward::of(&world);
    ward.fails("a");
    apply(&world, &ward).await;
    world.declare(&[("a", "2"), ("b", "1 needs=a")]);
    ward.heals("a");
    assert_eq!(apply(&world, &ward).await, came(&[("a", "done"), ("b", "done")]));
}

#[tokio::test]
async fn a_person_releases_by_name_until_the_object_is_written_again() {
    let world = World::with(&[("a", "1"), ("b", "1 needs=a")]);
    let ward = Ward::of(&world);
    ward.fails("a");
    apply(&world, &ward).await;
    let mut releasing = engine(&world, &ward).await;
    releasing.release(&world.cx, &crate::support::key("a"), "ana").await.unwrap();
    assert!(releasing.release(&world.cx, &crate::support::key("z"), "ana").await.is_err());
    drop(releasing);
    assert_eq!(apply(&world, &ward).await, came(&[("b", "done")]));
    assert!(format!("{:?}", world.audit.entries()).contains("Released"), "the audit log has it");
    world.declare(&[("a", "2"), ("b", "2 needs=a")]);
    assert_eq!(apply(&world, &ward).await, came(&[("a", "not ready"), ("b", "blocked by a")]));
    assert_eq!(apply(&world, &ward).await, came(&[("b", "blocked by a")]));
}

#[tokio::test]
async fn what_it_may_still_use_is_not_deleted_while_it_rolls_out() {
    let world = World::with(&[("conf-1", "1"), ("web", "1 needs=conf-1")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    ward.progresses("web");
    world.declare(&[("conf-2", "2"), ("web", "2 needs=conf-2")]);
    let first = apply(&world, &ward).await;
    assert!(first.contains(&came(&[("conf-1", "blocked by web")])[0]), "{first:?}");
    for _ in 0..2 {
        assert_eq!(apply(&world, &ward).await, came(&[("conf-1", "blocked by web")]));
    }
    ward.heals("web");
    assert_eq!(apply(&world, &ward).await, came(&[("conf-1", "done")]));
    assert_eq!(names(&world), ["conf-2", "web"]);
    assert!(apply(&world, &ward).await.is_empty());
}

#[tokio::test]
async fn stages_are_undone_from_the_last_to_the_first() {
    let files = [("a", "1 stage=2"), ("b", "1 stage=0"), ("c", "1 stage=1"), ("z", "1")];
    let world = World::with(&files);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    world.declare(&[("z", "1")]);
    world.clear_events();
    apply(&world, &ward).await;
    assert_eq!(world.applied(), ["a", "c", "b"]);
}

/// Whoever waits learns since when nothing happens.
#[tokio::test]
async fn what_is_stuck_is_told_of_with_the_time_since_when() {
    let (world, since) = (World::with(&[("web", "1")]), Time::from_micros(1_700_000_000_000_000));
    let ward = Ward::of(&world);
    ward.is_stuck("web", since);
    let mut engine = engine(&world, &ward).await;
    let report = engine.reconcile(&world.cx).await.unwrap();
    let reason = format!("1 of 2; it is stuck since {since}");
    assert_eq!(report.results[0].outcome, StepOutcome::NotReady { reason: reason.clone() });
    let told = |event: &Event| matches!(event, Event::Waiting { reason: told, .. } if *told == reason);
    assert!(world.events().iter().any(told), "{:?}", world.events());
}

#[tokio::test]
async fn a_settled_application_asks_nobody_about_readiness() {
    let world = World::with(&[("a", "1 stage=0"), ("b", "1 stage=1 once"), ("c", "1 needs=a")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    ward.asked();
    assert!(apply(&world, &ward).await.is_empty());
    assert!(ward.asked().is_empty());
    world.declare(&[("a", "1 stage=0"), ("b", "1 stage=1 once"), ("c", "2 needs=a")]);
    apply(&world, &ward).await;
    assert_eq!(ward.asked(), ["a", "c"], "what changed, and what it needs");
}

/// What a process at work says of health once it has looked.
async fn health_of_a_run(world: &World, ward: &std::sync::Arc<Ward>) -> HealthStatus {
    let (cx, mut engine) = (world.cx.child(), engine(world, ward).await);
    let mut status = engine.handle().status();
    let run = engine.run(&cx, std::time::Duration::from_millis(1));
    let look = async {
        let health = status.wait_for(|status| status.last.is_some()).await.unwrap().health;
        cx.cancel();
        health
    };
    let (ran, health) = tokio::join!(run, look);
    ran.unwrap();
    health
}

/// Met with a controller that was rolled out while a workload was not ready: the commit was green from then on.
#[tokio::test]
async fn a_process_that_takes_over_knows_what_is_not_ready() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let ward = Ward::of(&world);
    ward.progresses("a");
    apply(&world, &ward).await;
    for _ in 0..2 {
        assert_eq!(health_of_a_run(&world, &ward).await, HealthStatus::Progressing);
    }
    ward.fails("a");
    assert_eq!(health_of_a_run(&world, &ward).await, HealthStatus::Degraded);
    ward.heals("a");
    assert_eq!(health_of_a_run(&world, &ward).await, HealthStatus::Unknown, "nothing bad is known");
    // Each process asks once about all, and then about what is not ready.
    ward.asked();
    ward.progresses("b");
    health_of_a_run(&world, &ward).await;
    assert_eq!(ward.asked(), ["a", "b"]);
}
