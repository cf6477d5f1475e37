//! What is left of a rollback that nobody asked for, after the pin.

use gitops_app::rollback::{Step, Watch};
use gitops_core::{ErrorKind, PinExpect, Request};
use gitops_forge::{CommitStatus, RequestQuery};

use super::*;

#[tokio::test]
async fn a_rollback_goes_on_after_each_step_and_never_opens_a_closed_request_again() {
    let world = World::new().await;
    let good = world.git(&["rev-parse", "main"]);
    let bad = world.commit("two");
    let handle = world.board.handle("site").unwrap();
    let is_live = async |commit: &str| {
        let live = |status: &Arc<EngineStatus>| {
            status.complete.as_ref().is_some_and(|complete| complete.revision.id() == commit)
        };
        handle.status().wait_for(live).await.map(drop).unwrap();
    };
    is_live(bad.as_str()).await;
    // The forge knows the bad commit, and a branch as the one that is pushed.
    world.propose("three", OURS);
    let branch = format!("gitops/revert-site-{}", &bad.as_str()[..12]);
    world.forge.branch(&branch);
    let revision = gitops_core::Revision::new(good.clone(), good.clone());
    let pin = Request::pin(revision);
    handle.request(&world.cx, &format!("automatic rollback of {bad}"), pin).await.unwrap();
    is_live(&good).await;
    let automatic = handle.status().borrow().pinned.clone().unwrap();

    let config = world.applications().all.remove(0);
    let step = async || {
        // Each time by another process, as after a kill.
        let watch = Watch::new(&world.cx, &config, handle.clone(), None);
        Box::pin(watch.on(Arc::new(world.forge.clone()), "gitops").step(&world.cx)).await.unwrap()
    };
    let Some(Step::Opened { request, .. }) = step().await else { panic!("nothing was opened") };
    let between = RequestQuery::Between { head: branch.clone(), base: "main".to_owned() };
    let open = world.forge.change_requests(&world.cx, &between).await.unwrap();
    assert_eq!((open.len(), format!("#{}", open[0].number)), (1, request));
    let said = world.forge.statuses(&world.cx, &bad).await.unwrap().remove(0);
    assert_eq!((said.context.as_str(), said.state), ("gitops/rollback/site", StatusState::Failure));
    let writes = world.forge.writes();
    assert!(matches!(step().await, Some(Step::Opened { .. })));
    assert_eq!(world.forge.writes(), writes, "nothing is made twice");

    // A person suspends it: nothing is done, not even that.
    let reason = "incident 17".to_owned();
    handle.request(&world.cx, "alice", Request::Suspend { reason }).await.unwrap();
    let suspended = |status: &Arc<EngineStatus>| status.suspended.is_some();
    handle.status().wait_for(suspended).await.map(drop).unwrap();
    assert_eq!(step().await, None);
    handle.request(&world.cx, "alice", Request::Resume).await.unwrap();
    handle.status().wait_for(|status| status.suspended.is_none()).await.map(drop).unwrap();

    // A person closes the request: it stays closed, and the application stays where it is. The bad commit says so, once.
    world.forge.close(open[0].number).unwrap();
    for _ in 0..2 {
        let Some(Step::Stopped { why }) = step().await else { panic!("it goes on") };
        assert!(why.contains("was closed without being merged"), "{why}");
    }
    assert_eq!(world.forge.writes(), writes + 1);
    let said = world.forge.statuses(&world.cx, &bad).await.unwrap().remove(0).description;
    assert!(
        said.contains(&format!("#{} was closed without a merge: open it again", open[0].number)),
        "{said}"
    );
    assert_eq!(world.forge.change_requests(&world.cx, &between).await.unwrap(), []);

    // What takes it back lands in another way: the branch is followed again.
    world.git(&["merge", "-q", "--ff-only", &branch]);
    assert_eq!(step().await, Some(Step::Followed));
    let reverted = world.git(&["rev-parse", "main"]);
    is_live(&reverted).await;
    assert_eq!(handle.status().borrow().pinned, None);
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one");
    assert_eq!(step().await, None, "without `rollback:` nothing is judged");

    // A person pins it in the moment before another rollback begins by itself, or ends: what the person said counts.
    let to = |commit: &str| gitops_core::Revision::new(commit, commit);
    handle.request(&world.cx, "alice", Request::pin(to(&reverted))).await.unwrap();
    let late = [
        Request::Pin { revision: to(&good), expect: PinExpect::Followed },
        Request::Unpin { expect: PinExpect::still(&automatic) },
    ];
    for late in late {
        let refused = handle.request(&world.cx, "automatic rollback", late).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Denied);
        assert!(refused.to_string().contains("by alice meanwhile"), "{refused}");
    }
    let pinned = handle.status().borrow().pinned.clone().unwrap();
    assert_eq!((pinned.by.as_str(), pinned.revision.id()), ("alice", &*reverted));
    handle.request(&world.cx, "bo", Request::Unpin { expect: PinExpect::still(&pinned) }).await.unwrap();
    let reason = "incident 18".to_owned();
    handle.request(&world.cx, "alice", Request::Suspend { reason }).await.unwrap();
    let late = Request::Pin { revision: to(&good), expect: PinExpect::Followed };
    let refused = handle.request(&world.cx, "automatic rollback", late).await.unwrap_err();
    assert!(refused.to_string().contains("suspended by alice meanwhile"), "{refused}");
    world.cx.cancel();
}

/// Whoever may push knows what the branch of the way back will be called.
#[tokio::test]
async fn a_request_of_somebody_who_took_the_branch_first_is_not_the_way_back() {
    let world = World::new().await;
    let good = world.git(&["rev-parse", "main"]);
    let bad = world.commit("two");
    let handle = world.board.handle("site").unwrap();
    let live = |status: &Arc<EngineStatus>| {
        status.complete.as_ref().is_some_and(|complete| complete.revision.id() == bad.as_str())
    };
    handle.status().wait_for(live).await.map(drop).unwrap();
    let branch = format!("gitops/revert-site-{}", &bad.as_str()[..12]);
    world.git(&["checkout", "-q", "-b", &branch]);
    let other = world.commit("three");
    world.git(&["checkout", "-q", "main"]);
    let at = |name: &str, commit: &CommitId| {
        Branch::new(name, commit.clone(), Some(RepositoryPath::parse(OURS).unwrap()))
    };
    let taken = world
        .alice
        .propose_between(&world.cx, "Take site back", at(&branch, &other), at("main", &bad))
        .number;

    let config = world.applications().all.remove(0);
    let to = gitops_core::Revision::new(good.clone(), good);
    let said = world.reviews().0.take_back(&world.cx, &config, &to).await.unwrap();
    assert!(said.starts_with("No request takes back what came after it"), "{said}");
    assert!(said.contains(&format!("the branch `{branch}` is there with another commit")), "{said}");
    assert!(!said.contains(&format!("Request {taken}")), "{said}");
    world.cx.cancel();
}

/// Met as: the answer and the status named a request that somebody had closed, as if it were still to be merged.
#[tokio::test]
async fn a_rollback_says_that_its_request_was_closed_and_what_to_do() {
    let world = World::new().await;
    let second = world.commit("two");
    let handle = world.board.handle("site").unwrap();
    let live = |status: &Arc<EngineStatus>| {
        status.complete.as_ref().is_some_and(|complete| complete.revision.id() == second.as_str())
    };
    handle.status().wait_for(live).await.map(drop).unwrap();
    let number = world.propose("three", OURS);
    let branch = format!("gitops/revert-site-{}", &second.as_str()[..12]);
    world.forge.branch(&branch);
    let reviews = world.reviews();
    world.says(&world.bob, number, "/rollback site").await;
    reviews.0.look(&world.cx, number).await;
    let between = RequestQuery::Between { head: branch.clone(), base: "main".to_owned() };
    let revert = world.forge.change_requests(&world.cx, &between).await.unwrap().remove(0).number;
    let said = async || world.ours(number, "answers/").await.concat();
    assert!(said().await.contains(&format!("Request {revert} takes back what came after it")));
    reviews.0.review(&world.cx, revert).await;

    world.forge.close(revert).unwrap();
    // By the next server, which finds that it is closed.
    let next = world.reviews();
    next.0.poll_once(&world.cx).await.unwrap();
    next.0.review(&world.cx, revert).await;
    let closed = format!("Request {revert}, which takes back what came after it, was closed without a merge");
    let text = said().await;
    assert!(text.contains(&closed) && text.contains("open it again, or mend the branch"), "{text}");
    assert!(!text.contains("once that is merged"), "{text}");
    let writes = world.forge.writes();
    next.0.review(&world.cx, revert).await;
    assert_eq!(world.forge.writes(), writes, "it is said once");
    let config = world.applications().all.remove(0);
    let watch = Watch::new(&world.cx, &config, handle.clone(), None);
    Box::pin(watch.on(Arc::new(world.forge.clone()), "gitops").step(&world.cx)).await.unwrap();
    let status = world.forge.statuses(&world.cx, &second).await.unwrap().remove(0);
    assert_eq!((status.context.as_str(), status.state), ("gitops/rollback/site", StatusState::Failure));
    let closed = format!("#{revert} was closed without a merge: open it again");
    assert!(status.description.contains(&closed), "{status:?}");

    // It is opened again, and all is as it was said first.
    let mut request = world.forge.change_request(&world.cx, revert).await.unwrap();
    request.state = gitops_forge::RequestState::Open;
    next.0.say_of_revert(&world.cx, &request).await.unwrap();
    assert!(said().await.contains(&format!("Request {revert} takes back what came after it; once")));
    world.cx.cancel();
}

/// Met as: the second one named a reason that was none, and the request that the first had not opened stayed away.
#[tokio::test]
async fn a_second_rollback_says_who_went_back_and_opens_the_request_that_is_missing() {
    let world = World::new().await;
    let first = world.git(&["rev-parse", "main"]);
    let second = world.commit("two");
    let third = world.commit("three");
    let handle = world.board.handle("site").unwrap();
    let is_live = async |commit: &str| {
        let live = |status: &Arc<EngineStatus>| {
            status.complete.as_ref().is_some_and(|complete| complete.revision.id() == commit)
        };
        handle.status().wait_for(live).await.map(drop).unwrap();
    };
    is_live(third.as_str()).await;
    let number = world.propose("four", OURS);
    let reviews = world.reviews();
    let rolled_back = async |command: &str| {
        world.says(&world.bob, number, command).await;
        reviews.0.look(&world.cx, number).await;
        let (_, done, answer) = world.answers().pop().unwrap();
        (done, answer)
    };
    // The forge does not know the branch of the way back, so that no request is opened.
    let branch = format!("gitops/revert-site-{}", &third.as_str()[..12]);
    world.git(&["branch", &branch, "main"]);
    let (done, answer) = rolled_back(&format!("/rollback site {first}")).await;
    assert!(done && answer.contains("No request takes back what came after it"), "{answer}");
    is_live(&first).await;
    let pinned = handle.status().borrow().pinned.clone().unwrap();
    world.git(&["branch", "-D", &branch]);
    world.forge.branch(&branch);
    let between = RequestQuery::Between { head: branch.clone(), base: "main".to_owned() };
    for again in ["/rollback site", &format!("/rollback site {first}"), "/rollback site"] {
        let (done, answer) = rolled_back(again).await;
        let expected =
            format!("is pinned to {} already, by bob (gitea platform/site#{number} ", pinned.revision);
        assert!(done && answer.contains(&expected), "{answer}");
        let open = world.forge.change_requests(&world.cx, &between).await.unwrap();
        assert!(answer.contains(&format!("Request {} takes back", open[0].number)), "{answer}");
        assert_eq!(open.len(), 1);
        assert_eq!(handle.status().borrow().pinned.as_ref(), Some(&pinned), "it is the same pin");
    }
    // Another revision is another order.
    let (done, answer) = rolled_back(&format!("/rollback site {second}")).await;
    assert!(done && answer.contains("is pinned to") && !answer.contains("already"), "{answer}");
    world.cx.cancel();
}

/// Who holds an application where it is has not gone back: a rollback goes to the last good revision from there.
#[tokio::test]
async fn a_rollback_goes_back_from_where_somebody_holds_the_application() {
    let world = World::new().await;
    let first = world.git(&["rev-parse", "main"]);
    let second = world.commit("two");
    let handle = world.board.handle("site").unwrap();
    let is_live = async |commit: &str| {
        let live = |status: &Arc<EngineStatus>| {
            status.complete.as_ref().is_some_and(|complete| complete.revision.id() == commit)
        };
        handle.status().wait_for(live).await.map(drop).unwrap();
    };
    is_live(second.as_str()).await;
    let hold = Request::pin(Revision::new(second.as_str(), second.as_str()));
    handle.request(&world.cx, "carol", hold).await.unwrap();
    let number = world.propose("three", OURS);
    let reviews = world.reviews();
    world.says(&world.bob, number, "/rollback site").await;
    reviews.0.look(&world.cx, number).await;
    let answers = world.answers();
    assert!(answers[0].1 && !answers[0].2.contains("already"), "{answers:?}");
    is_live(&first).await;
    world.cx.cancel();
}

/// Reviewers saw the whole of it alone.
#[tokio::test]
async fn a_rollback_goes_to_no_commit_of_a_request_that_was_merged_whole() {
    let world = World::new().await;
    let first = world.git(&["rev-parse", "main"]);
    let number = world.propose("evil", OURS);
    let evil = world.git(&["rev-parse", "feature"]);
    world.git(&["checkout", "-q", "feature"]);
    world.commit("two");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    let merged = world.git(&["rev-parse", "main"]);
    let handle = world.board.handle("site").unwrap();
    let live = |status: &Arc<EngineStatus>| {
        status.complete.as_ref().is_some_and(|complete| complete.revision.id() == merged)
    };
    handle.status().wait_for(live).await.map(drop).unwrap();
    let reviews = world.reviews();
    world.says(&world.bob, number, &format!("/rollback site {evil}\n/rollback site {first}")).await;
    reviews.0.look(&world.cx, number).await;
    let answers = world.answers();
    let refused = "only a revision that the branch went through";
    assert!(!answers[0].1 && answers[0].2.contains(refused), "{answers:?}");
    assert!(answers[1].1 && answers[1].2.contains("is pinned to"), "{answers:?}");
    world.cx.cancel();
}

/// Met as: a commit from which Bob had gone back was told as live and healthy for good.
#[tokio::test]
async fn a_commit_from_which_a_person_went_back_is_not_told_as_live_any_more() {
    let world = World::new().await;
    let good = world.git(&["rev-parse", "main"]);
    // The forge knows the commits on which a request is made.
    world.propose("one more", OURS);
    let bad = world.commit("two");
    world.propose("three", OURS);
    let (reviews, handle) = (world.reviews(), world.board.handle("site").unwrap());
    let (shared, config) = (&reviews.0, &reviews.0.chosen[0]);
    let tell = async |commit: &str| {
        let still = |status: &Arc<EngineStatus>| {
            let is_live = status.complete.as_ref().is_some_and(|live| live.revision.id() == commit);
            is_live && telling_of(status, None).is_some_and(|telling| telling.commit == commit)
        };
        let status = handle.status().wait_for(still).await.unwrap().clone();
        shared.tell_forge(&world.cx, config, &telling_of(&status, None).unwrap()).await.unwrap();
        shared.tell_held_back(&world.cx, config, &status).await.unwrap();
    };
    let said = async |commit: &str| {
        let commit = CommitId::parse(commit).unwrap();
        let found = world.forge.statuses(&world.cx, &commit).await.unwrap();
        let live = found.into_iter().find(|status| status.context == "gitops/live/site").unwrap();
        (live.state, live.description)
    };
    tell(bad.as_str()).await;
    assert_eq!(said(bad.as_str()).await, (StatusState::Success, "live: Healthy".to_owned()));

    let pin = Request::pin(gitops_core::Revision::new(good.clone(), good.clone()));
    handle.request(&world.cx, "bob", pin).await.unwrap();
    tell(&good).await;
    let gone = format!("not live any more: bob went back to {}", &good[..12]);
    assert_eq!(said(bad.as_str()).await, (StatusState::Failure, gone));
    assert_eq!(said(&good).await, (StatusState::Success, "live: Healthy; pinned by bob".to_owned()));
    let writes = world.forge.writes();
    tell(&good).await;
    assert_eq!(world.forge.writes(), writes, "it is said once");

    let of_rollback = CommitStatus::new("gitops/rollback/site", StatusState::Failure, "#9 takes it back");
    world.forge.set_status(&world.cx, &bad, &of_rollback).await.unwrap();
    handle.request(&world.cx, "bob", Request::unpin()).await.unwrap();
    tell(bad.as_str()).await;
    let all = world.forge.statuses(&world.cx, &bad).await.unwrap();
    assert!(all.iter().all(|status| status.state == StatusState::Success), "nothing goes back: {all:?}");
    assert_eq!(said(bad.as_str()).await, (StatusState::Success, "live: Healthy".to_owned()));
    world.cx.cancel();
}
