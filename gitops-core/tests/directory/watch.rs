//! The watch: what moves is told, by whomever it was moved.

use std::fs;
use std::task::Poll;
use std::time::Duration;

use futures::poll;
use gitops_core::capability::MovedObjects;
use gitops_core::{Cx, Target};

use crate::support::{Yard, create, key, update};

/// The next answer; a watch that misses an event fails by its deadline.
async fn moved(yard: &Yard) -> MovedObjects {
    let cx = Cx::system().within(Duration::from_secs(30));
    yard.directory.watch().unwrap().moved(&cx).await.unwrap()
}

/// Answers until one names the file, or any.
async fn until_told(yard: &Yard, name: &str) {
    loop {
        match moved(yard).await {
            MovedObjects::Any => return,
            MovedObjects::Keys(keys) if keys.contains(&key(name)) => return,
            MovedObjects::Keys(_) => {}
        }
    }
}

/// Answers until one names the file itself: `Any` is not enough.
async fn until_named(yard: &Yard, name: &str) {
    while !matches!(moved(yard).await, MovedObjects::Keys(keys) if keys.contains(&key(name))) {}
}

#[tokio::test]
async fn the_first_answer_is_any_and_what_comes_later_is_named() {
    let yard = Yard::new();
    yard.put("conf/a", "one");
    assert_eq!(moved(&yard).await, MovedObjects::Any);
    fs::write(yard.path("conf/a"), "two").unwrap();
    until_named(&yard, "conf/a").await;
    fs::remove_file(yard.path("conf/a")).unwrap();
    until_named(&yard, "conf/a").await;
}

#[tokio::test]
async fn moves_between_two_calls_are_kept() {
    let yard = Yard::new();
    yard.put("a", "one");
    assert_eq!(moved(&yard).await, MovedObjects::Any);
    fs::write(yard.path("a"), "two").unwrap();
    let cx = Cx::system();
    let watch = yard.directory.watch().unwrap();
    // A call that is given up must not take the event with it.
    match poll!(watch.moved(&cx)) {
        Poll::Ready(told) => assert_eq!(told.unwrap(), MovedObjects::Keys(vec![key("a")])),
        Poll::Pending => until_named(&yard, "a").await,
    }
}

#[tokio::test]
async fn a_lost_mark_is_a_move_of_its_file() {
    let yard = Yard::new();
    yard.apply(create("a", "one", "op1")).await.unwrap();
    assert_eq!(moved(&yard).await, MovedObjects::Any);
    fs::remove_file(yard.path(".a.gitops")).unwrap();
    until_named(&yard, "a").await;
}

#[tokio::test]
async fn files_in_folders_that_come_later_are_seen() {
    let yard = Yard::new();
    assert_eq!(moved(&yard).await, MovedObjects::Any);
    for depth in 1..6 {
        let name = format!("{}file", "new/".repeat(depth));
        yard.put(&name, "one");
        until_told(&yard, &name).await;
        fs::write(yard.path(&name), "two").unwrap();
        until_told(&yard, &name).await;
    }
}

#[tokio::test]
async fn a_folder_that_is_moved_away_is_told() {
    let yard = Yard::new();
    yard.put("conf/a", "one");
    assert_eq!(moved(&yard).await, MovedObjects::Any);
    fs::rename(yard.path("conf"), yard.folder.path().join("elsewhere")).unwrap();
    until_told(&yard, "conf/a").await;
}

#[tokio::test]
async fn a_change_of_ours_names_its_file_and_no_side_file() {
    let yard = Yard::new();
    yard.apply(create("a", "one", "op1")).await.unwrap();
    assert_eq!(moved(&yard).await, MovedObjects::Any);
    yard.apply(update("a", "two", &yard.expect("a").await, "op2")).await.unwrap();
    match moved(&yard).await {
        MovedObjects::Keys(keys) => assert_eq!(keys, [key("a")]),
        MovedObjects::Any => panic!("an update makes and removes no folder"),
    }
}

#[tokio::test]
async fn a_root_that_is_gone_is_an_error_and_not_silence() {
    let yard = Yard::new();
    assert_eq!(moved(&yard).await, MovedObjects::Any);
    fs::remove_dir(yard.directory.root()).unwrap();
    let cx = Cx::system().within(Duration::from_secs(30));
    let watch = yard.directory.watch().unwrap();
    let error = loop {
        match watch.moved(&cx).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("can't watch"), "{error}");
}
