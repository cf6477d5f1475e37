//! What is merged while a change window is closed waits for a time, and for no person.

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A rule of who, and a window that is closed for three days; and the day on which it opens.
fn closed(world: &World) -> (String, String) {
    let from = world.cx.now().to_string();
    let to = world.cx.now().after(3 * DAY).to_string();
    let (from, day) = (&from[..10], to[..10].to_owned());
    let rules = format!(
        "approvals: [{{ name: people, needs: 1 }}]\n\
         windows: [{{ name: freeze, zone: UTC, deny: {{ from: {from}T00:00, to: {day}T00:00 }} }}]\n"
    );
    (rules, day)
}

/// A server whose application is closed, with a request.
async fn proposed() -> (World, String, u64) {
    proposed_under(ToOwned::to_owned).await
}

async fn proposed_under(which: impl Fn(&str) -> String) -> (World, String, u64) {
    let world = World::begun("");
    let session = Session::builder(&world.applications().all[0]).access(Access::Write).open(&world.cx).await;
    session.unwrap().engine.reconcile(&world.cx).await.unwrap();
    let (rules, day) = closed(&world);
    world.configure(&which(&rules));
    world.work().await;
    let number = world.propose("two", OURS);
    (world, day, number)
}

async fn approved(world: &World, reviews: &Reviews, number: u64, effect: &str) -> String {
    world.says(&world.bob, number, &format!("/approve {effect}")).await;
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    world.answers().pop().unwrap().2
}

/// Merges the request, and gives the commit with what its application says once it is denied.
async fn merged(world: &World, number: u64) -> (CommitId, EngineStatus) {
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    let merged = CommitId::parse(&world.git(&["rev-parse", "main"])).unwrap();
    world.forge.merge_as(&world.cx, number, merged.clone()).unwrap();
    (merged.clone(), stands(world, &merged, |_| true).await)
}

async fn stands(world: &World, commit: &CommitId, of: impl Fn(&EngineStatus) -> bool) -> EngineStatus {
    let is_denied = |status: &Arc<EngineStatus>| {
        let is_of = status.revision.as_ref().is_some_and(|at| at.id() == commit.as_str());
        let is_denied = status.last.as_ref().is_some_and(|last| last.kind == Some(ErrorKind::Denied));
        is_of && is_denied && status.phase == Phase::Idle && of(status)
    };
    let status = world.board.handle("site").unwrap().status().wait_for(is_denied).await.unwrap().clone();
    EngineStatus::clone(&status)
}

/// Met as: the status of the commit was `failure`, and cut off before the date.
#[tokio::test]
async fn an_approved_commit_waits_until_the_window_opens_and_for_nobody() {
    let (world, day, number) = proposed().await;
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    let answer = approved(&world, &reviews, number, &effect).await;
    assert!(answer.starts_with("approved, and stored"), "{answer}");
    let (commit, status) = merged(&world, number).await;
    let telling = telling_of(&status, None).unwrap();
    let what = (telling.state, telling.needs_person, telling.awaits_approval, telling.is_live);
    assert_eq!(what, (StatusState::Pending, false, false, false), "{telling:?}");
    reviews.0.tell_forge(&world.cx, &reviews.0.chosen[0], &telling).await.unwrap();
    let told = world.forge.statuses(&world.cx, &commit).await.unwrap();
    let told = told.into_iter().find(|status| status.context == "gitops/live/site").unwrap();
    assert_eq!(told.state, StatusState::Pending);
    let waits =
        format!("waits until {day}T00:00:00.000Z; change-window: the change window `freeze` denies changes");
    assert!(told.description.starts_with(&waits), "{told:?}");
    assert!(!told.description.contains("approv"), "what was approved waits for no approval: {told:?}");
    assert_eq!(
        world.ours(number, "answers/").await.concat().matches("waits until").count(),
        0,
        "nobody has to act"
    );
    // Whoever asks to apply it is told the same.
    world.says(&world.bob, number, "/apply").await;
    reviews.0.look(&world.cx, number).await;
    let answer = world.answers().pop().unwrap().2;
    assert!(answer.contains(&format!("; waits until {day}T00:00:00.000Z; ")), "{answer}");
    // An apply that failed is not over because what is left of it waits.
    let mut failed = status.clone();
    let progress = serde_json::json!({
        "revision": failed.revision, "since": Time::from_micros(0),
        "left": {"missing": [], "more": 1, "error": "the disk is full"},
    });
    failed.progress = Some(serde_json::from_value(progress).unwrap());
    let telling = telling_of(&failed, None).unwrap();
    assert_eq!((telling.state, telling.needs_person), (StatusState::Failure, true));
    let waits = format!("the apply failed: the disk is full; what is left waits until {day}T00:00:00.000Z; ");
    assert!(telling.text.starts_with(&waits), "{telling:?}");
    // What no time ends is for a person to end.
    let mut never = status;
    never.denied[0].until = None;
    let telling = telling_of(&never, None).unwrap();
    assert_eq!((telling.state, telling.needs_person), (StatusState::Failure, true));
    world.cx.cancel();
}

/// Met as: in an emergency, both people were told that nothing waited for the approval that counted a moment later.
#[tokio::test]
async fn what_an_override_asks_two_people_for_is_not_refused() {
    let only_the_window = |rules: &str| rules.split_once('\n').unwrap().1.to_owned();
    let (world, day, number) = proposed_under(only_the_window).await;
    merged(&world, number).await;
    let reviews = world.reviews();
    let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
    let asked = reviews.0.asked_of(number, &page);
    let after = asked.after_merge(&world.cx, &reviews.0.chosen(), &nobody()).await.unwrap();
    world.says(&world.bob, number, &format!("/approve {}", after[0].effect.name())).await;
    reviews.0.look(&world.cx, number).await;
    let (_, is_done, answer) = world.answers().pop().unwrap();
    let waits = format!("`site` wants no approval, and waits until {day}T00:00:00.000Z; ");
    assert!(is_done && answer.starts_with(&waits) && answer.contains("approve --urgent"), "{answer}");
    world.says(&world.bob, number, &format!("/approve {}", "ab".repeat(20))).await;
    reviews.0.look(&world.cx, number).await;
    let (_, is_done, answer) = world.answers().pop().unwrap();
    assert!(!is_done && answer == "nothing waits for an approval", "{answer}");
    world.cx.cancel();
}

/// The approval that nobody gave was not to be heard of before the window opened, and could not be given.
#[tokio::test]
async fn what_is_not_approved_either_is_approved_while_the_window_is_closed() {
    let (world, day, number) = proposed().await;
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let (commit, status) = merged(&world, number).await;
    let telling = telling_of(&status, None).unwrap();
    let what = (telling.state, telling.needs_person, telling.awaits_approval);
    assert_eq!(what, (StatusState::Pending, true, true), "{telling:?}");
    let waits =
        format!("waits until {day}T00:00:00.000Z and for an approval: approvals: the rule `people` wants");
    assert!(telling.text.starts_with(&waits), "{telling:?}");
    reviews.0.tell_forge(&world.cx, &reviews.0.chosen[0], &telling).await.unwrap();
    let said = world.ours(number, "answers/").await.concat();
    let effect =
        said.split("/approve ").nth(1).and_then(|rest| rest.get(..40)).unwrap_or_else(|| panic!("{said}"));
    world.told();
    let answer = approved(&world, &reviews, number, effect).await;
    assert_eq!(answer, format!("approved by bob: `site` goes on from {day}T00:00:00.000Z on"));
    let status = stands(&world, &commit, |status| status.awaits_approval.is_empty()).await;
    let telling = telling_of(&status, None).unwrap();
    assert_eq!((telling.state, telling.needs_person), (StatusState::Pending, false), "{telling:?}");
    world.cx.cancel();
}
