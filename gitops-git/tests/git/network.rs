//! Servers that break, hang, redirect or lie.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use gitops_core::{Cx, ErrorKind, Source};
use gitops_git::GitLimits;

use crate::support::{Fault, Repo, gitea, newest, told, with_sender};

#[tokio::test]
async fn a_server_that_goes_away_midway_is_unavailable_and_then_fetched_whole() {
    let (gitea, repo) = (gitea(), Repo::with(&[("a", "1")]));
    std::fs::write(repo.path().join("noise"), noise(300_000)).unwrap();
    repo.commit(&[("b", "1")]);
    let proxy = gitea.proxy();
    let url = gitea.push(&proxy, &repo, "away");
    let source = repo.source_of(&url).credentials(gitea.bot()).build().unwrap();
    let cx = Cx::system();
    let revision = source.resolve(&cx).await.unwrap();
    for bytes in [0, 10, 1_000, 20_000, 100_000] {
        proxy.set(Fault::CutAfter(bytes));
        let error = source.fetch(&cx, &revision).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Unavailable, true),
            "after {bytes} bytes: {error}"
        );
    }
    proxy.set(Fault::None);
    assert_eq!(newest(&source).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_server_that_hangs_ends_with_the_limit_of_time() {
    let (gitea, repo) = (gitea(), Repo::with(&[("a", "1")]));
    let proxy = gitea.proxy();
    let url = gitea.push(&proxy, &repo, "hangs");
    let mut limits = GitLimits::default();
    limits.time = Duration::from_millis(700);
    let source = repo.source_of(&url).credentials(gitea.bot()).limits(limits).build().unwrap();
    proxy.set(Fault::StallAfter(0));
    let error = source.resolve(&Cx::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("time = 700ms"), "{error}");
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable() {
    let repo = Repo::with(&[("a", "1")]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for url in [format!("http://127.0.0.1:{port}/x"), format!("ssh://127.0.0.1:{port}/x")] {
        let error = newest(&repo.source_of(url).build().unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/evil\r\nContent-Length: 0\r\n\r\n";
    let (kind, text) = answered(answer.into()).await;
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(text.contains("redirects"), "{text}");
}

#[tokio::test]
async fn answers_are_classified() {
    let cases = [
        ("401 Unauthorized", ErrorKind::Unauthenticated),
        ("403 Forbidden", ErrorKind::Forbidden),
        ("404 Not Found", ErrorKind::NotFound),
        ("429 Too Many Requests", ErrorKind::Unavailable),
        ("500 Internal Server Error", ErrorKind::Unavailable),
        ("503 Service Unavailable", ErrorKind::Unavailable),
    ];
    for (status, expected) in cases {
        let (kind, text) = answered(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(kind, expected, "{status}: {text}");
    }
}

#[tokio::test]
async fn a_server_that_talks_to_the_terminal_is_shown_escaped() {
    let body = "\x1b]0;owned\x07 not a repository";
    let answer = format!(
        "HTTP/1.1 404 No\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (_, text) = answered(answer).await;
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[tokio::test]
async fn a_pack_with_changed_bytes_is_corrupt_and_leaves_nothing() {
    let repo = Repo::with(&[("a", "1")]);
    std::fs::write(repo.path().join("noise"), noise(200_000)).unwrap();
    repo.commit(&[("b", "1")]);
    let liar = with_sender(
        repo.home(),
        "git upload-pack \"$@\" | { pass 30000; pass 100 > /dev/null; head -c 100 /dev/zero; cat; }",
    );
    let error = newest(&repo.source().git_program(liar).build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(newest(&repo.source().build().unwrap()).await.unwrap().len(), 3);
}

/// What comes of a server that gives this answer to everything.
async fn answered(answer: String) -> (ErrorKind, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    let repo = Repo::empty();
    let error =
        newest(&repo.source_of(format!("http://127.0.0.1:{port}/x")).build().unwrap()).await.unwrap_err();
    (error.kind(), format!("{} {error}", told(&error)))
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
