//! Names that the configuration has no longer.

use gitops_forge::{ForgeExt, Marker};

use super::super::outcome::Telling;
use super::*;

const GATED: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

async fn statuses(world: &World, commit: &CommitId) -> Vec<(String, StatusState, String)> {
    let found = world.forge.statuses(&world.cx, commit).await.unwrap();
    found.into_iter().map(|status| (status.context, status.state, status.description)).collect()
}

/// Met on a forge that demands the statuses of a context: the green ones of the old name let anybody merge what nobody planned.
#[tokio::test]
async fn what_a_context_that_is_gone_said_of_open_requests_is_ended_once() {
    let world = World::with(GATED).await;
    let number = world.propose("two", OURS);
    let head = CommitId::parse(&world.git(&["rev-parse", "feature"])).unwrap();
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    reviews.0.poll_once(&world.cx).await.unwrap();
    let before = statuses(&world, &head).await;
    let states: Vec<_> = before.iter().map(|(name, state, _)| (name.as_str(), *state)).collect();
    assert_eq!(
        states,
        [("gitops/plan", StatusState::Success), ("gitops/policy", StatusState::Pending)],
        "a name that is in use keeps what it says"
    );
    world.told();

    let reviews = world.reviews_under("new memory");
    reviews.0.poll_once(&world.cx).await.unwrap();
    let text = "nobody says anything under `gitops` any more: see `new`";
    let ended =
        ["gitops/plan", "gitops/policy"].map(|name| (name.to_owned(), StatusState::Error, text.to_owned()));
    assert_eq!(statuses(&world, &head).await, ended);
    let comments = world.ours(number, "review/gitops").await;
    assert!(
        comments.len() == 1 && comments[0].contains("Nobody says anything under `gitops`"),
        "{comments:?}"
    );
    let told: Vec<ServerEvent> = world.told();
    let is_told = |event: &ServerEvent| matches!(event, ServerEvent::Superseded { request, statuses: 2, .. } if *request == number);
    assert_eq!(told.iter().filter(|event| is_told(event)).count(), 1, "{told:?}");
    reviews.0.review(&world.cx, number).await;
    assert_eq!(statuses(&world, &head).await.len(), 4, "the new name speaks beside it");

    // The same process, and the next one, write nothing more; one that has the old name again says what it finds.
    let writes = world.forge.writes();
    reviews.0.poll_once(&world.cx).await.unwrap();
    world.reviews_under("new memory").0.poll_once(&world.cx).await.unwrap();
    assert_eq!(world.forge.writes(), writes);
    let reviews = world.reviews();
    reviews.0.poll_once(&world.cx).await.unwrap();
    reviews.0.review(&world.cx, number).await;
    let states: Vec<_> = statuses(&world, &head).await.into_iter().map(|(_, state, _)| state).collect();
    let (error, good, waits) = (StatusState::Error, StatusState::Success, StatusState::Pending);
    assert_eq!(states, [good, waits, error, error]);
    world.cx.cancel();
}

#[tokio::test]
async fn what_waits_under_the_name_of_an_application_that_is_gone_is_ended_and_its_issue_closed() {
    let world = World::new().await;
    // From now on the forge knows both commits.
    world.propose("two", OURS);
    let [first, second] =
        ["main", "feature"].map(|name| CommitId::parse(&world.git(&["rev-parse", name])).unwrap());
    let reviews = world.reviews();
    let config = &world.applications().all[0];
    let says = |commit: &CommitId, state| Telling {
        commit: commit.to_string(),
        state,
        text: "so it is".to_owned(),
        is_live: false,
        needs_person: false,
        awaits_approval: false,
    };
    reviews.0.tell_forge(&world.cx, config, &says(&first, StatusState::Success)).await.unwrap();
    reviews.0.tell_forge(&world.cx, config, &says(&second, StatusState::Pending)).await.unwrap();
    let marker = Marker::new("drift/gitops/site").unwrap();
    world.forge.upsert_issue(&world.cx, &marker, "Drift in site", "Something.").await.unwrap();
    reviews.0.poll_once(&world.cx).await.unwrap();
    let open = async || world.forge.issues().unwrap().own_open(&world.cx).await.unwrap().len();
    assert_eq!((open().await, statuses(&world, &second).await[0].1), (1, StatusState::Pending));

    let text = fs::read_to_string(world.path("gitops.yaml")).unwrap();
    fs::write(world.path("gitops.yaml"), text.replace("name: site", "name: shop")).unwrap();
    world.told();
    world.reviews().0.poll_once(&world.cx).await.unwrap();
    let live = |state, text: &str| vec![("gitops/live/site".to_owned(), state, text.to_owned())];
    let gone = "the configuration has no application `site` under `gitops` any more";
    assert_eq!(statuses(&world, &second).await, live(StatusState::Error, gone));
    assert_eq!(statuses(&world, &first).await, live(StatusState::Success, "so it is"), "that was so");
    assert_eq!(open().await, 0);
    let told = world.told();
    assert!(matches!(&told[..], [ServerEvent::Told { .. }, ServerEvent::Drift { .. }]), "{told:?}");
    let writes = world.forge.writes();
    world.reviews().0.poll_once(&world.cx).await.unwrap();
    assert_eq!((world.forge.writes(), world.told()), (writes, vec![]));
    world.cx.cancel();
}

/// A second file of one repository has another store: its names are its own.
#[tokio::test]
async fn what_others_say_under_their_names_is_left_alone() {
    let world = World::with(GATED).await;
    let number = world.propose("two", OURS);
    let head = CommitId::parse(&world.git(&["rev-parse", "feature"])).unwrap();
    world.reviews().0.review(&world.cx, number).await;
    let before = statuses(&world, &head).await;
    let others = world.reviews_as("others memory", Arc::default());
    others.0.poll_once(&world.cx).await.unwrap();
    assert_eq!(statuses(&world, &head).await, before);
    world.cx.cancel();
}
