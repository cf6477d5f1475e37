//! What is merged while an application is held to a revision.

use gitops_core::Revision;

use super::*;

#[tokio::test]
async fn what_is_merged_while_an_application_is_pinned_says_that_it_waits_and_for_whom() {
    let world = World::new().await;
    let handle = world.board.handle("site").unwrap();
    let number = world.propose("two", OURS);
    let first = world.git(&["rev-parse", "main"]);
    let pin = Request::pin(Revision::new(first.clone(), first.clone()));
    handle.request(&world.cx, "carol", pin).await.unwrap();
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let review = world.ours(number, "review/").await.concat();
    assert!(review.contains("by carol: what is merged waits"), "{review}");
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    let merged = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, merged.clone()).unwrap();
    reviews.0.review(&world.cx, number).await;
    let told = async |reviews: &Reviews| {
        let status = handle.status().borrow().clone();
        reviews.0.tell_held_back(&world.cx, &reviews.0.chosen[0], &status).await.unwrap();
    };
    told(&reviews).await;
    let statuses = world.forge.statuses(&world.cx, &merged).await.unwrap();
    let live = statuses.iter().find(|status| status.context == "gitops/live/site").unwrap();
    assert_eq!(live.state, StatusState::Pending);
    assert!(live.description.contains("by carol: newer commits wait"), "{live:?}");
    let said = world.ours(number, "answers/").await.concat();
    assert!(said.contains("by carol: newer commits wait"), "{said}");
    // The next server says nothing twice.
    let writes = world.forge.writes();
    told(&world.reviews()).await;
    assert_eq!(world.forge.writes(), writes);
    // Whoever asks to apply it is told the same, and not that something would come.
    world.told();
    world.says(&world.bob, number, "/apply").await;
    reviews.0.look(&world.cx, number).await;
    let answers = world.answers();
    assert!(!answers[0].1 && answers[0].2.contains("is pinned to"), "{answers:?}");
    assert!(answers[0].2.contains("rollback --end"), "{answers:?}");
    // It is let go of, and what was merged is applied; nothing is held back any more.
    let expect = gitops_core::PinExpect::still(handle.status().borrow().pinned.as_ref().unwrap());
    handle.request(&world.cx, "carol", Request::Unpin { expect }).await.unwrap();
    let is_live = |status: &Arc<EngineStatus>| {
        status.complete.as_ref().is_some_and(|live| live.revision.id() == merged.as_str())
    };
    handle.status().wait_for(is_live).await.map(drop).unwrap();
    world.says(&world.bob, number, "/apply").await;
    reviews.0.look(&world.cx, number).await;
    assert!(world.answers()[0].1);
    world.cx.cancel();
}

/// Met as: the commit of a merge was pending for good, since the branch had gone on when the pin was over.
#[tokio::test]
async fn what_waited_is_told_as_live_also_with_a_later_commit() {
    let world = World::new().await;
    let (handle, reviews) = (world.board.handle("site").unwrap(), world.reviews());
    let first = world.git(&["rev-parse", "main"]);
    let number = world.propose("two", OURS);
    reviews.0.review(&world.cx, number).await;
    handle.request(&world.cx, "carol", Request::pin(Revision::new(first.clone(), first))).await.unwrap();
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    let merged = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, merged.clone()).unwrap();
    reviews.0.review(&world.cx, number).await;
    let is_pinned = |status: &Arc<EngineStatus>| status.pinned.is_some();
    let status = handle.status().wait_for(is_pinned).await.unwrap().clone();
    reviews.0.tell_held_back(&world.cx, &reviews.0.chosen[0], &status).await.unwrap();
    let said = async || {
        let found = world.forge.statuses(&world.cx, &merged).await.unwrap();
        let live = found.into_iter().find(|status| status.context == "gitops/live/site").unwrap();
        (live.state, live.description)
    };
    assert_eq!(said().await.0, StatusState::Pending);

    let later = world.commit("three");
    world.propose("four", OURS);
    handle.request(&world.cx, "carol", Request::unpin()).await.unwrap();
    let is_live = |status: &Arc<EngineStatus>| {
        let live = status.complete.as_ref().is_some_and(|live| live.revision.id() == later.as_str());
        live && telling_of(status, None).is_some_and(|telling| telling.is_live)
    };
    let status = handle.status().wait_for(is_live).await.unwrap().clone();
    let telling = telling_of(&status, None).unwrap();
    reviews.0.tell_forge(&world.cx, &reviews.0.chosen[0], &telling).await.unwrap();
    let live = format!("live with {}", &later.as_str()[..12]);
    assert_eq!(said().await, (StatusState::Success, live));
    world.cx.cancel();
}
