//! Webhooks are verified before they are read, and nothing that is sent makes that panic.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::{ErrorKind, Time};
use gitops_forge::webhook::{Deliveries, Hint, HintKind, Sender, Webhooks};
use proptest::prelude::*;
use ring::hmac;

use crate::support::{needed, secret};

const SECRET: &str = "one long random text";
const FORMER: &str = "the text of last month";
const NOW: Time = Time::from_micros(1_790_000_000_000_000);
const COMMIT: &str = "1f3870be274f6c49b3e31a0c6728957f1f3870be";

type Headers = BTreeMap<&'static str, String>;

fn webhooks() -> Webhooks {
    Webhooks::new([secret(SECRET), secret(FORMER)]).unwrap()
}

fn verify(headers: &Headers, body: &str) -> gitops_core::Result<Hint> {
    webhooks().verify(|name| headers.get(name).map(String::as_str), body.as_bytes(), NOW)
}

pub fn signed(key: &str, body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body.as_bytes());
    tag.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn github(event: &str, key: &str, body: &str) -> Headers {
    Headers::from([
        ("x-github-event", event.to_owned()),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned()),
        ("x-hub-signature-256", format!("sha256={}", signed(key, body))),
    ])
}

fn gitea(event: &str, key: &str, body: &str) -> Headers {
    let mut headers = github(event, key, body);
    headers.insert("x-gitea-event", event.to_owned());
    headers.insert("x-gitea-delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473".to_owned());
    headers.insert("x-gitea-signature", signed(key, body));
    headers
}

fn push() -> String {
    format!(
        r#"{{"ref": "refs/heads/main", "after": "{COMMIT}", "repository": {{"full_name": "platform/site"}}}}"#
    )
}

#[test]
fn both_live_secrets_are_good_and_a_third_one_is_not() {
    for key in [SECRET, FORMER] {
        let hint = verify(&github("push", key, &push()), &push()).unwrap();
        assert_eq!((hint.sender, hint.kind), (Sender::GitHub, HintKind::Push));
        assert_eq!(hint.commit.unwrap().as_str(), COMMIT);
        assert_eq!(
            (hint.repository.unwrap().as_str(), hint.branch.as_deref()),
            ("platform/site", Some("main"))
        );
    }
    let error = verify(&github("push", "another", &push()), &push()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}

#[test]
fn what_is_not_signed_as_it_should_is_refused() {
    let body = push();
    let without = |name: &str| {
        let mut headers = github("push", SECRET, &body);
        headers.remove(name);
        verify(&headers, &body).unwrap_err()
    };
    assert_eq!(without("x-hub-signature-256").kind(), ErrorKind::Unauthenticated);
    assert_eq!(without("x-github-delivery").kind(), ErrorKind::Invalid);
    assert_eq!(without("x-github-event").kind(), ErrorKind::Invalid);
    let mut sha1 = github("push", SECRET, &body);
    sha1.remove("x-hub-signature-256");
    sha1.insert("x-hub-signature", "sha1=1f3870be274f6c49b3e31a0c6728957f1f3870be".to_owned());
    assert!(verify(&sha1, &body).unwrap_err().to_string().contains("SHA-1"));
    let error = verify(&github("push", SECRET, &body), &body.replace("main", "Main")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}

#[test]
fn gitea_is_told_from_github_whose_headers_it_sends_too() {
    let body = push();
    assert_eq!(verify(&gitea("push", SECRET, &body), &body).unwrap().sender, Sender::Gitea);
    // A signature of GitHub's kind does not help where that of Gitea is wrong or empty.
    for wrong in [signed("another", &body), String::new(), "zz".to_owned(), "f".to_owned()] {
        let mut headers = gitea("push", SECRET, &body);
        headers.insert("x-gitea-signature", wrong);
        assert_eq!(verify(&headers, &body).unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
}

/// Forgejo names its headers after itself, and sends those of Gitea and GitHub besides.
#[test]
fn forgejo_is_taken_for_a_gitea_and_believed_by_its_own_signature() {
    let body = push();
    let own = Headers::from([
        ("x-forgejo-event", "push".to_owned()),
        ("x-forgejo-delivery", "1".to_owned()),
        ("x-forgejo-signature", signed(SECRET, &body)),
    ]);
    let all: Headers = gitea("push", SECRET, &body).into_iter().chain(own.clone()).collect();
    for mut headers in [own, all] {
        let hint = verify(&headers, &body).unwrap();
        assert_eq!((hint.sender, hint.kind), (Sender::Gitea, HintKind::Push));
        headers.insert("x-forgejo-signature", signed("another", &body));
        assert_eq!(verify(&headers, &body).unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
}

#[test]
fn gitlab_is_believed_by_its_token_or_by_its_signature() {
    let body = r#"{"object_kind":"merge_request","project":{"path_with_namespace":"platform/team/site"},
        "object_attributes":{"iid":7,"action":"approved","last_commit":{"id":"1f3870be274f6c49b3e31a0c6728957f1f3870be"}}}"#;
    let mut headers = Headers::from([
        ("x-gitlab-event", "Merge Request Hook".to_owned()),
        ("x-gitlab-event-uuid", "13792a34-cac6-4fda-95a8-c58e00a3954e".to_owned()),
        ("x-gitlab-token", SECRET.to_owned()),
    ]);
    let hint = verify(&headers, body).unwrap();
    assert_eq!((hint.sender, hint.kind, hint.request), (Sender::GitLab, HintKind::Review, Some(7)));
    headers.insert("x-gitlab-token", format!("{SECRET} "));
    assert_eq!(verify(&headers, body).unwrap_err().kind(), ErrorKind::Unauthenticated);

    let bytes = [42; 32];
    let token = format!("whsec_{}", STANDARD.encode(bytes));
    let webhooks = Webhooks::new([secret(&token)]).unwrap();
    let sign = |id: &str, timestamp: i64| {
        let said = format!("{id}.{timestamp}.{body}");
        STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), said.as_bytes()))
    };
    let verify = |timestamp: i64, signature: String, plain: Option<&str>| {
        let mut headers = Headers::from([
            ("x-gitlab-event", "Merge Request Hook".to_owned()),
            ("webhook-id", "msg-1".to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ]);
        if let Some(plain) = plain {
            headers.remove("webhook-signature");
            headers.insert("x-gitlab-token", plain.to_owned());
        }
        webhooks.verify(|name| headers.get(name).map(String::as_str), body.as_bytes(), NOW)
    };
    let now = NOW.as_micros() / 1_000_000;
    let good = format!("v1,AAAA v1,{}", sign("msg-1", now));
    assert_eq!(verify(now, good.clone(), None).unwrap().delivery, "msg-1");
    assert!(verify(now, format!("v1,{}", sign("msg-2", now)), None).is_err(), "another id");
    assert!(verify(now + 1, good.clone(), None).is_err(), "another time");
    for late in [now - 301, now + 301, i64::MAX, i64::MIN] {
        assert!(verify(late, format!("v1,{}", sign("msg-1", late)), None).is_err(), "{late}");
    }
    // A signing token is no token to be sent as it is.
    assert!(verify(now, good, Some(&token)).is_err());
}

/// What GitLab's documentation calls a pipeline event, of a merge train and of a branch.
#[test]
fn a_merge_train_is_told_by_its_pipeline() {
    let told = |reference: &str| {
        let body = format!(
            r#"{{"object_kind":"pipeline","project":{{"path_with_namespace":"platform/site"}},
            "object_attributes":{{"id":31,"ref":"{reference}","sha":"{COMMIT}","source":"merge_request_event"}},
            "merge_request":{{"iid":7,"target_branch":"main"}}}}"#
        );
        let headers = Headers::from([
            ("x-gitlab-event", "Pipeline Hook".to_owned()),
            ("x-gitlab-event-uuid", "13792a34-cac6-4fda-95a8-c58e00a3954e".to_owned()),
            ("x-gitlab-token", SECRET.to_owned()),
        ]);
        verify(&headers, &body).unwrap()
    };
    let train = told("refs/merge-requests/7/train");
    assert_eq!((train.kind, train.branch.as_deref()), (HintKind::MergeQueue, Some("main")));
    assert_eq!((train.request, train.commit.unwrap().as_str()), (Some(7), COMMIT));
    for other in ["refs/merge-requests/7/merge", "refs/merge-requests/x/train", "main"] {
        assert_eq!(told(other).kind, HintKind::Status, "{other}");
    }
}

/// Others may edit a comment before anybody asks for it: what it was when it was written only its webhook has.
#[test]
fn a_new_comment_comes_with_its_text_and_an_edited_one_does_not() {
    let body = |action: &str| {
        format!(
            r#"{{"action": "{action}", "issue": {{"number": 7, "pull_request": {{}}}}, "comment": {{"id": 12, "body": "/approve"}}}}"#
        )
    };
    for headers in [github, gitea] as [fn(&str, &str, &str) -> Headers; 2] {
        let heard =
            |action: &str| verify(&headers("issue_comment", SECRET, &body(action)), &body(action)).unwrap();
        let hint = heard("created");
        assert_eq!((hint.kind, hint.request), (HintKind::Comment, Some(7)));
        let written = hint.written.unwrap();
        assert_eq!((written.comment.as_str(), written.body.as_str()), ("12", "/approve"));
        assert_eq!(heard("edited").written, None);
        assert_eq!(heard("deleted").written, None);
    }
}

#[test]
fn no_secret_takes_nothing() {
    assert!(Webhooks::new([]).is_err() && Webhooks::new([secret("")]).is_err());
    assert!(Webhooks::new([secret("a\n")]).is_err() && Webhooks::new([secret("whsec_?")]).is_err());
    assert!(Webhooks::new(["a", "b", "c"].map(secret)).is_err());
    assert!(!format!("{:?}", webhooks()).contains(SECRET));
}

#[test]
fn a_body_beyond_the_limit_is_not_looked_at() {
    let small = webhooks().body_bytes(10);
    let error = small.verify(|_| None, push().as_bytes(), NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[test]
fn what_was_sent_before_is_known_by_its_id_and_by_its_body() {
    let mut deliveries = Deliveries::new(100);
    let hint = |id: &str, body: &str| {
        let mut headers = github("push", SECRET, body);
        headers.insert("x-github-delivery", id.to_owned());
        verify(&headers, body).unwrap()
    };
    assert!(deliveries.admit(&hint("1", &push())));
    assert!(!deliveries.admit(&hint("1", &push())), "sent twice");
    assert!(!deliveries.admit(&hint("2", &push())), "sent again under another id, which is not signed");
    assert!(!deliveries.admit(&hint("1", "{}")), "another body under its id");
    for at in 0..100 {
        assert!(deliveries.admit(&hint(&format!("later {at}").replace(' ', "-"), &format!("[{at}]"))));
    }
    assert!(format!("{deliveries:?}").contains("known: 100"));
    assert!(deliveries.admit(&hint("1", &push())), "it is forgotten, and a hint like any other");
}

#[test]
fn the_branch_that_went_has_no_commit() {
    let body = push().replace(COMMIT, &"0".repeat(40));
    assert_eq!(verify(&github("push", SECRET, &body), &body).unwrap().commit, None);
}

/// The kinds of the events that are looked at, and what each example of them must tell.
#[test]
fn every_example_that_github_publishes_is_read() {
    let examples = std::fs::read(needed("GITOPS_GITHUB_WEBHOOKS")).unwrap();
    let events: serde_json::Value = serde_json::from_slice(&examples).unwrap();
    let mut read = 0;
    for event in events.as_array().unwrap() {
        let name = event["name"].as_str().unwrap();
        for example in event["examples"].as_array().unwrap() {
            let body = example.to_string();
            let hint = verify(&github(name, SECRET, &body), &body).unwrap();
            let is_about_request =
                !example["pull_request"].is_null() || !example["issue"]["pull_request"].is_null();
            let (kind, has_request, has_commit) = match name {
                "push" => (HintKind::Push, false, example["deleted"] == false),
                "create" | "delete" => (HintKind::Push, false, false),
                "pull_request" => (HintKind::Request, true, true),
                "issue_comment" => (HintKind::Comment, is_about_request, false),
                "pull_request_review" | "pull_request_review_comment" | "pull_request_review_thread" => {
                    (HintKind::Review, true, true)
                }
                "status" | "check_run" | "check_suite" | "workflow_run" => (HintKind::Status, false, true),
                "merge_group" => (HintKind::MergeQueue, true, true),
                _ => (HintKind::Other, hint.request.is_some(), hint.commit.is_some()),
            };
            let told = (hint.kind, hint.request.is_some(), hint.commit.is_some());
            assert_eq!(told, (kind, has_request, has_commit), "{name}: {body:.300}");
            if kind == HintKind::MergeQueue {
                let group = &example["merge_group"];
                let found =
                    (hint.commit.as_ref().map(gitops_forge::CommitId::as_str), hint.branch.as_deref());
                assert_eq!(found, (group["head_sha"].as_str(), Some("main")));
                let gone = body.replace("checks_requested", "destroyed");
                assert_eq!(verify(&github(name, SECRET, &gone), &gone).unwrap().kind, HintKind::Other);
            }
            assert_eq!(hint.repository.is_some(), example["repository"]["full_name"].is_string(), "{name}");
            read += 1;
        }
    }
    assert!(read > 100, "only {read} examples were read");
}

proptest! {
    #[test]
    fn nothing_that_is_sent_makes_it_panic_and_nothing_unsigned_is_taken(
        names in prop::collection::btree_map(
            prop::sample::select(vec![
                "x-gitea-event", "x-forgejo-event", "x-gitlab-event", "x-github-event", "x-gitea-signature",
                "x-forgejo-signature", "x-hub-signature-256", "x-hub-signature", "x-gitlab-token",
                "webhook-signature", "webhook-id", "webhook-timestamp", "x-github-delivery", "x-gitea-delivery",
            ]),
            "(?s).{0,40}|sha256=[0-9a-f]{64}|v1,[A-Za-z0-9+/]{43}=|[0-9]{1,20}",
            0..14,
        ),
        body: Vec<u8>,
    ) {
        let refused = webhooks().verify(|name| names.get(name).map(String::as_str), &body, NOW);
        prop_assert!(refused.is_err());
    }

    #[test]
    fn any_signed_body_is_read(
        event in "push|pull_request|issue_comment|pull_request_review|merge_group|status|[a-z_]{0,12}",
        value in json(),
    ) {
        let body = value.to_string();
        prop_assert!(verify(&github(&event, SECRET, &body), &body).is_ok());
        let mut headers = Headers::from([
            ("x-gitlab-event", "Merge Request Hook".to_owned()),
            ("idempotency-key", "1".to_owned()),
            ("x-gitlab-token", SECRET.to_owned()),
        ]);
        prop_assert!(verify(&headers, &body).is_ok());
        headers.insert("x-gitlab-event", event);
        prop_assert!(verify(&headers, &body).is_ok());
    }

    #[test]
    fn one_changed_bit_is_seen(at in 0usize..40, bit in 0u8..8) {
        let body = push();
        let mut bytes = body.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        let headers = github("push", SECRET, &body);
        let refused = webhooks().verify(|name| headers.get(name).map(String::as_str), &bytes, NOW);
        prop_assert!(refused.is_err());
    }
}

/// Bodies that hold what is looked for in all forms.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "refs/heads/[a-z]{0,5}|[0-9a-f]{40}|a/b|.{0,20}".prop_map(Into::into),
    ];
    let name = prop::sample::select(vec![
        "repository",
        "full_name",
        "pull_request",
        "number",
        "head",
        "sha",
        "ref",
        "after",
        "issue",
        "project",
        "path_with_namespace",
        "object_attributes",
        "iid",
        "action",
        "last_commit",
        "id",
        "merge_request",
    ]);
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop::collection::btree_map(name.clone(), inner, 0..8).prop_map(|fields| {
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
    })
}
