//! Being told of a new commit instead of asking again and again.

use std::time::Duration;

use gitops_core::{Cx, Source};

use crate::support::Repo;

/// Long enough for any machine: who needs it has missed the event.
const FAR: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_a_push_and_packing_references_are_told() {
    let repo = Repo::with(&[("a", "1")]);
    let source = repo.source().build().unwrap();
    let cx = Cx::system().within(FAR);
    let watch = source.watch().expect("a repository of this machine can be watched");
    watch.changed(&cx).await.expect("the first wait returns at once");
    for text in 2..5 {
        let commit = repo.commit(&[("a", &text.to_string())]);
        until(&source, &cx, commit.id()).await;
    }
    repo.git(&["pack-refs", "--all"]);
    repo.git(&["clone", "--quiet", ".", "../clone"]);
    repo.git(&["config", "receive.denyCurrentBranch", "ignore"]);
    let new = repo.git(&["-C", "../clone", "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Pushed"]);
    repo.git(&["-C", "../clone", "push", "--quiet", "origin", &format!("{new}:main")]);
    until(&source, &cx, &new).await;
}

/// Waits until the newest revision is this one.
async fn until(source: &dyn Source, cx: &Cx, id: &str) {
    while source.resolve(cx).await.unwrap().id() != id {
        source.watch().unwrap().changed(cx).await.expect("the event is told");
    }
}

#[tokio::test]
async fn a_wait_that_was_dropped_loses_no_event() {
    let repo = Repo::with(&[("a", "1")]);
    let source = repo.source().build().unwrap();
    let cx = Cx::system().within(FAR);
    let watch = source.watch().unwrap();
    drop(watch.changed(&cx));
    watch.changed(&cx).await.unwrap();
}

#[test]
fn a_server_and_a_missing_folder_are_not_watched() {
    let repo = Repo::empty();
    for url in ["https://example.org/site.git", "git@example.org:site.git", "/nowhere/at/all"] {
        assert!(repo.source_of(url).build().unwrap().watch().is_none(), "{url}");
    }
}
