//! What a person released, in the engine that runs on, in the next one, and for who needs the application.
//!
//! Met with hooks whose end nobody saw: a person said to go on, and health stayed as it was.

use std::time::Duration;

use gitops_core::*;

use crate::support::{World, key, until, while_it_runs};
use crate::ward::{Ward, engine};

const INTERVAL: Duration = Duration::from_millis(5);

/// Whether nothing bad is known. A target that could say more is never said to be healthy.
fn is_well(status: &EngineStatus) -> bool {
    status.is_converged() && status.health == HealthStatus::Unknown
}

#[tokio::test]
async fn a_hook_that_is_gone_and_released_holds_nobody_up() {
    let base = World::with(&[("hook", "1 once stage=1"), ("web", "1 stage=0")]);
    let app = World::with(&[("b", "1")]);
    let ward = Ward::of(&base);
    ward.progresses("hook");
    let supervisor = Supervisor::new(2);
    let needed = supervisor.add(engine(&base, &ward).await, &[], INTERVAL).unwrap();
    let waiting = supervisor.add(app.engine_named("app").await, &["test"], INTERVAL).unwrap();
    while_it_runs(&supervisor, async {
        until(&needed, |status| status.last.is_some() && status.health == HealthStatus::Progressing).await;
        base.memory.edit(&key("hook"), None);
        until(&needed, |status| status.health == HealthStatus::Degraded).await;
        until(&waiting, |status| status.waits_for.is_some()).await;
        let release = Request::Release { key: key("hook") };
        needed.request(&base.cx, "ana", release).await.unwrap();
        until(&needed, is_well).await;
        until(&waiting, EngineStatus::is_converged).await;
    })
    .await;
    let again = Supervisor::new(1);
    let needed = again.add(engine(&base, &ward).await, &[], INTERVAL).unwrap();
    while_it_runs(&again, async {
        until(&needed, |status| status.last.is_some() && is_well(status)).await;
    })
    .await;
}

#[tokio::test]
async fn what_was_released_and_does_not_work_is_told_as_it_is_and_holds_nothing_up() {
    let base = World::with(&[("a", "1"), ("b", "1 needs=a")]);
    let ward = Ward::of(&base);
    ward.hangs("a");
    let supervisor = Supervisor::new(1);
    let needed = supervisor.add(engine(&base, &ward).await, &[], INTERVAL).unwrap();
    while_it_runs(&supervisor, async {
        until(&needed, |status| status.health == HealthStatus::Degraded && !status.blocked.is_empty()).await;
        needed.request(&base.cx, "ana", Request::Release { key: key("a") }).await.unwrap();
        until(&needed, |status| status.sync == SyncStatus::Synced).await;
        assert!(base.memory.get(&key("b")).is_some());
        assert_eq!(needed.status().borrow().health, HealthStatus::Degraded);
    })
    .await;
}
