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

/// A request that was merged and waits for an approval, with what the application says of it.
async fn waiting(world: &World, reviews: &Reviews) -> (u64, EngineStatus) {
    let number = world.propose("two", OURS);
    reviews.0.review(&world.cx, number).await;
    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, commit).unwrap();
    reviews.0.review(&world.cx, number).await;
    let waits = |status: &Arc<EngineStatus>| !status.awaits_approval.is_empty();
    let mut status = world.board.handle("site").unwrap().status();
    let status = status.wait_for(waits).await.unwrap().clone();
    (number, EngineStatus::clone(&status))
}

/// Met as: somebody edited the target, and the comment named another effect without a word of what it was or why.
#[tokio::test]
async fn what_waits_after_the_merge_says_what_it_would_do_and_that_it_is_something_else_than_before() {
    let world = World::with(super::same_time::GATE).await;
    let reviews = world.reviews();
    let (number, status) = waiting(&world, &reviews).await;
    let telling = telling_of(&status, None).unwrap();
    let tell = async || {
        reviews.0.tell_forge(&world.cx, &reviews.0.chosen[0], &telling).await.unwrap();
        world.ours(number, "answers/").await.concat()
    };
    let said = tell().await;
    assert!(said.contains("it would `update dir:File/-/page`") && !said.contains("changed: "), "{said}");
    let named = |said: &str| said.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    let before = named(&said);
    assert_eq!(tell().await, said);

    fs::write(world.path("live/page"), "by hand").unwrap();
    let said = tell().await;
    assert!(
        said.contains("it would `update dir:File/-/page, which was changed outside of Git too`"),
        "{said}"
    );
    assert!(said.contains(&format!("`{}`… is not approved any more", &before[..12])), "{said}");
    assert_eq!(tell().await, said, "it stays said");

    let now = named(&said);
    world.says(&world.bob, number, &format!("/approve {before}\n/approve {}", &now[..39])).await;
    world.told();
    reviews.0.look(&world.cx, number).await;
    let answers: Vec<String> = world.answers().into_iter().map(|(.., text)| text).collect();
    let waits = format!("`site` waits for the approval of {now}");
    assert_eq!(
        answers,
        [
            format!("what there is to do changed since that was shown: {waits}"),
            format!("an approval names at least 40 digits of the effect: {waits}"),
        ]
    );
    world.cx.cancel();
}

/// Met as: the comment of a request that was live named the approval for which an earlier one waited in another application.
#[tokio::test]
async fn what_waits_of_an_earlier_request_is_not_said_in_one_about_other_applications() {
    let world = World::with(super::same_time::GATE).await;
    let reviews = world.reviews();
    let (number, status) = waiting(&world, &reviews).await;
    let about = async |name: &str| {
        let change = |page: &mut memory::Page| page.change(&[name.to_owned()].into());
        reviews.0.memory.change(&world.cx, number, change).await.unwrap();
        reviews.0.memory.change(&world.cx, number, |page| page.merged = None).await.unwrap();
        let telling = telling_of(&status, None).unwrap();
        reviews.0.tell_forge(&world.cx, &reviews.0.chosen[0], &telling).await.unwrap();
        world.ours(number, "answers/").await.len()
    };
    assert_eq!(about("other").await, 0);
    let audited = |page: &mut memory::Page| page.is_audited_in("other");
    reviews.0.memory.change(&world.cx, number, audited).await.unwrap();
    let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
    assert!(page.is_about_others_than("site"), "also once all of it was noted");
    assert_eq!(about("site").await, 1);
    world.cx.cancel();
}
