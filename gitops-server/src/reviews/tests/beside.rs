//! Two applications of one server and one request: what becomes of one is said of it, and of the other nothing.

use super::*;

const TWO: &str = "source: { git: { url: ./repository, ref: { branch: main }, path: site } }\nsync: { interval: 1s }\n\
                   applications:\n\
                   - { name: one, target: { directory: { root: ./one } } }\n\
                   - { name: two, target: { directory: { root: ./two } } }\n";

async fn two() -> World {
    let world = World::begun("");
    fs::write(world.path("gitops.yaml"), TWO).unwrap();
    world.work().await;
    world
}

/// Waits until a commit is live in an application, whole, and gives how it stands then.
async fn live(world: &World, name: &str, commit: &str) -> EngineStatus {
    let is_live = |status: &Arc<EngineStatus>| {
        let complete = status.complete.as_ref();
        status.phase == Phase::Idle && complete.is_some_and(|complete| complete.revision.id() == commit)
    };
    let handle = world.board.handle(name).unwrap();
    EngineStatus::clone(&*handle.status().wait_for(is_live).await.unwrap().clone())
}

/// A request that changes both, reviewed and merged; gives its number and its commit.
async fn merged(world: &World, reviews: &Reviews) -> (u64, CommitId) {
    let number = world.propose("two", OURS);
    reviews.0.review(&world.cx, number).await;
    world.git(&["merge", "-q", "--ff-only", "feature"]);
    let commit = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, commit.clone()).unwrap();
    reviews.0.review(&world.cx, number).await;
    (number, commit)
}

async fn tell(world: &World, reviews: &Reviews, name: &str, status: &EngineStatus) {
    let config = reviews.0.chosen.iter().find(|config| config.name == name).unwrap();
    let telling = telling_of(status, None).expect("it stands still");
    reviews.0.tell_forge(&world.cx, config, &telling).await.unwrap();
}

async fn states(world: &World, commit: &CommitId) -> Vec<(String, StatusState)> {
    let found = world.forge.statuses(&world.cx, commit).await.unwrap().into_iter();
    found
        .filter_map(|status| Some((status.context.strip_prefix("gitops/live/")?.to_owned(), status.state)))
        .collect()
}

#[tokio::test]
async fn the_error_of_a_failed_apply_stays_beside_another_application_that_is_live() {
    let world = two().await;
    let reviews = world.reviews();
    let (number, commit) = merged(&world, &reviews).await;
    let [mut one, two] =
        [live(&world, "one", commit.as_str()).await, live(&world, "two", commit.as_str()).await];
    one.complete = None;
    let left = serde_json::json!({
        "revision": one.revision, "since": Time::from_micros(0),
        "left": {"missing": [], "more": 1, "error": "dir:File/-/page: the disk is full"},
    });
    one.progress = Some(serde_json::from_value(left).unwrap());
    let failed = one.last.as_mut().unwrap();
    failed.error = Some("dir:File/-/page: the disk is full".to_owned());
    tell(&world, &reviews, "one", &one).await;
    tell(&world, &reviews, "two", &two).await;
    // What is left waits for somebody by then: the error is kept.
    (one.last.as_mut().unwrap().error, one.last.as_mut().unwrap().kind) =
        (None, Some(ErrorKind::NeedsApproval));
    for again in ["two", "one", "two"] {
        tell(&world, &reviews, again, if again == "one" { &one } else { &two }).await;
        let expected = [("one", StatusState::Failure), ("two", StatusState::Success)];
        assert_eq!(states(&world, &commit).await, expected.map(|(name, state)| (name.to_owned(), state)));
        let said = world.ours(number, "answers/").await.concat();
        let of =
            |name: &str| said.lines().filter(|line| line.contains(&format!("`{name}`"))).collect::<String>();
        assert!(of("one").contains("the disk is full"), "{said}");
        assert!(!of("two").contains("the disk is full"), "{said}");
    }
    world.cx.cancel();
}

#[tokio::test]
async fn a_stop_of_one_application_holds_it_alone_and_is_said_of_it_alone() {
    let world = two().await;
    let first = world.git(&["rev-parse", "main"]);
    let handle = world.board.handle("one").unwrap();
    let reason = "incident 17".to_owned();
    handle.request(&world.cx, "alice", gitops_core::Request::Suspend { reason }).await.unwrap();
    let reviews = world.reviews();
    let (number, commit) = merged(&world, &reviews).await;
    let two = live(&world, "two", commit.as_str()).await;
    assert_eq!(fs::read_to_string(world.path("two/page")).unwrap(), "two");
    let is_held = |status: &Arc<EngineStatus>| {
        let is_of = status.revision.as_ref().is_some_and(|at| at.id() == commit.as_str());
        is_of && status.phase == Phase::Idle && status.suspended.is_some()
    };
    let one = EngineStatus::clone(&*handle.status().wait_for(is_held).await.unwrap().clone());
    assert_eq!(one.complete.as_ref().map(|complete| complete.revision.id()), Some(&*first));
    assert_eq!(fs::read_to_string(world.path("one/page")).unwrap(), "one", "nothing is written");
    tell(&world, &reviews, "one", &one).await;
    tell(&world, &reviews, "two", &two).await;
    says_who_is_next(&world, &reviews, number, [&first, commit.as_str()]).await;
    let expected = [("one", StatusState::Pending), ("two", StatusState::Success)];
    assert_eq!(states(&world, &commit).await, expected.map(|(name, state)| (name.to_owned(), state)));
    // It goes on where it was stopped.
    handle.request(&world.cx, "alice", gitops_core::Request::Resume).await.unwrap();
    tell(&world, &reviews, "one", &live(&world, "one", commit.as_str()).await).await;
    let expected = [("one", StatusState::Success), ("two", StatusState::Success)];
    assert_eq!(states(&world, &commit).await, expected.map(|(name, state)| (name.to_owned(), state)));
    assert_eq!(fs::read_to_string(world.path("one/page")).unwrap(), "two");
    world.cx.cancel();
}

/// What each application does, who holds it, and which request is next: of the one that is stopped, and of the one that is live.
async fn says_who_is_next(world: &World, reviews: &Reviews, number: u64, [first, commit]: [&str; 2]) {
    let before = world.forge.writes();
    world.says(&world.bob, number, "/apply").await;
    reviews.0.look(&world.cx, number).await;
    let (_, done, answer) = world.answers().remove(0);
    let line =
        |name: &str| answer.lines().find(|line| line.starts_with(&format!("`{name}`: "))).unwrap_or_default();
    assert!(done && answer.starts_with("looks at once: one, two;"), "{answer}");
    let (first, short) = (&first[..12], &commit[..12]);
    for expected in [
        format!("{first} is live"),
        "suspended by alice".to_owned(),
        format!("held by process {}", std::process::id()),
        format!("merged and not live yet: #{number} ({short})"),
    ] {
        assert!(line("one").contains(&expected), "{expected} is not in {answer}");
    }
    assert!(line("two").contains(&format!("{short} is live")), "{answer}");
    assert!(!line("two").contains("suspended") && !line("two").contains("not live yet"), "{answer}");
    // Our comment with the answers, and an emoji when it was seen and when it was done; the question is one write of its own.
    assert!(world.forge.writes() - before <= 5, "{} writes", world.forge.writes() - before);
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("not live yet"), "it is shown in the request: {said}");
    world.says(&world.bob, number, "/unlock two").await;
    reviews.0.look(&world.cx, number).await;
    let (_, done, answer) = world.answers().remove(0);
    assert!(!done && answer.contains("there is nothing to unlock"), "{answer}");
    assert!(answer.contains("`two`: ") && answer.contains("held by process"), "{answer}");
}
