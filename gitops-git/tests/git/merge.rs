//! What a merge would make, without making it.

use gitops_core::{Cx, ErrorKind, Result, Revision, Source};
use gitops_git::{Checkout, Entry, GitRef, GitSource};

use crate::support::{Repo, expect, files, script, told};

/// A repository whose branch `feature` left `main` at its first commit: both sides, with a change on each.
fn parted(main: &[(&str, &str)], feature: &[(&str, &str)]) -> (Repo, Revision, Revision) {
    let repo = Repo::with(&[("a", "1\n2\n3\n4\n5\n"), ("b", "1\n")]);
    repo.git(&["checkout", "--quiet", "-b", "feature"]);
    let head = repo.commit(feature);
    repo.git(&["checkout", "--quiet", "main"]);
    let base = repo.commit(main);
    (repo, base, head)
}

async fn merged(source: &GitSource, base: &Revision, head: &Revision) -> Result<gitops_core::Merged> {
    source.merge().unwrap().merged(&Cx::system(), base, head).await
}

#[tokio::test]
async fn the_tree_is_what_git_merge_makes_and_nothing_moves() {
    let (repo, base, head) =
        parted(&[("a", "1\n2\n3\n4\nfive\n")], &[("a", "one\n2\n3\n4\n5\n"), ("c", "1\n")]);
    let source = repo.source().build().unwrap();
    let before = repo.git(&["for-each-ref"]);
    let found = merged(&source, &base, &head).await.unwrap();
    let both = expect(&[("a", "one\n2\n3\n4\nfive\n"), ("b", "1\n"), ("c", "1\n")]);
    assert_eq!(files(&found.snapshot).unwrap(), both);
    assert_eq!(found.merge_base.id(), repo.git(&["merge-base", "main", "feature"]));
    assert_eq!(repo.git(&["for-each-ref"]), before);
    repo.git(&["merge", "--quiet", "--no-edit", "feature"]);
    assert_eq!(found.snapshot.revision.id(), repo.git(&["rev-parse", "HEAD^{tree}"]));
    let again = merged(&source, &base, &head).await.unwrap();
    assert_eq!(again.snapshot.root, found.snapshot.root);
}

#[tokio::test]
async fn a_side_that_has_everything_is_the_result() {
    let repo = Repo::with(&[("a", "1")]);
    let base = repo.revision("HEAD");
    let head = repo.commit(&[("a", "2")]);
    let source = repo.source().build().unwrap();
    for (ours, theirs) in [(&base, &head), (&head, &base), (&head, &head)] {
        let found = merged(&source, ours, theirs).await.unwrap();
        assert_eq!(files(&found.snapshot).unwrap(), expect(&[("a", "2")]));
    }
}

#[tokio::test]
async fn only_the_followed_folder_is_in_the_result() {
    let (repo, base, head) = parted(&[("site/x", "1")], &[("other/y", "1"), ("site/z", "1")]);
    let source = repo.source().path("site").build().unwrap();
    let found = merged(&source, &base, &head).await.unwrap();
    assert_eq!(files(&found.snapshot).unwrap(), expect(&[("x", "1"), ("z", "1")]));
}

#[tokio::test]
async fn the_folders_that_a_merge_changes_are_told_apart_from_those_that_a_side_changed_by_itself() {
    let (repo, base, head) =
        parted(&[("moved/x", "1"), ("both/x", "1")], &[("mine/y", "1"), ("both/y", "1"), ("deep/er/z", "1")]);
    let folders = ["", "moved", "mine", "both", "deep/er", "deep/other", "/mine/"].map(String::from);
    // Also of a source that follows another folder, or leaves files out.
    let source = repo.source().path("moved").ignore("*").build().unwrap();
    let found = source.merge_changes(&Cx::system(), &base, &head, &folders).await.unwrap();
    assert_eq!(found, [true, false, true, true, true, true, true]);
    let none = source.merge_changes(&Cx::system(), &base, &base, &folders).await.unwrap();
    assert_eq!(none, [false; 7], "it brings nothing");
}

#[tokio::test]
async fn a_conflict_names_its_paths() {
    let (repo, base, head) =
        parted(&[("b", "main\n"), ("n\new", "1")], &[("b", "feature\n"), ("n\new", "2")]);
    let source = repo.source().build().unwrap();
    let error = merged(&source, &base, &head).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert!(error.message().starts_with("the merge has conflicts in b, n"), "{error}");
}

#[tokio::test]
async fn histories_with_nothing_in_common_are_refused() {
    let repo = Repo::with(&[("a", "1")]);
    let base = repo.revision("HEAD");
    repo.git(&["checkout", "--quiet", "--orphan", "stranger"]);
    let head = repo.commit(&[("b", "1")]);
    let error = merged(&repo.source().build().unwrap(), &base, &head).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[tokio::test]
async fn an_old_git_is_said_to_be_too_old() {
    let (repo, base, head) = parted(&[("a", "x")], &[("b", "x")]);
    let old = repo.home().join("old-git");
    script(&old, "case \"$*\" in *merge-tree*) exit 129;; esac\nexec git \"$@\"");
    let source = repo.source().reference(GitRef::branch("main").unwrap()).git_program(old).build().unwrap();
    let error = merged(&source, &base, &head).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", told(&error));
}

#[tokio::test]
async fn a_commit_tells_what_it_has_from_the_root_whatever_is_followed() {
    let repo = Repo::with(&[("site/a", "1"), ("CODEOWNERS", "* @bo\n")]);
    let before = repo.revision("HEAD");
    repo.commit(&[("CODEOWNERS", "* @mallory\n")]);
    let source = repo.source().path("site").ignore("*.md").build().unwrap();
    let entry = |path: &'static str| {
        let (source, before) = (&source, &before);
        async move { source.entry(&Cx::system(), before, path).await.unwrap() }
    };
    assert_eq!(entry("CODEOWNERS").await, Some(Entry::File(b"* @bo\n".to_vec())));
    assert_eq!(entry("").await, Some(Entry::Folder(vec!["CODEOWNERS".into(), "site".into()])));
    assert_eq!(entry("site").await, Some(Entry::Folder(vec!["a".into()])));
    assert_eq!((entry("nothing").await, entry("site/a/b").await), (None, None));
    assert!(source.branch(&Cx::system(), "main").await.unwrap().is_some());
    assert_eq!(source.branch(&Cx::system(), before.id()).await.unwrap(), None);
}

#[test]
fn a_working_copy_is_known_by_its_commits() {
    let repo = Repo::with(&[("conf/gitops.yaml", "name: a\n")]);
    let file = repo.path().join("conf/gitops.yaml");
    let checkout = Checkout::of(&file).unwrap();
    assert_eq!(checkout.path_of(&file).as_deref(), Some("conf/gitops.yaml"));
    assert!(checkout.has_any(&[&repo.revision("HEAD")]));
    let other = Repo::with(&[("a", "1")]);
    assert!(!checkout.has_any(&[&other.revision("HEAD")]));
    assert!(Checkout::of(repo.home()).is_none(), "what lies beside a repository is in none");
}

#[test]
fn a_shallow_copy_of_a_merge_is_known_by_the_parents_that_it_does_not_have() {
    let (repo, base, head) = parted(&[("a", "main")], &[("c", "1")]);
    repo.git(&["merge", "--quiet", "--no-edit", "feature"]);
    let (url, shallow) = (format!("file://{}", repo.url()), repo.home().join("shallow"));
    repo.git(&["clone", "--quiet", "--depth=1", &url, shallow.to_str().unwrap()]);
    let checkout = Checkout::of(&shallow.join("c")).unwrap();
    assert!(checkout.has_any(&[&base]) && checkout.has_any(&[&head]));
    assert!(!checkout.has_any(&[&repo.revision("HEAD~1^")]), "the first commit is neither");
    let first = checkout.first_commits();
    assert_eq!(
        first.iter().map(Revision::id).collect::<Vec<_>>(),
        [repo.revision("HEAD").id()],
        "all that it has"
    );
    let whole = Checkout::of(&repo.path().join("c")).unwrap().first_commits();
    let begin = repo.git(&["rev-list", "--max-parents=0", "HEAD"]);
    assert_eq!(whole.iter().map(Revision::id).collect::<Vec<_>>(), begin.lines().collect::<Vec<_>>());
}
