//! An audit log beside the other documents of a shared store (met with a log that was cut off together with its checkpoint).

use std::sync::Arc;

use gitops_core::*;

use crate::support::{self, Shared, World};

async fn apply(world: &World, engine: &mut Engine) {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &support::yes()).await.unwrap();
}

/// Whoever may write the store took the newest entries away: the engine said nothing, and went on with the rest.
#[tokio::test]
async fn an_audit_log_in_the_store_whose_end_was_cut_off_stops_the_engine_until_a_person_begins_a_new_one() {
    let (store, world) = (Shared::new(), World::with(&[("a", "1")]));
    let world = world.sharing(&store);
    let journal = gitops_core::internals::journal::MemoryJournalIo::default();
    let open = async || {
        let shared: Arc<dyn StateStore> = store.clone();
        let audit = StoreAudit::open(&world.cx, shared.clone()).await.unwrap();
        let state =
            State::in_memory().with_store(shared).with_journal(journal.clone()).with_audit(Arc::new(audit));
        world.builder("test").target("t", world.memory.clone()).state(state).open(&world.cx).await.unwrap()
    };
    apply(&world, &mut open().await).await;
    let page = store.load(&world.cx, "audit-000").await.unwrap().unwrap().document;
    world.declare(&[("a", "2")]);
    apply(&world, &mut open().await).await;
    let now = store.load(&world.cx, "audit-000").await.unwrap().unwrap().version;
    store.swap(&world.cx, "audit-000", Some(&now), page).await.unwrap();

    let (writes, contents) = (world.memory.writes(), world.contents());
    world.declare(&[("a", "3")]);
    let mut engine = open().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let error = engine.apply(&world.cx, &plan, &support::yes()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("cut off"), "{error}");
    assert_eq!((world.memory.writes(), world.contents()), (writes, contents));
    drop(engine);
    let mut engine = open().await;
    engine.restart_audit(&world.cx, "ana").await.unwrap();
    apply(&world, &mut engine).await;
    assert_ne!(world.memory.writes(), writes);
    drop(engine);
    apply(&world, &mut open().await).await;
}
