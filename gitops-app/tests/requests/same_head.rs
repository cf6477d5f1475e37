//! Requests that have one head.

use super::*;

/// The request of a head into another branch, which is as `main` is.
fn into(world: &World, base: &str, head: &CommitId) -> u64 {
    let path = || Some(RepositoryPath::parse(OURS).unwrap());
    world.git(&["branch", base, "main"]);
    let at = CommitId::parse(&world.git(&["rev-parse", base])).unwrap();
    let (head, base) = (Branch::new("feature", head.clone(), path()), Branch::new(base, at, path()));
    world.author.propose_between(&world.cx, "The same", head, base).number
}

/// A status is of a commit: whoever opens a request opens a second one of the same commit, into a branch where nothing is against it.
#[tokio::test]
async fn a_request_into_another_branch_makes_nothing_green_for_the_one_of_the_same_head() {
    let (world, number, bob) = asking().await;
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    let said = async |context: &str| {
        let mut found = world.statuses(&head).await.into_iter();
        found.find(|(name, ..)| name == context).map(|(_, state, text)| (state, text))
    };
    let waits = (StatusState::Pending, "needs an approval: changes: ask".to_owned());
    world.told(number).await.unwrap();
    assert_eq!(said("gitops/policy").await, Some(waits.clone()));
    assert_eq!(said("gitops/policy into main").await, None, "there is one request");

    let other = into(&world, "elsewhere", &head);
    let told = world.told(other).await.unwrap();
    assert_eq!(told.unreviewed, [number]);
    let again = format!("request {number} into main has this head, too: review it once more");
    assert_eq!(said("gitops/policy").await, Some((StatusState::Pending, again)));
    assert_eq!(said("gitops/policy into elsewhere").await.unwrap().0, StatusState::Success);
    let beside = (StatusState::Pending, format!("into main: {}", waits.1));
    for request in [number, other] {
        let told = world.told(request).await.unwrap();
        assert_eq!((told.unreviewed.len(), said("gitops/policy").await), (0, Some(beside.clone())));
    }

    // Once it is approved, nothing is against either.
    world.says(&bob, number, &format!("/approve {}", effect(&world, number).await)).await;
    world.told(number).await.unwrap();
    for context in ["gitops/plan", "gitops/policy", "gitops/policy into main"] {
        assert_eq!(said(context).await.unwrap().0, StatusState::Success, "{context}");
    }
    let writes = world.forge.writes();
    for request in [number, other] {
        world.told(request).await.unwrap();
    }
    assert_eq!(world.forge.writes(), writes, "a run without news writes nothing");

    // What is said of it beside others is kept current while there are none: the other one may be opened again.
    world.author.close(other).unwrap();
    bob.review(&world.cx, number, ReviewState::ChangesRequested).unwrap();
    world.told(number).await.unwrap();
    for context in ["gitops/policy", "gitops/policy into main"] {
        assert_eq!(said(context).await.unwrap().0, StatusState::Pending, "{context}");
    }
}

/// What was planned for one branch says nothing of another.
#[tokio::test]
async fn a_request_that_is_given_another_branch_while_it_is_reviewed_is_reviewed_again() {
    let (world, number, _) = asking().await;
    let applications = Applications::load(&world.path("gitops.yaml"), &Backends::new()).unwrap();
    let chosen: Vec<_> = applications.all.iter().collect();
    let (author, cx) = (world.author.clone(), world.cx.clone());
    let events: Arc<dyn EventSink> = Arc::new(move |_: &Event| {
        author.retarget(&cx, number, "elsewhere").unwrap();
    });
    let asked = Asked::new(Arc::new(world.forge.clone()), ForgeKind::Gitea, number, "gitops");
    let document = |_: &Sides, _: &Reviewed| String::new();
    let error = asked.review(&world.cx, &applications, &chosen, &events, document).await.unwrap_err();
    assert_eq!((error.kind(), world.forge.writes()), (ErrorKind::Stale, 0));
    assert!(error.to_string().contains("given another branch"), "{error}");
}
