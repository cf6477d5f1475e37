//! The client that the adapters share, against a server that misbehaves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::{Cx, ErrorKind, Retry};
use gitops_forge::conformance::{Fault, MemoryOthers, Others, Person};
use gitops_forge::{
    Call, CommentQuery, CommentWrite, Connection, Forge, ForgeExt, ForgeLimits, Gitea, Marker,
    RepositoryPath, RequestQuery,
};
use serde_json::json;

use crate::support::{Answered, Asked, GiteaDialect, Handler, Server, TOKEN, Trouble, secret};

fn path() -> RepositoryPath {
    RepositoryPath::parse("platform/site").unwrap()
}

fn adapter(connection: Connection) -> Gitea {
    Gitea::new(connection, path(), &secret(TOKEN)).unwrap()
}

/// A stood-in forge with one request, and its adapter.
async fn one_request() -> (Server, MemoryOthers, Gitea, u64) {
    let memory = MemoryOthers::new();
    let server = Server::start(Arc::new(GiteaDialect(memory.forge().clone()))).await;
    let forge = adapter(Connection::to(server.url()));
    let number = memory.open(&Cx::system(), Person::Author, false).await.unwrap();
    (server, memory, forge, number)
}

/// Answers everything in one way.
struct Always(Answered);

#[async_trait]
impl Handler for Always {
    async fn answer(&self, _: &Asked) -> Answered {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_sent_the_token() {
    let (server, _, forge, number) = one_request().await;
    let elsewhere = Server::start(Arc::new(Always(Answered::json(200, json!({}))))).await;
    for location in [format!("{}/api/v1/user", elsewhere.url()), "//evil.example.org/".to_owned()] {
        server.plan(Trouble::Answer(Answered::empty(302).header("location", location)), false);
        let error = forge.change_request(&Cx::system(), number).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_on_the_same_host_is_followed_for_reads_alone() {
    let (server, _, forge, number) = one_request().await;
    let place = format!("/api/v1/repos/platform/site/pulls/{number}");
    let moved = || Trouble::Answer(Answered::empty(301).header("location", place.clone()));
    server.plan(moved(), false);
    assert_eq!(forge.change_request(&Cx::system(), number).await.unwrap().number, number);
    server.plan(moved(), true);
    let create = CommentWrite::Create { body: "moved".to_owned() };
    let error = forge.write_comment(&Cx::system(), number, &create).await.unwrap_err();
    assert!(!error.is_unknown() && server.writes() == 0, "{error:?}");
    let circle = Server::start(Arc::new(Always(Answered::empty(302).header("location", "/again")))).await;
    let error = adapter(Connection::to(circle.url())).me(&Cx::system()).await.unwrap_err();
    assert!(circle.seen().len() < 10, "{error:?}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let huge = Server::start(Arc::new(Always(Answered::json(200, "n".repeat(100_000))))).await;
    let mut limits = ForgeLimits::default();
    limits.answer_bytes = 50_000;
    let forge = adapter(Connection::to(huge.url()).limits(limits));
    let error = forge.me(&Cx::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("answer_bytes = 50000"), "{error}");
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error() {
    let page = Answered::json(200, json!([])).header("link", "<https://a/?page=2>; rel=\"next\"");
    let endless = Server::start(Arc::new(Always(page))).await;
    let mut limits = ForgeLimits::default();
    limits.pages = 7;
    let forge = adapter(Connection::to(endless.url()).limits(limits));
    let error = forge.change_requests(&Cx::system(), &RequestQuery::Open).await.unwrap_err();
    assert_eq!((error.kind(), endless.seen().len()), (ErrorKind::Limit, 7), "{error:?}");
}

#[tokio::test]
async fn a_body_that_is_too_long_for_the_forge_is_a_limit() {
    let (server, _, forge, number) = one_request().await;
    let body = json!({"message": "Validation Failed", "errors": [{"message": "Body is too long (maximum is 65536 characters)"}]});
    server.plan(Trouble::Answer(Answered::json(422, body)), true);
    let marker = Marker::new("plan").unwrap();
    let error = forge.upsert_comment(&Cx::system(), number, &marker, "text").await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Limit, false), "{error:?}");
}

#[tokio::test]
async fn a_forge_that_asked_for_patience_is_left_in_peace() {
    let (server, _, forge, number) = one_request().await;
    let body = json!({"message": "You have exceeded a secondary rate limit. Please wait a few minutes."});
    server.plan(Trouble::Answer(Answered::json(403, body)), false);
    let cx = Cx::system();
    let error = forge.change_request(&cx, number).await.unwrap_err();
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(60)), "{error:?}");
    for _ in 0..5 {
        let error = forge.change_request(&cx, number).await.unwrap_err();
        assert!(matches!(error.retry(), Retry::After(_)), "{error:?}");
    }
    assert_eq!(server.seen().len(), 0, "it was asked again");
}

#[tokio::test]
async fn a_write_that_the_forge_carries_out_twice_leaves_one_comment() {
    let (server, _, forge, number) = one_request().await;
    let marker = Marker::new("plan").unwrap();
    server.plan(Trouble::Double, true);
    forge.upsert_comment(&Cx::system(), number, &marker, "text").await.unwrap();
    let comments = forge.comments(&Cx::system(), number, &CommentQuery::default()).await.unwrap();
    assert_eq!(comments.len(), 1, "{comments:?}");
}

#[tokio::test]
async fn of_two_processes_that_write_at_once_one_comment_stays() {
    let (server, _, forge, number) = one_request().await;
    let others: Vec<_> = (0..6).map(|_| adapter(Connection::to(server.url()))).collect();
    let (cx, marker) = (Cx::system(), Marker::new("plan").unwrap());
    let texts: Vec<_> = (0..6).map(|at| format!("plan {at}")).collect();
    let all = others.iter().zip(&texts).map(|(other, text)| other.upsert_comment(&cx, number, &marker, text));
    for done in futures::future::join_all(all).await {
        // One may be removed while it is edited; it is made again by the next call.
        assert!(done.is_ok() || done.as_ref().unwrap_err().is_not_found(), "{done:?}");
    }
    forge.upsert_comment(&cx, number, &marker, "plan").await.unwrap();
    let comments = forge.comments(&cx, number, &CommentQuery::default()).await.unwrap();
    assert_eq!(comments.len(), 1, "{comments:?}");
}

/// Answers with a tag, and says when nothing changed.
struct Tagged;

#[async_trait]
impl Handler for Tagged {
    async fn answer(&self, asked: &Asked) -> Answered {
        match asked.header("if-none-match") {
            "\"1\"" => Answered::empty(304),
            _ if asked.query.contains_key("page") => Answered::json(200, json!([])),
            _ => Answered::json(200, json!([{"id": 7, "name": "Reviewers"}])).header("etag", "\"1\""),
        }
    }
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again_and_every_call_is_counted() {
    let server = Server::start(Arc::new(Tagged)).await;
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let counted = calls.clone();
    let connection =
        Connection::to(server.url()).observer(move |call: &Call| counted.lock().unwrap().push(call.clone()));
    let forge = adapter(connection);
    for _ in 0..3 {
        let error = forge.teams().unwrap().members(&Cx::system(), "platform/nobody").await.unwrap_err();
        assert!(error.is_not_found(), "{error:?}");
    }
    let calls = calls.lock().unwrap();
    let seen: Vec<_> = calls.iter().map(|call| (call.route, call.status, call.is_write())).collect();
    // The list is not paged, so each look asks for a second, empty page.
    assert!(seen.iter().all(|(route, _, is_write)| *route == "/orgs/{org}/teams" && !is_write), "{seen:?}");
    assert_eq!(calls.len(), server.seen().len());
    let unchanged = calls.iter().filter(|call| call.status == Some(304)).count();
    assert!(unchanged > 0 && calls.iter().filter(|call| call.status == Some(200)).all(|call| call.bytes > 0));
}

#[tokio::test]
async fn no_error_and_no_debug_text_shows_a_token() {
    let echo = json!({"message": format!("token {TOKEN} is wrong"), "errors": [TOKEN]});
    let server = Server::start(Arc::new(Always(Answered::json(401, echo)))).await;
    let forge = adapter(Connection::to(server.url()));
    let refused = forge.me(&Cx::system()).await.unwrap_err();
    server.fail_next(Fault::LoseAnswer, false);
    let lost = forge.me(&Cx::system()).await.unwrap_err();
    for error in [refused, lost] {
        let shown = format!("{error:?} {error:#} {}", error.with_help());
        assert!(!shown.contains(TOKEN), "{shown}");
    }
    let broken = Gitea::new(Connection::to(server.url()), path(), &secret("top-secret\n")).err().unwrap();
    assert!(!format!("{broken:?} {}", broken.with_help()).contains("top-secret"));
}

#[tokio::test]
async fn a_forge_that_is_not_there_is_known_to_have_done_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let create = CommentWrite::Create { body: "text".to_owned() };
    let error = adapter(Connection::to(url)).write_comment(&Cx::system(), 1, &create).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_unknown(), error.is_retryable()),
        (ErrorKind::Unavailable, false, true)
    );
}
