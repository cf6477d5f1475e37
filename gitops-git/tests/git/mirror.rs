//! The mirror: shared, and sound after whatever happened to it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gitops_core::{Cx, ErrorKind, Source};
use gitops_git::GitLimits;

use crate::support::{CountedGit, Repo, StalledGit, expect, files, newest};

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_fetch_into_one_mirror_at_once() {
    let repo = Repo::with(&[("a", "1")]);
    let git = CountedGit::new(repo.home());
    let sources = [(); 4].map(|()| repo.source().git_program(&git.program).build().unwrap());
    let tasks = sources.map(|source| tokio::spawn(async move { newest(&source).await }));
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), expect(&[("a", "1")]));
    }
    assert_eq!(git.calls("index-pack"), 1, "who waited for the lock finds the revision there");
}

#[tokio::test]
async fn a_fetch_that_is_dropped_midway_is_made_good_by_the_next() {
    let repo = Repo::with(&[("a", &noise(200_000))]);
    let stalled = StalledGit::new(repo.home(), 30_000);
    let source = repo.source().git_program(&stalled.program).build().unwrap();
    let task = tokio::spawn(async move { newest(&source).await });
    stalled.stalled().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let source = repo.source().build().unwrap();
    assert_eq!(newest(&source).await.unwrap().len(), 1);
    assert_eq!(temporary_packs(&repo.mirrors()), Vec::<String>::new());
}

#[tokio::test]
async fn while_another_process_fetches_the_error_says_so() {
    let repo = Repo::with(&[("a", &noise(200_000))]);
    let stalled = StalledGit::new(repo.home(), 30_000);
    let source = repo.source().git_program(&stalled.program).build().unwrap();
    let task = tokio::spawn(async move { newest(&source).await });
    stalled.stalled().await;
    let other = repo.source().build().unwrap();
    let cx = Cx::system().within(Duration::from_millis(200));
    let revision = other.resolve(&cx).await.unwrap();
    let error = other.fetch(&cx, &revision).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Locked, true), "{error}");
    task.abort();
}

#[tokio::test]
async fn a_cancelled_fetch_ends_with_all_that_it_started() {
    let repo = Repo::with(&[("a", &noise(200_000))]);
    let stalled = StalledGit::new(repo.home(), 30_000);
    let source = repo.source().git_program(&stalled.program).build().unwrap();
    let cx = Cx::system();
    let revision = source.resolve(&cx).await.unwrap();
    let hanging = cx.child();
    let task = tokio::spawn({
        let (source, cx) = (source.clone(), hanging.clone());
        async move { source.fetch(&cx, &revision).await }
    });
    stalled.stalled().await;
    hanging.cancel();
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(newest(&repo.source().build().unwrap()).await.unwrap().len(), 1, "the lock is free again");
}

#[tokio::test]
async fn a_mirror_that_lost_its_head_or_objects_is_made_anew() {
    let repo = Repo::with(&[("a", "1")]);
    let source = repo.source().build().unwrap();
    newest(&source).await.unwrap();
    // A source that lives would share what it has open.
    let mirror = source.mirror().to_owned();
    drop(source);
    for damage in ["HEAD", "config", "objects"] {
        let place = mirror.join(damage);
        if place.is_dir() {
            fs::remove_dir_all(&place).unwrap();
        } else {
            fs::write(&place, "\0\0").unwrap();
        }
        let source = repo.source().build().unwrap();
        assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]), "without {damage}");
    }
}

/// People met an empty `HEAD` after a loss of power; nothing but a fetch of something new needs it.
#[tokio::test]
async fn a_mirror_with_an_empty_head_heals_with_the_next_commit() {
    let repo = Repo::with(&[("a", "1")]);
    let source = repo.source().build().unwrap();
    newest(&source).await.unwrap();
    fs::write(source.mirror().join("HEAD"), "").unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
    repo.commit(&[("a", "2")]);
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "2")]));
    assert_eq!(newest(&repo.source().build().unwrap()).await.unwrap(), expect(&[("a", "2")]));
}

#[tokio::test]
async fn a_damaged_pack_is_an_error_once_and_then_fetched_anew() {
    let repo = Repo::with(&[("a", &noise(20_000))]);
    let source = repo.source().build().unwrap();
    let cx = Cx::system();
    let revision = source.resolve(&cx).await.unwrap();
    source.fetch(&cx, &revision).await.unwrap();
    let mirror = source.mirror().to_owned();
    drop(source);
    spoil_packs(&mirror);
    let source = repo.source().build().unwrap();
    let read = match source.fetch(&cx, &revision).await {
        Ok(snapshot) => files(&snapshot).map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = read {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let snapshot = source.fetch(&cx, &revision).await.unwrap();
    assert_eq!(files(&snapshot).unwrap()["a"], noise(20_000));
}

#[tokio::test]
async fn applications_that_share_a_mirror_read_on_when_one_of_them_has_it_made_anew() {
    let repo = Repo::with(&[("a", "1")]);
    let [one, other] = [(); 2].map(|()| repo.source().build().unwrap());
    let cx = Cx::system();
    let revision = one.resolve(&cx).await.unwrap();
    let held = one.fetch(&cx, &revision).await.unwrap();
    assert_eq!(newest(&other).await.unwrap(), expect(&[("a", "1")]));
    // What a reader leaves that could not read something.
    fs::write(other.mirror().join("gitops-damaged"), "").unwrap();
    repo.commit(&[("a", "2")]);
    assert_eq!(newest(&other).await.unwrap(), expect(&[("a", "2")]));
    assert!(!one.mirror().join("gitops-damaged").exists());
    assert_eq!(files(&held).unwrap(), expect(&[("a", "1")]), "what was taken before is read on");
    assert_eq!(newest(&one).await.unwrap(), expect(&[("a", "2")]));
    assert_eq!(files(&one.fetch(&cx, &revision).await.unwrap()).unwrap(), expect(&[("a", "1")]));
}

#[tokio::test]
async fn locks_that_a_dead_process_left_do_not_stop_a_fetch() {
    let repo = Repo::with(&[("a", "1")]);
    let source = repo.source().build().unwrap();
    newest(&source).await.unwrap();
    repo.commit(&[("a", "2")]);
    let left =
        ["packed-refs.lock", "config.lock", "shallow.lock", "refs/gitops/x.lock", "objects/pack/tmp_pack_x"];
    for file in left {
        fs::write(source.mirror().join(file), "").unwrap();
    }
    fs::write(source.mirror().join("refs/gitops").join("1".repeat(40)), "").unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "2")]));
    assert_eq!(temporary_packs(&repo.mirrors()), Vec::<String>::new());
}

#[tokio::test]
async fn a_revision_stays_readable_after_a_force_push() {
    let repo = Repo::with(&[("a", "1")]);
    let source = repo.source().build().unwrap();
    let cx = Cx::system();
    let old = source.resolve(&cx).await.unwrap();
    source.fetch(&cx, &old).await.unwrap();
    repo.git(&["commit", "--quiet", "--amend", "-m", "Other"]);
    repo.commit(&[("a", "2")]);
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "--quiet", "--prune=now"]);
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "2")]));
    let again = repo.source().build().unwrap().fetch(&cx, &old).await.unwrap();
    assert_eq!(files(&again).unwrap(), expect(&[("a", "1")]));
}

#[tokio::test]
async fn many_fetches_do_not_pile_up_packs_and_lose_nothing() {
    let repo = Repo::with(&[("a", "0")]);
    let source = repo.source().build().unwrap();
    let cx = Cx::system();
    let first = source.resolve(&cx).await.unwrap();
    let snapshot = source.fetch(&cx, &first).await.unwrap();
    for text in 1..=60 {
        repo.commit(&[("a", &text.to_string())]);
        newest(&source).await.unwrap();
    }
    let packs = fs::read_dir(source.mirror().join("objects/pack")).unwrap();
    let packs =
        packs.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "pack"));
    assert!(packs.count() < 52);
    assert_eq!(files(&snapshot).unwrap(), expect(&[("a", "0")]));
}

#[tokio::test]
async fn a_branch_that_is_moved_again_and_again_leaves_no_more_than_the_limit() {
    let repo = Repo::with(&[("a", "0")]);
    let limits = || {
        let mut limits = GitLimits::default();
        limits.kept_revisions = 4;
        limits
    };
    let source = || repo.source().limits(limits()).build().unwrap();
    let (cx, watching) = (Cx::system(), source());
    let first = watching.resolve(&cx).await.unwrap();
    let mut last = watching.fetch(&cx, &first).await.unwrap();
    for text in 1..=20 {
        repo.commit(&[("a", &noise(1000 + text))]);
        // A commit without a parent in its place: as far from the one before as can be.
        let moved = repo.git(&["commit-tree", "HEAD^{tree}", "-m", &text.to_string()]);
        repo.git(&["reset", "--quiet", "--soft", moved.trim()]);
        assert_eq!(files(&last).unwrap().len(), 1, "who reads goes on reading");
        let newest = source().resolve(&cx).await.unwrap();
        last = source().fetch(&cx, &newest).await.unwrap();
        // Used again and again, it stays, although others are newer.
        source().fetch(&cx, &first).await.unwrap();
    }
    let kept = fs::read_dir(watching.mirror().join("refs/gitops")).unwrap().count();
    assert!(kept <= 4, "{kept} revisions are kept");
    assert!(objects(watching.mirror()) <= 4 * 3, "what nobody reaches is thrown away");
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "--quiet", "--prune=now"]);
    assert_eq!(files(&watching.fetch(&cx, &first).await.unwrap()).unwrap(), expect(&[("a", "0")]));
}

/// How many objects a mirror has, whether anything reaches them or not.
fn objects(mirror: &Path) -> usize {
    let output = std::process::Command::new("git")
        .args(["cat-file", "--batch-all-objects", "--batch-check=x"])
        .current_dir(mirror)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

/// Text that can't be made small by packing.
fn noise(bytes: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b' ' + (state % 94) as u8)
    })
    .take(bytes)
    .collect()
}

fn temporary_packs(mirrors: &Path) -> Vec<String> {
    let mirror =
        fs::read_dir(mirrors).unwrap().map(|file| file.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let files = fs::read_dir(mirror.join("objects/pack")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("tmp_")).collect()
}

/// Changes bytes in the middle of every pack.
fn spoil_packs(mirror: &Path) {
    for file in fs::read_dir(mirror.join("objects/pack")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "pack") {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle - 500..middle + 500].fill(0);
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
}
