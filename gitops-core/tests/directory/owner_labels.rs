//! Owner labels: shown, kept, adopted, damaged (C52 to C54).

use std::fs;

use gitops_core::capability::Import;
use gitops_core::{Applied, Cx, Directory, ErrorKind, Ownership, Result};

use crate::support::{Yard, create, delete, owner_label, update};

async fn adopt(yard: &Yard, change: gitops_core::Change) -> Result<Applied> {
    Import::adopt(&yard.directory, &Cx::system(), &change).await
}

#[tokio::test]
async fn the_mark_comes_back_and_survives_edits_by_others() {
    let yard = Yard::new();
    let made = yard.apply(create("a", "one", "op1")).await.unwrap();
    fs::write(yard.path("a"), "edited").unwrap();
    let live = yard.live("a").await.unwrap();
    assert!(live.is_owned_by("shop") && Applied::from(&live) != made);
    let again = Directory::open(yard.directory.root(), "dir").unwrap();
    let fresh = Yard { directory: again, folder: tempfile::tempdir().unwrap() };
    assert_eq!(fresh.live("a").await.unwrap(), live, "another process sees the same");
}

#[tokio::test]
async fn adopting_writes_the_mark_and_nothing_else() {
    let yard = Yard::new();
    yard.put("a", "theirs");
    let before = yard.all();
    let expect = yard.expect("a").await;
    let first = adopt(&yard, update("a", "ours", &expect, "op1")).await.unwrap();
    assert_eq!(adopt(&yard, update("a", "ours", &expect, "op1")).await.unwrap(), first);
    let live = yard.live("a").await.unwrap();
    assert!(live.is_owned_by("shop") && Applied::from(&live) == first);
    assert_eq!(yard.all()[1..], before, "the file is the same, byte and inode");
    yard.apply(update("a", "ours", &yard.expect("a").await, "op2")).await.unwrap();
    assert_eq!(yard.text("a"), "ours");
}

#[tokio::test]
async fn a_file_that_moved_or_is_owned_is_not_adopted() {
    let yard = Yard::new();
    yard.put("a", "theirs");
    let expect = yard.expect("a").await;
    yard.put("a", "edited");
    assert!(adopt(&yard, update("a", "x", &expect, "op1")).await.unwrap_err().is_conflict());
    assert!(adopt(&yard, update("b", "x", &expect, "op1")).await.unwrap_err().is_conflict());
    assert!(adopt(&yard, create("a", "edited", "op1")).await.unwrap_err().is_conflict());
    yard.put(".a.gitops", r#"{"owner":"bank","uid":"b1","format":1}"#);
    let error = adopt(&yard, update("a", "x", &yard.expect("a").await, "op1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOwned);
    assert_eq!(yard.names(), [".a.gitops", "a"]);
}

/// Met with a root below another one: what the one had made was adopted through the other.
#[tokio::test]
async fn a_mark_that_was_made_through_a_root_above_or_below_is_anothers() {
    for (made_in, made, seen_in, seen) in [("", "sub/a", "sub", "a"), ("sub", "a", "", "sub/a")] {
        let yard = Yard::new();
        fs::create_dir_all(yard.path("sub")).unwrap();
        let root = |below: &str| Directory::open(yard.path(below), "dir").unwrap();
        let (one, other) = (root(made_in), root(seen_in));
        gitops_core::capability::Target::apply(&one, &Cx::system(), &create(made, "one", "op1"))
            .await
            .unwrap();
        let fresh = Yard { directory: other, folder: tempfile::tempdir().unwrap() };
        let live = fresh.live(seen).await.unwrap();
        assert!(
            matches!(&live.ownership, Ownership::Owner(owner) if owner.starts_with("shop, which has it as")),
            "{:?}",
            live.ownership
        );
        let error = adopt(&fresh, update(seen, "x", &fresh.expect(seen).await, "op2")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotOwned);
        let error = fresh.apply(delete(seen, &fresh.expect(seen).await, "op3")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotOwned);
    }
}

#[tokio::test]
async fn a_mark_whose_file_was_removed_by_hand_is_absence() {
    let yard = Yard::new();
    yard.apply(create("a", "one", "op1")).await.unwrap();
    let expect = yard.expect("a").await;
    fs::remove_file(yard.path("a")).unwrap();
    assert_eq!(yard.live("a").await, None);
    let made = yard.apply(create("a", "two", "op2")).await.unwrap();
    assert_eq!(Applied::Holds(Box::new(yard.live("a").await.unwrap())), made);
    fs::remove_file(yard.path("a")).unwrap();
    yard.apply(delete("a", &expect, "op3")).await.unwrap();
    assert!(yard.names().is_empty(), "the delete took the stale owner label along");
}

#[tokio::test]
async fn anothers_stale_mark_keeps_the_place() {
    let yard = Yard::new();
    yard.put(".a.gitops", r#"{"owner":"bank","uid":"b1","format":1}"#);
    let error = yard.apply(create("a", "one", "op1")).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotOwned && error.to_string().contains("`bank`"), "{error}");
    assert_eq!(yard.names(), [".a.gitops"]);
}

#[tokio::test]
async fn a_damaged_or_newer_mark_is_an_error_that_names_it() {
    for content in ["", "{", r#"{"owner":"shop"}"#, r#"{"owner":"shop","uid":"u","format":2}"#, "\0\u{1}"] {
        let yard = Yard::new();
        yard.put("a", "theirs");
        yard.put(".a.gitops", content);
        let before = yard.all();
        let error = yard.try_live("a").await.unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains(".a.gitops"), "{error}");
        assert!(error.help_text().is_some());
        assert_eq!(yard.apply(create("a", "x", "op")).await.unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(yard.all(), before);
    }
}

#[tokio::test]
async fn an_owner_too_long_for_a_mark_is_refused_without_a_trace() {
    let yard = Yard::new();
    let object = crate::support::object("a/b", crate::support::text("x"));
    let change = gitops_core::Change::Create {
        object,
        owner_label: owner_label(&"o".repeat(5000), "op"),
        preview: None,
    };
    let error = yard.apply(change).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Limit && !error.is_unknown(), "{error}");
    assert!(yard.names().is_empty());
}

#[tokio::test]
async fn an_unmarked_file_is_shown_as_nobodys() {
    let yard = Yard::new();
    yard.put("a", "theirs");
    assert_eq!(yard.live("a").await.unwrap().ownership, Ownership::Unlabelled);
}
