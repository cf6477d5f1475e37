//! `gitops serve` on a real Gitea: webhooks that are not what they seem.

use serde_json::{Value, json};

use super::serving::{SECRET, Serving};
use super::{GOOD, SITE, Site};

impl Site {
    /// Configures a server that takes webhooks, and asks the forge by itself as often as is said.
    pub(super) fn serve(&self, poll: &str, more: &str) {
        let webhook = "webhook: { secrets: [{ env: HOOK_SECRET }] } }\n";
        let forge = self.forge();
        let forge = forge.strip_suffix(" }\n").unwrap();
        self.configure(&format!("{forge}, {webhook}serve: {{ poll: {poll} }}\n{more}"));
    }

    pub(super) async fn comment(&self, login: &str, number: u64, text: &str) -> Value {
        let path = format!("{SITE}/issues/{number}/comments");
        self.gitea.done(login, "POST", &path, json!({"body": text})).await
    }
}

fn is_review(event: &Value, number: u64, head: &str) -> bool {
    event["type"] == "reviewed" && event["request"] == number && event["head"] == head
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
