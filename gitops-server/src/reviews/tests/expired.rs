//! What was said of a request ends by itself: an approval expires, a change window begins.

use gitops_core::Request as Order;

use super::*;

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

async fn policy(world: &World, number: u64) -> StatusState {
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    let found = world.forge.statuses(&world.cx, &head).await.unwrap();
    found.into_iter().find(|status| status.context == "gitops/policy").unwrap().state
}

async fn is_due(world: &World, reviews: &Reviews, number: u64, cx: &Cx) -> bool {
    let mut request = world.forge.change_request(&world.cx, number).await.unwrap();
    // Our own comment is a change too, in the next second perhaps.
    request.updated = reviews.0.seen().get(&number).map_or(request.updated, |seen| seen.updated);
    reviews.0.is_due(cx, &request).1
}

/// A request that Bob approved for five minutes, and what his `/approve` named.
async fn approved(world: &World, reviews: &Reviews) -> (u64, String) {
    let number = world.propose("two", OURS);
    reviews.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    world.says(&world.bob, number, &format!("/approve {effect}")).await;
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    assert_eq!(policy(world, number).await, StatusState::Success);
    (number, effect)
}

fn five_minutes() -> String {
    format!("{GATE}approvals: [{{ name: people, needs: 1, valid_for: 5m }}]\n")
}

/// Met as: the status stayed green for a quarter of an hour after the approval was over.
#[tokio::test]
async fn a_request_is_reviewed_again_in_the_moment_in_which_an_approval_expires() {
    let world = World::with_rules(&five_minutes()).await;
    let reviews = world.reviews();
    let (number, _) = approved(&world, &reviews).await;
    assert!(!is_due(&world, &reviews, number, &later(minutes(4))).await);
    assert!(is_due(&world, &reviews, number, &later(minutes(6))).await);
    reviews.0.review(&later(minutes(6)), number).await;
    assert_eq!(policy(&world, number).await, StatusState::Pending);
    let comment = world.ours(number, "review/").await.concat();
    assert!(comment.contains("expired: bob"), "{comment}");
    assert!(!is_due(&world, &reviews, number, &later(minutes(8))).await, "nothing more ends");
    // Who starts again knows nothing, and reviews all.
    assert!(is_due(&world, &world.reviews(), number, &world.cx).await);
    world.cx.cancel();
}

/// All requests are asked for when the first one is due, however long the pause between two times is.
#[tokio::test]
async fn no_pause_is_longer_than_what_was_said_holds() {
    let world = World::with_rules(&five_minutes()).await;
    let reviews = world.reviews();
    approved(&world, &reviews).await;
    let polled = world.cx.now();
    let next = reviews.0.next_due(&world.cx, polled).unwrap();
    assert!(next <= minutes(5) && next > minutes(3), "{next:?}");
    assert_eq!(reviews.0.next_due(&world.cx, later(minutes(6)).now()), None, "it was reviewed by then");
    world.cx.cancel();
}

#[tokio::test]
async fn a_request_is_reviewed_again_when_a_change_window_begins_or_ends() {
    let world = World::new().await;
    let minute = |after: u64| later(minutes(after)).now().to_string()[..16].to_owned();
    let window = format!(
        "windows: [{{ name: night, zone: UTC, deny: {{ from: \"{}\", to: \"{}\" }} }}]\n",
        minute(5),
        minute(12)
    );
    world.configure(&window);
    let reviews = world.reviews();
    let number = world.propose("two", OURS);
    reviews.0.review(&world.cx, number).await;
    assert!(!is_due(&world, &reviews, number, &later(minutes(3))).await);
    assert!(is_due(&world, &reviews, number, &later(minutes(6))).await, "it begins");
    reviews.0.review(&later(minutes(6)), number).await;
    let comment = world.ours(number, "review/").await.concat();
    assert!(comment.contains("what is merged now waits"), "{comment}");
    assert!(!is_due(&world, &reviews, number, &later(minutes(10))).await);
    assert!(is_due(&world, &reviews, number, &later(minutes(13))).await, "it ends");
    world.cx.cancel();
}

/// Met as: a merged request waited for an approval that it had, and nothing said that this was over.
#[tokio::test]
async fn a_merged_request_that_waits_says_whose_approval_expired() {
    let world = World::with_rules(&five_minutes()).await;
    let reviews = world.reviews();
    let handle = world.board.handle("site").unwrap();
    let (number, _) = approved(&world, &reviews).await;
    // It waits for something else, and meanwhile the approval ends.
    let reason = "incident 17".to_owned();
    handle.request(&world.cx, "alice", Order::Suspend { reason }).await.unwrap();
    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let merged = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, merged).unwrap();
    let after = async |minute: u64| {
        let asked = reviews.0.asked(number);
        let config = &reviews.0.chosen[0];
        asked.after_merge(&later(minutes(minute)), &[config], &nobody()).await.unwrap().remove(0)
    };
    assert_eq!(after(3).await.wanted, Vec::<String>::new());
    let late = after(6).await;
    let said = late.wanted.concat();
    assert!(said.contains("(the approval by bob, ") && said.contains(" expired at "), "{late:?}");
    assert_eq!(late.dropped, None, "it is said once");
    world.cx.cancel();
}
