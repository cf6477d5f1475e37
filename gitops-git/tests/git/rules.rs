//! Include and ignore patterns.

use std::collections::BTreeSet;

use gitops_core::{Cx, Digest, Source, Span};
use gitops_git::{GitSource, GitSourceBuilder, Pattern};

use crate::support::{Repo, findings, newest};

const FILES: [(&str, &str); 7] = [
    ("README.md", "1"),
    ("apps/web/app.yaml", "1"),
    ("apps/web/README.md", "1"),
    ("apps/web/test/app.yaml", "1"),
    ("apps/api/app.yaml", "1"),
    ("docs/app.yaml", "1"),
    ("top.yaml", "1"),
];

async fn paths(source: GitSourceBuilder) -> BTreeSet<String> {
    newest(&source.build().unwrap()).await.unwrap().into_keys().collect()
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[tokio::test]
async fn a_name_fits_anywhere_and_a_path_from_the_followed_folder() {
    let repo = Repo::with(&FILES);
    let left = paths(repo.source().ignore("*.md").ignore("/docs/").ignore("apps/*/test")).await;
    assert_eq!(left, set(&["apps/web/app.yaml", "apps/api/app.yaml", "top.yaml"]));
}

#[tokio::test]
async fn includes_let_only_their_files_through_and_ignores_go_before_them() {
    let repo = Repo::with(&FILES);
    assert_eq!(paths(repo.source().include("*.md")).await, set(&["README.md", "apps/web/README.md"]));
    let left = paths(repo.source().include("/apps/web/").include("top.yaml").ignore("test/")).await;
    assert_eq!(left, set(&["apps/web/app.yaml", "apps/web/README.md", "top.yaml"]));
}

#[tokio::test]
async fn the_last_pattern_that_fits_decides_but_an_ignored_folder_stays_ignored() {
    let repo = Repo::with(&FILES);
    let left = paths(
        repo.source().ignore("*.yaml").ignore("!top.yaml").ignore("apps/").ignore("!apps/api/app.yaml"),
    )
    .await;
    assert_eq!(left, set(&["README.md", "top.yaml"]));
}

#[tokio::test]
async fn a_star_stops_at_a_slash_and_two_do_not() {
    let repo = Repo::with(&FILES);
    let error = newest(&repo.source().include("/apps/*.yaml").build().unwrap()).await.unwrap_err();
    assert_eq!(findings(&error), ["GO0208 /apps/*.yaml"]);
    let all = set(&["apps/api/app.yaml", "apps/web/app.yaml", "apps/web/test/app.yaml"]);
    assert_eq!(paths(repo.source().include("/apps/**/*.yaml")).await, all);
}

#[tokio::test]
async fn patterns_are_those_of_gitignore() {
    let patterns = [
        "*.md",
        "/docs/",
        "apps/*/test",
        "web",
        "a?i/",
        "[a-c]pps",
        "**/test",
        "apps/**",
        "app.yaml",
        "top*",
    ];
    for pattern in patterns {
        let repo = Repo::with(&FILES);
        std::fs::write(repo.path().join(".git/info/exclude"), pattern).unwrap();
        let ignored = repo.git(&["ls-files", "--cached", "--ignored", "--exclude-standard"]);
        let ignored: BTreeSet<String> = ignored.lines().map(str::to_owned).collect();
        let all: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(paths(repo.source().ignore(pattern)).await, &all - &ignored, "{pattern}");
    }
}

#[tokio::test]
async fn links_are_gone_if_they_are_ignored_and_shown_if_they_are_only_not_included() {
    let repo = Repo::with(&[("a.yaml", "1")]);
    std::os::unix::fs::symlink("/etc/passwd", repo.path().join("link")).unwrap();
    repo.commit(&[("b.yaml", "1")]);
    assert_eq!(paths(repo.source().ignore("link")).await, set(&["a.yaml", "b.yaml"]));
    assert_eq!(paths(repo.source().include("*.yaml")).await, set(&["a.yaml", "b.yaml", "link"]));
}

async fn root(source: GitSourceBuilder) -> Digest {
    let (source, cx) = (source.build().unwrap(), Cx::system());
    source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap().root
}

#[tokio::test]
async fn other_rules_give_the_same_commit_another_id() {
    let repo = Repo::with(&FILES);
    let ids = [
        root(repo.source()).await,
        root(repo.source().ignore("x")).await,
        root(repo.source().include("*.md")).await,
    ];
    assert_eq!(BTreeSet::from(ids).len(), 3);
    assert_eq!(root(repo.source().ignore("x")).await, ids[1]);
}

#[tokio::test]
async fn one_folder_at_two_places_has_two_ids_if_rules_tell_them_apart() {
    let repo = Repo::with(&[("a/x", "1"), ("b/x", "1")]);
    let ids = |source: GitSourceBuilder| async {
        let (source, cx) = (source.build().unwrap(), Cx::system());
        let snapshot = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
        let entries = snapshot.tree.list("", &snapshot.root).unwrap();
        entries[0].id == entries[1].id
    };
    assert!(ids(repo.source()).await, "without rules they are the same");
    assert!(!ids(repo.source().ignore("/a/x")).await);
}

#[test]
fn a_pattern_that_can_not_be_meant_is_refused() {
    let repo = Repo::empty();
    for pattern in ["", "/", "a//b", "[", "!", "//"] {
        assert!(repo.source().ignore(pattern).build().is_err(), "{pattern:?}");
    }
    assert!(repo.source().include("!a").build().is_err());
}

#[tokio::test]
async fn a_pattern_that_lets_nothing_through_is_an_error_and_one_that_holds_nothing_back_a_warning() {
    let repo = Repo::with(&[("apps/web.yaml", "1"), ("docs/a.md", "1")]);
    let error =
        newest(&repo.source().include("*.yaml").include("*.ymal").build().unwrap()).await.unwrap_err();
    assert_eq!(findings(&error), ["GO0208 *.ymal"]);
    let source =
        repo.source().include("/apps/").include("*.yaml").ignore("*.mdx").ignore("/docs/").build().unwrap();
    assert_eq!(warnings(&source).await, ["*.mdx"]);
    repo.commit(&[("apps/web.yaml", "2")]);
    assert_eq!(warnings(&source).await, ["*.mdx"], "a folder that is not read again still counts");
    repo.commit(&[("apps/a.mdx", "1")]);
    assert_eq!(warnings(&source).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pattern_with_a_place_is_found_where_it_is_written() {
    let repo = Repo::with(&[("web.yaml", "1")]);
    let span = |line| Span::new(line, 12, 6, "…");
    let placed = |text: &str, line| Pattern::from(text).written_at("tool.yaml", span(line));
    let error = newest(&repo.source().include(placed("*.ymal", 4)).build().unwrap()).await.unwrap_err();
    let found = &error.diagnostics()[0];
    assert_eq!((found.path.as_str(), found.span.as_ref()), ("tool.yaml", Some(&span(4))));
    assert_eq!(found.message, "the pattern `*.ymal` lets nothing through");
    let source = repo.source().ignore(placed("*.md", 5)).build().unwrap();
    let cx = Cx::system();
    let snapshot = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    let warning = &snapshot.warnings[0];
    assert_eq!((warning.path.as_str(), warning.span.as_ref()), ("tool.yaml", Some(&span(5))));
    assert_eq!(warning.message, "the pattern `*.md` holds nothing back");
}

/// The places of what a source warnings about its newest revision.
async fn warnings(source: &GitSource) -> Vec<String> {
    let cx = Cx::system();
    let snapshot = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    snapshot.warnings.iter().map(|warning| warning.path.clone()).collect()
}
