//! Heads that are none any more.

use futures::FutureExt;

use super::*;

const GATED: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

#[tokio::test]
async fn what_is_pending_on_a_head_that_was_left_is_ended_also_after_a_restart() {
    let world = World::with(GATED).await;
    let number = world.propose("two", OURS);
    let first = CommitId::parse(&world.git(&["rev-parse", "feature"])).unwrap();
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let of = async |commit: &CommitId| {
        let found = world.forge.statuses(&world.cx, commit).await.unwrap();
        found.into_iter().map(|status| (status.state, status.description)).collect::<Vec<_>>()
    };
    assert_eq!(of(&first).await[1].0, StatusState::Pending);

    // Somebody pushes while the server is down: four writes for the push, and one of them ends what waited.
    world.git(&["checkout", "-q", "feature"]);
    let second = world.commit("three");
    world.git(&["checkout", "-q", "main"]);
    world.alice.push_commit(&world.cx, number, second.clone()).unwrap();
    let (reviews, writes) = (world.reviews(), world.forge.writes());
    reviews.0.review(&world.cx, number).await;
    let ended = of(&first).await;
    assert_eq!(ended[0].0, StatusState::Success, "a plan that was made stays one");
    assert_eq!(ended[1], (StatusState::Error, format!("superseded by {}", &second.as_str()[..7])));
    assert_eq!(of(&second).await[1].0, StatusState::Pending);
    assert_eq!(world.forge.writes() - writes, 4, "comment, two statuses, and the one that is ended");
    let is_superseded = |event: &ServerEvent| matches!(event, ServerEvent::Superseded { .. });
    assert_eq!(world.told().iter().filter(|event| is_superseded(event)).count(), 1);
    reviews.0.review(&world.cx, number).await;
    assert_eq!(world.forge.writes() - writes, 4, "nothing more is written");

    // It is closed while the server is down: the next one finds it, once.
    world.forge.close(number).unwrap();
    let reviews = world.reviews();
    reviews.0.poll_once(&world.cx).await.unwrap();
    let turn = reviews.0.reviews.next().now_or_never().expect("it is due");
    assert_eq!(turn.number, number);
    reviews.0.review(&world.cx, number).await;
    drop(turn);
    assert_eq!(of(&second).await[1], (StatusState::Error, "the request was closed".to_owned()));
    reviews.0.poll_once(&world.cx).await.unwrap();
    assert!(reviews.0.reviews.next().now_or_never().is_none(), "nothing is left to be ended");
    world.cx.cancel();
}

#[tokio::test]
async fn a_head_that_is_one_of_another_open_request_keeps_what_is_said_of_it() {
    let world = World::with(GATED).await;
    let number = world.propose("two", OURS);
    let head = CommitId::parse(&world.git(&["rev-parse", "feature"])).unwrap();
    let branch = |name: &str, commit: &CommitId| {
        Branch::new(name, commit.clone(), Some(RepositoryPath::parse(OURS).unwrap()))
    };
    let base = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    let other =
        world.alice.propose_between(&world.cx, "The same", branch("copy", &head), branch("main", &base));
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    world.forge.close(number).unwrap();
    reviews.0.review(&world.cx, number).await;
    let policy = world.forge.statuses(&world.cx, &head).await.unwrap().remove(1);
    assert_eq!(policy.state, StatusState::Pending, "the other request waits for it");
    let due = reviews.0.reviews.next().now_or_never().map(|turn| turn.number);
    assert_eq!(due, Some(other.number), "it may be pending for the closed one alone");
    world.cx.cancel();
}

/// Met as: somebody approved a request and merged it while no server was there. All was applied, and the head stayed red for good, beside a
/// comment that said that it needs an approval.
#[tokio::test]
async fn what_was_approved_and_merged_while_no_server_was_there_says_so_at_last() {
    let world = World::with(GATED).await;
    let number = world.propose("two", OURS);
    world.reviews().0.review(&world.cx, number).await;
    let comment = async || world.ours(number, "review/").await.concat();
    let effect = comment().await.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    world.says(&world.bob, number, &format!("/approve {effect}")).await;
    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    world.forge.merge_as(&world.cx, number, commit.clone()).unwrap();
    let policy = async || {
        let found = world.forge.statuses(&world.cx, &head).await.unwrap().into_iter();
        let policy = found.filter(|status| status.context == "gitops/policy");
        policy.map(|status| (status.state, status.description)).next().unwrap()
    };

    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    assert_eq!(policy().await, (StatusState::Error, "the request was merged".to_owned()));
    reviews.0.look(&world.cx, number).await;
    assert!(world.answers()[0].1, "it is approved");
    let live = |status: &Arc<EngineStatus>| {
        let complete = status.complete.as_ref();
        status.phase == Phase::Idle && complete.is_some_and(|live| live.revision.id() == commit.as_str())
    };
    let handle = world.board.handle("site").unwrap();
    let status = EngineStatus::clone(&*handle.status().wait_for(live).await.unwrap().clone());
    let telling = telling_of(&status, None).unwrap();
    reviews.0.tell_forge(&world.cx, &reviews.0.chosen[0], &telling).await.unwrap();
    let (state, text) = policy().await;
    assert!(state == StatusState::Success && text.ends_with("nothing of it waits any more"), "{text}");
    let said = comment().await;
    let shown: Vec<&str> = said.lines().skip_while(|line| line.starts_with("<!--")).collect();
    assert!(shown[0].starts_with("**The request was merged, and nothing of it waits any more.**"), "{said}");
    let writes = world.forge.writes();
    reviews.0.review(&world.cx, number).await;
    assert_eq!(world.forge.writes(), writes, "it is said once");
    world.cx.cancel();
}
