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
