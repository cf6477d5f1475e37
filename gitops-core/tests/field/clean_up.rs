//! Hooks that are deleted after their end.
//!
//! Met with charts whose finished jobs stayed for ever, though their delete policy said otherwise.

use gitops_core::{BlockedBecause, Reason, Verdict};

use crate::support::{World, key};
use crate::ward::{Ward, apply, apply_with, came, engine, names};

const BOTH: [(&str, &str); 2] = [("hook", "1 once goes stage=0"), ("web", "1 stage=1")];

#[tokio::test]
async fn what_succeeded_is_deleted_once_and_does_not_run_again() {
    let world = World::with(&BOTH);
    let ward = Ward::of(&world);
    assert_eq!(apply(&world, &ward).await, came(&[("hook", "done"), ("web", "done")]));
    let plan = engine(&world, &ward).await.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps[0].reason, Reason::Ended { failure: None }, "{plan:?}");
    assert_eq!(apply(&world, &ward).await, came(&[("hook", "done")]));
    assert_eq!(names(&world), ["web"]);
    for _ in 0..2 {
        assert!(apply(&world, &ward).await.is_empty(), "it is no drift and does not run again");
    }
    world.declare(&[("hook", "1 once goes stage=0"), ("web", "2 stage=1")]);
    assert_eq!(apply(&world, &ward).await, came(&[("web", "done")]), "what needs it goes on");
    world.declare(&[("hook", "2 once goes stage=0"), ("web", "2 stage=1")]);
    assert_eq!(apply(&world, &ward).await, came(&[("hook", "done")]), "another declaration runs");
}

#[tokio::test]
async fn it_leaves_the_source_without_a_trace() {
    let world = World::with(&BOTH);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    apply(&world, &ward).await;
    world.declare(&[("web", "1 stage=1")]);
    apply(&world, &ward).await;
    let engine = engine(&world, &ward).await;
    assert!(engine.inventory().entries().get(&key("hook")).is_none());
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_no_reason_to_run_again() {
    let world = World::with(&BOTH);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    ward.loses_an_answer();
    apply(&world, &ward).await;
    assert_eq!(names(&world), ["web"]);
    for _ in 0..2 {
        assert!(apply(&world, &ward).await.is_empty());
    }
    assert_eq!(names(&world), ["web"]);
}

#[tokio::test]
async fn it_stays_while_anything_is_left_to_do_or_another_runs() {
    let world =
        World::with(&[("account", "1 once goes stage=0"), ("job", "1 once goes stage=1"), ("web", "1")]);
    let ward = Ward::of(&world);
    ward.progresses("job");
    apply(&world, &ward).await;
    world.declare(&[("account", "1 once goes stage=0"), ("job", "1 once goes stage=1"), ("web", "2")]);
    assert_eq!(apply(&world, &ward).await, came(&[("web", "done")]));
    assert!(apply(&world, &ward).await.is_empty(), "the job may still use its account");
    ward.heals("job");
    apply(&world, &ward).await;
    apply(&world, &ward).await;
    assert_eq!(names(&world), ["web"]);
}

#[tokio::test]
async fn what_failed_goes_if_it_is_declared_so_and_is_not_forgotten() {
    let world = World::with(&[("hook", "1 once goes-failed stage=1"), ("web", "1 stage=0")]);
    let ward = Ward::of(&world);
    ward.fails("hook");
    apply(&world, &ward).await;
    assert_eq!(names(&world), ["hook", "web"]);
    apply(&world, &ward).await;
    assert_eq!(names(&world), ["web"]);
    let plan = engine(&world, &ward).await.plan(&world.cx).await.unwrap();
    assert_eq!(plan.blocked.len(), 1, "{plan:#?}");
    assert_eq!(plan.blocked[0].why, BlockedBecause::Ended { failure: Some("it broke".to_owned()) });
    assert!(plan.steps.is_empty(), "it does not run again: {plan:?}");
}

#[tokio::test]
async fn what_failed_stays_where_only_success_is_cleaned_up() {
    let world = World::with(&BOTH);
    let ward = Ward::of(&world);
    ward.fails("hook");
    apply(&world, &ward).await;
    apply(&world, &ward).await;
    assert_eq!(names(&world), ["hook"]);
}

/// Met with a hook that a chart keeps (`helm.sh/resource-policy: keep`) beside a delete policy.
#[tokio::test]
async fn what_says_that_it_stays_and_what_does_not_run_once_is_not_cleaned_up() {
    let world = World::with(&[("hook", "1 once goes keep stage=0"), ("map", "1 goes"), ("web", "1 stage=1")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    assert!(apply(&world, &ward).await.is_empty());
    assert_eq!(names(&world), ["hook", "map", "web"]);
}

#[tokio::test]
async fn to_clean_up_is_no_mass_deletion() {
    let hooks: Vec<String> = (0..8).map(|number| format!("hook-{number}")).collect();
    let mut files: Vec<(&str, &str)> = hooks.iter().map(|name| (name.as_str(), "1 once goes")).collect();
    files.push(("web", "1"));
    let world = World::with(&files);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    let mut engine = engine(&world, &ward).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.len(), 8);
    assert_eq!(engine.verdict(&world.cx, &plan), Verdict::Allow);
}

/// Met with a migration whose image could not be pulled for a moment: it was deleted while it ran.
#[tokio::test]
async fn what_could_not_go_on_for_a_moment_has_not_ended_and_is_not_deleted() {
    let world = World::with(&[("hook", "1 once goes-failed stage=1"), ("web", "1 stage=0")]);
    let ward = Ward::of(&world);
    ward.hangs("hook");
    assert_eq!(apply(&world, &ward).await, came(&[("hook", "not ready"), ("web", "done")]));
    ward.progresses("hook");
    for _ in 0..2 {
        assert!(apply(&world, &ward).await.is_empty(), "it runs");
    }
    assert_eq!(names(&world), ["hook", "web"]);
    ward.heals("hook");
    assert!(apply(&world, &ward).await.is_empty());
    let plan = engine(&world, &ward).await.plan(&world.cx).await.unwrap();
    assert!(plan.blocked.is_empty(), "it succeeded: {plan:?}");
}

/// Met with an image that could not be pulled for a moment, and a time to live: what was last seen of the job was that it ran.
#[tokio::test]
async fn what_is_gone_did_not_end_as_it_once_seemed() {
    let world = World::with(&[("hook", "1 once stage=1"), ("web", "1 stage=0")]);
    let ward = Ward::of(&world);
    ward.hangs("hook");
    apply(&world, &ward).await;
    world.memory.edit(&key("hook"), None);
    let plan = engine(&world, &ward).await.plan(&world.cx).await.unwrap();
    assert_eq!(plan.blocked[0].why, BlockedBecause::Ended { failure: None });
}

const ACCOUNT: &str = "1 once goes stage=0 until=1";

/// Met with a chart whose second migration hung: its account had gone after the first, and was not made again.
#[tokio::test]
async fn what_served_a_hook_is_made_again_with_the_hook() {
    let named = [("account", "1 once goes until=0"), ("job", "1 once goes needs=account")];
    let staged = [("account", ACCOUNT), ("job", "1 once goes stage=1")];
    for (first, next) in [(named, "2 once goes needs=account"), (staged, "2 once goes stage=1")] {
        let world = World::with(&first);
        let ward = Ward::of(&world);
        // In a process that goes on, which looks at what moved only, and in new ones.
        let mut lasting = engine(&world, &ward).await;
        apply_with(&world, &mut lasting).await;
        assert_eq!(apply_with(&world, &mut lasting).await.len(), 2, "both go");
        assert!(apply_with(&world, &mut lasting).await.is_empty());
        assert!(names(&world).is_empty());
        world.declare(&[first[0], ("job", next)]);
        let both = came(&[("account", "done"), ("job", "done")]);
        assert_eq!(apply_with(&world, &mut lasting).await, both);
        drop(lasting);
        assert_eq!(apply(&world, &ward).await, both, "and both go");
        assert!(apply(&world, &ward).await.is_empty());
        assert!(names(&world).is_empty());
    }
}

/// What serves what serves, and nothing else: what did its work does not do it again.
#[tokio::test]
async fn what_is_made_again_is_what_serves_and_what_that_needs() {
    let others = [
        ("account", "1 once goes stage=0 until=0"),
        ("binding", "1 once goes stage=0 until=0 needs=role"),
        ("early", "1 once goes stage=-1"),
        ("gone-before", "1 once goes stage=-1 until=-1"),
        ("role", "1 once goes stage=-1 until=-1"),
    ];
    let declared = |job| [&others[..], &[("job", job), ("web", "1 stage=1")]].concat();
    let world = World::with(&declared("1 once goes stage=0"));
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    apply(&world, &ward).await;
    assert_eq!(names(&world), ["web"]);
    world.declare(&declared("2 once goes stage=0"));
    let made = came(&[("account", "done"), ("binding", "done"), ("job", "done"), ("role", "done")]);
    let mut came = apply(&world, &ward).await;
    came.sort();
    assert_eq!(came, made);
}

/// The next step needs it, whatever a person did to it before.
#[tokio::test]
async fn what_serves_and_is_there_or_is_not_yet_gone_is_left_as_it_is() {
    let world = World::with(&[("account", ACCOUNT), ("job", "1 once goes stage=1")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    world.declare(&[("account", ACCOUNT), ("job", "2 once goes stage=1")]);
    assert_eq!(apply(&world, &ward).await, came(&[("job", "done")]));
    assert_eq!(names(&world), ["account", "job"]);
}
