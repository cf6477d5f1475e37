//! Which revision is live completely, and which one is in progress.

use gitops_core::*;

use super::support::{World, body, key, yes};

async fn revision(world: &World) -> Revision {
    world.engine().await.plan(&world.cx).await.unwrap().revision
}

fn ended(world: &World) -> Vec<(Purpose, Option<SyncResult>, usize)> {
    let mut ended: Vec<(Purpose, Option<SyncResult>, usize)> = Vec::new();
    for entry in world.audit.entries() {
        match entry.what {
            AuditEvent::SyncStarted { purpose, .. } => ended.push((purpose, None, 0)),
            AuditEvent::SyncEnded { result, missing, .. } => {
                let last = ended.last_mut().unwrap();
                (last.1, last.2) = (result, missing);
            }
            _ => {}
        }
    }
    ended
}

/// A delivery tool called a revision applied although a part of it had failed.
#[tokio::test]
async fn a_revision_is_live_completely_only_when_every_object_of_it_is_applied() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.converge().await;
    let first = revision(&world).await;
    world.declare(&[("a", "2"), ("b", "2")]);
    world.refuse("b");
    world.converge().await;
    let engine = world.engine().await;
    let inventory = engine.inventory();
    let second = revision(&world).await;
    assert_eq!(inventory.complete().unwrap().revision, first);
    let progress = inventory.progress().unwrap();
    let left = progress.left.as_ref().unwrap();
    assert_eq!((&progress.revision, &left.missing, left.more), (&second, &vec![key("b")], 0));
    assert!(left.error.as_ref().unwrap().starts_with("t:K/-/b: "), "what failed is known: {left:?}");
    assert_eq!(inventory.accepted(), Some(&second), "what was partly written counts for descent");
    drop(engine);
    world.converge().await;
    let bytes = world.journal_bytes();
    world.allow();
    world.converge().await;
    assert!(world.journal_bytes() > bytes);
    let engine = world.engine().await;
    assert_eq!(
        (&engine.inventory().complete().unwrap().revision, engine.inventory().progress()),
        (&second, None)
    );
    let (change, retry) = (Purpose::Change, Purpose::Retry);
    let (done, partial, failed) = (SyncResult::Succeeded, SyncResult::Partial, SyncResult::Failed);
    let told = [(change, done, 0), (change, partial, 1), (retry, failed, 1), (retry, done, 0)];
    assert_eq!(ended(&world), told.map(|(purpose, result, missing)| (purpose, Some(result), missing)));
}

/// A process was killed in the middle of an apply, and the next one said that the revision was applied.
#[tokio::test]
async fn a_killed_apply_leaves_its_revision_in_progress() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    {
        use futures::FutureExt;
        let approval = yes();
        let apply = engine.apply(&world.cx, &plan, &approval);
        futures::pin_mut!(apply);
        while world.memory.writes() == 0 {
            assert!(apply.as_mut().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
    }
    drop(engine);
    let engine = world.engine().await;
    assert_eq!(engine.inventory().complete(), None);
    assert_eq!(engine.inventory().progress().unwrap().revision, plan.revision);
    drop(engine);
    world.converge().await;
    assert_eq!(world.engine().await.inventory().complete().unwrap().revision, plan.revision);
    assert_eq!(ended(&world).last().unwrap().0, Purpose::Retry);
}

/// Drift that came and went looked like a deployment in the history.
#[tokio::test]
async fn drift_and_its_repair_leave_a_revision_complete_and_are_told_apart() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    let complete = world.engine().await.inventory().complete().cloned();
    world.memory.edit(&key("a"), Some(body("edited")));
    world.refuse("a");
    world.converge().await;
    assert_eq!(world.engine().await.inventory().complete().cloned(), complete);
    assert_eq!(world.engine().await.inventory().progress(), None);
    assert_eq!(ended(&world).last(), Some(&(Purpose::Repair, Some(SyncResult::Failed), 0)));
}

/// An apply failed, what was left had become another effect, and all that was said from then on was that an approval is wanted.
#[tokio::test]
async fn what_failed_is_known_while_what_is_left_waits_for_an_approval() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.refuse("b");
    world.converge().await;
    let error = async || {
        let engine = world.engine().await;
        engine.inventory().progress().unwrap().left.clone().unwrap().error
    };
    let failed = error().await;
    assert!(failed.is_some());
    // Somebody else made it by now, so that nothing is tried.
    world.allow();
    world.memory.edit(&key("b"), Some(body("x")));
    world.converge().await;
    assert_eq!(error().await, failed, "nothing was tried since");
    world.memory.edit(&key("b"), None);
    world.converge().await;
    assert_eq!(world.engine().await.inventory().progress(), None);
}

#[tokio::test]
async fn what_is_blocked_is_missing_and_a_pass_that_learns_nothing_writes_nothing() {
    let world = World::with(&[("a", "1"), ("theirs", "1")]);
    world.memory.edit(&key("theirs"), Some(body("x")));
    world.converge().await;
    let left = |engine: &Engine| engine.inventory().progress().unwrap().left.clone().unwrap().missing;
    assert_eq!(left(&world.engine().await), [key("theirs")]);
    assert_eq!(ended(&world).last().unwrap().1, Some(SyncResult::Partial));
    let mut engine = world.engine().await;
    engine.reconcile(&world.cx).await.unwrap();
    let bytes = world.journal_bytes();
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(world.journal_bytes(), bytes);
    // A commit that changes nothing else is complete as soon as nothing of it is missing.
    world.declare(&[("a", "1")]);
    world.converge().await;
    assert_eq!(world.engine().await.inventory().complete().unwrap().revision, revision(&world).await);
}

/// An object that somebody else made is missing from the start; one that is taken away later was applied before.
#[tokio::test]
async fn what_is_blocked_later_without_a_change_leaves_a_revision_complete() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.memory.edit(&key("a"), Some(body("theirs")));
    world.memory.edit(&key("b"), Some(body("theirs")));
    world.converge().await;
    let standing = |engine: &Engine| {
        let inventory = engine.inventory();
        (inventory.complete().is_some(), inventory.progress().is_some())
    };
    assert_eq!(standing(&world.engine().await), (false, true), "it was never applied");
    world.memory.edit(&key("a"), None);
    world.memory.edit(&key("b"), None);
    world.converge().await;
    assert_eq!(standing(&world.engine().await), (true, false));
    world.memory.edit(&key("a"), None);
    world.memory.edit(&key("a"), Some(body("theirs")));
    world.converge().await;
    assert_eq!(standing(&world.engine().await), (true, false), "it was applied before");
    world.memory.edit(&key("b"), Some(body("edited")));
    let report = world.converge().await;
    assert_eq!((report.applied(), report.plan.blocked.len()), (1, 1));
    assert_eq!(standing(&world.engine().await), (true, false), "a repair beside it changes nothing of that");
}
