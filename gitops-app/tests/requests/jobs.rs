//! Jobs of a CI: each run has another address, and two may be at work at one time.

use gitops_core::{Requests, StateDir};

use super::*;

#[tokio::test]
async fn a_run_without_news_leaves_the_link_of_the_run_before_it() {
    let world = World::new();
    world.apply().await.unwrap();
    let number = world.propose(world.on_feature(&[("page", "two\n")]), OURS).number;
    let run = |n: u64| world.told_by(number, move |asked| asked.full_plan(format!("https://ci/runs/{n}")));
    assert!(run(1).await.unwrap().wrote_comment);
    assert!(!run(2).await.unwrap().wrote_comment, "the same plan is there already");
    let comments = world.comments(number).await;
    assert!(comments[0].contains("[Full plan](<https://ci/runs/1>)"), "{comments:?}");
    // Another effect is another comment, with its own run.
    world.forge.push_commit(&world.cx, number, world.on_feature(&[("page", "three\n")])).unwrap();
    assert!(run(3).await.unwrap().wrote_comment);
    assert!(world.comments(number).await[0].contains("[Full plan](<https://ci/runs/"));
    // Whoever may write may edit our comment: the address in it was then taken for ours.
    let ours = world.forge.comments(&world.cx, number, &CommentQuery::default()).await.unwrap().remove(0);
    let body = ours.body.replace("https://ci/", "https://evil/");
    let edit = CommentWrite::Edit { id: ours.id, body };
    world.author.write_comment(&world.cx, number, &edit).await.unwrap();
    assert!(run(4).await.unwrap().wrote_comment);
    let comment = world.comments(number).await.remove(0);
    assert!(comment.contains("[Full plan](<https://ci/runs/4>)") && !comment.contains("evil"), "{comment}");
}

/// Met as: a server and a job with the same configuration wrote over each other's comment at each look, though nothing changed.
#[tokio::test]
async fn a_job_beside_a_server_writes_the_comment_of_the_server_and_no_other() {
    let world = World::new();
    world.apply().await.unwrap();
    let number = world.propose(world.on_feature(&[("page", "two\n")]), OURS).number;
    let server = || {
        world.told_by(number, |asked| asked.answering_commands().full_plan("https://gitops.example.org/1"))
    };
    assert!(server().await.unwrap().wrote_comment);
    let before = world.comments(number).await;
    assert!(before[0].contains("### Commands") && before[0].contains("[Full plan]"), "{before:?}");
    for _ in 0..2 {
        assert!(!world.told(number).await.unwrap().wrote_comment);
        assert!(!server().await.unwrap().wrote_comment);
    }
    assert_eq!(world.comments(number).await, before);
    // What is new says whoever is first.
    world.forge.push_commit(&world.cx, number, world.on_feature(&[("page", "three\n")])).unwrap();
    assert!(world.told(number).await.unwrap().wrote_comment);
    let comment = world.comments(number).await.remove(0);
    assert!(comment.contains("### Commands") && !comment.contains("[Full plan]"), "{comment}");
    assert!(server().await.unwrap().wrote_comment);
    assert!(!world.told(number).await.unwrap().wrote_comment);
}

/// A process that applies once takes up nothing that is asked of it, and ends.
#[tokio::test]
async fn an_approval_that_comes_while_another_job_applies_is_stored_as_soon_as_that_has_ended() {
    let (world, number, bob) = asking().await;
    world.says(&bob, number, &format!("/approve {}", effect(&world, number).await)).await;
    let state = world.path(".gitops/site");
    let at_work = StateDir::open(&state, &world.cx).unwrap();
    let requests = Requests::new(Arc::new(StateDir::peek(&state).unwrap().store_to_ask().unwrap()), "site");
    let ends = async {
        while requests.pending(&world.cx).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        drop(at_work);
    };
    let (told, ()) = tokio::join!(world.told_by(number, Asked::keeping_approvals), ends);
    assert_eq!(told.unwrap().approved, ["site"]);
    assert_eq!(world.stored().await.len(), 1);
    assert!(requests.pending(&world.cx).await.unwrap().is_empty(), "nothing of it is left to be done again");
}
