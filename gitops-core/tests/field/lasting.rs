//! What a person has to settle, under an engine that goes on working and in the process after it.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;

use crate::drift_meanwhile::Paused;
use crate::support::previews::{Previews, fields};
use crate::support::{World, key, until};

const MINUTE: Duration = Duration::from_secs(60);

/// Works until its status is so, and says what it was.
async fn works_until(
    world: &World,
    mut engine: Engine,
    is: impl Fn(&EngineStatus) -> bool,
) -> Arc<EngineStatus> {
    let (cx, handle) = (world.cx.within(20 * MINUTE).child(), engine.handle());
    let look = async {
        let status = until(&handle, is).await;
        cx.cancel();
        status
    };
    let (ran, status) = tokio::join!(engine.run(&cx, MINUTE / 2), look);
    ran.unwrap();
    status
}

/// A target in which the delete of `a` takes `b` along.
async fn taking(world: &World) -> Engine {
    let target = Previews::over(world, |key_, object, live| {
        let taken = || vec![Taken::new("Thing", Whose::Ours, ["b"]).of([key("b")])];
        let preview = fields(object, live, Digest::of(b""));
        Ok(if object.is_none() && key_.name() == "a" { preview.taking(taken()) } else { preview })
    });
    world.builder("test").target("t", Arc::new(target)).open(&world.cx).await.unwrap()
}

fn blocked_of(status: &EngineStatus) -> Vec<(&str, Obstacle)> {
    status.blocked.iter().map(|blocked| (blocked.key.name(), blocked.obstacle)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_would_take_what_is_declared_is_told_of_until_that_leaves_too() {
    let mut world = World::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
    taking(&world).await.reconcile(&world.cx).await.unwrap();
    world.declare(&[("b", "2"), ("c", "4")]);
    for _ in 0..2 {
        let status = works_until(&world, taking(&world).await, |status| {
            status.last.is_some() && !status.blocked.is_empty() && status.progress.is_some()
        });
        let status = status.await;
        assert_eq!(blocked_of(&status), [("a", Obstacle::Fault)]);
        assert!(!status.is_converged(), "{status:?}");
        let left = status.progress.as_ref().unwrap().left.as_ref().unwrap();
        assert_eq!(left.missing, [key("a")], "the revision is not live completely");
    }
    let told = format!("{:?}", world.audit.entries());
    assert!(told.contains("its deletion would delete with it what is declared"), "history says so");
    assert!(world.memory.get(&key("a")).is_some());
    world.declare(&[("c", "4")]);
    let status = works_until(&world, taking(&world).await, EngineStatus::is_converged).await;
    assert_eq!((blocked_of(&status), world.contents().len()), (vec![], 1));
    assert!(status.progress.is_none());
}

/// What is left of an approval whose time is over is not done.
#[tokio::test(start_paused = true)]
async fn an_approval_that_lapsed_half_way_is_asked_for_again() {
    let names: Vec<String> = (0..10).map(|n| format!("o{n}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let mut world = World::with(&files);
    world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
    world.engine().await.reconcile(&world.cx).await.unwrap();
    world.declare(&files[..2]);
    files[3..].iter().for_each(|(name, _)| world.refuse(name));
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let by = Approver::new("bo", Through::Review { review: "forge/17".into() });
    let lapses = world.cx.now().after(5 * MINUTE);
    let approval = engine.approval_of(&world.cx, &plan, by).unwrap().until(Some(lapses));
    engine.approve(&world.cx, approval).await.unwrap();
    let status = works_until(&world, engine, |status| !status.awaits_approval.is_empty()).await;
    assert!(world.cx.now() >= lapses, "until then it was tried");
    assert_eq!((status.awaits_approval[0].gate.as_str(), status.is_converged()), ("mass-delete", false));
    assert_eq!(world.memory.keys().len(), 9);
    world.allow();
    let next = world.engine().await;
    assert!(next.inventory().approvals().iter().all(|approval| !approval.is_valid(world.cx.now())));
    let status = works_until(&world, next, |status| !status.blocked.is_empty()).await;
    assert!(status.blocked.iter().all(|blocked| blocked.obstacle == Obstacle::Approval), "{status:?}");
    assert_eq!((status.blocked.len(), world.memory.keys().len()), (7, 9), "nothing more was deleted");
    let progress = status.progress.as_ref().and_then(|progress| progress.left.as_ref());
    assert_eq!(progress.map(Left::count), Some(7), "and what is left of the revision is known");
}
