//! A real forge over http, with users and tokens.

use gitops_core::{Cx, ErrorKind, History, Source};
use gitops_git::{Credentials, GitRef};
use insta::assert_snapshot;

use crate::support::{CountedGit, Repo, credentials, expect, gitea, newest, told};

#[tokio::test]
async fn a_token_opens_a_private_repository_and_is_no_argument() {
    let (gitea, repo) = (gitea(), Repo::with(&[("a", "1")]));
    let proxy = gitea.proxy();
    let url = gitea.push(&proxy, &repo, "opens");
    let git = CountedGit::new(repo.home());
    let source = repo.source_of(&url).credentials(gitea.bot()).git_program(&git.program).build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
    repo.commit(&[("a", "2")]);
    gitea.push(&proxy, &repo, "opens");
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "2")]));
    assert_eq!((git.calls("index-pack"), git.calls("ls-remote")), (2, 0));
    assert!(!git.arguments().contains(gitea.bot_token()));
}

#[tokio::test]
async fn tags_and_versions_are_followed_on_a_server() {
    let (gitea, repo) = (gitea(), Repo::with(&[("a", "1")]));
    repo.git(&["tag", "-a", "v1.2.0", "-m", "Annotated"]);
    repo.commit(&[("a", "2")]);
    repo.git(&["tag", "v2.0.0"]);
    let url = gitea.push(&gitea.proxy(), &repo, "versions");
    for (reference, text) in
        [(GitRef::tag("v1.2.0"), "1"), (GitRef::semver("1"), "1"), (GitRef::semver("*"), "2")]
    {
        let source =
            repo.source_of(&url).credentials(gitea.bot()).reference(reference.unwrap()).build().unwrap();
        assert_eq!(newest(&source).await.unwrap(), expect(&[("a", text)]));
    }
}

#[tokio::test]
async fn a_missing_branch_on_a_server_names_those_that_exist() {
    let (gitea, repo) = (gitea(), Repo::with(&[("a", "1")]));
    let url = gitea.push(&gitea.proxy(), &repo, "branches");
    let source = repo
        .source_of(&url)
        .credentials(gitea.bot())
        .reference(GitRef::branch("mian").unwrap())
        .build()
        .unwrap();
    assert_snapshot!(told(&newest(&source).await.unwrap_err()), @r"
    NotFound: the repository has no branch `mian`
    help: there is `main`
    ");
}

#[tokio::test]
async fn wrong_token_no_token_and_a_stranger_are_refused_and_told_apart() {
    let (gitea, repo) = (gitea(), Repo::with(&[("a", "1")]));
    let url = gitea.push(&gitea.proxy(), &repo, "refused");
    let mut texts = Vec::new();
    for credentials in [credentials("bot", "wrong-token"), Credentials::None, gitea.guest()] {
        let error =
            newest(&repo.source_of(&url).credentials(credentials).build().unwrap()).await.unwrap_err();
        assert!(!format!("{error:#} {error:?}").contains("wrong-token"));
        texts.push(told(&error));
    }
    assert_snapshot!(texts.join("\n\n"), @r"
    Unauthenticated: the server does not accept the credentials, or wants some
    help: check user, token or key, and that it may read this repository

    Unauthenticated: the server does not accept the credentials, or wants some
    help: check user, token or key, and that it may read this repository

    NotFound: there is no such repository
    help: check the URL; a server also says so if the credentials may not see the repository
    ");
}

#[tokio::test]
async fn a_commit_is_undone_on_a_server_by_who_may() {
    let (gitea, repo) = (gitea(), Repo::with(&[("a", "1")]));
    let bad = repo.commit(&[("a", "2")]);
    let url = gitea.push(&gitea.proxy(), &repo, "undone");
    let source = repo.source_of(&url).credentials(gitea.bot()).build().unwrap();
    let new = source.revert(&Cx::system(), &bad).await.unwrap();
    assert_eq!(source.resolve(&Cx::system()).await.unwrap(), new);
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
}

#[tokio::test]
async fn a_force_push_on_a_server_is_seen() {
    let (gitea, repo) = (gitea(), Repo::with(&[("a", "1")]));
    let proxy = gitea.proxy();
    let old = repo.commit(&[("a", "2")]);
    let url = gitea.push(&proxy, &repo, "forced");
    let source = repo.source_of(&url).credentials(gitea.bot()).build().unwrap();
    let cx = Cx::system();
    source.fetch(&cx, &old).await.unwrap();
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.commit(&[("a", "3")]);
    gitea.push(&proxy, &repo, "forced");
    let new = source.resolve(&cx).await.unwrap();
    assert_eq!(source.relation(&cx, &old, &new).await.unwrap(), gitops_core::Relation::Diverged);
}

#[test]
fn a_token_goes_only_where_nobody_can_read_it() {
    let repo = Repo::empty();
    let build = |url: &str, user: &str, token: &str| {
        repo.source_of(url).credentials(credentials(user, token)).build()
    };
    assert_eq!(build("http://example.org/x", "u", "t").unwrap_err().kind(), ErrorKind::Invalid);
    assert!(build("https://example.org/x", "u", "t").is_ok());
    assert!(build("git@example.org:x", "u", "t").is_err());
    assert!(build("https://example.org/x", "u", "t\nprotocol=http").is_err());
    assert!(build("https://example.org/x", "u\n", "t").is_err());
}
