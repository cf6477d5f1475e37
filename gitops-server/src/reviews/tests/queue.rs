//! Commits of merge queues: only what has the approved effect may be merged.

use gitops_app::documents::audit_trail::{AuditTrailDocument, Entry, Shown};
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
        let commit = self.known();
        self.git(&["checkout", "-q", "main"]);
        commit
    }

    /// The commit that is checked out, of which the forge knows from now on.
    fn known(&self) -> CommitId {
        let [commit, base] =
            ["HEAD", "main"].map(|name| CommitId::parse(&self.git(&["rev-parse", name])).unwrap());
        let path = Some(RepositoryPath::parse(OURS).unwrap());
        let head = Branch::new("known", commit.clone(), path.clone());
        let elsewhere = Branch::new("elsewhere", base, path);
        let request = self.alice.propose_between(&self.cx, "Known", head, elsewhere);
        self.alice.close(request.number).unwrap();
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
    let queued = |commit: &CommitId| QueuedCommit::new("main", commit.clone()).of(Some(number));
    reviews.0.review_queued(&world.cx, &queued(&unapproved)).await.unwrap();
    let policy = world.states(&unapproved).await.remove(1);
    assert_eq!((policy.0.as_str(), policy.1), ("gitops/policy", StatusState::Failure));
    assert!(policy.2.contains("needs an approval: changes: ask"), "{policy:?}");
    // Who looks at the request sees why it left the queue.
    let said = async || world.ours(number, "answers/").await.concat();
    let refused = said().await;
    assert!(
        refused.contains("in the merge queue") && refused.contains("refused: `needs an approval"),
        "{refused}"
    );

    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    world.says(&world.bob, number, &format!("/approve {effect}")).await;
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    let approved = world.queued("gh-readonly-queue/main/pr-1-b", None);
    let other = world.queued("gh-readonly-queue/main/pr-1-c", Some("three"));
    reviews.0.review_queued(&world.cx, &queued(&approved)).await.unwrap();
    let good = said().await;
    assert!(good.contains("nothing is against it") && !good.contains("refused"), "{good}");
    reviews.0.review_queued(&world.cx, &queued(&other)).await.unwrap();
    assert!(said().await.contains("it would now have another effect"));
    let states: Vec<StatusState> =
        world.states(&approved).await.into_iter().map(|(_, state, _)| state).collect();
    assert_eq!(states, [StatusState::Success, StatusState::Success]);
    let states = world.states(&other).await;
    assert_eq!(states[1].1, StatusState::Failure, "another effect: {states:?}");
    assert!(states[1].2.contains("it would now have another effect"), "{states:?}");
    // It is told once; a branch that nobody follows is nobody's business.
    let writes = world.forge.writes();
    reviews.0.review_queued(&world.cx, &queued(&other)).await.unwrap();
    reviews.0.review_queued(&world.cx, &QueuedCommit::new("elsewhere", unapproved)).await.unwrap();
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
    let found = gitops_app::review::queued(&world.cx, config).await.unwrap();
    assert_eq!(found, [QueuedCommit::new("main", commit).of(Some(1))]);
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

const RULE: &str = "approvals: [{ name: all }]\n\
                    forge: { gitea: { url: 'https://git.example.org', repository: platform/site } }\n";

impl World {
    /// A request of a branch of its own that adds a file, approved by Bob unless nobody is to.
    async fn adding(&self, reviews: &Reviews, file: &str, is_approved: bool) -> u64 {
        self.git(&["checkout", "-q", "-b", file, "main"]);
        fs::write(self.path("repository/site").join(file), file).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", file]);
        let [head, base] =
            [file, "main"].map(|name| CommitId::parse(&self.git(&["rev-parse", name])).unwrap());
        self.git(&["checkout", "-q", "main"]);
        let path = Some(RepositoryPath::parse(OURS).unwrap());
        let (head, base) = (Branch::new(file, head, path.clone()), Branch::new("main", base, path));
        let number = self.alice.propose_between(&self.cx, "A request", head, base).number;
        reviews.0.review(&self.cx, number).await;
        if is_approved {
            let comment = self.ours(number, "review/").await.concat();
            let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
            self.says(&self.bob, number, &format!("/approve {effect}")).await;
            reviews.0.look(&self.cx, number).await;
            reviews.0.review(&self.cx, number).await;
        }
        number
    }

    /// What a queue makes of branches, one after the other, each on the one before.
    fn queue_of(&self, branches: &[&str]) -> Vec<CommitId> {
        self.git(&["checkout", "-q", "-B", "queue", "main"]);
        let merge = |branch: &&str| {
            self.git(&["merge", "-q", "--no-ff", "--no-edit", branch]);
            self.known()
        };
        let commits = branches.iter().map(merge).collect();
        self.git(&["checkout", "-q", "main"]);
        commits
    }

    /// The queue's commits become the branch at once, as its last one.
    fn merge_all(&self, requests: &[u64], commits: &[CommitId]) {
        let last = commits[requests.len() - 1].as_str();
        self.git(&["merge", "-q", "--ff-only", last]);
        for (number, commit) in requests.iter().zip(commits) {
            self.forge.merge_as(&self.cx, *number, commit.clone()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_queue_of_two_requests_needs_what_was_approved_of_each_and_the_audit_log_knows_whose_it_was() {
    let world = World::with_rules(RULE).await;
    let reviews = world.reviews();
    let [one, two] = [world.adding(&reviews, "a", true).await, world.adding(&reviews, "b", true).await];
    let third = world.adding(&reviews, "c", false).await;
    let commits = world.queue_of(&["a", "b", "c"]);
    for (commit, number) in commits.iter().zip([one, two, third]) {
        let queued = QueuedCommit::new("main", commit.clone()).of(Some(number));
        reviews.0.review_queued(&world.cx, &queued).await.unwrap();
    }
    let mut policies = Vec::new();
    for commit in &commits {
        policies.push(world.states(commit).await.remove(1).1);
    }
    assert_eq!(policies, [StatusState::Success, StatusState::Success, StatusState::Failure]);

    world.merge_all(&[one, two], &commits);
    let last = world.git(&["rev-parse", "main"]);
    let is_live = |status: &Arc<EngineStatus>| {
        status.complete.as_ref().is_some_and(|complete| complete.revision.id() == last)
    };
    world.board.handle("site").unwrap().status().wait_for(is_live).await.unwrap();
    for file in ["a", "b"] {
        assert_eq!(fs::read_to_string(world.path("live").join(file)).unwrap(), file);
    }
    let trail = fs::read_to_string(world.path(".gitops/site/audit.jsonl")).unwrap();
    let started = trail.lines().filter(|line| line.contains("sync_started") && line.contains(&last));
    let started: String = started.collect();
    for number in [one, two] {
        assert!(started.contains(&format!("bob (memory {OURS}#{number}: comment ")), "#{number}: {started}");
    }
    world.cx.cancel();
}

/// A queue merges several requests by one push, and somebody may merge twice before the engine looks: the branch shows the last commit.
#[tokio::test]
async fn what_came_of_a_request_is_said_in_it_although_the_branch_went_on_before_anybody_looked() {
    let world = World::with_rules(RULE).await;
    let reviews = world.reviews();
    let one = world.adding(&reviews, "a", false).await;
    let two = world.adding(&reviews, "b", true).await;
    let commits = world.queue_of(&["a", "b"]);
    world.merge_all(&[one, two], &commits);
    let handle = world.board.handle("site").unwrap();
    let waits = |status: &Arc<EngineStatus>| {
        let is_of = status.revision.as_ref().is_some_and(|at| at.id() == commits[1].as_str());
        is_of && status.phase == Phase::Idle && !status.awaits_approval.is_empty()
    };
    let status = handle.status().wait_for(waits).await.unwrap().clone();
    let telling = telling_of(&status, None).unwrap();
    let (shared, config) = (&reviews.0, &reviews.0.chosen[0]);
    // It was told of the branch before anybody knew that the first one is merged: that one is told when it is known.
    shared.tell_forge(&world.cx, config, &telling).await.unwrap();
    let said = async |number| world.ours(number, "answers/").await.concat();
    assert!(!said(one).await.contains("after the merge"));
    let merges = shared.merges.subscribe();
    for number in [one, two] {
        shared.review(&world.cx, number).await;
    }
    assert!(merges.has_changed().unwrap(), "who tells is woken");
    shared.tell_forge(&world.cx, config, &telling).await.unwrap();
    let asked = said(one).await;
    assert!(
        asked.contains(&format!("with {}: waits for an approval", &commits[1].as_str()[..12])),
        "{asked}"
    );
    let writes = world.forge.writes();
    shared.tell_forge(&world.cx, config, &telling).await.unwrap();
    assert_eq!(world.forge.writes(), writes, "it is said once");

    // A poll finds what somebody says there, also one of a server that was started since.
    let effect = asked.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    world.says(&world.bob, one, &format!("/approve {effect}")).await;
    let reviews = world.reviews();
    reviews.0.poll_once(&world.cx).await.unwrap();
    let mut looked = false;
    while let Some(turn) = futures::FutureExt::now_or_never(reviews.0.looks.next()) {
        looked |= turn.number == one;
        reviews.0.look(&world.cx, turn.number).await;
    }
    assert!(looked, "its comments are looked at");
    let is_live = |status: &Arc<EngineStatus>| {
        let complete = status.complete.as_ref();
        status.phase == Phase::Idle && complete.is_some_and(|live| live.revision.id() == commits[1].as_str())
    };
    let status = handle.status().wait_for(is_live).await.unwrap().clone();
    let telling = telling_of(&status, None).unwrap();
    reviews.0.tell_forge(&world.cx, config, &telling).await.unwrap();
    assert!(said(one).await.contains("live"), "{}", said(one).await);
    let page = reviews.0.memory.page(&world.cx, one).await.unwrap();
    assert_eq!(page.merged, None, "nothing more is to be said of it");
    world.both_are_audited_once(&[one, two], &commits).await;
    world.cx.cancel();
}

impl World {
    /// The audit log says once of each request who opened and reviewed it, and that the forge names nobody who merged it.
    async fn both_are_audited_once(&self, requests: &[u64], commits: &[CommitId]) {
        let config = self.applications().all.remove(0);
        let session = Session::builder(&config).access(Access::Look).open(&self.cx).await.unwrap();
        let told = AuditTrailDocument::new(&self.cx, &session, None, None, 100).await.unwrap();
        let made = |shown: &&Shown| matches!(&shown.what, Entry::Change(change) if change.key.name() == "b");
        let change = told.entries.iter().rfind(made).unwrap();
        let names = |number: &u64| format!("memory {OURS}#{number}");
        let found: Vec<String> = change.requests.iter().map(|request| request.request.clone()).collect();
        assert_eq!(found, requests.iter().map(names).collect::<Vec<_>>(), "both came with it");
        for (request, commit) in change.requests.iter().zip(commits) {
            assert_eq!((request.opened_by.as_str(), &request.merged_by), ("alice", &None));
            assert_eq!(request.commit, commit.as_str());
        }
        // The first one was approved after its merge only.
        let [unreviewed, reviewed] = change.requests.as_slice() else { panic!("{change:?}") };
        let [review] = reviewed.reviews.as_slice() else { panic!("{reviewed:?}") };
        assert_eq!((unreviewed.reviews.len(), review.by.as_str()), (0, "bob"));
        assert!(review.place.starts_with("comment ") && review.effect.is_some(), "{review:?}");
        let noted = told.entries.iter().filter_map(|shown| match &shown.what {
            Entry::Request(asked) if asked.what.contains("whom the forge does not name") => Some(&asked.what),
            _ => None,
        });
        assert_eq!(noted.count(), 2, "each is noted once, however often it is told");
    }
}
