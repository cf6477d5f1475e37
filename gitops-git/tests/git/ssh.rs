//! A real ssh server.

use gitops_core::{Cx, ErrorKind, History};
use gitops_git::{Credentials, GitRef};
use insta::assert_snapshot;

use crate::support::{CountedGit, Repo, Sshd, expect, newest, told};

#[tokio::test]
async fn a_key_opens_a_repository_over_ssh() {
    let repo = Repo::with(&[("a", "1")]);
    let sshd = Sshd::start(repo.home());
    let source = repo.source_of(sshd.url(&repo.path())).credentials(sshd.credentials()).build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
    repo.commit(&[("a", "2")]);
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "2")]));
}

#[tokio::test]
async fn a_server_that_takes_the_protocol_version_is_asked_for_the_pack_alone() {
    let repo = Repo::with(&[("a", "1")]);
    let first = repo.revision("HEAD");
    repo.commit(&[("a", "2")]);
    let sshd = Sshd::start_with(repo.home(), "AcceptEnv GIT_PROTOCOL\n");
    let git = CountedGit::new(repo.home());
    let source = repo.source_of(sshd.url(&repo.path())).credentials(sshd.credentials());
    let source = source.git_program(&git.program);
    assert_eq!(newest(&source.clone().build().unwrap()).await.unwrap(), expect(&[("a", "2")]));
    let older = source.reference(GitRef::commit(first.id()).unwrap()).mirrors(repo.home().join("other"));
    assert_eq!(newest(&older.build().unwrap()).await.unwrap(), expect(&[("a", "1")]));
    assert_eq!((git.calls("index-pack"), git.calls("fetch")), (2, 0));
}

#[tokio::test]
async fn an_older_commit_is_found_although_this_server_gives_none_by_its_id() {
    let repo = Repo::with(&[("a", "1")]);
    let first = repo.revision("HEAD");
    repo.commit(&[("a", "2")]);
    let sshd = Sshd::start(repo.home());
    let source = repo.source_of(sshd.url(&repo.path())).credentials(sshd.credentials());
    let source = source.reference(GitRef::commit(first.id()).unwrap()).build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
}

#[tokio::test]
async fn a_commit_is_undone_over_ssh() {
    let repo = Repo::with(&[("a", "1")]);
    let bad = repo.commit(&[("a", "2")]);
    repo.git(&["clone", "--quiet", "--bare", ".", "../shared.git"]);
    let sshd = Sshd::start(repo.home());
    let url = sshd.url(&repo.home().join("shared.git"));
    let source = repo.source_of(url).credentials(sshd.credentials()).build().unwrap();
    let new = source.revert(&Cx::system(), &bad).await.unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
    assert_eq!(source.describe(&Cx::system(), &new).await.unwrap().summary, "Revert \"Change a\"");
}

async fn fault(repo: &Repo, url: String, credentials: Credentials) -> (ErrorKind, String) {
    let error = newest(&repo.source_of(url).credentials(credentials).build().unwrap()).await.unwrap_err();
    (error.kind(), told(&error))
}

#[tokio::test]
async fn another_host_key_than_the_known_one_ends_it() {
    let repo = Repo::with(&[("a", "1")]);
    let sshd = Sshd::start(repo.home());
    sshd.know("changed", "stranger");
    let (_, text) = fault(&repo, sshd.url(&repo.path()), sshd.credentials_of("user", "changed")).await;
    assert_snapshot!(text, @r"
    Unauthenticated: the server's host key is not the one that is known
    help: compare the server's key with its owner, then put it into the known_hosts file
    ");
    std::fs::write(repo.home().join("ssh/empty"), "").unwrap();
    let (_, unknown) = fault(&repo, sshd.url(&repo.path()), sshd.credentials_of("user", "empty")).await;
    assert_eq!(unknown, text);
}

#[tokio::test]
async fn a_key_that_is_not_let_in_is_told_from_a_missing_repository() {
    let repo = Repo::with(&[("a", "1")]);
    let sshd = Sshd::start(repo.home());
    let (_, text) =
        fault(&repo, sshd.url(&repo.path()), sshd.credentials_of("stranger", "known_hosts")).await;
    assert_snapshot!(text, @r"
    Unauthenticated: the server does not accept the credentials, or wants some
    help: check user, token or key, and that it may read this repository
    ");
    let (_, text) = fault(&repo, sshd.url(&repo.home().join("absent")), sshd.credentials()).await;
    assert_snapshot!(text, @r"
    NotFound: there is no such repository
    help: check the URL; a server also says so if the credentials may not see the repository
    ");
}

#[tokio::test]
async fn a_private_key_that_others_can_read_is_refused_with_the_way_out() {
    use std::os::unix::fs::PermissionsExt;
    let repo = Repo::with(&[("a", "1")]);
    let sshd = Sshd::start(repo.home());
    let key = repo.home().join("ssh/user");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (kind, text) = fault(&repo, sshd.url(&repo.path()), sshd.credentials()).await;
    assert_eq!(kind, ErrorKind::Unauthenticated);
    assert!(text.contains("chmod 600"), "{text}");
}

/// People met it with their own key: "the server does not accept the credentials", and the key was the right one.
#[tokio::test]
async fn a_private_key_with_a_passphrase_is_told_from_one_that_is_not_let_in() {
    let repo = Repo::with(&[("a", "1")]);
    let sshd = Sshd::start(repo.home());
    let key = repo.home().join("ssh/user");
    let mut keygen = std::process::Command::new("ssh-keygen");
    keygen.args(["-q", "-p", "-P", "", "-N", "canary-passphrase", "-f"]).arg(&key);
    assert!(keygen.status().unwrap().success());
    let (kind, text) = fault(&repo, sshd.url(&repo.path()), sshd.credentials()).await;
    assert_eq!(kind, ErrorKind::Unauthenticated);
    assert_snapshot!(text, @r"
    Unauthenticated: the private key has a passphrase, and nobody is there to type it
    help: use a key without passphrase that may only read: `ssh-keygen -p -N '' -f COPY` takes it from a copy
    ");
}

/// People met it as a server that let nobody in, where a path was misspelt.
#[tokio::test]
async fn a_private_key_that_is_not_there_is_no_refusal_of_the_server() {
    let repo = Repo::with(&[("a", "1")]);
    let sshd = Sshd::start(repo.home());
    std::fs::rename(repo.home().join("ssh/user"), repo.home().join("ssh/elsewhere")).unwrap();
    let (kind, text) = fault(&repo, sshd.url(&repo.path()), sshd.credentials()).await;
    assert_eq!(kind, ErrorKind::Invalid, "{text}");
    assert!(text.contains("the private key is not there"), "{text}");
}

#[test]
fn an_ssh_key_does_not_fit_another_url_or_an_odd_path() {
    let repo = Repo::empty();
    let key = |path: &str| Credentials::SshKey { path: path.into(), known_hosts: "/known".into() };
    assert!(repo.source_of("https://host/x").credentials(key("/key")).build().is_err());
    assert!(repo.source_of("git@host:x").credentials(key("/key' -oProxyCommand=id")).build().is_err());
    assert!(repo.source_of("git@host:x").credentials(key("/key")).build().is_ok());
}
