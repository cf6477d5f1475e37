//! Requests that are closed or given another branch, and are back later: what was approved before is void.

use futures::FutureExt;
use gitops_core::{AuditEvent, AuditRecord};

use super::same_time::GATE;
use super::*;

/// A request that Bob approved, which is stored.
async fn approved() -> (World, u64) {
    let world = World::with(GATE).await;
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let answer = approve(&world, &reviews, number, &world.cx).await;
    assert!(answer.0 && answer.1.contains("stored for after the merge"), "{answer:?}");
    assert_eq!(policy(&world, number).await.0, StatusState::Success);
    assert_eq!(stored(&world).await, 1);
    (world, number)
}

/// What is answered to Bob, who approves what the comment shows.
async fn approve(world: &World, reviews: &Reviews, number: u64, cx: &Cx) -> (bool, String) {
    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    world.says_at(cx, &world.bob, number, &format!("/approve {effect}")).await;
    reviews.0.look(cx, number).await;
    reviews.0.review(cx, number).await;
    let (_, done, answer) = world.answers().pop().unwrap();
    (done, answer)
}

async fn policy(world: &World, number: u64) -> (StatusState, String) {
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    let found = world.forge.statuses(&world.cx, &head).await.unwrap();
    let policy = found.into_iter().find(|status| status.context == "gitops/policy").unwrap();
    (policy.state, policy.description)
}

/// How many approvals are stored.
async fn stored(world: &World) -> usize {
    session(world).await.engine.inventory().approvals().iter().count()
}

async fn session(world: &World) -> Session {
    Session::builder(&world.applications().all[0]).access(Access::Look).open(&world.cx).await.unwrap()
}

/// Why something was withdrawn, by the audit log.
async fn withdrawn(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let mut take = |record: AuditRecord| {
        if let AuditEvent::Rejected { reason, .. } = record.entry.what {
            found.push(reason);
        }
        Ok(())
    };
    session(world).await.audit().each(&world.cx, &mut take).await.unwrap();
    found
}

fn merge(world: &World, number: u64, cx: &Cx) -> CommitId {
    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(cx, number, commit.clone()).unwrap();
    commit
}

/// Waits until the merge waits for an approval, and has the request say so.
async fn waits(world: &World, reviews: &Reviews, commit: &CommitId) {
    let handle = world.board.handle("site").unwrap();
    let waits = |status: &Arc<EngineStatus>| {
        let is_of = status.revision.as_ref().is_some_and(|at| at.id() == commit.as_str());
        assert_ne!(status.complete.as_ref().map(|live| live.revision.id()), Some(commit.as_str()));
        is_of && !status.awaits_approval.is_empty() && status.phase == Phase::Idle
    };
    let status = EngineStatus::clone(&*handle.status().wait_for(waits).await.unwrap().clone());
    let telling = telling_of(&status, Some(commit.as_str())).unwrap();
    reviews.0.tell_forge(&world.cx, &reviews.0.chosen[0], &telling).await.unwrap();
    assert_eq!(stored(world).await, 0, "what was said before is not stored again");
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one");
}

/// Met as: a request was closed for a while, and opened again; what had been approved before was applied after the merge.
#[tokio::test]
async fn what_was_approved_of_a_request_that_was_closed_is_void_also_once_it_is_open_again() {
    let (world, number) = approved().await;
    world.forge.close(number).unwrap();
    let reviews = world.reviews();
    reviews.0.poll_once(&world.cx).await.unwrap();
    let turn = reviews.0.reviews.next().now_or_never().expect("it is found by asking");
    reviews.0.review(&world.cx, turn.number).await;
    assert_eq!(stored(&world).await, 0);
    let why = withdrawn(&world).await;
    assert!(
        why.len() == 1 && why[0].contains("bob") && why[0].contains("was closed without a merge"),
        "{why:?}"
    );
    assert_eq!(policy(&world, number).await, (StatusState::Error, "the request was closed".to_owned()));
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("void since: the request was closed without a merge"), "{said}");
    drop(turn);
    let writes = world.forge.writes();
    reviews.0.review(&world.cx, number).await;
    assert_eq!((world.forge.writes(), withdrawn(&world).await.len()), (writes, 1), "it is done once");

    // Another process finds it open again.
    world.forge.reopen(&later(Duration::from_secs(10)), number).unwrap();
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    assert_eq!(stored(&world).await, 0);
    let (state, text) = policy(&world, number).await;
    assert!(state == StatusState::Pending && text.contains("needs an approval"), "{text}");
    let comment = world.ours(number, "review/").await.concat();
    assert!(comment.contains("the request was closed or given another branch since"), "{comment}");
    // However long all that took: the forge's second of the return has just begun.
    let back = world.forge.change_request(&world.cx, number).await.unwrap().updated;
    let (done, answer) = approve(&world, &reviews, number, &later(back.since(world.cx.now()))).await;
    assert!(
        !done && answer.contains("approve again"),
        "in the second of the return nobody can tell: {answer}"
    );
    let (done, answer) = approve(&world, &reviews, number, &later(Duration::from_secs(20))).await;
    assert!(done && answer.contains("stored for after the merge"), "{answer}");
    assert_eq!((stored(&world).await, policy(&world, number).await.0), (1, StatusState::Success));
    world.cx.cancel();
}

#[tokio::test]
async fn what_was_approved_of_a_request_that_was_given_another_branch_is_void_also_once_it_is_back() {
    let (world, number) = approved().await;
    world.forge.retarget(&later(Duration::from_secs(5)), number, "other").unwrap();
    let reviews = world.reviews();
    reviews.0.poll_once(&world.cx).await.unwrap();
    let turn = reviews.0.reviews.next().now_or_never().expect("it is found by asking");
    reviews.0.review(&world.cx, turn.number).await;
    drop(turn);
    assert_eq!(stored(&world).await, 0);
    let gone = "the request was given the branch `other`";
    assert!(withdrawn(&world).await[0].contains(gone));
    assert_eq!(policy(&world, number).await, (StatusState::Error, gone.to_owned()));
    reviews.0.poll_once(&world.cx).await.unwrap();
    assert!(reviews.0.reviews.next().now_or_never().is_none(), "nothing is left to be done");

    // It comes back and is merged before anybody looks.
    world.forge.retarget(&later(Duration::from_secs(10)), number, "main").unwrap();
    let commit = merge(&world, number, &later(Duration::from_secs(15)));
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    waits(&world, &reviews, &commit).await;
    world.cx.cancel();
}

#[tokio::test]
async fn what_was_approved_before_a_request_was_closed_is_void_also_if_it_is_merged_before_anybody_looks() {
    let (world, number) = approved().await;
    world.forge.close(number).unwrap();
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    world.forge.reopen(&later(Duration::from_secs(5)), number).unwrap();
    let commit = merge(&world, number, &later(Duration::from_secs(6)));
    reviews.0.review(&world.cx, number).await;
    waits(&world, &reviews, &commit).await;
    world.cx.cancel();
}
