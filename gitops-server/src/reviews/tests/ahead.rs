//! Requests that are applied before they are merged.
// Long because one request is followed from its apply to its merge, and through each way out.

use futures::FutureExt;
use gitops_core::EngineHandle;
use gitops_forge::{RequestState, ReviewState};

use super::super::ahead::Kept;
use super::*;

const BEFORE: &str =
    "apply: before-merge\nforge: { gitea: { url: 'https://git.example.org', repository: platform/site } }\n";

struct Ahead {
    world: World,
    handle: EngineHandle,
    kept: Kept,
}

impl Ahead {
    async fn new() -> Self {
        let world = World::with(BEFORE).await;
        let handle = world.board.handle("site").unwrap();
        Self { world, handle, kept: Kept::default() }
    }

    /// Somebody says it on a request that was reviewed before; gives the answer.
    async fn says(&self, number: u64, text: &str) -> (bool, String) {
        let (world, reviews) = (&self.world, self.world.reviews());
        reviews.0.review(&world.cx, number).await;
        world.told();
        world.says(&world.bob, number, text).await;
        reviews.0.look(&world.cx, number).await;
        reviews.0.review(&world.cx, number).await;
        let mut answers = world.answers();
        assert_eq!(answers.len(), 1, "{answers:?}");
        let (_, done, answer) = answers.remove(0);
        (done, answer)
    }

    /// Waits until a commit is live, whole.
    async fn live(&self, commit: &str) {
        let is_live = |status: &Arc<EngineStatus>| {
            let complete = status.complete.as_ref();
            let is_idle =
                status.phase == Phase::Idle && status.revision.as_ref().is_some_and(|at| at.id() == commit);
            is_idle && complete.is_some_and(|complete| complete.revision.id() == commit)
        };
        self.handle.status().wait_for(is_live).await.unwrap();
    }

    /// What a server does next that was started just now.
    async fn carry_on(&mut self) {
        let reviews = self.world.reviews();
        // While it looks again, what was said before holds, and nothing is done.
        let mut status = self.handle.status();
        let status = status.wait_for(|status| status.phase == Phase::Idle).await.unwrap().clone();
        let shared = &reviews.0;
        let done = shared.carry_on(&self.world.cx, &shared.chosen[0], &self.handle, &status, &mut self.kept);
        Box::pin(done).await.unwrap();
    }

    async fn state(&self, number: u64) -> RequestState {
        self.world.forge.change_request(&self.world.cx, number).await.unwrap().state
    }

    fn page(&self) -> String {
        fs::read_to_string(self.world.path("live/page")).unwrap()
    }

    fn commit(&self, name: &str) -> String {
        self.world.git(&["rev-parse", name])
    }

    /// What a review says to the forge of the gates.
    async fn policy(&self, number: u64) -> (StatusState, String) {
        let (world, head) = (&self.world, CommitId::parse(&self.commit("feature")).unwrap());
        world.reviews().0.review(&world.cx, number).await;
        let statuses = world.forge.statuses(&world.cx, &head).await.unwrap();
        let policy = statuses.into_iter().find(|status| status.context == "gitops/policy").unwrap();
        (policy.state, policy.description)
    }

    async fn said(&self, number: u64) -> String {
        self.world.ours(number, "answers/").await.concat()
    }
}

#[tokio::test]
async fn a_request_is_applied_and_then_merged_also_by_a_server_that_was_started_in_between() {
    let mut ahead = Ahead::new().await;
    let number = ahead.world.propose("two", OURS);
    let (done, answer) = ahead.says(number, "/apply").await;
    assert!(done && answer.contains("the request is merged once that has succeeded"), "{answer}");
    let head = ahead.commit("feature");
    ahead.live(&head).await;
    assert_eq!((ahead.page().as_str(), ahead.state(number).await), ("two", RequestState::Open));
    let pinned = ahead.handle.status().borrow().pinned.clone().unwrap();
    assert_eq!(pinned.ahead_of.as_deref(), Some(format!("gitea {OURS}#{number}").as_str()));
    assert!(pinned.by.starts_with(&format!("bob (gitea {OURS}#{number}")), "{pinned:?}");
    // What somebody changes by hand meanwhile is put back to what is applied, not to what the branch has.
    fs::write(ahead.world.path("live/page"), "by hand").unwrap();
    let soon = ahead.world.cx.within(Duration::from_secs(30));
    while ahead.page() != "two" {
        soon.sleep(Duration::from_millis(20)).await.expect("drift is repaired");
    }
    ahead.live(&head).await;
    // What the forge does with the branch.
    ahead.world.git(&["merge", "-q", "--ff-only", "feature"]);
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Merged);
    assert!(ahead.said(number).await.contains("applied, then merged as"));
    ahead.live(&ahead.commit("main")).await;
    assert!(ahead.handle.status().borrow().pinned.is_none());
    assert_eq!(ahead.page(), "two");
    // There is nothing left to do.
    let writes = ahead.world.forge.writes();
    ahead.carry_on().await;
    assert_eq!(ahead.world.forge.writes(), writes);
    ahead.world.cx.cancel();
}

#[tokio::test]
async fn nothing_is_merged_that_would_be_something_else_than_what_was_applied() {
    let mut ahead = Ahead::new().await;
    let number = ahead.world.propose("two", OURS);
    assert!(ahead.says(number, "/apply site").await.0);
    ahead.live(&ahead.commit("feature")).await;
    // The branch goes on after the apply.
    fs::write(ahead.world.path("repository/other"), "x").unwrap();
    ahead.world.git(&["add", "-A"]);
    ahead.world.git(&["commit", "-q", "-m", "other"]);
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Open);
    assert!(ahead.said(number).await.contains("`main` went on to"), "{}", ahead.said(number).await);
    assert_eq!(ahead.page(), "two", "it stays applied");
    // A request that was not brought up to the branch is not applied at all.
    let (done, answer) = ahead.says(number, "/apply").await;
    assert!(!done && answer.contains("does not have everything of"), "{answer}");
    // Nor is a head merged that nobody applied.
    ahead.world.git(&["checkout", "-q", "feature"]);
    ahead.world.git(&["merge", "-q", "--no-edit", "main"]);
    let head = CommitId::parse(&ahead.commit("feature")).unwrap();
    ahead.world.git(&["checkout", "-q", "main"]);
    ahead.world.alice.push_commit(&ahead.world.cx, number, head.clone()).unwrap();
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Open);
    assert!(ahead.said(number).await.contains("the request was pushed to since"));
    assert!(ahead.says(number, "/apply").await.0);
    ahead.live(head.as_str()).await;
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Merged);
    ahead.world.cx.cancel();
}

/// Met where a server was killed while the forge merged: the branch had moved, and the request stayed open for ever.
#[tokio::test]
async fn a_head_that_the_branch_has_is_let_go_of_although_the_forge_shows_the_request_as_open() {
    let mut ahead = Ahead::new().await;
    let number = ahead.world.propose("two", OURS);
    assert!(ahead.says(number, "/apply site").await.0);
    ahead.live(&ahead.commit("feature")).await;
    ahead.world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Open, "it is not ours to close");
    assert!(
        ahead.said(number).await.contains("the branch is followed again"),
        "{}",
        ahead.said(number).await
    );
    ahead.live(&ahead.commit("main")).await;
    assert_eq!(ahead.page(), "two");
    assert!(ahead.handle.status().borrow().pinned.is_none());
    // The next branch and the next request are as free as before.
    let next = ahead.world.propose("three", OURS);
    assert!(ahead.says(next, "/apply").await.0);
    ahead.world.cx.cancel();
}

#[tokio::test]
async fn another_request_waits_and_is_told_for_whom_and_a_closed_one_is_taken_back() {
    let mut ahead = Ahead::new().await;
    let first = ahead.world.propose("two", OURS);
    assert!(ahead.says(first, "/apply").await.0);
    ahead.live(&ahead.commit("feature")).await;
    let second = ahead.world.propose("three", OURS);
    let (done, answer) = ahead.says(second, "/apply").await;
    assert!(!done && answer.contains(&format!("`site` has gitea {OURS}#{first} applied")), "{answer}");
    let comment = ahead.world.ours(second, "review/").await.concat();
    assert!(comment.contains("is applied here"), "{comment}");
    ahead.world.alice.close(first).unwrap();
    ahead.carry_on().await;
    ahead.live(&ahead.commit("main")).await;
    assert_eq!(ahead.page(), "one", "what the branch has");
    assert!(ahead.said(first).await.contains("closed without a merge"));
    assert!(ahead.says(second, "/apply").await.0, "now it is its turn");
    ahead.live(&ahead.commit("feature")).await;
    let (done, answer) = ahead.says(second, "/unlock site").await;
    assert!(done && answer.contains(&format!("lets go of gitea {OURS}#{second}")), "{answer}");
    ahead.live(&ahead.commit("main")).await;
    ahead.world.cx.cancel();
}

#[tokio::test]
async fn what_is_not_approved_or_not_asked_for_is_not_applied() {
    let world = World::new().await;
    let number = world.propose("two", OURS);
    world.says(&world.bob, number, "/apply").await;
    world.reviews().0.look(&world.cx, number).await;
    assert!(
        world.answers()[0].2.contains("what is not merged is not applied"),
        "it is off where nothing is said"
    );
    world.cx.cancel();

    let gate =
        "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";
    let world = World::with(&format!("{BEFORE}{gate}")).await;
    let handle = world.board.handle("site").unwrap();
    let ahead = Ahead { world, handle, kept: Kept::default() };
    let number = ahead.world.propose("two", OURS);
    let (done, answer) = ahead.says(number, "/apply").await;
    assert_eq!((done, answer.as_str()), (false, "it is not approved"));
    assert!(ahead.handle.status().borrow().pinned.is_none() && ahead.page() == "one");
    ahead.world.cx.cancel();
}

#[tokio::test]
async fn what_a_server_did_not_come_to_say_the_next_one_says() {
    let mut ahead = Ahead::new().await;
    let number = ahead.world.propose("two", OURS);
    assert!(ahead.says(number, "/apply").await.0);
    ahead.live(&ahead.commit("feature")).await;
    fs::write(ahead.world.path("repository/other"), "x").unwrap();
    ahead.world.git(&["add", "-A"]);
    ahead.world.git(&["commit", "-q", "-m", "other"]);
    ahead.carry_on().await;
    let said = ahead.said(number).await;
    assert!(said.contains("`main` went on to"), "{said}");
    let writes = ahead.world.forge.writes();
    ahead.carry_on().await;
    assert_eq!(ahead.world.forge.writes(), writes, "once");
    // It is remembered, and the comment is not there.
    let query = CommentQuery::default();
    for comment in ahead.world.forge.comments(&ahead.world.cx, number, &query).await.unwrap() {
        let delete = CommentWrite::Delete { id: comment.id };
        if comment.body.contains("answers/") {
            ahead.world.forge.write_comment(&ahead.world.cx, number, &delete).await.unwrap();
        }
    }
    ahead.kept = Kept::default();
    ahead.carry_on().await;
    assert_eq!(ahead.said(number).await, said);
    // Somebody lets go of it while no server runs.
    let request = format!("gitea {OURS}#{number}");
    let end = gitops_core::Request::EndAhead { request, merged: false };
    ahead.handle.request(&ahead.world.cx, "carol", end).await.unwrap();
    ahead.live(&ahead.commit("main")).await;
    let reviews = ahead.world.reviews();
    ahead.kept = reviews.0.remembered(&ahead.world.cx, &reviews.0.chosen[0]).await.unwrap();
    assert_eq!(ahead.kept.held, Some(number));
    ahead.carry_on().await;
    assert!(ahead.said(number).await.contains("somebody let go of it: what the branch has is applied"));
    assert_eq!(reviews.0.remembered(&ahead.world.cx, &reviews.0.chosen[0]).await.unwrap().held, None);
    ahead.world.cx.cancel();
}

/// What is left of an apply that failed may be another effect than the one that was approved.
#[tokio::test]
async fn what_is_left_of_a_failed_apply_is_reviewed_again_once_by_each_server() {
    let ahead = Ahead::new().await;
    let world = &ahead.world;
    let number = world.propose("two", OURS);
    assert!(ahead.says(number, "/apply").await.0);
    ahead.live(&ahead.commit("feature")).await;
    let mut status = EngineStatus::clone(&*ahead.handle.status().borrow().clone());
    status.complete = None;
    status.last.as_mut().unwrap().error = Some("dir:File/-/page: the disk is full".to_owned());
    for server in ["the one that saw it", "one that was started since"] {
        let reviews = world.reviews();
        let (shared, config) = (&reviews.0, &reviews.0.chosen[0]);
        let mut kept = shared.remembered(&world.cx, config).await.unwrap();
        for is_first in [true, false] {
            let done = shared.carry_on(&world.cx, config, &ahead.handle, &status, &mut kept);
            Box::pin(done).await.unwrap();
            let turn = shared.reviews.next().now_or_never().map(|turn| turn.number);
            assert_eq!(turn, is_first.then_some(number), "{server}");
        }
    }
    world.cx.cancel();
}

/// Two applications of one repository, which are applied before the merge.
async fn two() -> World {
    let world = World::begun("");
    fs::create_dir(world.path("repository/other")).unwrap();
    fs::write(world.path("repository/other/page"), "one").unwrap();
    world.commit("one of each");
    let text = format!(
        "source: {{ git: {{ url: ./repository, ref: {{ branch: main }} }} }}\nsync: {{ interval: 1s }}\n{BEFORE}applications:\n\
         - {{ name: site, source: {{ git: {{ path: site }} }}, target: {{ directory: {{ root: ./live }} }} }}\n\
         - {{ name: other, source: {{ git: {{ path: other }} }}, target: {{ directory: {{ root: ./live-other }} }} }}\n"
    );
    fs::write(world.path("gitops.yaml"), text).unwrap();
    world.work().await;
    world
}

/// A request that changes both of them, of which somebody says what is applied; a server that hears it, and the request with its head.
async fn applied(world: &World, command: &str) -> (Reviews, u64, String) {
    world.git(&["checkout", "-q", "-B", "feature"]);
    fs::write(world.path("repository/other/page"), "two").unwrap();
    world.git(&["checkout", "-q", "main"]);
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    world.says(&world.bob, number, command).await;
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    let answers = world.answers();
    assert!(answers[0].1, "{answers:?}");
    (reviews, number, world.git(&["rev-parse", "feature"]))
}

/// Waits until a commit is live in an application, whole, and does what a server does next.
async fn carry_on_at(world: &World, reviews: &Reviews, name: &str, commit: &str) {
    let handle = world.board.handle(name).unwrap();
    let is_live = |status: &Arc<EngineStatus>| {
        let is_of = status.revision.as_ref().is_some_and(|at| at.id() == commit);
        let live = status.complete.as_ref().is_some_and(|live| live.revision.id() == commit);
        status.phase == Phase::Idle && is_of && live
    };
    let status = handle.status().wait_for(is_live).await.unwrap().clone();
    let config = reviews.0.chosen.iter().find(|config| config.name == name).unwrap();
    let mut kept = reviews.0.remembered(&world.cx, config).await.unwrap();
    Box::pin(reviews.0.carry_on(&world.cx, config, &handle, &status, &mut kept)).await.unwrap();
}

async fn is_let_go(world: &World, name: &str, commit: &str) {
    let follows = |status: &Arc<EngineStatus>| {
        let live = status.complete.as_ref().is_some_and(|live| live.revision.id() == commit);
        live && status.pinned.is_none()
    };
    world.board.handle(name).unwrap().status().wait_for(follows).await.unwrap();
}

#[tokio::test]
async fn two_applications_of_a_request_that_somebody_merged_without_the_forge_are_both_let_go_of() {
    let world = two().await;
    let (reviews, number, head) = applied(&world, "/apply").await;
    let said = async || world.ours(number, "answers/").await.concat();
    drop(reviews);
    // The forge was cut short, after it had moved the branch.
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    let merged = world.git(&["rev-parse", "main"]);
    let reviews = world.reviews();
    for name in ["other", "site"] {
        carry_on_at(&world, &reviews, name, &head).await;
        is_let_go(&world, name, &merged).await;
    }
    assert_eq!(said().await.matches("has it already").count(), 2, "{}", said().await);
    let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
    assert_eq!(page.ahead.map(|ahead| ahead.applications), Some(Vec::new()), "nothing is left to be done");
    world.cx.cancel();
}

#[tokio::test]
async fn an_application_that_is_live_does_not_wait_for_another_one_where_the_branch_has_the_head() {
    let world = two().await;
    let (reviews, number, head) = applied(&world, "/apply site").await;
    let said = async || world.ours(number, "answers/").await.concat();
    carry_on_at(&world, &reviews, "site", &head).await;
    assert!(said().await.contains("the merge waits for other"), "{}", said().await);
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    carry_on_at(&world, &reviews, "site", &head).await;
    assert!(said().await.contains("has it already"), "{}", said().await);
    is_let_go(&world, "site", &world.git(&["rev-parse", "main"])).await;
    world.cx.cancel();
}

/// Somebody who may not merge into a branch would have the server do it.
#[tokio::test]
async fn a_request_that_goes_into_another_branch_by_now_is_let_go_of_and_not_merged() {
    let mut ahead = Ahead::new().await;
    let number = ahead.world.propose("two", OURS);
    assert!(ahead.says(number, "/apply").await.0);
    ahead.live(&ahead.commit("feature")).await;
    ahead.world.forge.retarget(&ahead.world.cx, number, "release").unwrap();
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Open);
    let said = ahead.said(number).await;
    assert!(said.contains("the request goes into `release` by now, and was applied for `main`"), "{said}");
    ahead.live(&ahead.commit("main")).await;
    assert!(ahead.handle.status().borrow().pinned.is_none());
    assert_eq!(ahead.page(), "one", "what the branch has");
    // Given its branch back, it is not merged before somebody applies it again.
    ahead.world.forge.retarget(&ahead.world.cx, number, "main").unwrap();
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Open);
    assert!(ahead.says(number, "/apply").await.0);
    ahead.live(&ahead.commit("feature")).await;
    // Merged elsewhere by somebody, what was approved for this branch is void, and nothing of it stays live.
    ahead.world.forge.retarget(&ahead.world.cx, number, "release").unwrap();
    let merged = CommitId::parse(&ahead.commit("feature")).unwrap();
    ahead.world.forge.merge_as(&ahead.world.cx, number, merged).unwrap();
    ahead.carry_on().await;
    ahead.live(&ahead.commit("main")).await;
    assert_eq!(ahead.page(), "one");
    ahead.world.cx.cancel();
}

#[tokio::test]
async fn nothing_is_merged_while_somebody_asks_for_changes_or_took_the_approval_back() {
    let gate =
        "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";
    let world = World::with(&format!("{BEFORE}{gate}")).await;
    let handle = world.board.handle("site").unwrap();
    let mut ahead = Ahead { world, handle, kept: Kept::default() };
    let number = ahead.world.propose("two", OURS);
    ahead.world.reviews().0.review(&ahead.world.cx, number).await;
    let comment = ahead.world.ours(number, "review/").await.remove(0);
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap();
    assert!(ahead.says(number, &format!("/approve {effect}")).await.0);
    assert!(ahead.says(number, "/apply").await.0);
    ahead.live(&ahead.commit("feature")).await;
    let carol = ahead.world.forge.join("carol", Permission::Write);
    let carol = ahead.world.forge.acting_as(&carol);
    let no = carol.review(&ahead.world.cx, number, ReviewState::ChangesRequested).unwrap();
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Open);
    let said = ahead.said(number).await;
    assert!(said.contains("applied, and not merged: carol asks for changes"), "{said}");
    assert_eq!(ahead.page(), "two", "it stays applied");
    // Its plan is empty by now. Who asks the forge whether it may be merged hears of the no all the same.
    let (state, text) = ahead.policy(number).await;
    assert_eq!(state, StatusState::Pending);
    assert!(text.starts_with("it is applied, and carol asks for changes"), "{text}");
    carol.dismiss(number, &no).unwrap();
    assert_eq!(ahead.policy(number).await.0, StatusState::Success);
    // The one who approved it may not do so any more.
    let query = CommentQuery::default();
    for comment in ahead.world.forge.comments(&ahead.world.cx, number, &query).await.unwrap() {
        if comment.body.starts_with("/approve") {
            let delete = CommentWrite::Delete { id: comment.id };
            ahead.world.forge.write_comment(&ahead.world.cx, number, &delete).await.unwrap();
        }
    }
    ahead.carry_on().await;
    assert_eq!(ahead.state(number).await, RequestState::Open);
    let said = ahead.said(number).await;
    assert!(said.contains("which approved it, is not there any more"), "{said}");
    ahead.world.cx.cancel();
}

/// Of two applications of a request one is let go of: the other one is not merged, with what of the first nobody applied.
#[tokio::test]
async fn what_is_let_go_of_in_one_application_is_not_merged_by_the_other_one() {
    let world = two().await;
    let (reviews, number, head) = applied(&world, "/apply").await;
    let kept_of = async |name: &str, kept: &mut Kept| {
        let (handle, config) =
            (world.board.handle(name).unwrap(), reviews.0.chosen.iter().find(|of| of.name == name));
        let status = handle.status().borrow().clone();
        Box::pin(reviews.0.carry_on(&world.cx, config.unwrap(), &handle, &status, kept)).await.unwrap();
    };
    let mut kept = Kept::default();
    kept.held = Some(number);
    world.says(&world.bob, number, "/unlock other").await;
    reviews.0.look(&world.cx, number).await;
    let main = world.git(&["rev-parse", "main"]);
    is_let_go(&world, "other", &main).await;
    let said = async || world.ours(number, "answers/").await.concat();
    kept_of("other", &mut kept).await;
    carry_on_at(&world, &reviews, "site", &head).await;
    let state = world.forge.change_request(&world.cx, number).await.unwrap().state;
    assert_eq!(state, RequestState::Open, "{}", said().await);
    assert!(said().await.contains("was let go of since"), "{}", said().await);
    world.cx.cancel();
}
