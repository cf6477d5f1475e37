//! Approvals that were taken back where no server heard of it: nothing is applied by them.

use gitops_app::NotePlace;
use gitops_app::documents::status::StatusDocument;
use gitops_app::documents::why::WhyDocument;
use gitops_core::{EngineHandle, Verdict};
use gitops_forge::ReviewState;

use super::*;

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

/// In how many notes of an engine what it learned stands for sure.
const NOTES: usize = 20;

struct Approved {
    world: World,
    handle: EngineHandle,
    number: u64,
}

impl Approved {
    /// A request that Bob approved, as a server heard and stored it. No server is at work from then on, and the engine goes on.
    async fn new() -> Self {
        let world = World::with(GATE).await;
        let handle = world.board.handle("site").unwrap();
        let number = world.propose("two", OURS);
        let reviews = world.reviews();
        reviews.0.review(&world.cx, number).await;
        let comment = world.ours(number, "review/").await.remove(0);
        let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
        world.says(&world.bob, number, &format!("/approve {effect}")).await;
        reviews.0.look(&world.cx, number).await;
        reviews.0.review(&world.cx, number).await;
        let answers = world.answers();
        assert!(answers[0].2.contains("stored for after the merge"), "{answers:?}");
        Self { world, handle, number }
    }

    fn merged_by_git(&self) -> CommitId {
        self.merged_by_git_on("main")
    }

    /// The same on the branch that is checked out.
    fn merged_by_git_on(&self, branch: &str) -> CommitId {
        self.world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
        CommitId::parse(&self.world.git(&["rev-parse", branch])).unwrap()
    }

    fn merge(&self) -> CommitId {
        let merged = self.merged_by_git();
        self.world.forge.merge_as(&self.world.cx, self.number, merged.clone()).unwrap();
        merged
    }

    async fn waits(&self, commit: &CommitId) {
        let waits = |status: &Arc<EngineStatus>| {
            let is_of = status.revision.as_ref().is_some_and(|at| at.id() == commit.as_str());
            assert_ne!(status.complete.as_ref().map(|live| live.revision.id()), Some(commit.as_str()));
            is_of && !status.awaits_approval.is_empty() && status.phase == Phase::Idle
        };
        self.handle.status().wait_for(waits).await.map(drop).unwrap();
        assert_eq!(self.page(), "one");
    }

    async fn is_live(&self, commit: &CommitId) {
        let live = |status: &Arc<EngineStatus>| {
            status.complete.as_ref().is_some_and(|live| live.revision.id() == commit.as_str())
        };
        self.handle.status().wait_for(live).await.map(drop).unwrap();
        assert_eq!(self.page(), "two");
    }

    fn page(&self) -> String {
        fs::read_to_string(self.world.path("live/page")).unwrap()
    }
}

#[tokio::test]
async fn what_stands_is_applied_after_the_merge_without_a_server() {
    let approved = Approved::new().await;
    let merged = approved.merge();
    approved.is_live(&merged).await;
    approved.world.cx.cancel();
}

#[tokio::test]
async fn what_bob_took_back_before_the_merge_waits_and_the_request_says_why() {
    let approved = Approved::new().await;
    let (world, number) = (&approved.world, approved.number);
    let no = world.bob.review(&world.cx, number, ReviewState::ChangesRequested).unwrap();
    let merged = approved.merge();
    approved.waits(&merged).await;
    let reviews = world.reviews();
    let status = approved.handle.status().borrow().clone();
    let telling = telling_of(&status, Some(merged.as_str())).unwrap();
    reviews.0.tell_forge(&world.cx, &reviews.0.chosen[0], &telling).await.unwrap();
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("bob asks for changes"), "{said}");
    let effect = said.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    // What he takes back in its turn gives nothing again by itself; what he approves then does.
    world.bob.dismiss(number, &no).unwrap();
    // Forges count in seconds, and of two words in one of them the no counts.
    let later = later(Duration::from_secs(10));
    world.says_at(&later, &world.bob, number, &format!("/approve {effect}")).await;
    reviews.0.look(&later, number).await;
    let answers = world.answers();
    assert!(answers[0].1, "{answers:?}");
    approved.is_live(&merged).await;
    world.cx.cancel();
}

#[tokio::test]
async fn an_approval_of_somebody_who_may_not_write_any_more_is_none() {
    let approved = Approved::new().await;
    approved.world.forge.permit(approved.world.bob.account(), Permission::Read);
    let merged = approved.merge();
    approved.waits(&merged).await;
    approved.world.cx.cancel();
}

#[tokio::test]
async fn what_was_approved_of_a_request_that_was_closed_or_goes_elsewhere_covers_nothing() {
    let approved = Approved::new().await;
    approved.world.forge.close(approved.number).unwrap();
    // The author brings the same change by a push.
    let pushed = approved.merged_by_git();
    approved.waits(&pushed).await;
    approved.world.cx.cancel();

    let approved = Approved::new().await;
    approved.world.forge.retarget(&approved.world.cx, approved.number, "release").unwrap();
    let pushed = approved.merged_by_git();
    approved.waits(&pushed).await;
    approved.world.cx.cancel();
}

/// Met as: a request was merged and taken back on the branch before anything was applied, and its approval let a later one pass that nobody
/// approved.
#[tokio::test]
async fn what_was_approved_for_a_merge_that_was_taken_back_is_not_spent_on_another() {
    let approved = Approved::new().await;
    let world = &approved.world;
    world.git(&["checkout", "-q", "-b", "both"]);
    let merged = approved.merged_by_git_on("both");
    world.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    world.git(&["checkout", "-q", "main"]);
    world.forge.merge_as(&world.cx, approved.number, merged).unwrap();
    world.git(&["merge", "-q", "--ff-only", "both"]);
    let back = world.git(&["rev-parse", "main"]);
    let live = |status: &Arc<EngineStatus>| {
        status.complete.as_ref().is_some_and(|complete| complete.revision.id() == back)
    };
    approved.handle.status().wait_for(live).await.map(drop).unwrap();
    assert_eq!(approved.page(), "one");

    world.git(&["revert", "--no-edit", "HEAD"]);
    let again = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    approved.waits(&again).await;
    let session = Session::builder(&world.applications().all[0]).open(&world.cx).await.unwrap();
    assert!(session.engine.inventory().approvals().is_empty(), "nor is it in a later process");
    world.cx.cancel();
}

/// Met as: a request was merged although its review asked for an approval, and was applied by that of another one, which was open.
#[tokio::test]
async fn what_was_approved_of_an_open_request_is_not_spent_on_another_one_that_is_merged() {
    let approved = Approved::new().await;
    let world = &approved.world;
    world.git(&["checkout", "-q", "-b", "same"]);
    fs::write(world.path("repository/site/page"), "two").unwrap();
    world.git(&["commit", "-q", "-a", "-m", "the same"]);
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "same"]);
    let merged = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    approved.waits(&merged).await;
    let waits = approved.handle.status().borrow().awaits_approval[0].message.clone();
    assert!(waits.contains("the request is not merged, and its head"), "{waits}");
    let own = approved.merge();
    approved.is_live(&own).await;
    world.cx.cancel();
}

/// Met as: with an expired token a merged request waited, and `status` of another process said "1 to update" without a reason.
#[tokio::test]
async fn while_the_forge_can_not_be_asked_another_process_says_why_what_was_approved_waits() {
    let approved = Approved::new().await;
    let (world, config) = (&approved.world, approved.world.applications().all.remove(0));
    let (place, status) = (NotePlace::in_folder(&config.state), approved.handle.status());
    let (cx, (wrote, mut written)) = (world.cx.clone(), watch::channel(()));
    let keep = async move {
        let told = |_| wrote.send_replace(());
        place.keep(&cx, status, watch::channel(None).1, told).await;
    };
    tokio::spawn(keep);
    world.forge.turn_away(true);
    let merged = approved.merge();
    approved.waits(&merged).await;
    let look = async || {
        let mut session = Session::builder(&config).access(Access::Look).open(&world.cx).await.unwrap();
        let plan = session.engine.plan(&world.cx).await;
        let status = StatusDocument::new(&world.cx, &session, &plan).await.unwrap();
        let (verdict, plan) = (status.verdict.unwrap(), plan.unwrap());
        let key = plan.steps.first().map(|step| step.key.clone());
        let why = match &key {
            Some(key) => WhyDocument::new(&world.cx, &session, &plan, key).await.unwrap().postponed,
            None => None,
        };
        (verdict, why)
    };
    let mut said = String::new();
    // Its notes are written right after its status moved.
    for _ in 0..NOTES {
        if let (Verdict::NeedsApproval { messages }, why) = look().await {
            said = format!("{messages:?} {why:?}");
            break;
        }
        written.changed().await.unwrap();
    }
    let reason = "whether that still stands can't be asked: the forge does not know the token";
    assert_eq!(said.matches(reason).count(), 2, "{said}");
    assert!(said.contains("approved by bob") && said.contains("needs an approval: "), "{said}");
    world.forge.turn_away(false);
    approved.is_live(&merged).await;
    // What was doubted is known again.
    for _ in 0..NOTES {
        if look().await.0.findings().next().is_none() {
            return world.cx.cancel();
        }
        written.changed().await.unwrap();
    }
    panic!("it is still doubted");
}

/// Met as: who had approved a request made the same change in one of the own, which was green, and merged it.
#[tokio::test]
async fn an_approval_of_one_request_makes_no_other_one_green() {
    let world = World::with(GATE).await;
    let reviews = world.reviews();
    let first = world.propose("two", OURS);
    reviews.0.review(&world.cx, first).await;
    let comment = world.ours(first, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    world.says(&world.bob, first, &format!("/approve {effect}")).await;
    reviews.0.look(&world.cx, first).await;
    reviews.0.review(&world.cx, first).await;
    assert_eq!(policy(&world, first).await, StatusState::Success);

    world.git(&["checkout", "-q", "-B", "other", "main"]);
    fs::write(world.path("repository/site/page"), "two").unwrap();
    world.git(&["commit", "-q", "-a", "-m", "The same"]);
    let head = CommitId::parse(&world.git(&["rev-parse", "HEAD"])).unwrap();
    world.git(&["checkout", "-q", "main"]);
    world.bob.made(head.clone());
    let path = Some(RepositoryPath::parse(OURS).unwrap());
    let base = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    let (base, head) = (Branch::new("main", base, path.clone()), Branch::new("other", head, path));
    let second = world.bob.propose_between(&world.cx, "The same", head, base).number;
    for reviews in [&reviews, &world.reviews()] {
        reviews.0.review(&world.cx, second).await;
        assert_eq!(policy(&world, second).await, StatusState::Pending);
        reviews.0.review(&world.cx, first).await;
        assert_eq!(policy(&world, first).await, StatusState::Success, "it is that one's");
    }
    world.cx.cancel();
}

async fn policy(world: &World, number: u64) -> StatusState {
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    let found = world.forge.statuses(&world.cx, &head).await.unwrap();
    found.into_iter().find(|status| status.context == "gitops/policy").unwrap().state
}
