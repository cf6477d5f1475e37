//! What the forge is told of a commit that is live, or is not.

use super::*;

#[tokio::test]
async fn the_live_commit_has_a_status_and_a_record_and_a_failure_says_its_error() {
    let world = World::new().await;
    // From now on the forge knows the commit of the branch.
    world.propose("two", OURS);
    let live = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    let reviews = world.reviews();
    let (shared, handle) = (&reviews.0, world.board.handle("site").unwrap());
    let is_still = |status: &Arc<EngineStatus>| status.phase == Phase::Idle && status.last.is_some();
    let mut status = EngineStatus::clone(&*handle.status().wait_for(is_still).await.unwrap().clone());
    let tell = async |status: &EngineStatus| {
        let telling = telling_of(status, None).expect("it stands still");
        shared.tell_forge(&world.cx, &shared.chosen[0], &telling).await.unwrap();
        let found = world.forge.statuses(&world.cx, &live).await.unwrap().remove(0);
        let deployed = world.forge.deployments().unwrap().latest(&world.cx, "site").await.unwrap().unwrap().1;
        (found.context, found.state, found.description, deployed.state)
    };
    let context = "gitops/live/site".to_owned();
    let good = (context.clone(), StatusState::Success, "live: Healthy".to_owned(), DeploymentState::Success);
    assert_eq!(tell(&status).await, good);
    let writes = world.forge.writes();
    assert_eq!(tell(&status).await, good);
    assert_eq!(world.forge.writes(), writes, "nothing is written where nothing changed");
    status.health = HealthStatus::Degraded;
    let bad = (context.clone(), StatusState::Failure, "live: Degraded".to_owned(), DeploymentState::Failure);
    assert_eq!(tell(&status).await, bad);
    status.last.as_mut().unwrap().error = Some("dir:File/-/page: the disk is full".to_owned());
    let failed = tell(&status).await;
    assert_eq!(failed.2, "live, and a repair failed: dir:File/-/page: the disk is full");
    // A source that is away for a moment says nothing of what is live; a commit that can't be planned does.
    status.last.as_mut().unwrap().kind = Some(ErrorKind::Unavailable);
    assert_eq!(telling_of(&status, Some(live.as_str())), None);
    assert!(telling_of(&status, Some("another")).is_some());
    world.cx.cancel();
}

/// An apply that failed was red for a second, and then only waited for an approval of what was left.
#[tokio::test]
async fn a_failed_apply_is_told_also_while_what_is_left_waits_for_an_approval() {
    let world = World::new().await;
    let reviews = world.reviews();
    let handle = world.board.handle("site").unwrap();
    let is_still = |status: &Arc<EngineStatus>| status.phase == Phase::Idle && status.last.is_some();
    let mut status = EngineStatus::clone(&*handle.status().wait_for(is_still).await.unwrap().clone());
    let commit = status.revision.clone().unwrap();
    status.complete = None;
    status.last.as_mut().unwrap().kind = Some(ErrorKind::NeedsApproval);
    let waiting = telling_of(&status, None).unwrap();
    assert_eq!((waiting.state, waiting.awaits_approval), (StatusState::Pending, true));
    let progress = serde_json::json!({
        "revision": commit, "since": Time::from_micros(0),
        "left": {"missing": [], "more": 1, "error": "dir:File/-/page: the disk is full"},
    });
    status.progress = Some(serde_json::from_value(progress).unwrap());
    let failed = telling_of(&status, None).unwrap();
    assert_eq!(
        (failed.state, failed.awaits_approval, failed.needs_person),
        (StatusState::Failure, true, true)
    );
    assert!(
        failed.text.starts_with(
            "the apply failed: dir:File/-/page: the disk is full; what is left waits for an approval"
        ),
        "{failed:?}"
    );
    // Of another revision it says nothing.
    status.progress.as_mut().unwrap().revision = Revision::new("f".repeat(40), "other");
    assert_eq!(telling_of(&status, None).unwrap().state, StatusState::Pending);
    drop(reviews);
    world.cx.cancel();
}
