//! What left the source stays until what is new there was once ready, in each later reconciliation and process.
//!
//! Met with a renamed workload that crashed: the next reconciliation took the old one away, which worked.

use std::sync::Arc;

use gitops_core::*;

use crate::support::{World, key};
use crate::ward::{Ward, apply, apply_with, came, engine, names, render};

/// `old` works, and was renamed to `new`, which crashes.
async fn renamed() -> (World, Arc<Ward>) {
    let world = World::with(&[("old", "1")]);
    let ward = Ward::of(&world);
    assert_eq!(apply(&world, &ward).await, came(&[("old", "done")]));
    world.declare(&[("new", "1")]);
    ward.hangs("new");
    assert_eq!(apply(&world, &ward).await, came(&[("old", "blocked by new"), ("new", "not ready")]));
    (world, ward)
}

#[tokio::test]
async fn what_crashes_holds_the_deletion_until_it_was_ready() {
    let (world, ward) = renamed().await;
    let held = came(&[("old", "blocked by new")]);
    assert_eq!(apply(&world, &ward).await, held, "the next process");
    let mut lasting = engine(&world, &ward).await;
    for _ in 0..2 {
        assert_eq!(apply_with(&world, &mut lasting).await, held, "the next reconciliation");
    }
    let plan = lasting.plan(&world.cx).await.unwrap();
    let (new, old) = (key("new"), key("old"));
    assert_eq!(plan.held_deletes()[&old].key, new);
    let why = BlockedBecause::NotReady { reason: "no image".to_owned(), progresses: false };
    assert_eq!(plan.blocked, [Blocked::new(new, why)]);
    assert_eq!(names(&world), ["new", "old"]);
    ward.heals("new");
    assert_eq!(apply_with(&world, &mut lasting).await, came(&[("old", "done")]));
}

/// Another application, in the same target, has nothing to do with it.
#[tokio::test]
async fn an_application_beside_it_goes_on() {
    let (_world, ward) = renamed().await;
    let beside = World::with(&[("x", "1"), ("y", "1")]);
    let builder = beside.builder("beside").render(Arc::new(render_files("words 1", render)));
    let mut engine = builder.target("t", ward.clone()).open(&beside.cx).await.unwrap();
    apply_with(&beside, &mut engine).await;
    beside.declare(&[("x", "1")]);
    assert_eq!(apply_with(&beside, &mut engine).await, came(&[("y", "done")]));
}

#[tokio::test]
async fn what_was_made_and_never_answered_holds_it_too() {
    let world = World::with(&[("old", "1")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    world.declare(&[("new", "1")]);
    ward.hangs("new");
    ward.loses_an_answer();
    apply(&world, &ward).await;
    for _ in 0..2 {
        assert_eq!(apply(&world, &ward).await, came(&[("old", "blocked by new")]));
    }
}

/// To be made again, or written otherwise, does not make it ready.
#[tokio::test]
async fn what_is_made_again_or_changed_holds_it_on() {
    let (world, ward) = renamed().await;
    world.memory.edit(&key("new"), None);
    assert_eq!(apply(&world, &ward).await, came(&[("old", "blocked by new"), ("new", "not ready")]));
    assert_eq!(apply(&world, &ward).await, came(&[("old", "blocked by new")]));
    world.declare(&[("new", "2")]);
    assert_eq!(apply(&world, &ward).await, came(&[("old", "blocked by new"), ("new", "not ready")]));
    assert_eq!(apply(&world, &ward).await, came(&[("old", "blocked by new")]));
    ward.heals("new");
    world.declare(&[("new", "3")]);
    assert_eq!(apply(&world, &ward).await, came(&[("old", "done"), ("new", "done")]));
}

#[tokio::test]
async fn what_takes_its_place_in_the_source_ends_it() {
    let (world, ward) = renamed().await;
    world.declare(&[("newer", "1")]);
    let mut went = apply(&world, &ward).await;
    went.sort();
    assert_eq!(went, came(&[("new", "done"), ("newer", "done"), ("old", "done")]));
}

#[tokio::test]
async fn a_release_of_what_crashes_lets_the_deletion_go_on() {
    let (world, ward) = renamed().await;
    let mut lasting = engine(&world, &ward).await;
    lasting.release(&world.cx, &key("new"), "ana").await.unwrap();
    assert_eq!(apply(&world, &ward).await, came(&[("old", "done")]));
}

#[tokio::test]
async fn a_release_of_one_deletion_lets_that_one_go_on() {
    let world = World::with(&[("old", "1"), ("other", "1")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    world.declare(&[("new", "1")]);
    ward.hangs("new");
    let mut lasting = engine(&world, &ward).await;
    apply_with(&world, &mut lasting).await;
    lasting.release_deletion(&world.cx, &key("old"), "ana").await.unwrap();
    let is_noted = |entry: &AuditEntry| {
        matches!(&entry.what, AuditEvent::DeletionReleased { key: of } if *of == key("old"))
            && entry.actor == "ana"
    };
    assert!(world.audit.entries().iter().any(is_noted));
    assert_eq!(apply(&world, &ward).await, came(&[("old", "done"), ("other", "blocked by new")]));
    let none = lasting.release_deletion(&world.cx, &key("nothing"), "ana").await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
}

/// What was ready once is as any other object, and nobody asks for it again.
#[tokio::test]
async fn what_was_ready_once_holds_nothing() {
    let world = World::with(&[("old", "1"), ("new", "1")]);
    let ward = Ward::of(&world);
    apply(&world, &ward).await;
    ward.asked();
    assert_eq!(apply(&world, &ward).await, came(&[]));
    assert_eq!(ward.asked(), [] as [&str; 0], "what is settled is not asked");
    ward.hangs("new");
    world.declare(&[("new", "1")]);
    assert_eq!(apply(&world, &ward).await, came(&[("old", "done")]));
}
