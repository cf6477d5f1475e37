//! Approvals on a forge that does not tell whether a comment was edited in the second in which it was written.

use gitops_app::forge::AsWritten;

use super::same_time::{GATE, Still};
use super::*;

/// A request that waits for an approval, and the command that gives it.
async fn begun() -> (World, Reviews, u64, String) {
    let mut world = World::with(GATE).await;
    world.forge = world.forge.clone().telling_no_edits();
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap();
    (world, reviews, number, format!("/approve {effect}"))
}

/// Bob writes something; Alice makes something else of it before the second is over.
async fn forged(world: &World, number: u64, said: &str, made: &str) -> String {
    let cx = Cx::new(Arc::new(Still(System.now())), Arc::new(System));
    let id = world.says_at(&cx, &world.bob, number, said).await;
    let edit = CommentWrite::Edit { id: id.clone().into(), body: made.to_owned() };
    let now = world.alice.write_comment(&cx, number, &edit).await.unwrap().unwrap();
    assert_eq!(now.created, now.updated, "nothing tells that it was edited");
    id
}

async fn seen(world: &World, reviews: &Reviews, number: u64) -> Vec<(String, bool, String)> {
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    world.answers()
}

/// Met as: the author of a request made an approval of what a reviewer had just written.
#[tokio::test]
async fn what_somebody_made_of_a_comment_within_its_second_is_not_taken_up_until_its_writer_confirms_it() {
    let (world, reviews, number, approve) = begun().await;
    let id = forged(&world, number, "I am looking at it", &approve).await;
    let late = later(Duration::from_secs(5));
    world.alice.reactions().unwrap().react(&late, number, &id, Reaction::ThumbsUp).await.unwrap();
    for _ in 0..2 {
        assert_eq!(seen(&world, &reviews, number).await, []);
        let said = world.ours(number, "answers/").await.concat();
        assert!(said.contains("Put a 👍 on your own comment"), "{said}");
    }
    let writes = world.forge.writes();
    assert_eq!(reviews.0.memory.unfinished(&world.cx).await.unwrap(), [number], "polls look for it");
    assert_eq!((seen(&world, &world.reviews(), number).await, world.forge.writes()), (vec![], writes));
    // His own emoji is of what stands there.
    world.bob.reactions().unwrap().react(&late, number, &id, Reaction::ThumbsUp).await.unwrap();
    let answers = seen(&world, &reviews, number).await;
    assert!(
        answers.len() == 1 && answers[0].1 && answers[0].2.starts_with("approved, and stored"),
        "{answers:?}"
    );
    assert!(!world.ours(number, "answers/").await.concat().contains("to be confirmed"));
    assert!(reviews.0.memory.unfinished(&world.cx).await.unwrap().is_empty());
    world.cx.cancel();
}

/// A webhook has what was written, whatever stands there when it is asked for.
#[tokio::test]
async fn a_comment_that_a_webhook_told_of_needs_no_confirmation_and_counts_after_a_restart_too() {
    let (world, reviews, number, approve) = begun().await;
    let id = forged(&world, number, "I am looking at it", &approve).await;
    reviews.0.written().learn(&id, "I am looking at it");
    assert_eq!(seen(&world, &reviews, number).await, []);
    let id = world.says(&world.bob, number, &approve).await;
    reviews.0.written().learn(&id, &format!("{approve}\r\n"));
    let answers = seen(&world, &reviews, number).await;
    assert!(
        answers.len() == 1 && answers[0].1 && answers[0].2.starts_with("approved, and stored"),
        "{answers:?}"
    );
    let again = world.reviews();
    assert_eq!(seen(&world, &again, number).await, []);
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    let found = world.forge.statuses(&world.cx, &head).await.unwrap();
    let policy = found.into_iter().find(|status| status.context == "gitops/policy").unwrap();
    assert_eq!(policy.state, StatusState::Success, "it is stored, and stands");
    world.cx.cancel();
}

#[test]
fn of_many_comments_the_first_are_forgotten() {
    let mut known = AsWritten::default();
    (1..=150).for_each(|id| known.learn(&id.to_string(), "text"));
    assert!(known.of("50").is_none() && known.of("51").is_some() && known.of("150").is_some());
}

/// Each made the server ask once more with every look, and the answers longer than the forge takes.
#[tokio::test]
async fn what_a_stranger_approves_is_refused_at_once_and_not_to_be_confirmed() {
    let (world, reviews, number, approve) = begun().await;
    let mallory = world.forge.acting_as(&world.forge.join("mallory", Permission::Read));
    for _ in 0..400 {
        world.says(&mallory, number, &approve).await;
    }
    let answers = seen(&world, &reviews, number).await;
    assert!(answers.len() == 10 && answers.iter().all(|(_, done, _)| !done), "{answers:?}");
    assert!(answers[0].2.contains("only who may write"), "{answers:?}");
    assert!(reviews.0.memory.unfinished(&world.cx).await.unwrap().is_empty());
    assert!(!world.ours(number, "answers/").await.concat().contains("to be confirmed"));
    world.cx.cancel();
}
