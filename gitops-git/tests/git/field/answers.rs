//! Answers of web servers and of the git program, each with a kind and a way out.

use gitops_core::{Cx, ErrorKind, Source};
use gitops_git::{GitRef, GitUrl};

use crate::support::{Repo, expect, newest, script, told};
use testbed::GitServer;

async fn error_of(repo: &Repo, web: &GitServer) -> gitops_core::Error {
    let source = repo.source_of(format!("{}/site.git", web.address())).build().unwrap();
    source.resolve(&Cx::system()).await.unwrap_err()
}

/// People met it as a login page in front of a forge.
#[tokio::test]
async fn a_web_page_in_the_place_of_a_repository_is_told_and_tried_again() {
    // Git itself takes a page of one line for a repository without references.
    for page in ["<html>\n<p>Log in</p>\n</html>\n", "<html><p>Log in</p></html>", ""] {
        let web = GitServer::answering("200 OK\r\nContent-Type: text/html; charset=utf-8", page);
        let error = error_of(&Repo::empty(), &web).await;
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{page}: {error:?}");
        assert!(told(&error).contains("such as a web page"), "{page}: {error:?}");
    }
}

/// People met it after a repository was renamed.
#[tokio::test]
async fn a_repository_that_moved_says_where_it_is_now() {
    let head = "301 Moved Permanently\r\nLocation: https://git.example.org/new/site.git/info/refs?service=git-upload-pack";
    let error = error_of(&Repo::empty(), &GitServer::answering(head, "")).await;
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    let help = error.help_text().unwrap();
    assert!(help.contains("write `https://git.example.org/new/site.git`"), "{help}");
}

#[tokio::test]
async fn a_request_that_a_server_refuses_is_no_fault_of_the_program() {
    let error = error_of(&Repo::empty(), &GitServer::answering("422 Unprocessable Entity", "")).await;
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    let error =
        error_of(&Repo::empty(), &GitServer::answering("407 Proxy Authentication Required", "")).await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
}

/// People met it as a poll of 60,000 references for one branch.
#[tokio::test]
async fn a_server_is_asked_for_what_is_followed_and_nothing_else() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["tag", "-a", "v1", "-m", "One"]);
    let web = GitServer::serving(repo.home());
    let url = format!("{}/site/.git", web.address());
    let (log, program) = (repo.home().join("asked"), repo.home().join("listening-git"));
    let listen = format!(
        "for word; do case \"$word\" in remote-http) tee -a {} | git \"$@\"; exit;; esac; done\nexec git \"$@\"",
        log.display()
    );
    script(&program, &listen);
    let source = repo.source_of(&url).git_program(&program).build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
    let asked = String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
    assert!(asked.contains("ref-prefix refs/heads/main\n") && !asked.contains("refs/tags"), "{asked}");
    let tagged = repo.source_of(&url).reference(GitRef::tag("v1").unwrap()).build().unwrap();
    let commit = repo.revision("HEAD");
    assert_eq!(tagged.resolve(&Cx::system()).await.unwrap().id(), commit.id(), "what the tag points at");
    let missing = repo.source_of(&url).reference(GitRef::branch("mian").unwrap()).build().unwrap();
    let error = missing.resolve(&Cx::system()).await.unwrap_err();
    assert!(told(&error).contains("there is `main`"), "{error:?}");
}

/// The same, counted: what a poll costs does not grow with what others push.
#[tokio::test]
async fn a_poll_of_one_branch_is_as_cheap_among_thousands_of_others() {
    let repo = Repo::with(&[("a", "1")]);
    let id = repo.git(&["rev-parse", "HEAD"]);
    let server = GitServer::serving(repo.home());
    let source = repo.source_of(format!("{}/site/.git", server.address())).build().unwrap();
    let poll = async || {
        let before = server.sent();
        source.resolve(&Cx::system()).await.unwrap();
        server.sent() - before
    };
    let alone = poll().await;
    let names =
        |prefix: &str| (0..5000).map(|n| format!("{id} refs/{prefix}{n:04}")).collect::<Vec<_>>().join("\n");
    let (branches, tags) = (names("heads/feature/"), names("tags/main-"));
    let packed = format!("# pack-refs with: peeled fully-peeled sorted \n{branches}\n{tags}\n");
    std::fs::write(repo.path().join(".git/packed-refs"), packed).unwrap();
    assert_eq!(repo.git(&["for-each-ref", "--format=%(refname)"]).lines().count(), 10_001);
    assert_eq!(poll().await, alone, "bytes of a poll");
    assert!(alone < 2000, "{alone} bytes for one reference");
}

/// People met it with a forge behind an authority of their own: the setting was there, and nothing was proven.
#[tokio::test]
async fn a_server_of_a_private_authority_is_believed_by_its_file_alone() {
    let repo = Repo::with(&[("a", "1")]);
    let server = GitServer::serving_over_tls(repo.home());
    let url = format!("{}/site/.git", server.address());
    std::fs::write(repo.home().join("ca.pem"), server.authority()).unwrap();
    let trusting = || repo.source_of(&url).base(repo.home()).ca_file("ca.pem");
    assert_eq!(newest(&trusting().build().unwrap()).await.unwrap(), expect(&[("a", "1")]));
    repo.commit(&[("a", "2")]);
    let with_token = trusting().credentials(crate::support::credentials("bot", "t0ken"));
    assert_eq!(newest(&with_token.build().unwrap()).await.unwrap(), expect(&[("a", "2")]));
    let heard = server.heard().len();
    let error =
        newest(&repo.source_of(&url).mirrors(repo.home().join("other")).build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    assert!(told(&error).contains("`auth: { ca_file: PATH }`"), "{error:?}");
    // A file that is not there, or none, is a fault of the configuration and none of the server.
    for missing in ["nowhere.pem", "."] {
        let source = repo.source_of(&url).base(repo.home()).ca_file(missing);
        let error = newest(&source.mirrors(repo.home().join("fourth")).build().unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Invalid, false), "{error:?}");
        assert!(told(&error).contains("the file of certificates can't be used"), "{error:?}");
    }
    // Another authority is none.
    std::fs::write(repo.home().join("ca.pem"), GitServer::serving_over_tls(repo.home()).authority()).unwrap();
    let error = newest(&trusting().mirrors(repo.home().join("third")).build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    assert_eq!(server.heard().len(), heard, "whom nobody believes is told nothing");
}

/// People met it with a forge behind an authority of their own.
#[tokio::test]
async fn a_file_of_authorities_is_given_to_git_in_its_own_setting() {
    let repo = Repo::with(&[("a", "1")]);
    let (log, program) = (repo.home().join("said"), repo.home().join("telling-git"));
    script(&program, &format!("echo \"$@\" >> {}\nexec git \"$@\"", log.display()));
    let source = repo.source_of("https://127.0.0.1:1/site.git").git_program(&program).ca_file("ca.pem");
    let error = newest(&source.base(repo.home()).build().unwrap()).await.unwrap_err();
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains(&format!("http.sslCAInfo={}/ca.pem", repo.home().display())), "{error} {said}");
    assert!(repo.source().ca_file("ca.pem").build().is_err(), "there is no TLS in a folder");
}

/// People met it in the log of a pipeline.
#[test]
fn no_error_of_a_url_shows_a_token() {
    for url in
        ["https://glpat-s3cret@example.org/x", "https://example.org/x?private_token=s3cret", "foo://s3cret@x"]
    {
        let error = GitUrl::parse(url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}
