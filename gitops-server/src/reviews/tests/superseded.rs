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
