//! Several writers, and futures that are dropped (C17, C48 to C51, C60, C61).

use std::sync::Arc;

use futures::future::join_all;
use futures::poll;
use gitops_core::{Change, Cx, Directory, Expect, Scope, Target};

use crate::support::{Yard, create, delete, key, object, owner_label, text, update};

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_creates_one_wins_and_the_others_learn_it() {
    for _ in 0..20 {
        let yard = Arc::new(Yard::new());
        let tries = (0..8).map(|n| {
            let yard = yard.clone();
            tokio::spawn(async move { yard.apply(create("d/a", &n.to_string(), &format!("op{n}"))).await })
        });
        let results: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|result| result.as_ref().is_err_and(gitops_core::Error::is_conflict)));
        assert_eq!(yard.names(), ["d", "d/.a.gitops", "d/a"]);
    }
}

/// Two handles are two processes as far as the locks within one are concerned.
#[tokio::test(flavor = "multi_thread")]
async fn creates_of_two_owners_from_two_handles_give_one_file_with_the_winners_mark() {
    for _ in 0..40 {
        let yard = Yard::new();
        let tries = ["shop", "bank"].map(|owner| {
            let directory = Directory::open(yard.directory.root(), "dir").unwrap();
            let change = Change::Create {
                object: object("d/a", text(owner)),
                owner_label: owner_label(owner, owner),
                preview: None,
            };
            tokio::spawn(async move { directory.apply(&Cx::system(), &change).await })
        });
        let results: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let winner = if results[0].is_ok() { "shop" } else { "bank" };
        assert!(yard.live("d/a").await.unwrap().is_owned_by(winner));
        assert_eq!(yard.text("d/a"), winner);
        assert_eq!(yard.names(), ["d", "d/.a.gitops", "d/a"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_updates_of_one_version_one_wins() {
    let yard = Arc::new(Yard::new());
    yard.apply(create("a", "0", "op")).await.unwrap();
    for round in 1..20 {
        let expect = yard.expect("a").await;
        let tries = (0..8).map(|n| {
            let (yard, expect) = (yard.clone(), expect.clone());
            let content = format!("{round}-{n}");
            tokio::spawn(async move { yard.apply(update("a", &content, &expect, "op")).await })
        });
        let results: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        let winner = results.iter().position(Result::is_ok).unwrap();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(yard.text("a"), format!("{round}-{winner}"), "the winner's content is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_one_folder_come_and_go_without_hindering_each_other() {
    let yard = Arc::new(Yard::new());
    let tasks = (0..16).map(|n| {
        let yard = yard.clone();
        tokio::spawn(async move {
            for round in 0..20 {
                let name = format!("deep/folder/{n}");
                yard.apply(create(&name, "x", &format!("op{n}-{round}"))).await.unwrap();
                yard.apply(delete(&name, &yard.expect(&name).await, "op")).await.unwrap();
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    assert!(yard.names().is_empty());
}

#[tokio::test]
async fn a_dropped_change_happens_whole_and_the_directory_stays_usable() {
    let yard = Yard::new();
    let mut content = String::from("one");
    {
        let mut dropped = Box::pin(yard.apply(create("d/a", &content, "op1")));
        assert!(poll!(&mut dropped).is_pending());
    }
    assert!(yard.live("d/a").await.is_some(), "a look waits for the change that is still under way");
    yard.apply(create("d/a", &content, "op1")).await.unwrap();
    for step in ["two", "three"] {
        let expect = yard.expect("d/a").await;
        let change = update("d/a", step, &expect, step);
        drop(poll!(Box::pin(yard.apply(change.clone()))));
        yard.apply(change).await.unwrap();
        content = step.to_owned();
        assert_eq!(yard.text("d/a"), content);
    }
    let expect = yard.expect("d/a").await;
    drop(poll!(Box::pin(yard.try_live("d/a"))));
    drop(poll!(Box::pin(yard.apply(delete("d/a", &expect, "op")))));
    yard.apply(delete("d/a", &expect, "op")).await.unwrap();
    assert!(yard.names().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_and_goes_is_never_seen_without_its_mark() {
    let yard = Yard::new();
    let other = Directory::open(yard.directory.root(), "dir").unwrap();
    let writer = tokio::spawn(async move {
        for round in 0..100 {
            let (cx, scope) = (Cx::system(), [key("a")].into_iter().collect::<Scope>());
            other.apply(&cx, &create("a", "x", &format!("op{round}"))).await.unwrap();
            let live = other.observe(&cx, &scope).await.unwrap().pop().unwrap();
            other.apply(&cx, &delete("a", &Expect::from(&live), "op")).await.unwrap();
        }
    });
    while !writer.is_finished() {
        if let Ok(Some(live)) = yard.try_live("a").await {
            assert!(live.is_owned_by("shop"), "{live:?}");
        }
    }
    writer.await.unwrap();
}
