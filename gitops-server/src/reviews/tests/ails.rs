//! What ails a server that applies all the same is told by who answers whether it is ready.

use std::sync::atomic::{AtomicBool, Ordering};

use gitops_app::NotePlace;
use gitops_core::{Document, Error, Stored, Version, async_trait};

use super::*;

#[tokio::test]
async fn a_forge_that_turns_the_token_away_is_told_and_what_is_merged_is_applied_all_the_same() {
    let world = World::new().await;
    world.propose("two", OURS);
    let reviews = world.reviews();
    world.forge.turn_away(true);
    assert_eq!(reviews.0.poll_once(&world.cx).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    let (is_ready, said) = world.board.readiness();
    assert!(is_ready, "{said}");
    let (since, why) =
        said.strip_prefix("site: works; its forge can't be asked since ").unwrap().split_once(", ").unwrap();
    assert_eq!(why, "so no request is reviewed: it does not take the token\n");
    // It stays the time since which it is so.
    reviews.0.poll_once(&later(Duration::from_secs(60))).await.unwrap_err();
    assert!(world.board.readiness().1.contains(since));
    world.forge.turn_away(false);
    reviews.0.poll_once(&world.cx).await.unwrap();
    assert_eq!(world.board.readiness(), (true, "site: works\n".to_owned()));
    world.cx.cancel();
}

/// Met as: a server whose working copy was behind the branch refused each review, and said that it was ready.
#[tokio::test]
async fn a_configuration_that_is_not_that_of_the_branch_is_told() {
    let world = World::new().await;
    let number = world.propose("two", OURS);
    let (copy, state) = (world.path("repository/gitops.yaml"), world.path("gitops.yaml"));
    let text = fs::read_to_string(&state).unwrap().replace("./", &format!("{}/", world.path("").display()));
    fs::write(&copy, text).unwrap();
    let applications = Applications::load(&copy, &Backends::new()).unwrap();
    let reviews = world.reviews_of(&applications, "gitops memory", world.store.clone());
    reviews.0.review(&world.cx, number).await;
    let head = world.forge.change_request(&world.cx, number).await.unwrap().head.commit;
    let told = world.forge.statuses(&world.cx, &head).await.unwrap();
    let told = told.into_iter().find(|status| status.context == "gitops/plan").unwrap().description;
    assert_eq!(told, "the configuration gitops.yaml is not that of main, the target branch");
    let (is_ready, said) = world.board.readiness();
    let (_, why) = said.split_once("; a request can't be reviewed since ").expect("it is told");
    assert!(is_ready && why.ends_with("the configuration here is not that of the target branch\n"), "{said}");
    // It is put right, or the request is over.
    fs::remove_file(&copy).unwrap();
    world.reviews().0.review(&world.cx, number).await;
    reviews.0.poll_once(&world.cx).await.unwrap();
    assert!(world.board.readiness().1.contains("can't be reviewed"), "that one did not try again");
    world.forge.close(number).unwrap();
    reviews.0.poll_once(&world.cx).await.unwrap();
    assert_eq!(world.board.readiness(), (true, "site: works\n".to_owned()));
    world.cx.cancel();
}

/// A disk that may be full.
#[derive(Default)]
struct Disk {
    store: MemoryStore,
    is_full: AtomicBool,
}

#[async_trait]
impl StateStore for Disk {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.store.load(cx, name).await
    }

    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        match self.is_full.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Storage, "no space left on device")),
            false => self.store.swap(cx, name, expect, document).await,
        }
    }
}

/// Met as: with a full disk no review worked and no approval was stored, and the server said that it was ready.
#[tokio::test]
async fn while_what_is_known_of_requests_can_not_be_written_nobody_is_ready() {
    let world = World::new().await;
    let number = world.propose("two", OURS);
    let disk = Arc::new(Disk::default());
    let reviews = world.reviews_of(&world.applications(), "gitops memory", disk.clone());
    disk.is_full.store(true, Ordering::Relaxed);
    reviews.0.review(&world.cx, number).await;
    let (is_ready, said) = world.board.readiness();
    assert!(!is_ready && said.contains("; what is known of its requests can't be written since "), "{said}");
    assert!(said.ends_with(": the disk is full, read-only or failing\n"), "{said}");
    assert!(reviews.0.memory.write_again(&world.cx).await.is_err());
    assert!(!world.board.readiness().0);
    disk.is_full.store(false, Ordering::Relaxed);
    // Nobody may have anything to write.
    reviews.0.memory.write_again(&world.cx).await.unwrap();
    let (is_ready, said) = world.board.readiness();
    assert!(!is_ready && !said.contains("can't be written"), "its review is not made up for yet: {said}");
    reviews.0.review(&world.cx, number).await;
    assert_eq!(world.board.readiness(), (true, "site: works\n".to_owned()));
    world.cx.cancel();
}

#[tokio::test]
async fn while_its_state_can_not_be_written_an_application_is_not_ready_although_its_engine_writes_nothing() {
    let world = World::new().await;
    let config = world.applications().all.remove(0);
    let note = config.state.join("lock.note");
    let (place, status) = (NotePlace::in_folder(&config.state), world.board.handle("site").unwrap().status());
    let (told, mut heard) = watch::channel(None);
    let (cx, board) = (world.cx.clone(), world.board.clone());
    tokio::spawn(async move {
        let wrote = |written: Result<()>| {
            board.written("site", cx.now(), written.as_ref().map(drop).map_err(Error::kind));
            told.send_replace(Some(written.is_ok()));
        };
        place.keep(&cx, status, watch::channel(None).1, wrote).await;
    });
    heard.wait_for(|written| *written == Some(true)).await.unwrap();
    assert!(world.board.readiness().0);
    fs::remove_file(&note).unwrap();
    fs::create_dir(&note).unwrap();
    heard.wait_for(|written| *written == Some(false)).await.unwrap();
    let (is_ready, said) = world.board.readiness();
    assert!(!is_ready && said.starts_with("site: works; its state can't be written since "), "{said}");
    fs::remove_dir(&note).unwrap();
    heard.wait_for(|written| *written == Some(true)).await.unwrap();
    assert_eq!(world.board.readiness(), (true, "site: works\n".to_owned()));
    world.cx.cancel();
}
