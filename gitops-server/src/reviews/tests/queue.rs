//! Commits of merge queues: only what has the approved effect may be merged.

use gitops_forge::QueuedCommit;

use super::*;

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

impl World {
    /// A commit as a merge queue makes it, of which the forge knows.
    fn queued(&self, name: &str, more: Option<&str>) -> CommitId {
        self.git(&["checkout", "-q", "-B", name, "main"]);
        self.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
        if let Some(text) = more {
            self.commit(text);
        }
        let commit = CommitId::parse(&self.git(&["rev-parse", "HEAD"])).unwrap();
        self.git(&["checkout", "-q", "main"]);
        let base = CommitId::parse(&self.git(&["rev-parse", "main"])).unwrap();
        let path = Some(RepositoryPath::parse(OURS).unwrap());
        let head = Branch::new(name, commit.clone(), path.clone());
        self.alice.propose_between(&self.cx, "Known", head, Branch::new("elsewhere", base, path));
        commit
    }

    async fn states(&self, commit: &CommitId) -> Vec<(String, StatusState, String)> {
        let found = self.forge.statuses(&self.cx, commit).await.unwrap();
        found.into_iter().map(|status| (status.context, status.state, status.description)).collect()
    }
}

#[tokio::test]
async fn what_a_merge_queue_makes_must_have_the_effect_that_was_approved() {
    let world = World::with(GATE).await;
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let unapproved = world.queued("gh-readonly-queue/main/pr-1-a", None);
    reviews.0.review_queued(&world.cx, "main", &unapproved).await.unwrap();
    let policy = world.states(&unapproved).await.remove(1);
    assert_eq!((policy.0.as_str(), policy.1), ("gitops/policy", StatusState::Failure));
    assert!(policy.2.contains("needs an approval: changes: ask"), "{policy:?}");

    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..12).unwrap().to_owned();
    world.says(&world.bob, number, &format!("/approve {effect}")).await;
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    let approved = world.queued("gh-readonly-queue/main/pr-1-b", None);
    let other = world.queued("gh-readonly-queue/main/pr-1-c", Some("three"));
    for commit in [&approved, &other] {
        reviews.0.review_queued(&world.cx, "main", commit).await.unwrap();
    }
    let states: Vec<StatusState> =
        world.states(&approved).await.into_iter().map(|(_, state, _)| state).collect();
    assert_eq!(states, [StatusState::Success, StatusState::Success]);
    let states = world.states(&other).await;
    assert_eq!(states[1].1, StatusState::Failure, "another effect: {states:?}");
    assert!(states[1].2.contains("it would now have another effect"), "{states:?}");
    // It is told once; a branch that nobody follows is nobody's business.
    let writes = world.forge.writes();
    reviews.0.review_queued(&world.cx, "main", &approved).await.unwrap();
    reviews.0.review_queued(&world.cx, "elsewhere", &unapproved).await.unwrap();
    assert_eq!(world.forge.writes(), writes);
    world.cx.cancel();
}

#[tokio::test]
async fn what_no_webhook_told_of_is_found_as_a_branch_of_the_queue() {
    let world = World::new().await;
    world.propose("two", OURS);
    let commit = world.queued("gh-readonly-queue/main/pr-1-a", None);
    world.queued("gh-readonly-queue/other/pr-2-a", None);
    let config = &world.applications().all[0];
    assert_eq!(gitops_app::review::queued(&world.cx, config).await.unwrap(), [commit]);
    world.cx.cancel();
}

#[tokio::test]
async fn what_no_webhook_told_of_is_found_where_the_forge_tells_of_its_queue() {
    let world = World::new().await;
    world.propose("two", OURS);
    let reviews = world.reviews();
    let commit = world.queued("train-1", None);
    let elsewhere = QueuedCommit::new("elsewhere", world.queued("train-2", None));
    world.forge.queue(vec![QueuedCommit::new("main", commit.clone()), elsewhere]);
    let trail = || fs::read(world.path(".gitops/site/audit.jsonl")).unwrap();
    let before = trail();
    let serving = world.cx.child();
    let (stops, queue) = (serving.clone(), reviews.0.clone());
    let worker = tokio::spawn(async move { queue.keep_merge_queue(&stops).await });
    for _ in 0..3 {
        reviews.0.look_for_queued(&world.cx).await.unwrap();
    }
    let soon = world.cx.within(Duration::from_secs(60));
    while world.states(&commit).await.len() < 2 {
        soon.sleep(Duration::from_millis(20)).await.expect("it is reviewed");
    }
    let states: Vec<StatusState> =
        world.states(&commit).await.into_iter().map(|(_, state, _)| state).collect();
    assert_eq!(states, [StatusState::Success, StatusState::Success]);
    serving.cancel();
    worker.await.unwrap();
    let queued = world.told().into_iter().filter(|event| matches!(event, ServerEvent::Queued { .. }));
    assert_eq!(queued.count(), 1, "once, and not that of a branch that nobody follows");
    // It is not what is declared: no verb tells of it before it is the branch.
    assert!(trail() == before, "a review leaves no trace in the audit log");
    let engine = world.board.handle("site").unwrap().status().borrow().clone();
    assert_ne!(engine.revision.as_ref().map(gitops_core::Revision::id), Some(commit.as_str()));
    world.cx.cancel();
}
