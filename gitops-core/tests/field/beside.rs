//! Drift beside a commit (met with an object that was edited by hand while a commit for it was pending: "No drift").

use gitops_core::*;

use crate::support::{World, body, key, yes};

async fn applied(world: &World) -> Engine {
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().is_converged());
    engine
}

/// The source of this world has nothing but the newest files: what was applied is nowhere any more.
#[tokio::test]
async fn an_object_that_moved_and_cannot_be_compared_is_told_as_that() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let mut engine = applied(&world).await;
    world.declare(&[("a", "2"), ("b", "2")]);
    world.memory.edit(&key("a"), Some(body("7")));
    let plan = engine.plan(&world.cx).await.unwrap();
    let [beside] = &plan.beside[..] else { panic!("only what moved: {:?}", plan.beside) };
    assert_eq!((&beside.key, beside.is_known()), (&key("a"), false), "{beside:?}");
    drop(engine);
    let later = world.engine().await.plan(&world.cx).await.unwrap();
    assert_eq!(later.beside, plan.beside, "the next process says the same");
    assert_eq!(later.id, plan.id);
}

#[tokio::test]
async fn what_is_gone_or_was_made_anew_needs_no_comparison() {
    let world = World::with(&[("a", "1"), ("b", "1"), ("c", "1")]);
    let mut engine = applied(&world).await;
    world.memory.edit(&key("a"), None);
    world.declare(&[("a", "2"), ("b", "1"), ("c", "1")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.beside.iter().map(|one| &one.found).collect::<Vec<_>>(), [&FoundBeside::Deleted]);
    assert_eq!(plan.drift_beside(&key("a")).map(|one| &one.key), Some(&key("a")));
    assert!(plan.has_its_id(), "it is no part of the id");
    assert!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().is_converged());
    assert!(engine.plan(&world.cx).await.unwrap().beside.is_empty());
}

/// Of two applications that work on one target, each tells of its own objects, also after the other one wrote.
#[tokio::test]
async fn drift_beside_a_commit_of_one_application_is_nothing_to_another_one() {
    let one = World::with(&[("a", "1")]);
    let mut other = World::with(&[("b", "1")]);
    other.memory = one.memory.clone();
    let (mut first, mut second) = (applied(&one).await, applied(&other).await);
    one.declare(&[("a", "2")]);
    other.declare(&[("b", "2")]);
    one.memory.edit(&key("a"), Some(body("7")));
    let drifted = |plan: &Plan| plan.beside.iter().map(|beside| beside.key.clone()).collect::<Vec<_>>();
    assert_eq!(drifted(&first.plan(&one.cx).await.unwrap()), [key("a")]);
    let plan = second.plan(&other.cx).await.unwrap();
    assert_eq!(drifted(&plan), [], "{plan:?}");
    assert!(second.apply(&other.cx, &plan, &yes()).await.unwrap().is_converged());
    assert_eq!(drifted(&first.plan(&one.cx).await.unwrap()), [key("a")], "it is not put right by that");
    assert!(first.reconcile(&one.cx).await.unwrap().is_converged());
    assert_eq!(drifted(&first.plan(&one.cx).await.unwrap()), []);
}

/// Met with a file that an operator deleted and that left the source as well: `drift` said that nothing was changed.
#[tokio::test]
async fn what_others_deleted_and_the_source_gave_up_is_told_until_it_is_forgotten() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let mut engine = applied(&world).await;
    world.memory.edit(&key("a"), None);
    world.declare(&[("b", "1")]);
    for _ in 0..2 {
        let plan = engine.plan(&world.cx).await.unwrap();
        assert!(plan.steps.is_empty(), "{plan:?}");
        assert_eq!(plan.drift_beside(&key("a")).map(|one| &one.found), Some(&FoundBeside::Deleted));
    }
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    assert!(engine.plan(&world.cx).await.unwrap().beside.is_empty());
    drop(engine);
    // Of a deletion of our own nothing is told, in the next process either.
    world.declare(&[]);
    let mut later = world.engine().await;
    assert!(later.plan(&world.cx).await.unwrap().beside.is_empty());
    later.reconcile(&world.cx).await.unwrap();
    assert!(world.engine().await.plan(&world.cx).await.unwrap().beside.is_empty());
}
