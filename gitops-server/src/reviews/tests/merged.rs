//! What people say in requests that are merged is found without a webhook.

use futures::FutureExt as _;

use super::*;

/// The looks that are due by a poll, carried out.
async fn polled(world: &World, reviews: &Reviews) -> Vec<u64> {
    polled_at(&world.cx, reviews).await
}

async fn polled_at(cx: &Cx, reviews: &Reviews) -> Vec<u64> {
    reviews.0.poll_once(cx).await.unwrap();
    let mut looked = Vec::new();
    while let Some(turn) = reviews.0.looks.next().now_or_never() {
        reviews.0.look(cx, turn.number).await;
        looked.push(turn.number);
    }
    looked
}

async fn merged(world: &World, reviews: &Reviews) -> u64 {
    let number = world.propose("two", OURS);
    reviews.0.review(&world.cx, number).await;
    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, commit).unwrap();
    reviews.0.review(&world.cx, number).await;
    number
}

/// Met as: nobody ever answered `/rollback` in the request that had brought the bad commit.
#[tokio::test]
async fn a_command_in_a_merged_request_of_which_nothing_waits_is_answered_by_a_poll() {
    let world = World::new().await;
    let reviews = world.reviews();
    let number = merged(&world, &reviews).await;
    polled(&world, &reviews).await;
    polled_at(&later(Duration::from_secs(2)), &reviews).await;
    let minute = later(Duration::from_secs(60));
    world.says_at(&minute, &world.bob, number, "/apply").await;
    assert!(polled_at(&minute, &reviews).await.contains(&number));
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("looks at once: site"), "{said}");
    world.cx.cancel();
}

/// What a stopped server had not seen is found by the next one, and one that stood long ago is not.
#[tokio::test]
async fn a_command_that_no_process_saw_is_answered_by_the_next_one() {
    let world = World::new().await;
    let number = merged(&world, &world.reviews()).await;
    world.says(&world.bob, number, "/apply").await;
    let much_later = later(Duration::from_secs(48 * 3600));
    assert_eq!(polled_at(&much_later, &world.reviews()).await, [] as [u64; 0]);
    assert!(polled(&world, &world.reviews()).await.contains(&number));
    assert!(world.ours(number, "answers/").await.concat().contains("looks at once: site"));
    world.cx.cancel();
}

/// The forge counts in seconds: what is said in the second of a look is found by one that comes after it. Then nobody looks again.
#[tokio::test]
async fn a_merged_request_that_changed_is_looked_at_twice_and_then_left_alone() {
    let world = World::new().await;
    let reviews = world.reviews();
    let number = merged(&world, &reviews).await;
    let looks = |seconds| {
        let (cx, reviews) = (later(Duration::from_secs(seconds)), &reviews);
        async move { polled_at(&cx, reviews).await }
    };
    assert!(looks(0).await.contains(&number));
    assert!(looks(2).await.contains(&number));
    assert_eq!((looks(4).await, looks(600).await), (vec![], vec![]));
    world.cx.cancel();
}
