//! What ails a server that applies all the same is told by who answers whether it is ready.

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
