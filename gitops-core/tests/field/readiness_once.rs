//! What runs once and may then be gone: hooks and jobs.
//!
//! Met with jobs that a time to live removed: they ran again and again.

use gitops_core::BlockedBecause;

use crate::support::{World, key};
use crate::ward::{Ward, apply, apply_with, came, engine, names};

const HOOK: [(&str, &str); 2] = [("hook", "1 once stage=0"), ("web", "1 stage=1")];
const NEXT: [(&str, &str); 2] = [("hook", "1 once stage=0"), ("web", "2 stage=1")];

#[tokio::test]
async fn what_ended_well_and_is_gone_is_done() {
    let world = World::with(&HOOK);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    world.memory.edit(&key("hook"), None);
    assert!(apply(&world, &ward).await.is_empty(), "it is no drift and does not run again");
    world.declare(&NEXT);
    assert_eq!(apply(&world, &ward).await, came(&[("web", "done")]));
    world.declare(&[("hook", "2 once stage=0"), ("web", "2 stage=1")]);
    assert_eq!(apply(&world, &ward).await, came(&[("hook", "done")]), "another declaration runs");
}

#[tokio::test]
async fn what_ended_between_two_processes_is_seen_by_the_next() {
    let world = World::with(&HOOK);
    let ward = Ward::of(&world);
    ward.progresses("hook");
    assert_eq!(apply(&world, &ward).await, came(&[("hook", "not ready"), ("web", "blocked by hook")]));
    ward.heals("hook");
    assert_eq!(apply(&world, &ward).await, came(&[("web", "done")]));
    world.memory.edit(&key("hook"), None);
    assert!(apply(&world, &ward).await.is_empty());
}

#[tokio::test]
async fn its_end_is_seen_also_when_nothing_waits_for_it() {
    let world = World::with(&[("job", "1 once")]);
    let ward = Ward::of(&world);
    ward.progresses("job");
    let mut lasting = engine(&world, &ward).await;
    apply_with(&world, &mut lasting).await;
    ward.heals("job");
    assert!(apply_with(&world, &mut lasting).await.is_empty());
    drop(lasting);
    world.memory.edit(&key("job"), None);
    assert!(apply(&world, &ward).await.is_empty());
    assert!(names(&world).is_empty());
}

#[tokio::test]
async fn what_failed_and_is_gone_blocks_until_it_changes() {
    let world = World::with(&HOOK);
    let ward = Ward::of(&world);
    ward.fails("hook");
    apply(&world, &ward).await;
    world.memory.edit(&key("hook"), None);
    for _ in 0..2 {
        assert_eq!(apply(&world, &ward).await, came(&[("web", "blocked by hook")]));
    }
    let plan = engine(&world, &ward).await.plan(&world.cx).await.unwrap();
    assert_eq!(plan.blocked[0].why, BlockedBecause::Ended { failure: Some("it broke".to_owned()) });
    ward.heals("hook");
    world.declare(&[("hook", "2 once stage=0"), ("web", "1 stage=1")]);
    assert_eq!(apply(&world, &ward).await, came(&[("hook", "done"), ("web", "done")]));
}

#[tokio::test]
async fn what_vanished_before_its_end_was_seen_is_not_ready_until_released() {
    let world = World::with(&HOOK);
    let ward = Ward::of(&world);
    ward.progresses("hook");
    apply(&world, &ward).await;
    world.memory.edit(&key("hook"), None);
    assert_eq!(apply(&world, &ward).await, came(&[("web", "blocked by hook")]));
    let mut releasing = engine(&world, &ward).await;
    releasing.release(&world.cx, &key("hook"), "ana").await.unwrap();
    drop(releasing);
    assert_eq!(apply(&world, &ward).await, came(&[("web", "done")]));
    assert_eq!(names(&world), ["web"], "it did not run again");
}
