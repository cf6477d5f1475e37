//! Engines of two versions at one store: a rolling upgrade, and a downgrade.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::*;
use support::{Shared, World};

const FIRST: [(&str, &str); 2] = [("a", "1"), ("b", "2")];
const SECOND: [(&str, &str); 2] = [("a", "1"), ("b", "3")];

fn world() -> (World, Arc<Shared>) {
    let store = Shared::new();
    (World::with(&FIRST).sharing(&store), store)
}

/// A newer version takes over: it raises the epoch, and writes the inventory in a format of its own.
async fn take_over(world: &World, store: &Shared) {
    let Stored { document, version } = store.load(&world.cx, "inventory").await.unwrap().unwrap();
    let mut inventory: serde_json::Value = serde_json::from_slice(&document.bytes).unwrap();
    inventory["format"] = 99.into();
    inventory["what this version does not know"] = "x".into();
    let newer = Document { epoch: document.epoch + 1, bytes: serde_json::to_vec(&inventory).unwrap() };
    store.swap(&world.cx, "inventory", Some(&version), newer).await.unwrap();
}

async fn inventory(world: &World, store: &Shared) -> Stored {
    store.load(&world.cx, "inventory").await.unwrap().unwrap()
}

#[tokio::test]
async fn the_older_engine_writes_nothing_more_once_a_newer_one_has_taken_over() {
    let (world, store) = world();
    let mut older = world.engine().await;
    older.reconcile(&world.cx).await.unwrap();
    take_over(&world, &store).await;
    let (writes, left) = (world.memory.writes(), inventory(&world, &store).await);
    world.declare(&SECOND);
    for _ in 0..2 {
        let error = older.reconcile(&world.cx).await.unwrap_err();
        assert!(error.is_conflict() || error.kind() == ErrorKind::Unsupported, "{error:?}");
    }
    assert_eq!(world.memory.writes(), writes);
    assert_eq!(inventory(&world, &store).await, left);
}

#[tokio::test]
async fn an_older_engine_refuses_what_a_newer_one_left_and_changes_none_of_it() {
    let (world, store) = world();
    world.converge().await;
    take_over(&world, &store).await;
    let (writes, left) = (world.memory.writes(), inventory(&world, &store).await);
    for world in [&world, &world.other_machine().recovering()] {
        let error = world.open("test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(error.message().contains("newer version"), "{error:?}");
        assert_eq!(error.help_text(), Some("use the newer version; nothing was changed"));
    }
    assert_eq!(world.memory.writes(), writes);
    assert_eq!(inventory(&world, &store).await, left);
}

#[tokio::test]
async fn an_older_state_is_read_and_written_in_the_format_of_today() {
    let (world, store) = world();
    world.converge().await;
    // As a version wrote it that knew neither bindings nor how far a revision had come.
    let Stored { document, version } = inventory(&world, &store).await;
    let mut stored: serde_json::Value = serde_json::from_slice(&document.bytes).unwrap();
    let head = stored["head"].take();
    let fields = stored.as_object_mut().unwrap();
    fields.remove("head");
    fields.insert("format".to_owned(), 2.into());
    for name in ["owner", "accepted"] {
        fields.insert(name.to_owned(), head[name].clone());
    }
    let older = Document { epoch: document.epoch, bytes: serde_json::to_vec(&stored).unwrap() };
    store.swap(&world.cx, "inventory", Some(&version), older).await.unwrap();

    let other = world.other_machine().recovering();
    other.declare(&SECOND);
    let report = other.converge().await;
    assert_eq!(report.applied(), 1, "{report:?}");
    assert_eq!(other.contents(), [("a", "1"), ("b", "3")].map(support::owned));
    let now: serde_json::Value =
        serde_json::from_slice(&inventory(&world, &store).await.document.bytes).unwrap();
    assert_ne!(now["format"], 2);
}
