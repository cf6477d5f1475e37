//! `gitops serve` on a real Gitea: reviews, commands and outcomes, and webhooks that are not what they seem.

use serde_json::{Value, json};
use testbed::Gitea;

use super::serving::{SECRET, Serving, hook};
use super::{GOOD, SITE, Site, body};

/// A gate, and drift that is told and left.
pub(super) const GATED: &str = "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n\
                     sync: { drift: report, interval: 1h }\n";

impl Site {
    /// Configures a server that takes webhooks, and asks the forge by itself as often as is said.
    pub(super) fn serve(&self, poll: &str, more: &str) {
        self.configure(&self.served(poll, more));
    }

    /// The lines of such a server.
    pub(super) fn served(&self, poll: &str, more: &str) -> String {
        let webhook = "webhook: { secrets: [{ env: HOOK_SECRET }] } }\n";
        let forge = self.forge();
        let forge = forge.strip_suffix(" }\n").unwrap();
        format!("{forge}, {webhook}serve: {{ poll: {poll} }}\n{more}")
    }

    pub(super) async fn comment(&self, login: &str, number: u64, text: &str) -> Value {
        let path = format!("{SITE}/issues/{number}/comments");
        self.gitea.done(login, "POST", &path, json!({"body": text})).await
    }

    /// The comments of the server that begin with a marker.
    pub(super) async fn ours(&self, number: u64, marker: &str) -> Vec<String> {
        let is_ours = |comment: &&Value| {
            comment["user"]["login"] == Gitea::ADMIN
                && body(comment).starts_with(&format!("<!-- gitops: {marker}"))
        };
        self.comments(number).await.iter().filter(is_ours).map(|comment| body(comment).to_owned()).collect()
    }

    /// The effect that the comment shows.
    pub(super) async fn effect(&self, number: u64) -> String {
        let comment = &self.ours(number, "review").await[0];
        comment.rsplit_once("Effect `").unwrap().1[..40].to_owned()
    }

    pub(super) async fn merge_commit(&self, number: u64) -> String {
        let request = self.gitea.done("bob", "GET", &format!("{SITE}/pulls/{number}"), Value::Null).await;
        request["merge_commit_sha"].as_str().unwrap().to_owned()
    }

    async fn reactions(&self, comment: &Value) -> Vec<String> {
        let path = format!("{SITE}/issues/comments/{}/reactions", comment["id"]);
        let found = self.gitea.done("bob", "GET", &path, Value::Null).await;
        let of = |reaction: &Value| reaction["content"].as_str().unwrap().to_owned();
        let mut all: Vec<String> = found.as_array().into_iter().flatten().map(of).collect();
        all.sort();
        all
    }
}

pub(super) fn is_review(event: &Value, number: u64, head: &str) -> bool {
    event["type"] == "reviewed" && event["request"] == number && event["head"] == head
}

#[tokio::test]
async fn from_a_request_to_what_is_live_with_one_comment_and_nobody_asked_twice() {
    let site = Site::new().await;
    site.serve("1h", GATED);
    site.gitops(&["apply", "--yes"]).await.expect(0);
    site.world.edit_live("conf/app.toml", "by hand\n");
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    serving.wait_for("told").await;
    assert_eq!(serving.ready().await.0, 200);

    // Alice opens a request: within one delivery there are one comment, the right counts, and statuses on the head.
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    let reviewed = serving.until("the review", |event| is_review(event, number, &head)).await;
    assert_eq!((&reviewed["comment"], &reviewed["statuses"]), (&json!(true), &json!(2)), "{reviewed}");
    let reviews = serving.told.iter().filter(|event| event["type"] == "reviewed").count();
    assert_eq!(reviews, 1, "the first delivery about it was enough: {:?}", serving.told);
    let comment = site.ours(number, "review").await;
    assert_eq!(comment.len(), 1);
    assert!(
        comment[0].contains("this change 1, existing drift 0, base moved 0, drift only reported 1"),
        "{}",
        comment[0]
    );
    assert_eq!(site.statuses(&head).await, ["gitops/plan success", "gitops/policy pending"]);

    // Her own approval does not count, and she is told why; Bob's does.
    let effect = site.effect(number).await;
    let own = site.comment("alice", number, &format!("/approve {effect}")).await;
    let refused = serving.wait_for("commanded").await;
    assert_eq!((&refused["by"], &refused["done"]), (&json!("alice"), &json!(false)));
    assert!(refused["answer"].as_str().unwrap().contains("author"), "{refused}");
    assert_eq!(site.reactions(&own).await, ["-1", "eyes"]);
    let bobs = site.comment("bob", number, &format!("Fine.\n\n/approve {effect}")).await;
    let approved = serving.wait_for("commanded").await;
    assert_eq!((&approved["by"], &approved["done"]), (&json!("bob"), &json!(true)), "{approved}");
    assert_eq!(site.reactions(&bobs).await, ["+1", "eyes"]);
    assert_eq!(site.statuses(&head).await.last().unwrap(), "gitops/policy success");

    // Another push voids it, and the comment says why.
    let head = site.commit_on("feature", &[("index.html", Some("newer\n"))]);
    serving.until("the next review", |event| is_review(event, number, &head)).await;
    let comment = site.ours(number, "review").await;
    assert!(
        comment.len() == 1 && comment[0].contains("an earlier approval does not cover it"),
        "{comment:?}"
    );
    site.comment("bob", number, &format!("/approve {}", site.effect(number).await)).await;
    serving.until("the second approval", |event| event["type"] == "commanded" && event["done"] == true).await;

    // Merged: applied with nobody asked, and the commit says so.
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    let told = serving
        .until("the outcome", |event| {
            event["type"] == "told" && event["commit"] == merged.as_str() && event["state"] == "success"
        })
        .await;
    assert!(told["description"].as_str().unwrap().starts_with("live"), "{told}");
    assert_eq!(site.world.live("index.html").as_deref(), Some("newer\n"));
    assert_eq!(site.world.live("conf/app.toml").as_deref(), Some("by hand\n"), "drift was only told");
    assert!(site.statuses(&merged).await.contains(&"gitops/live/site success".to_owned()));
    assert_eq!(site.ours(number, "review").await.len(), 1);
    assert_eq!(serving.stop().await, 0);

    // Who, by which review, from which commit.
    let trail = site.gitops(&["audit", "show", "index.html"]).await.expect(0);
    let name = format!("gitea platform/site#{number}");
    trail.says(&merged[..12]).says("bob");
    let log = std::fs::read_to_string(site.world.path(".gitops/site/audit.jsonl")).unwrap();
    assert!(log.contains(&name), "{log}");
    site.gitops(&["audit", "verify"]).await.expect(0);
}

#[tokio::test]
async fn what_is_pending_on_a_head_that_is_none_any_more_is_ended_also_by_the_next_server() {
    let site = Site::new().await;
    site.serve("1h", GATED);
    let first = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    let mut serving = Serving::start(&site).await;
    serving.until("the review", |event| is_review(event, number, &first)).await;
    assert_eq!(site.statuses(&first).await, ["gitops/plan success", "gitops/policy pending"]);
    serving.kill();
    // Pushed while nobody is there.
    let second = site.commit_on("feature", &[("index.html", Some("newer\n"))]);
    site.shown(number, &second).await;
    let mut serving = Serving::start(&site).await;
    let ended = serving.wait_for("superseded").await;
    assert_eq!((&ended["commit"], &ended["statuses"]), (&json!(first), &json!(1)));
    assert_eq!(ended["description"], format!("superseded by {}", &second[..7]));
    serving.until("the next review", |event| is_review(event, number, &second)).await;
    let of_first = ["gitops/plan success", "gitops/policy error", "gitops/policy pending"];
    assert_eq!(site.statuses(&first).await, of_first, "one write ends it");
    assert_eq!(site.statuses(&second).await, ["gitops/plan success", "gitops/policy pending"]);
    serving.kill();
    // Closed while nobody is there.
    let path = format!("{SITE}/issues/{number}");
    site.gitea.done("alice", "PATCH", &path, json!({"state": "closed"})).await;
    let mut serving = Serving::start(&site).await;
    assert_eq!(serving.wait_for("superseded").await["description"], "the request was closed");
    assert!(site.statuses(&second).await.contains(&"gitops/policy error".to_owned()));
    assert_eq!(serving.stop().await, 0);
}

#[tokio::test]
async fn what_was_not_approved_waits_after_the_merge_and_says_how_to_go_on() {
    let site = Site::new().await;
    site.serve("1h", GATED);
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    serving.wait_for("told").await;
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    let of_merged = |event: &Value| event["type"] == "told" && event["commit"] == merged.as_str();
    let waits = serving.until("the wait", of_merged).await;
    assert_eq!(waits["state"], "pending");
    assert!(
        waits["description"].as_str().unwrap().contains("waits for an approval: changes: ask"),
        "{waits}"
    );
    let (ready, lines) = serving.ready().await;
    assert!(ready == 200 && lines.contains("site: waits"), "a gate that waits is no failure: {lines}");
    let answers = site.ours(number, "answers").await;
    assert!(answers.len() == 1 && answers[0].contains("### GitOps: after the merge"), "{answers:?}");
    site.gitops(&["status"]).await.expect(0).says("changes: ask");
    let (_, command) = answers[0].split_once("comment `").unwrap();
    let command = command.split('`').next().unwrap();
    site.comment("alice", number, command).await;
    assert_eq!(serving.wait_for("commanded").await["done"], false, "it is the author's own");
    site.comment("bob", number, command).await;
    assert_eq!(serving.wait_for("commanded").await["done"], true);
    serving.until("the outcome", |event| of_merged(event) && event["state"] == "success").await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    let answers = site.ours(number, "answers").await;
    assert!(answers.len() == 1 && answers[0].contains("`site`: `live"), "{answers:?}");
    assert_eq!(serving.stop().await, 0);
}

#[tokio::test]
async fn a_webhook_that_is_forged_repeated_doubled_late_or_lost_changes_nothing() {
    let site = Site::new().await;
    site.serve("1h", "");
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    let mut serving = Serving::start(&site).await;
    // No webhook told of it: it is found when the server begins.
    serving.until("the review", |event| is_review(event, number, &head)).await;
    let (comments, statuses) = (site.comments(number).await, site.statuses(&head).await);
    let opened = |action: &str| {
        json!({
            "action": action, "pull_request": {"number": number, "head": {"sha": head}},
            "repository": {"full_name": "platform/site"},
        })
    };
    assert_eq!(serving.send("pull_request", "1", "another secret", &opened("opened")).await, 401);
    assert_eq!(serving.send("pull_request", "2", SECRET, &opened("opened")).await, 202);
    assert_eq!(serving.send("pull_request", "2", SECRET, &opened("opened")).await, 202, "it came before");
    assert_eq!(serving.send("pull_request", "3", SECRET, &opened("opened")).await, 202, "so did its body");
    assert_eq!(serving.send("push", "", SECRET, &opened("x")).await, 400, "it has no id");
    // One that is older than what the server knows, and one of another repository.
    let mut late = opened("synchronized");
    late["pull_request"]["head"]["sha"] = "0123456789012345678901234567890123456789".into();
    assert_eq!(serving.send("pull_request", "4", SECRET, &late).await, 202);
    let elsewhere = json!({"pull_request": {"number": 1}, "repository": {"full_name": "platform/other"}});
    assert_eq!(serving.send("pull_request", "5", SECRET, &elsewhere).await, 202);
    let again = serving.until("the review again", |event| is_review(event, number, &head)).await;
    assert_eq!((&again["comment"], &again["statuses"]), (&json!(false), &json!(0)), "{again}");
    assert_eq!((site.comments(number).await, site.statuses(&head).await), (comments, statuses));
    let metrics = serving.get("/metrics").await;
    for line in [
        r#"gitops_webhooks_total{forge="gitea",result="forged"} 1"#,
        r#"gitops_webhooks_total{forge="gitea",result="repeated"} 2"#,
        r#"gitops_webhooks_total{forge="gitea",result="taken"} 2"#,
        r#"gitops_webhooks_total{forge="gitea",result="elsewhere"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert_eq!(serving.stop().await, 0);

    // One that is lost: the next poll finds what it would have told.
    site.serve("1s", "");
    let mut serving = Serving::start(&site).await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    let head = site.commit_on("feature", &[("index.html", Some("newer\n"))]);
    serving.until("what was pushed", |event| is_review(event, number, &head)).await;
    assert_eq!(site.statuses(&head).await, GOOD);
    site.comment("bob", number, "/plan").await;
    assert_eq!(serving.wait_for("commanded").await["done"], true);
    assert_eq!(serving.stop().await, 0);
}

#[tokio::test]
async fn a_forks_request_runs_nothing_until_somebody_vouches_and_strangers_give_no_commands() {
    let site = Site::new().await;
    site.gitea.done("dave", "POST", &format!("{SITE}/forks"), json!({})).await;
    site.serve("1h", "");
    // A second application whose plans run a program, and a program that would leave a trace.
    let text = std::fs::read_to_string(site.world.path("gitops.yaml")).unwrap();
    let spy = site.world.path("spy");
    std::fs::write(&spy, format!("#!/bin/sh\necho \"$@\" >> {}\nexit 1\n", site.world.path("ran").display()))
        .unwrap();
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(&spy, mode).unwrap();
    let (shared, _) = text.split_once("target:").unwrap();
    let shared = shared.replacen("name: site\n", "", 1);
    site.world.configure(&format!(
        "{shared}applications:\n- name: site\n  target: {{ directory: {{ root: ./live }} }}\n- name: roots\n  source: {{ git: {{ path: roots }} }}\n  \
         target: {{ terraform: {{ binary: {} }} }}\n",
        spy.display()
    ));
    let root = "cmVzb3VyY2UgInRlcnJhZm9ybV9kYXRhIiAieCIgewogIHByb3Zpc2lvbmVyICJsb2NhbC1leGVjIiB7IGNvbW1hbmQgPSAidG91Y2ggL3RtcC9uZXZlciIgfQp9Cg==";
    let file = json!({"content": root, "message": "Add", "new_branch": "theirs"});
    site.gitea.done("dave", "POST", "/repos/dave/site/contents/roots/net/main.tf", file).await;
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let number = site.open("dave", "dave:theirs").await;
    let reviewed =
        serving.until("the review", |event| event["type"] == "reviewed" && event["request"] == number).await;
    assert_eq!(reviewed["outcome"], "failed", "{reviewed}");
    let comment = site.ours(number, "review").await;
    assert!(comment[0].contains("the request is untrusted, and a plan runs"), "{comment:?}");
    for (login, text) in [("dave", "/plan"), ("dave", "/why index.html")] {
        site.comment(login, number, text).await;
        let refused = serving.wait_for("commanded").await;
        assert!(
            refused["done"] == false && refused["answer"].as_str().unwrap().contains("only who may write"),
            "{refused}"
        );
    }
    // Who may write vouches for what was there to be read, and not for what was pushed just now.
    site.comment("bob", number, "/plan").await;
    let early = serving.wait_for("commanded").await;
    assert!(early["answer"].as_str().unwrap().contains("less than a minute before"), "{early}");
    let ran = std::fs::read_to_string(site.world.path("ran")).unwrap_or_default();
    assert!(!ran.contains("plan") && !ran.contains("init"), "{ran}");
    let said = site.comment("bob", number, "/gitops aply\n/why index.html\n/unlock site").await;
    let answers: Vec<Value> = [
        serving.wait_for("commanded").await,
        serving.wait_for("commanded").await,
        serving.wait_for("commanded").await,
    ]
    .into();
    let id = said["id"].to_string();
    assert!(answers.iter().all(|answer| answer["comment"].as_str() == Some(&id)));
    assert!(answers[0]["answer"].as_str().unwrap().contains("did you mean `apply`?"), "{answers:?}");
    assert!(answers[1]["answer"].as_str().unwrap().contains("declared in index.html"), "{answers:?}");
    assert!(answers[2]["answer"].as_str().unwrap().contains("there is nothing to unlock"), "{answers:?}");
    assert_eq!(site.ours(number, "answers").await.len(), 1);
    assert_eq!(serving.stop().await, 0);
}
