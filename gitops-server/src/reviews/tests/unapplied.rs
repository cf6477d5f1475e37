//! What an approval of a request covers beside it: what was merged before and waits.

use super::*;

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

/// A request of Bob, which makes another file.
fn another(world: &World) -> u64 {
    world.git(&["checkout", "-q", "-B", "another", "main"]);
    fs::write(world.path("repository/site/more"), "more").unwrap();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "more"]);
    let head = CommitId::parse(&world.git(&["rev-parse", "HEAD"])).unwrap();
    world.bob.made(head.clone());
    world.git(&["checkout", "-q", "main"]);
    let path = Some(RepositoryPath::parse(OURS).unwrap());
    let base = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    let (base, head) = (Branch::new("main", base, path.clone()), Branch::new("another", head, path));
    world.bob.propose_between(&world.cx, "Another", head, base).number
}

/// Merges a branch as a forge does.
fn merge(world: &World, number: u64, branch: &str) -> CommitId {
    world.git(&["merge", "-q", "--no-ff", "-m", "Merge", branch]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, commit.clone()).unwrap();
    commit
}

async fn waits(world: &World, commit: &CommitId) {
    let waits = |status: &Arc<EngineStatus>| {
        status.revision.as_ref().is_some_and(|revision| revision.id() == commit.as_str())
            && !status.awaits_approval.is_empty()
    };
    world.board.handle("site").unwrap().status().wait_for(waits).await.map(drop).unwrap();
}

async fn answered(world: &World, reviews: &Reviews, number: u64) -> (bool, String) {
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    let (_, done, answer) = world.answers().pop().unwrap();
    (done, answer)
}

/// Met as: the author of a change that nobody had approved approved it on the open request of somebody else, whose plan had it too.
#[tokio::test]
async fn the_author_of_what_waits_does_not_approve_it_on_an_open_request_of_somebody_else() {
    let world = World::with(GATE).await;
    let reviews = world.reviews();
    let first = world.propose("two", OURS);
    let merged = merge(&world, first, "feature");
    waits(&world, &merged).await;
    let second = another(&world);
    reviews.0.review(&world.cx, second).await;
    let comment = world.ours(second, "review/").await.concat();
    let approve = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    let approve = format!("/approve {approve}");
    world.says(&world.alice, second, &approve).await;
    let (done, answer) = answered(&world, &reviews, second).await;
    assert!(
        done && answer.starts_with("it counts; elsewhere not: it covers a change of the same person"),
        "{answer}"
    );
    let comment = world.ours(second, "review/").await.concat();
    assert!(
        comment.contains(&format!("(with \\#{first}): 0 of 1 approvals"))
            || comment.contains(&format!("(with #{first}): 0 of 1 approvals")),
        "{comment}"
    );
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one", "it waits");
    let carol = world.forge.acting_as(&world.forge.join("carol", Permission::Write));
    world.says(&carol, second, &approve).await;
    let (done, answer) = answered(&world, &reviews, second).await;
    assert!(done && answer.starts_with("approved, and stored"), "{answer}");
    world.cx.cancel();
}

/// The same where both are merged.
#[tokio::test]
async fn the_author_of_what_waits_does_not_approve_it_on_a_merged_request_of_somebody_else() {
    let world = World::with(GATE).await;
    let reviews = world.reviews();
    let first = world.propose("two", OURS);
    merge(&world, first, "feature");
    let second = another(&world);
    let merged = merge(&world, second, "another");
    waits(&world, &merged).await;
    let after = async |number| {
        let asked = reviews.0.asked(number);
        asked.after_merge(&world.cx, &reviews.0.chosen(), &nobody()).await.unwrap().remove(0)
    };
    let approve = format!("/approve {}", after(first).await.effect.name());
    world.says(&world.alice, first, &approve).await;
    let (done, answer) = answered(&world, &reviews, first).await;
    assert!(!done || answer.starts_with("it counts; `site` still wants"), "{answer}");
    world.says(&world.alice, second, &approve).await;
    let (done, answer) = answered(&world, &reviews, second).await;
    assert!(
        done && answer.contains(&format!("`site` still wants: gates (with #{first}): 0 of 1 approvals")),
        "{answer}"
    );
    assert_eq!(after(second).await.approved_by, None);
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one", "it waits");
    // Who merged them made none of them.
    let carol = world.forge.acting_as(&world.forge.join("carol", Permission::Write));
    world.says(&carol, second, &approve).await;
    let (done, answer) = answered(&world, &reviews, second).await;
    assert!(done && answer.starts_with("approved by"), "{answer}");
    world.cx.cancel();
}

/// What somebody pushed beside a request, or into its merge, is theirs.
#[tokio::test]
async fn who_pushed_to_the_branch_approves_that_on_no_request() {
    let world = World::with(GATE).await;
    let reviews = world.reviews();
    let first = world.propose("two", OURS);
    world.git(&["merge", "-q", "--no-ff", "--no-commit", "feature"]);
    fs::write(world.path("repository/site/page"), "evil").unwrap();
    world.git(&["commit", "-q", "-a", "-m", "Merge"]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.bob.made(commit.clone());
    world.forge.merge_as(&world.cx, first, commit.clone()).unwrap();
    waits(&world, &commit).await;
    let asked = reviews.0.asked(first);
    let after = asked.after_merge(&world.cx, &reviews.0.chosen(), &nobody()).await.unwrap().remove(0);
    world.says(&world.bob, first, &format!("/approve {}", after.effect.name())).await;
    let (done, answer) = answered(&world, &reviews, first).await;
    assert!(done && answer.contains("`site` still wants: gates (with"), "{answer}");
    world.cx.cancel();
}

/// Met as: an approval before the merge of a request that changes the jobs of the CI was said to be asked again after it, and was stored then
/// without a question.
#[tokio::test]
async fn what_is_asked_again_after_the_merge_is_not_approved_by_what_was_said_before() {
    let world = World::with(super::same_time::GATE).await;
    let reviews = world.reviews();
    let jobs = world.path("repository/.gitea/workflows");
    fs::create_dir_all(&jobs).unwrap();
    fs::write(jobs.join("review.yaml"), "on: push\n").unwrap();
    let number = world.propose("two", OURS);
    reviews.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/").await.concat();
    assert!(comment.contains("asked again after the merge"), "{comment}");
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    let approve = format!("/approve {effect}");
    world.says(&world.bob, number, &approve).await;
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;

    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let merged = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, merged).unwrap();
    reviews.0.review(&world.cx, number).await;
    let waits = |status: &Arc<EngineStatus>| !status.awaits_approval.is_empty();
    let mut status = world.board.handle("site").unwrap().status();
    status.wait_for(waits).await.map(drop).unwrap();
    // Each of them asks what the merge waits for; so does the next process.
    for reviews in [&reviews, &world.reviews()] {
        let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
        let asked = reviews.0.asked_of(number, &page);
        let after = asked.after_merge(&world.cx, &reviews.0.chosen(), &nobody()).await.unwrap().remove(0);
        assert_eq!((after.approved_by, after.wanted.len()), (None, 1));
    }
    world.told();
    // Forges tell whole seconds: what was said in that of the merge may have been said before it.
    let late = later(Duration::from_secs(2));
    world.says_at(&late, &world.bob, number, &approve).await;
    reviews.0.look(&late, number).await;
    assert_eq!(world.answers(), [("bob".to_owned(), true, "approved by bob: `site` goes on".to_owned())]);
    world.cx.cancel();
}
