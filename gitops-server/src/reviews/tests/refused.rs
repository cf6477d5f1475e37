//! What was answered with a no stays a no, and what counts is answered with a yes.

use super::*;

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

const TWO: &str = "approvals: [{ name: people, needs: 2 }]\n";

/// The one answer to what was commented just now.
async fn answered(world: &World, reviews: &Reviews, number: u64) -> (bool, String) {
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    let mut answers = world.answers();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let (_, done, answer) = answers.remove(0);
    (done, answer)
}

async fn effect(world: &World, number: u64) -> String {
    let comment = world.ours(number, "review/").await.concat();
    comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned()
}

async fn policy(world: &World, number: u64) -> StatusState {
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    let found = world.forge.statuses(&world.cx, &head).await.unwrap();
    found.into_iter().find(|status| status.context == "gitops/policy").unwrap().state
}

/// Whoever got the right to write later had approved with it what they were refused to approve before.
#[tokio::test]
async fn an_approval_that_was_refused_does_not_count_once_its_writer_may_write() {
    let world = World::with(GATE).await;
    let number = world.propose("two", OURS);
    let dave = world.forge.join("dave", Permission::Read);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let approve = format!("/approve {}", effect(&world, number).await);
    let dave_says = world.forge.acting_as(&dave);
    world.says(&dave_says, number, &approve).await;
    let (done, answer) = answered(&world, &reviews, number).await;
    assert!(!done && answer.contains("only who may write"), "{answer}");

    world.forge.permit(&dave, Permission::Write);
    // Also after a restart, and after many other commands.
    for nth in 0..12 {
        world.says(&world.bob, number, &format!("/why page{nth}")).await;
    }
    for reviews in [&reviews, &world.reviews()] {
        reviews.0.look(&world.cx, number).await;
        reviews.0.review(&world.cx, number).await;
        reviews.0.look(&later(Duration::from_secs(49 * 3600)), number).await;
        reviews.0.review(&world.cx, number).await;
        assert_eq!(policy(&world, number).await, StatusState::Pending);
    }
    world.told();
    world.says(&dave_says, number, &approve).await;
    let (done, answer) = answered(&world, &reviews, number).await;
    assert!(done && answer.starts_with("approved, and stored"), "{answer}");
    assert_eq!(policy(&world, number).await, StatusState::Success);
    world.cx.cancel();
}

/// The first of two approvals was answered with a thumb down, and counted.
#[tokio::test]
async fn an_approval_that_is_not_enough_alone_counts_and_says_so() {
    let world = World::with_rules(TWO).await;
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let approve = format!("/approve {}", effect(&world, number).await);
    world.says(&world.bob, number, &approve).await;
    let (done, answer) = answered(&world, &reviews, number).await;
    assert!(done && answer.starts_with("it counts; the request is still"), "{answer}");
    assert_eq!(policy(&world, number).await, StatusState::Pending);
    let carol = world.forge.acting_as(&world.forge.join("carol", Permission::Write));
    world.says(&carol, number, &approve).await;
    let (done, answer) = answered(&world, &reviews, number).await;
    assert!(done && answer.starts_with("approved, and stored"), "{answer}");
    world.cx.cancel();
}

/// Both were answered with the same words, and so was an approval that does not count.
#[tokio::test]
async fn an_approval_too_many_says_whether_the_request_is_approved_or_needs_nobody() {
    let world = World::with(GATE).await;
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let approve = format!("/approve {}", effect(&world, number).await);
    world.says(&world.bob, number, &approve).await;
    answered(&world, &reviews, number).await;
    let carol = world.forge.acting_as(&world.forge.join("carol", Permission::Write));
    world.says(&carol, number, &approve).await;
    let (done, answer) = answered(&world, &reviews, number).await;
    assert!(done && answer.starts_with("it is approved already, by bob"), "{answer}");
    world.says(&world.alice, number, &approve).await;
    let (done, answer) = answered(&world, &reviews, number).await;
    let expected =
        "it does not count: the author's own approval does not count; it is approved already, by bob";
    assert!(!done && answer.starts_with(expected), "{answer}");
    world.cx.cancel();

    let world = World::new().await;
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    world.says(&world.bob, number, &approve).await;
    let (done, answer) = answered(&world, &reviews, number).await;
    assert!(done && answer == "nothing in it has to be approved", "{answer}");
    world.cx.cancel();
}

/// The same after the merge: what was answered with a no names nothing that may be done later.
#[tokio::test]
async fn an_approval_of_what_does_not_wait_does_not_count_once_that_waits() {
    let world = World::with(GATE).await;
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, commit).unwrap();
    let after = async || {
        let refused = reviews.0.memory.page(&world.cx, number).await.unwrap().refused;
        let asked = reviews.0.asked(number).without(refused);
        asked.after_merge(&world.cx, &reviews.0.chosen(), &nobody()).await.unwrap().remove(0)
    };
    let named = after().await.effect.name();
    world.commit("three");
    let approve = format!("/approve {named}");
    world.says(&world.bob, number, &approve).await;
    reviews.0.look(&world.cx, number).await;
    let (_, done, answer) = world.answers().remove(0);
    assert!(!done && answer.contains("waits for the approval of"), "{answer}");
    // The branch goes back to what was named.
    world.commit("two");
    let found = after().await;
    assert_eq!((found.effect.name(), found.approved_by, found.wanted.len()), (named, None, 1));
    world.says(&world.bob, number, &approve).await;
    reviews.0.look(&world.cx, number).await;
    let (_, done, answer) = world.answers().remove(0);
    assert!(done && answer.starts_with("approved by bob"), "{answer}");
    world.cx.cancel();
}

/// Whoever may comment had the server forget what it remembered of other requests.
#[tokio::test]
async fn a_stranger_who_writes_many_commands_makes_nothing_forgotten() {
    let world = World::with(GATE).await;
    let number = world.propose("two", OURS);
    let dave = world.forge.acting_as(&world.forge.join("dave", Permission::Read));
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let approve = format!("/approve {}", effect(&world, number).await);
    let refused = world.says(&dave, number, &approve).await;
    answered(&world, &reviews, number).await;

    let other = world.propose("three", OURS);
    let many = format!("/why {}\n", "x".repeat(990)).repeat(10);
    for _ in 0..40 {
        world.says(&dave, other, &many).await;
    }
    let late = world.says(&dave, other, &approve).await;
    reviews.0.look(&world.cx, other).await;
    assert_eq!(world.answers().len(), 10, "a few are answered");
    let page = reviews.0.memory.page(&world.cx, other).await.unwrap();
    assert!(page.asked.len() == 10 && page.asked.iter().all(|entry| entry.command.len() < 400));
    assert_eq!(page.refused, [late], "what is not answered counts for nothing either");
    let before = reviews.0.memory.page(&world.cx, number).await.unwrap();
    assert!(before.refused == [refused] && before.head.is_some(), "{before:?}");

    let writes = world.forge.writes();
    reviews.0.look(&world.cx, other).await;
    assert_eq!((world.answers().len(), world.forge.writes()), (0, writes), "they are done with");
    world.says(&world.bob, other, "/why page").await;
    reviews.0.look(&world.cx, other).await;
    let by_bob = world.answers();
    assert!(by_bob.len() == 1 && by_bob[0].0 == "bob", "{by_bob:?}");
    world.cx.cancel();
}

/// Met as: a command without what it needs was listed as `?`, and a slip had no answer.
#[tokio::test]
async fn a_wrong_command_is_named_as_it_was_typed_and_a_slip_is_answered_with_the_right_one() {
    let world = World::new().await;
    let number = world.propose("two", OURS);
    for command in ["/approve", "/aprove @everybody `x`", "/close", "/unlock token=s3cr3t x"] {
        world.says(&world.bob, number, command).await;
    }
    let reviews = world.reviews();
    reviews.0.look(&world.cx, number).await;
    let answers = world.answers();
    assert!(answers.len() == 3 && answers.iter().all(|(_, done, _)| !done), "{answers:?}");
    assert!(answers[1].2.contains("did you mean `approve`?"), "{answers:?}");
    let said = world.ours(number, "answers/").await.concat();
    for expected in ["`bob`: `/approve`\n", "`bob`: `` /aprove @everybody `x` ``\n"] {
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
    assert!(!said.contains("`?`") && !said.contains("/close"), "{said}");
    reviews.0.look(&world.cx, number).await;
    assert_eq!(world.answers(), [], "once");
    world.cx.cancel();
}
