//! Repositories of this machine.

use gitops_core::{Cx, ErrorKind, Source};
use gitops_git::{GitRef, GitSource};
use insta::assert_snapshot;

use crate::support::{CountedGit, Repo, expect, files, newest, told};

#[tokio::test]
async fn a_commit_is_read_without_a_checkout() {
    let repo = Repo::with(&[("app/web.yaml", "replicas: 1"), ("README", "hello"), ("empty", "")]);
    let source = repo.source().build().unwrap();
    let all = expect(&[("app/web.yaml", "replicas: 1"), ("README", "hello"), ("empty", "")]);
    assert_eq!(newest(&source).await.unwrap(), all);
    assert!(!source.mirror().join("app").exists());
}

#[tokio::test]
async fn a_new_commit_is_found_and_only_what_it_changed_has_a_new_id() {
    let repo = Repo::with(&[("a/x", "1"), ("b/y", "1")]);
    let source = repo.source().build().unwrap();
    let cx = Cx::system();
    let before = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    repo.commit(&[("b/y", "2")]);
    let after = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    let list = |snapshot: &gitops_core::Snapshot| snapshot.tree.list("", &snapshot.root).unwrap();
    let (old, new) = (list(&before), list(&after));
    assert_eq!((old[0].id == new[0].id, old[1].id == new[1].id), (true, false));
    assert_eq!(files(&before).unwrap(), expect(&[("a/x", "1"), ("b/y", "1")]));
    assert_eq!(files(&after).unwrap(), expect(&[("a/x", "1"), ("b/y", "2")]));
}

#[tokio::test]
async fn resolving_starts_no_process_and_a_known_revision_is_not_fetched_again() {
    let repo = Repo::with(&[("a", "1")]);
    let git = CountedGit::new(repo.home());
    let source = repo.source().git_program(&git.program).build().unwrap();
    let cx = Cx::system();
    let first = source.resolve(&cx).await.unwrap();
    assert_eq!(git.arguments(), "");
    source.fetch(&cx, &first).await.unwrap();
    repo.commit(&[("a", "2")]);
    source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    source.fetch(&cx, &first).await.unwrap();
    assert_eq!((git.calls("index-pack"), git.calls("ls-remote")), (2, 0));
}

#[tokio::test]
async fn only_the_followed_folder_counts() {
    let repo = Repo::with(&[("site/app/x", "1"), ("other/y", "1")]);
    let source = repo.source().path("site/").build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("app/x", "1")]));
    assert_eq!(source.info().follows, "branch main in site");
}

#[tokio::test]
async fn bare_repositories_file_urls_and_relative_paths_are_one_repository() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["clone", "--quiet", "--bare", ".", "../my site.git"]);
    let home = repo.home().display();
    for url in [
        "./my site.git".into(),
        "my site.git".into(),
        format!("{home}/my site.git"),
        format!("file://{home}/my%20site.git"),
    ] {
        let source = repo.source_of(url.clone()).base(repo.home()).build().unwrap();
        assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]), "{url}");
    }
    let mirrors: Vec<_> =
        std::fs::read_dir(repo.mirrors()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(mirrors.len(), 2, "one mirror and its lock: {mirrors:?}");
}

#[tokio::test]
async fn a_linked_worktree_is_a_repository() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["worktree", "add", "--quiet", "-b", "side", "../linked"]);
    let linked = repo.home().join("linked").to_str().unwrap().to_owned();
    let source = repo.source_of(linked).reference(GitRef::branch("side").unwrap()).build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
}

#[tokio::test]
async fn tags_versions_and_commits_can_be_followed() {
    let repo = Repo::with(&[("a", "1")]);
    let first = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["tag", "v1.9.0"]);
    repo.commit(&[("a", "2")]);
    repo.git(&["tag", "-a", "v1.10.0", "-m", "Annotated"]);
    repo.commit(&[("a", "3")]);
    repo.git(&["tag", "v2.0.0"]);
    let follows = [
        (GitRef::tag("v1.9.0"), "1"),
        (GitRef::tag("v1.10.0"), "2"),
        (GitRef::semver("1"), "2"),
        (GitRef::semver("*"), "3"),
        (GitRef::commit(&first), "1"),
        (GitRef::branch("main"), "3"),
    ];
    for (reference, text) in follows {
        let reference = reference.unwrap();
        let source = repo.source().reference(reference.clone()).build().unwrap();
        assert_eq!(newest(&source).await.unwrap(), expect(&[("a", text)]), "{reference}");
    }
}

#[tokio::test]
async fn packed_references_are_read() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["tag", "-a", "v1", "-m", "Annotated"]);
    repo.git(&["pack-refs", "--all"]);
    for reference in [GitRef::branch("main"), GitRef::tag("v1")] {
        let source = repo.source().reference(reference.unwrap()).build().unwrap();
        assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
    }
}

/// What a person is told when the source is not as it should be.
async fn fault_of(source: GitSource) -> (ErrorKind, String) {
    let error = newest(&source).await.unwrap_err();
    (error.kind(), told(&error))
}

#[tokio::test]
async fn an_empty_repository_says_so() {
    let (_, text) = fault_of(Repo::empty().source().build().unwrap()).await;
    assert_snapshot!(text, @r"
    NotFound: the repository is empty: it has no branch and no tag
    help: commit something and push it
    ");
}

#[tokio::test]
async fn a_missing_branch_names_those_that_exist() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["branch", "develop"]);
    let (_, text) = fault_of(repo.source().reference(GitRef::branch("mian").unwrap()).build().unwrap()).await;
    assert_snapshot!(text, @r"
    NotFound: the repository has no branch `mian`
    help: there is `main`, `develop`
    ");
}

#[tokio::test]
async fn a_missing_path_names_those_that_exist() {
    let repo = Repo::with(&[("sites/a", "1"), ("docs/b", "1"), ("file", "1")]);
    let (_, text) = fault_of(repo.source().path("site").build().unwrap()).await;
    assert_snapshot!(text, @r"
    NotFound: there is no folder `site` in the revision
    help: there is `sites`, `docs`
    ");
    let (_, text) = fault_of(repo.source().path("file").build().unwrap()).await;
    assert_snapshot!(text, @r"
    Invalid: the followed path `file` is a file, not a folder
    help: follow the folder that holds the files
    ");
}

#[tokio::test]
async fn a_missing_folder_and_one_without_repository_are_told_apart() {
    let repo = Repo::empty();
    let url = repo.home().join("nowhere").to_str().unwrap().to_owned();
    let (kind, _) = fault_of(repo.source_of(url).build().unwrap()).await;
    assert_eq!(kind, ErrorKind::NotFound);
    let url = repo.home().to_str().unwrap().to_owned();
    let (kind, text) = fault_of(repo.source_of(url).build().unwrap()).await;
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(text.contains("is not a Git repository"), "{text}");
}

#[tokio::test]
async fn a_commit_that_does_not_exist_is_not_found() {
    let repo = Repo::with(&[("a", "1")]);
    let reference = GitRef::commit(&"1".repeat(40)).unwrap();
    let (kind, text) = fault_of(repo.source().reference(reference).build().unwrap()).await;
    assert_eq!(kind, ErrorKind::NotFound, "{text}");
}

#[tokio::test]
async fn a_repository_with_sha256_ids_is_refused_plainly() {
    let repo = Repo::empty();
    repo.git(&["init", "--quiet", "--object-format=sha256", "--initial-branch=main", "../other"]);
    let url = repo.home().join("other").to_str().unwrap().to_owned();
    let (kind, text) = fault_of(repo.source_of(url).build().unwrap()).await;
    assert_eq!(kind, ErrorKind::Unsupported, "{text}");
}

#[tokio::test]
async fn a_shallow_repository_is_refused_with_the_way_out() {
    let repo = Repo::with(&[("a", "1")]);
    repo.commit(&[("a", "2")]);
    repo.git(&["clone", "--quiet", "--depth=1", &format!("file://{}", repo.url()), "../shallow"]);
    let url = repo.home().join("shallow").to_str().unwrap().to_owned();
    let (kind, text) = fault_of(repo.source_of(url).build().unwrap()).await;
    assert_eq!(kind, ErrorKind::Unsupported, "{text}");
    assert!(text.contains("--unshallow"), "{text}");
}
