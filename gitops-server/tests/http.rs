//! What is answered over HTTP, and what is not taken.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;

use gitops_core::{Cx, ErrorKind};
use gitops_server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn status(address: SocketAddr, request: &str) -> String {
    let answer = ask(address, &format!("{request} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
    answer.lines().next().unwrap().trim_start_matches("HTTP/1.1 ").to_owned()
}

#[tokio::test]
async fn each_path_is_answered_and_nothing_else() {
    let cx = Cx::system();
    let server = Server::new(&cx, |_| {});
    let address = server.listen(&cx, ([127, 0, 0, 1], 0).into()).await.unwrap();
    assert_eq!(status(address, "GET /healthz").await, "200 OK");
    assert_eq!(status(address, "HEAD /healthz").await, "200 OK");
    assert_eq!(status(address, "POST /healthz").await, "405 Method Not Allowed");
    assert_eq!(status(address, "GET /nothing").await, "404 Not Found");
    assert_eq!(status(address, "GET /webhooks/gitea").await, "405 Method Not Allowed");
    assert_eq!(status(address, "POST /webhooks/gitea").await, "404 Not Found", "no secret is configured");
    assert_eq!(status(address, "POST /webhooks/../healthz").await, "404 Not Found");
    let metrics = ask(address, "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(metrics.contains("application/openmetrics-text") && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(
        metrics.contains(r#"gitops_webhooks_total{forge="unknown",result="no-such-forge"} 2"#),
        "{metrics}"
    );
    let long = format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(20 << 10));
    assert!(ask(address, &long).await.starts_with("HTTP/1.1 431"));
    let taken = server.listen(&cx, address).await.unwrap_err();
    assert!(
        taken.help_text().unwrap().contains("--listen") && taken.kind() != ErrorKind::Internal,
        "{taken}"
    );
}

#[tokio::test]
async fn it_is_ready_once_every_application_works_and_says_which_does_not() {
    let cx = Cx::system();
    let server = Server::new(&cx, |_| {});
    let address = server.listen(&cx, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let ready = || ask(address, "GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(ready().await.starts_with("HTTP/1.1 503"), "nothing is at work");
    server.board().expect("site");
    assert!(ready().await.ends_with("not ready\nsite: is being opened\n"));
    server.board().fail("site");
    assert!(ready().await.ends_with("not ready\nsite: can't be opened or go on, and is tried again\n"));
    server.board().leave("site");
    assert!(ready().await.starts_with("HTTP/1.1 503"));
    cx.cancel();
}
