//! The adapter of Gitea on a real server: the kit, a protected branch, and webhooks that it delivers to us.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::{Cx, ErrorKind, Time};
use gitops_forge::conformance::{self, Others, Person};
use gitops_forge::webhook::{Deliveries, Hint, HintKind, Sender, Webhooks};
use gitops_forge::{Forge, ForgeExt, Merge, MergeMethod, RequestQuery, RequestState, ReviewState};
use serde_json::{Value, json};
use testbed::Gitea;
use tokio::sync::mpsc;

use crate::support::{Answered, Asked, Handler, People, Server, secret};

#[tokio::test]
async fn a_real_gitea_keeps_the_contract() {
    let people = People::start().await;
    let report = conformance::forge(move || {
        let people = people.clone();
        async move { people.subject() }
    })
    .run()
    .await;
    report.assert_passed();
    let skipped = report.skipped();
    assert!(skipped.iter().all(|number| number.starts_with("F5") || number.starts_with("F6")), "{skipped:?}");
}

#[tokio::test]
async fn a_protected_branch_takes_nothing_that_nobody_reviewed() {
    let people = People::start().await;
    let (cx, forge) = (Cx::system(), people.forge().unwrap());
    let rule = json!({
        "rule_name": "main", "branch_name": "main", "required_approvals": 1, "enable_push": false,
        "block_admin_merge_override": true,
    });
    people.gitea.done(Gitea::ADMIN, "POST", "/repos/platform/site/branch_protections", rule).await;
    let number = people.open(&cx, Person::Author, false).await.unwrap();
    let head = forge.change_request(&cx, number).await.unwrap().head.commit;
    let refused = forge.ensure_merged(&cx, number, &Merge::of(head.clone())).await.unwrap_err();
    assert!(!refused.is_unknown(), "{refused:?}");
    assert_eq!(forge.change_request(&cx, number).await.unwrap().state, RequestState::Open);
    people.review(&cx, Person::Reviewer, number, ReviewState::Approved).await.unwrap();
    forge.ensure_merged(&cx, number, &Merge::of(head)).await.unwrap();
    assert_eq!(forge.change_request(&cx, number).await.unwrap().state, RequestState::Merged);
}

/// Git in a folder, as somebody.
fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Mallory", "-c", "user.email=mallory@example.org"]).args(arguments);
    let output = git.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Who may only read can push for review: Gitea names the repository of the base as that of the head.
#[tokio::test]
async fn what_a_reader_pushed_for_review_counts_as_a_forks_request() {
    let people = People::start().await;
    let (cx, forge) = (Cx::system(), people.forge().unwrap());
    people.gitea.join("mallory").await;
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["clone", "-q", &people.gitea.remote("mallory", "platform/site"), "."]);
    git(folder.path(), &["commit", "-q", "--allow-empty", "-m", "Run this"]);
    git(folder.path(), &["push", "-q", "origin", "HEAD:refs/for/main", "-o", "topic=mine"]);
    let requests = forge.change_requests(&cx, &RequestQuery::Open).await.unwrap();
    let [request] = &requests[..] else { panic!("one request: {requests:?}") };
    assert_eq!(request.author.login, "mallory");
    assert!(request.is_fork(), "{request:?}");
    assert!(forge.change_request(&cx, request.number).await.unwrap().is_fork());
}

#[tokio::test]
async fn a_repository_that_takes_no_merge_commits_says_so() {
    let people = People::start().await;
    let (cx, forge) = (Cx::system(), people.forge().unwrap());
    let all = [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase];
    assert_eq!(forge.merge_methods(&cx).await.unwrap(), all);
    let only = json!({
        "allow_merge_commits": false, "allow_rebase": false, "allow_rebase_explicit": false, "allow_squash_merge": true,
        "default_merge_style": "squash",
    });
    people.gitea.done(Gitea::ADMIN, "PATCH", "/repos/platform/site", only).await;
    assert_eq!(forge.merge_methods(&cx).await.unwrap(), [MergeMethod::Squash]);
    let number = people.open(&cx, Person::Author, false).await.unwrap();
    let merge = Merge::of(forge.change_request(&cx, number).await.unwrap().head.commit);
    forge.ensure_merged(&cx, number, &merge).await.unwrap_err();
    forge.ensure_merged(&cx, number, &merge.method(MergeMethod::Squash)).await.unwrap();
    assert_eq!(forge.change_request(&cx, number).await.unwrap().state, RequestState::Merged);
}

/// Takes webhooks, and answers at once.
struct Ear(mpsc::UnboundedSender<Asked>);

#[async_trait]
impl Handler for Ear {
    async fn answer(&self, asked: &Asked) -> Answered {
        self.0.send(asked.clone()).expect("the test listens");
        Answered::empty(202)
    }
}

const SECRET: &str = "one long random text";

fn verified(asked: &Asked, key: &str) -> gitops_core::Result<Hint> {
    let header = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
    Webhooks::new([secret(key)]).unwrap().verify(header, &asked.body, Time::default())
}

/// The next delivery of a kind; what is of another kind came earlier.
async fn next(heard: &mut mpsc::UnboundedReceiver<Asked>, kind: HintKind) -> (Asked, Hint) {
    let next = async {
        loop {
            let asked = heard.recv().await.expect("the server goes on");
            let hint = verified(&asked, SECRET).expect("Gitea signs what it sends");
            if hint.kind == kind {
                return Ok((asked, hint));
            }
        }
    };
    let limited = Cx::system().within(Duration::from_secs(60)).bounded(next).await;
    limited.unwrap_or_else(|_| panic!("no webhook of {kind:?} came within a minute"))
}

#[tokio::test]
async fn webhooks_of_a_real_gitea_are_verified_and_name_what_happened() {
    let people = People::start().await;
    let (cx, (ear, mut heard)) = (Cx::system(), mpsc::unbounded_channel());
    let server = Server::start(Arc::new(Ear(ear))).await;
    let hook = json!({
        "type": "gitea", "active": true, "events": [
            "push", "pull_request", "pull_request_sync", "pull_request_comment", "pull_request_review", "issue_comment",
        ],
        "config": {"url": format!("{}/hook", server.url()), "content_type": "json", "secret": SECRET},
    });
    people.gitea.done(Gitea::ADMIN, "POST", "/repos/platform/site/hooks", hook).await;
    let number = people.open(&cx, Person::Author, false).await.unwrap();
    let (asked, opened) = next(&mut heard, HintKind::Request).await;
    assert_eq!((opened.sender, opened.request), (Sender::Gitea, Some(number)));
    assert_eq!(opened.repository.as_ref().unwrap().as_str(), "platform/site");
    assert_eq!(verified(&asked, "another").unwrap_err().kind(), ErrorKind::Unauthenticated);
    let changed = Asked { body: [&asked.body[..], b" "].concat().into(), ..asked };
    assert_eq!(verified(&changed, SECRET).unwrap_err().kind(), ErrorKind::Unauthenticated);
    let mut deliveries = Deliveries::new(10);
    assert!(deliveries.admit(&opened) && !deliveries.admit(&opened), "one that comes twice is known");

    let commit = people.push(&cx, number).await.unwrap();
    let (_, pushed) = next(&mut heard, HintKind::Request).await;
    assert_eq!((pushed.request, pushed.commit), (Some(number), Some(commit)));
    people.comment(&cx, Person::Reviewer, number, "/plan").await.unwrap();
    assert_eq!(next(&mut heard, HintKind::Comment).await.1.request, Some(number));
    people.review(&cx, Person::Reviewer, number, ReviewState::Approved).await.unwrap();
    assert_eq!(next(&mut heard, HintKind::Review).await.1.request, Some(number));
    let merge = Merge::of(people.forge().unwrap().change_request(&cx, number).await.unwrap().head.commit);
    people.forge().unwrap().ensure_merged(&cx, number, &merge).await.unwrap();
    let push = next(&mut heard, HintKind::Push).await.1;
    assert_eq!(push.branch.as_deref(), Some("main"), "{push:?}");
    let hooks = people.gitea.done(Gitea::ADMIN, "GET", "/repos/platform/site/hooks", Value::Null).await;
    assert_eq!(hooks.as_array().unwrap().len(), 1, "an ear that answers is not switched off");
}
