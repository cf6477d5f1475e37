//! Undoing a commit by a new commit.

use gitops_core::{Cx, ErrorKind, History, Source};
use gitops_git::{GitRef, GitSource};

use crate::support::{Repo, expect, newest, script, told};

/// A bare repository with the history of `repo`, and a source of it.
fn shared(repo: &Repo) -> GitSource {
    repo.git(&["clone", "--quiet", "--bare", ".", "../shared.git"]);
    repo.git(&["remote", "add", "shared", "../shared.git"]);
    repo.source_of("./shared.git").base(repo.home()).author("Operator", "op@example.org").build().unwrap()
}

#[tokio::test]
async fn the_change_is_undone_on_top_of_what_came_later() {
    let repo = Repo::with(&[("a", "1"), ("sub/gone", "1")]);
    std::fs::remove_file(repo.path().join("sub/gone")).unwrap();
    let bad = repo.commit(&[("a", "2"), ("new/file", "1")]);
    let later = repo.commit(&[("other", "1")]);
    let (source, cx) = (shared(&repo), Cx::system());
    let new = source.revert(&cx, &bad).await.unwrap();
    assert_eq!(source.resolve(&cx).await.unwrap(), new);
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1"), ("sub/gone", "1"), ("other", "1")]));
    let commit = source.describe(&cx, &new).await.unwrap();
    assert_eq!(
        (commit.author.as_str(), commit.summary.as_str()),
        ("Operator <op@example.org>", "Revert \"Change a\"")
    );
    repo.git(&["fetch", "--quiet", "shared"]);
    assert_eq!(repo.git(&["rev-parse", "shared/main^"]), later.id());
    assert!(
        repo.git(&["log", "-1", "--format=%B", "shared/main"])
            .contains(&format!("This reverts commit {}.", bad.id()))
    );
    repo.git(&["fsck", "--strict", "shared/main"]);
}

#[tokio::test]
async fn the_result_is_what_git_revert_makes() {
    let repo = Repo::with(&[("a", "1"), ("d/x", "1"), ("d/y", "1")]);
    std::fs::remove_dir_all(repo.path().join("d")).unwrap();
    let bad = repo.commit(&[("d", "now a file"), ("a", "2")]);
    repo.commit(&[("later", "1")]);
    let (source, cx) = (shared(&repo), Cx::system());
    source.revert(&cx, &bad).await.unwrap();
    repo.git(&["revert", "--no-edit", bad.id()]);
    repo.git(&["fetch", "--quiet", "shared"]);
    assert_eq!(repo.git(&["rev-parse", "shared/main^{tree}"]), repo.git(&["rev-parse", "HEAD^{tree}"]));
}

#[tokio::test]
async fn a_later_change_of_the_same_file_is_a_conflict_that_names_it() {
    let repo = Repo::with(&[("a", "1"), ("b", "1")]);
    let bad = repo.commit(&[("a", "2"), ("b", "2")]);
    repo.commit(&[("b", "3")]);
    let (source, cx) = (shared(&repo), Cx::system());
    let before = source.resolve(&cx).await.unwrap();
    let error = source.revert(&cx, &bad).await.unwrap_err();
    assert!(error.is_conflict() && error.message().ends_with(": b"), "{error}");
    assert_eq!(source.resolve(&cx).await.unwrap(), before);
}

#[tokio::test]
async fn a_file_where_a_folder_would_come_back_is_a_conflict() {
    let repo = Repo::with(&[("a/x", "1"), ("b", "1")]);
    std::fs::remove_dir_all(repo.path().join("a")).unwrap();
    let bad = repo.commit(&[("b", "2")]);
    repo.commit(&[("a", "a file now")]);
    let error = shared(&repo).revert(&Cx::system(), &bad).await.unwrap_err();
    assert!(error.is_conflict() && error.message().ends_with(": a/x"), "{error}");
}

#[tokio::test]
async fn undoing_twice_is_a_conflict_and_undoing_the_undoing_works() {
    let repo = Repo::with(&[("a", "1")]);
    let bad = repo.commit(&[("a", "2")]);
    let (source, cx) = (shared(&repo), Cx::system());
    let undone = source.revert(&cx, &bad).await.unwrap();
    assert!(source.revert(&cx, &bad).await.unwrap_err().is_conflict());
    source.revert(&cx, &undone).await.unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "2")]));
}

#[tokio::test]
async fn who_loses_the_race_has_pushed_nothing() {
    let repo = Repo::with(&[("a", "1")]);
    let bad = repo.commit(&[("a", "2")]);
    shared(&repo);
    // A git before whose push somebody else pushes.
    let racing = repo.home().join("racing-git");
    let other = repo.git(&["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Faster"]);
    repo.git(&["push", "--quiet", "shared", &format!("{other}:refs/heads/waiting")]);
    let shared = repo.home().join("shared.git");
    let push = format!(
        "case \" $* \" in *' push '*) git --git-dir {} update-ref refs/heads/main {other};; esac\nexec git \"$@\"",
        shared.display()
    );
    script(&racing, &push);
    let source = repo.source_of("./shared.git").base(repo.home()).git_program(racing).build().unwrap();
    let error = source.revert(&Cx::system(), &bad).await.unwrap_err();
    assert!(error.is_conflict() && !error.is_unknown(), "{error}");
    assert_eq!(source.resolve(&Cx::system()).await.unwrap().id(), other);
}

#[tokio::test]
async fn what_can_not_be_undone_says_why() {
    let repo = Repo::with(&[("a", "1")]);
    let empty = repo.commit_index("Nothing");
    repo.git(&["checkout", "--quiet", "-b", "side"]);
    repo.commit(&[("b", "1")]);
    repo.git(&["checkout", "--quiet", "main"]);
    repo.commit(&[("c", "1")]);
    repo.git(&["merge", "--quiet", "--no-ff", "-m", "Merge", "side"]);
    let merge = repo.revision("HEAD");
    repo.git(&["checkout", "--quiet", "-b", "elsewhere"]);
    let elsewhere = repo.commit(&[("d", "1")]);
    repo.git(&["checkout", "--quiet", "main"]);
    let (source, cx) = (shared(&repo), Cx::system());
    let mut texts = Vec::new();
    for revision in [&empty, &merge, &elsewhere] {
        texts.push(told(&source.revert(&cx, revision).await.unwrap_err()).replace(revision.id(), "ID"));
    }
    insta::assert_snapshot!(texts.join("\n"), @r"
    Invalid: commit ID changed nothing
    help: name another commit
    Invalid: commit ID is a merge: which side to undo is not known
    help: revert the commits that it brought in, or run `git revert -m 1` by hand
    Invalid: commit ID is not part of the branch
    help: name a commit that `git log` of the branch shows
    ");
}

#[tokio::test]
async fn only_a_branch_takes_a_new_commit() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["tag", "v1"]);
    let source = repo.source().reference(GitRef::tag("v1").unwrap()).build().unwrap();
    let error = source.revert(&Cx::system(), &repo.revision("HEAD")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_branch_that_is_checked_out_refuses_and_a_hook_too() {
    let repo = Repo::with(&[("a", "1")]);
    let bad = repo.commit(&[("a", "2")]);
    let error = repo.source().build().unwrap().revert(&Cx::system(), &bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    let source = shared(&repo);
    script(&repo.home().join("shared.git/hooks/pre-receive"), "echo no pushes on Friday >&2; exit 1");
    let error = source.revert(&Cx::system(), &bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("no pushes on Friday"), "{error}");
}

#[tokio::test]
async fn a_range_is_taken_back_by_one_commit_that_is_always_the_same() {
    let repo = Repo::with(&[("a", "1"), ("sub/gone", "1")]);
    let good = gitops_core::Revision::new(repo.git(&["rev-parse", "HEAD"]).trim(), "good");
    std::fs::remove_file(repo.path().join("sub/gone")).unwrap();
    repo.commit(&[("a", "2"), ("new/file", "1")]);
    let bad = repo.commit(&[("a", "3"), ("sub/more", "1")]);
    let later = repo.commit(&[("other", "1")]);
    let (source, cx) = (shared(&repo), Cx::system());
    let made = source.restored(&cx, &good, &bad).await.unwrap();
    assert_eq!(source.restored(&cx, &good, &bad).await.unwrap(), made, "it is the same one each time");
    for _ in 0..2 {
        source.push_to_branch(&cx, &made, "back").await.unwrap();
    }
    repo.git(&["fetch", "--quiet", "shared"]);
    assert_eq!(repo.git(&["rev-parse", "shared/back^"]).trim(), bad.id());
    assert_eq!(repo.git(&["diff", "--name-only", good.id(), "shared/back"]), "");
    assert_eq!(repo.git(&["rev-parse", "shared/main"]).trim(), later.id(), "what is followed was not moved");
    assert!(repo.git(&["log", "-1", "--format=%s", "shared/back"]).starts_with("Revert \"Change a"));
    repo.git(&["fsck", "--strict", "shared/back"]);
    let other = source.push_to_branch(&cx, &bad, "back").await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Conflict, "{other}");
    // It moves from where it was seen, and from nowhere else.
    let next = source.restored(&cx, &good, &later).await.unwrap();
    source.move_branch(&cx, &next, "back", &made).await.unwrap();
    let late = source.move_branch(&cx, &made, "back", &made).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict, "{late}");
    assert_eq!(source.branch(&cx, "back").await.unwrap().unwrap().id(), next.id());
    let nothing = source.restored(&cx, &bad, &later).await;
    assert!(nothing.is_ok(), "a file was added");
    assert_eq!(source.restored(&cx, &bad, &bad).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn files_are_edited_by_a_commit_that_keeps_everything_else() {
    let repo = Repo::with(&[("a", "1"), ("sub/b", "1")]);
    let base = repo.commit(&[("c", "1")]);
    let (source, cx) = (shared(&repo), Cx::system());
    let edit = |path: &str| [(path.to_owned(), b"2".to_vec())].into_iter().collect();
    let made = source.edited(&cx, &base, edit("sub/b"), "Promote").await.unwrap();
    assert_eq!(source.edited(&cx, &base, edit("sub/b"), "Promote").await.unwrap(), made);
    source.push_to_branch(&cx, &made, "promote").await.unwrap();
    repo.git(&["fetch", "--quiet", "shared"]);
    assert_eq!(repo.git(&["diff", "--name-only", "shared/main", "shared/promote"]).trim(), "sub/b");
    assert_eq!(repo.git(&["show", "shared/promote:sub/b"]), "2");
    assert_eq!(source.edited(&cx, &base, edit("new"), "x").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(source.changed(&cx, &base, &made, 10).await.unwrap(), ["sub/b"]);
    assert_eq!(source.changed(&cx, &base, &made, 0).await.unwrap_err().kind(), ErrorKind::Limit);
}
