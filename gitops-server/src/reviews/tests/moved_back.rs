//! Open requests while the branch was moved back, so that nothing that is merged is applied.

use gitops_core::Request as Order;

use super::*;

/// A request that makes another file.
fn another(world: &World, name: &str) -> u64 {
    world.git(&["checkout", "-q", "-B", name, "main"]);
    fs::write(world.path("repository/site/more"), "more").unwrap();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "more"]);
    let head = CommitId::parse(&world.git(&["rev-parse", "HEAD"])).unwrap();
    world.alice.made(head.clone());
    world.git(&["checkout", "-q", "main"]);
    let path = Some(RepositoryPath::parse(OURS).unwrap());
    let base = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    let (base, head) = (Branch::new("main", base, path.clone()), Branch::new(name, head, path));
    world.alice.propose_between(&world.cx, "Another", head, base).number
}

async fn until(world: &World, name: &str, is_so: impl FnMut(&Arc<EngineStatus>) -> bool) {
    world.board.handle(name).unwrap().status().wait_for(is_so).await.map(drop).unwrap();
}

async fn live(world: &World, name: &str, commit: &str) {
    let is_live = |status: &Arc<EngineStatus>| {
        let complete = status.complete.as_ref();
        status.phase == Phase::Idle && complete.is_some_and(|complete| complete.revision.id() == commit)
    };
    until(world, name, is_live).await;
}

async fn refused(world: &World, name: &str) {
    until(world, name, |status| super::super::poll::not_followed(status).is_some()).await;
}

async fn policy(world: &World, number: u64) -> (StatusState, String) {
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    let found = world.forge.statuses(&world.cx, &head).await.unwrap();
    let policy = found.into_iter().find(|status| status.context == "gitops/policy").unwrap();
    (policy.state, policy.description)
}

async fn is_due(world: &World, reviews: &Reviews, number: u64) -> bool {
    let mut request = world.forge.change_request(&world.cx, number).await.unwrap();
    // Our own comment is a change too, in the next second perhaps.
    request.updated = reviews.0.seen().get(&number).map_or(request.updated, |seen| seen.updated);
    reviews.0.is_due(&world.cx, &request).1
}

/// Met as: both statuses stayed green, and a merge was applied nowhere.
#[tokio::test]
async fn a_request_says_that_its_merge_would_not_be_applied_while_the_branch_is_moved_back() {
    let world = World::new().await;
    let reviews = world.reviews();
    let first = world.git(&["rev-parse", "main"]);
    let number = another(&world, "another");
    let second = world.commit("two");
    live(&world, "site", second.as_str()).await;
    // It has what is live: merged as it is, it brings that back.
    let brings_back = another(&world, "back");
    for number in [number, brings_back] {
        reviews.0.review(&world.cx, number).await;
        assert_eq!(policy(&world, number).await.0, StatusState::Success);
        assert!(!is_due(&world, &reviews, number).await);
    }
    world.git(&["reset", "-q", "--hard", &first]);
    refused(&world, "site").await;
    assert!(is_due(&world, &reviews, number).await, "it is said at once, and not once the review is old");
    let short = |commit: &str| commit[..12].to_owned();
    let (old, at) = (short(&first), short(second.as_str()));
    for reviews in [&reviews, &world.reviews()] {
        reviews.0.review(&world.cx, number).await;
        let (state, said) = policy(&world, number).await;
        assert_eq!(state, StatusState::Pending, "{said}");
        assert!(
            said.starts_with("a merge would not be applied: `site`: the branch was moved back"),
            "{said}"
        );
        let comment = world.ours(number, "review/").await.concat();
        let expected = format!("{old} does not descend from {at}, which is applied");
        assert!(comment.contains(&expected) && comment.contains("rollback --end"), "{comment}");
    }
    reviews.0.review(&world.cx, brings_back).await;
    let (state, said) = policy(&world, brings_back).await;
    assert_eq!(state, StatusState::Success, "{said}");
    let comment = world.ours(brings_back, "review/").await.concat();
    assert!(comment.contains(&format!("this request has {at}, so a merge without squash")), "{comment}");

    // Somebody pushes it forward again.
    world.git(&["reset", "-q", "--hard", second.as_str()]);
    until(&world, "site", |status| super::super::poll::not_followed(status).is_none()).await;
    for number in [number, brings_back] {
        assert!(is_due(&world, &reviews, number).await);
        reviews.0.review(&world.cx, number).await;
        assert_eq!(policy(&world, number).await.0, StatusState::Success);
        let comment = world.ours(number, "review/").await.concat();
        assert!(!comment.contains("does not descend"), "{comment}");
    }
    world.cx.cancel();
}

/// What was approved is not applied either, and the comment says so also once it is approved.
#[tokio::test]
async fn an_approved_request_says_that_its_merge_would_not_be_applied() {
    let gate =
        "gates: [{ name: changes, rule: plan.create == 0, otherwise: needs-approval, message: ask }]\n";
    let world = World::with_rules(gate).await;
    let reviews = world.reviews();
    let first = world.git(&["rev-parse", "main"]);
    let number = another(&world, "another");
    let second = world.commit("two");
    live(&world, "site", second.as_str()).await;
    world.git(&["reset", "-q", "--hard", &first]);
    refused(&world, "site").await;
    reviews.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    world.says(&world.bob, number, &format!("/approve {effect}")).await;
    reviews.0.look(&world.cx, number).await;
    for _ in 0..2 {
        reviews.0.review(&world.cx, number).await;
        let (state, said) = policy(&world, number).await;
        assert!(state == StatusState::Pending && said.starts_with("a merge would not be applied"), "{said}");
        let comment = world.ours(number, "review/").await.concat();
        assert!(comment.contains("does not descend from"), "{comment}");
    }
    world.cx.cancel();
}

/// Of two applications that follow the branch, each says its own.
#[tokio::test]
async fn each_application_that_does_not_follow_the_branch_says_why() {
    let world = World::begun("");
    let two = "source: { git: { url: ./repository, ref: { branch: main }, path: site } }\nsync: { interval: 1s }\n\
               applications:\n\
               - { name: one, target: { directory: { root: ./one } } }\n\
               - { name: two, target: { directory: { root: ./two } } }\n";
    fs::write(world.path("gitops.yaml"), two).unwrap();
    world.work().await;
    let reviews = world.reviews();
    let first = world.git(&["rev-parse", "main"]);
    let number = another(&world, "another");
    let reason = "incident 17".to_owned();
    let one = world.board.handle("one").unwrap();
    one.request(&world.cx, "alice", Order::Suspend { reason }).await.unwrap();
    let second = world.commit("two");
    live(&world, "two", second.as_str()).await;
    reviews.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/").await.concat();
    assert!(comment.contains("it is suspended by alice (incident 17): what is merged waits"), "{comment}");
    assert_eq!(policy(&world, number).await.0, StatusState::Success);
    world.git(&["reset", "-q", "--hard", &first]);
    refused(&world, "two").await;
    reviews.0.review(&world.cx, number).await;
    let (state, said) = policy(&world, number).await;
    assert_eq!(state, StatusState::Pending);
    assert!(said.contains("`two`: the branch was moved back") && !said.contains("`one`"), "{said}");

    // Who asks for it to be applied is told, too.
    world.git(&["merge", "-q", "--no-ff", "-m", "Merge", "another"]);
    let merged = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, merged).unwrap();
    world.told();
    world.says(&world.bob, number, "/apply two").await;
    reviews.0.look(&world.cx, number).await;
    let answers = world.answers();
    assert!(answers[0].2.contains("does not follow its branch: "), "{answers:?}");
    world.cx.cancel();
}
