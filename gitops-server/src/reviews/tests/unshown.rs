//! What a process had done and not shown, or begun and not ended, when it was stopped: the next one ends it, also where nobody
//! does anything to the request any more.

use futures::FutureExt;

use super::super::memory::{Entry, Stage};
use super::same_time::GATE;
use super::*;

/// What a process leaves behind that is stopped in the middle of a command.
async fn leave(world: &World, number: u64, comment: &str, command: &str, stage: Stage) {
    let entry = Entry {
        comment: comment.to_owned(),
        nth: 0,
        at: world.cx.now(),
        by: "bob".to_owned(),
        command: command.to_owned(),
        stage: Stage::Begun,
    };
    let reviews = world.reviews();
    let note = |page: &mut memory::Page| {
        page.asked.push(entry.clone());
        if let Stage::Answered { is_done, text } = &stage {
            page.answer(comment, 0, *is_done, text);
        }
    };
    reviews.0.memory.change(&world.cx, number, note).await.unwrap();
}

/// A request that was reviewed and merged, of which nothing is left to be told.
async fn merged(world: &World) -> u64 {
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    merge(world, number);
    reviews.0.review(&world.cx, number).await;
    number
}

/// The looks that a poll of the next process wants, carried out.
async fn next_process(world: &World) -> Vec<u64> {
    let reviews = world.reviews();
    reviews.0.poll_once(&world.cx).await.unwrap();
    let mut looked = Vec::new();
    while let Some(turn) = reviews.0.looks.next().now_or_never() {
        reviews.0.look(&world.cx, turn.number).await;
        looked.push(turn.number);
    }
    looked
}

/// Whether a further process finds nothing to say.
async fn is_quiet(world: &World) -> bool {
    let writes = world.forge.writes();
    next_process(world).await;
    world.forge.writes() == writes
}

/// Met as: a server was stopped between its answer and the comment with it, and the request was merged before the next one came.
#[tokio::test]
async fn an_answer_that_was_not_shown_is_shown_by_the_next_process_although_the_request_is_over() {
    let world = World::new().await;
    let number = merged(&world).await;
    let comment = world.says(&world.bob, number, "/plan").await;
    let answered = Stage::Answered { is_done: true, text: "planned: ready".to_owned() };
    leave(&world, number, &comment, "/plan", answered).await;
    assert_eq!(next_process(&world).await, [number]);
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("planned: ready"), "{said}");
    assert!(is_quiet(&world).await);
    world.cx.cancel();
}

#[tokio::test]
async fn a_command_that_was_begun_in_a_merged_request_is_answered_by_the_next_process() {
    let world = World::new().await;
    let number = merged(&world).await;
    let comment = world.says(&world.bob, number, "/rollback site").await;
    leave(&world, number, &comment, "/rollback site", Stage::Begun).await;
    assert_eq!(next_process(&world).await, [number]);
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("the server stopped while it carried this out"), "{said}");
    assert!(is_quiet(&world).await);
    world.cx.cancel();
}

#[tokio::test]
async fn a_command_that_was_begun_and_stands_nowhere_any_more_is_given_up_once() {
    let world = World::new().await;
    let number = merged(&world).await;
    leave(&world, number, "4711", "/apply", Stage::Begun).await;
    assert_eq!(next_process(&world).await, [number]);
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("its comment is gone or too old"), "{said}");
    assert!(is_quiet(&world).await);

    let closed = world.propose("three", OURS);
    let comment = world.says(&world.bob, closed, "/plan").await;
    leave(&world, closed, &comment, "/plan", Stage::Begun).await;
    world.forge.close(closed).unwrap();
    assert!(next_process(&world).await.contains(&closed));
    let said = world.ours(closed, "answers/").await.concat();
    assert!(said.contains("the request was closed since"), "{said}");
    assert!(is_quiet(&world).await);
    world.cx.cancel();
}

/// A request that waits for an approval, whose `/approve` was seen and not reviewed.
async fn approved(world: &World) -> (u64, Reviews) {
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap();
    world.says(&world.bob, number, &format!("/approve {effect}")).await;
    reviews.0.look(&world.cx, number).await;
    (number, reviews)
}

fn merge(world: &World, number: u64) {
    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, commit).unwrap();
}

/// Met as: what waited was told anew, by which the approval was stored and applied; then its own comment was looked at, and refused.
#[tokio::test]
async fn an_approval_after_the_merge_that_whoever_told_of_it_stored_is_answered_with_that() {
    let world = World::with(GATE).await;
    let reviews = world.reviews();
    let number = world.propose("two", OURS);
    reviews.0.review(&world.cx, number).await;
    merge(&world, number);
    reviews.0.review(&world.cx, number).await;
    let mut status = world.board.handle("site").unwrap().status();
    let commit = world.git(&["rev-parse", "main"]);
    let waits = |status: &Arc<EngineStatus>| {
        let is_of = status.revision.as_ref().is_some_and(|at| at.id() == commit);
        is_of && !status.awaits_approval.is_empty() && status.phase == Phase::Idle
    };
    status.wait_for(waits).await.map(drop).unwrap();
    let after = async || {
        let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
        let asked = reviews.0.asked_of(number, &page);
        asked.after_merge(&world.cx, &reviews.0.chosen(), &nobody()).await.unwrap().remove(0)
    };
    let effect = after().await.effect.name();
    world.says(&world.bob, number, &format!("/approve {effect}")).await;
    assert!(after().await.approved_by.is_some(), "who tells of it stores it");
    let live = |status: &Arc<EngineStatus>| {
        status.complete.as_ref().is_some_and(|complete| complete.revision.id() == commit)
    };
    status.wait_for(live).await.map(drop).unwrap();
    world.told();
    reviews.0.look(&world.cx, number).await;
    let answer = "approved, and stored before this was answered".to_owned();
    assert_eq!(world.answers(), [("bob".to_owned(), true, answer)]);
    world.cx.cancel();
}

/// Met as: a server stored an approval and was stopped, the request was merged, and the next server refused the approval by which it
/// had just applied the merge.
#[tokio::test]
async fn an_approval_that_was_stored_and_not_answered_is_not_refused_after_the_merge() {
    let world = World::with(GATE).await;
    let (number, reviews) = approved(&world).await;
    let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
    let (applications, chosen) = (reviews.0.applications(), reviews.0.chosen());
    let document = |_: &_, _: &_| String::new();
    let asked = reviews.0.asked_of(number, &page);
    let told = asked.review(&world.cx, &applications, &chosen, &nobody(), document).await.unwrap();
    assert_eq!(told.approved, ["site"]);
    merge(&world, number);
    let mut status = world.board.handle("site").unwrap().status();
    let commit = world.git(&["rev-parse", "main"]);
    let live = |status: &Arc<EngineStatus>| {
        status.complete.as_ref().is_some_and(|complete| complete.revision.id() == commit)
    };
    status.wait_for(live).await.map(drop).unwrap();

    world.told();
    world.reviews().0.review(&world.cx, number).await;
    let answer = (true, "approved, and stored before the request was over".to_owned());
    assert_eq!(world.answers(), [("bob".to_owned(), answer.0, answer.1)]);
    assert!(is_quiet(&world).await);
    world.cx.cancel();
}

#[tokio::test]
async fn an_approval_that_nobody_had_judged_counts_for_what_the_merge_waits_for() {
    let world = World::with(GATE).await;
    let (number, _) = approved(&world).await;
    merge(&world, number);
    let mut status = world.board.handle("site").unwrap().status();
    let waits = |status: &Arc<EngineStatus>| !status.awaits_approval.is_empty();
    status.wait_for(waits).await.map(drop).unwrap();

    world.told();
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    while let Some(turn) = reviews.0.looks.next().now_or_never() {
        reviews.0.look(&world.cx, turn.number).await;
    }
    assert_eq!(world.answers(), [("bob".to_owned(), true, "approved by bob: `site` goes on".to_owned())]);
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("approved by bob"), "{said}");
    world.cx.cancel();
}

/// Met as: a poll took the approval up, and the answer to it was that nothing more was to be approved, or a no where the branch had moved
/// meanwhile; a no counts for nothing later.
#[tokio::test]
async fn an_approval_that_an_earlier_review_took_up_is_answered_as_such_whatever_the_request_is_by_then() {
    for moves in [false, true] {
        let world = World::with(GATE).await;
        let (number, reviews) = approved(&world).await;
        let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
        let document = |_: &_, _: &_| String::new();
        let (applications, chosen) = (reviews.0.applications(), reviews.0.chosen());
        let asked = reviews.0.asked_of(number, &page);
        let told = asked.review(&world.cx, &applications, &chosen, &nobody(), document).await.unwrap();
        let note = |page: &mut memory::Page| page.count(told.counted.iter().cloned());
        reviews.0.memory.change(&world.cx, number, note).await.unwrap();
        if moves {
            world.commit("a conflict");
        }
        world.told();
        reviews.0.review(&world.cx, number).await;
        let answers = world.answers();
        let stored = "approved, and stored for after the merge";
        let said = if moves { format!("{stored}; the request is now: failed") } else { stored.to_owned() };
        assert_eq!(answers, [("bob".to_owned(), true, said)]);
        let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
        assert!(page.refused.is_empty(), "it counts later too");
        world.cx.cancel();
    }
}
