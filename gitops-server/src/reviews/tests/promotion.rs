//! When what is live in an application counts for a promotion.

use gitops_core::capability::Readiness;
use gitops_core::{GroupKind, Key, SyncStatus};

use super::super::promote::{live, unwell_of};
use super::*;

#[tokio::test]
async fn only_what_is_newest_whole_and_free_counts_and_only_while_it_works() {
    let world = World::new().await;
    let commit = world.git(&["rev-parse", "main"]);
    let handle = world.board.handle("site").unwrap();
    let is_still = |status: &Arc<EngineStatus>| {
        status.phase == Phase::Idle && status.last.is_some() && status.sync == SyncStatus::Synced
    };
    let status = EngineStatus::clone(&*handle.status().wait_for(is_still).await.unwrap().clone());
    assert_eq!(live(&status), Some(commit.as_str()));
    assert_eq!(unwell_of(&status, &[]), None);
    let with = |change: fn(&mut EngineStatus)| {
        let mut changed = status.clone();
        change(&mut changed);
        changed
    };
    for change in [
        (|status| status.sync = SyncStatus::OutOfSync) as fn(&mut EngineStatus),
        |status| status.complete = None,
        |status| status.revision = Some(gitops_core::Revision::new("newer", "main")),
        |status| status.waits_for = Some("network".to_owned()),
    ] {
        assert_eq!(live(&with(change)), None);
    }
    let degraded = with(|status| status.health = HealthStatus::Degraded);
    assert_eq!(unwell_of(&degraded, &[]).as_deref(), Some("Degraded"));
    let key = Key::new("k8s", GroupKind::new("apps", "Deployment"), "shop", "web");
    let unready = |readiness| [(key.clone(), readiness)];
    let failed = unready(Readiness::Failed("it crashes".to_owned()));
    assert!(unwell_of(&status, &failed).unwrap().ends_with("it crashes"));
    assert_eq!(unwell_of(&status, &unready(Readiness::Unproven("nobody says so".to_owned()))), None);
    world.cx.cancel();
}

#[tokio::test]
async fn what_was_proposed_and_what_was_not_well_is_remembered_beside_the_requests() {
    let world = World::new().await;
    let memory = || Memory::new(world.store.clone(), "a");
    let at = Time::from_micros(7);
    memory().promote(&world.cx, "prod", |it| it.unwell = Some(("1a2b".to_owned(), at))).await.unwrap();
    memory().change(&world.cx, 7, |page| page.leave("0".repeat(40))).await.unwrap();
    let found = memory().promoting(&world.cx, "prod").await.unwrap();
    assert_eq!(found.unwell, Some(("1a2b".to_owned(), at)));
    assert_eq!(memory().promoting(&world.cx, "other").await.unwrap(), memory::Promoting::default());
    assert_eq!(memory().page(&world.cx, 7).await.unwrap().left.len(), 1);
    world.cx.cancel();
}
