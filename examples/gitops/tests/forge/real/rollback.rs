//! A bad commit is taken back through the forge: back, pinned, said on the commit, a request, and forward again.

use std::process::Stdio;

use serde_json::Value;

use super::serve::is_review;
use super::serving::{Serving, hook};
use super::{SITE, Site};

/// A site on which a bad commit was applied; gives the good and the bad commit.
async fn broken() -> (Site, String, String) {
    let site = Site::new().await;
    site.may_push();
    let good = site.world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let bad = site.world.commit("Break it", &[("index.html", Some("broken\n")), ("new", Some("n\n"))]);
    site.push("main");
    site.gitops(&["apply", "--yes"]).await.expect(0);
    (site, good, bad.trim().to_owned())
}

impl Site {
    /// Gives the application what it takes to push.
    pub(super) fn may_push(&self) {
        std::fs::write(self.world.path("token"), self.gitea.token()).unwrap();
        let path = self.world.path("gitops.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let with = text.replace("branch: main }", "branch: main }, auth: { token: { file: ./token } }");
        std::fs::write(path, with).unwrap();
    }

    /// All requests. While one is being made, the forge may say that there is no such list.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    pub(super) async fn requests(&self) -> Vec<Value> {
        let path = format!("{SITE}/pulls?state=all");
        for _ in 0..300 {
            match self.gitea.call("bob", "GET", &path, Value::Null).await {
                (200, found) => return found.as_array().unwrap().clone(),
                (404, _) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                other => panic!("{other:?}"),
            }
        }
        panic!("the forge has no list of requests within half a minute");
    }

    fn pinned(&self) -> Value {
        self.world.json(&["status"])["pinned"]["revision"]["id"].clone()
    }
}

#[tokio::test]
async fn a_bad_commit_is_taken_back_by_a_request_and_the_branch_is_followed_again_once_it_landed() {
    let (site, good, bad) = broken().await;
    // The name of the application is enough.
    site.gitops(&["rollback", "site", "--yes"])
        .await
        .expect(0)
        .warns("Request 1 takes")
        .warns("gitops rollback --revert");
    let again = || site.gitops(&["rollback", "--revert", "--yes"]);
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    assert_eq!(site.world.live("new"), None);
    assert_eq!(site.pinned(), good);
    assert_eq!(site.statuses(&bad).await, ["gitops/rollback/site failure"]);
    // Again: nothing more is made.
    again().await.expect(0).warns("Request 1 takes");
    assert_eq!(site.requests().await.len(), 1);
    assert_eq!(site.statuses(&bad).await.len(), 1);
    // Not merged yet: the bad commit is not applied.
    site.gitops(&["apply", "--yes"]).await.expect(0).warns("Pinned");
    assert_eq!(site.world.live("new"), None);
    site.merge(1).await.unwrap();
    again().await.expect(0).warns("following it again");
    assert_eq!(site.pinned(), Value::Null);
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    // What was taken back is nothing to go back to.
    again().await.expect(1);
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

/// Killed after each step: the next run goes on from there.
#[tokio::test]
async fn a_rollback_that_was_cut_short_goes_on() {
    let (site, good, _) = broken().await;
    // After the pin.
    let pinned = site.gitops(&["rollback", &good, "--yes"]).await.expect(0);
    pinned.warns("To open the request that takes the branch back too:  gitops rollback --revert");
    assert_eq!(site.requests().await.len(), 0);
    site.gitops(&["rollback", "--yes"]).await.expect(0).warns("Request 1 takes");
    assert_eq!(site.requests().await.len(), 1);
    // Somebody closed it: it is not opened again behind that person's back, and what to do is said.
    let path = format!("{SITE}/issues/1");
    site.gitea.done("alice", "PATCH", &path, serde_json::json!({"state": "closed"})).await;
    for _ in 0..2 {
        site.gitops(&["rollback", "--revert", "--yes"])
            .await
            .expect(1)
            .warns("is closed")
            .warns("rollback --end");
    }
    assert_eq!(site.requests().await.len(), 1);
    assert_eq!(site.pinned(), good, "it stays where it is");
    // Opened again by a person, it counts again.
    site.gitea.done("alice", "PATCH", &path, serde_json::json!({"state": "open"})).await;
    site.gitops(&["rollback", "--revert", "--yes"]).await.expect(0).warns("Request 1 takes");
}

#[tokio::test]
async fn run_and_serve_follow_the_branch_again_once_the_request_landed() {
    for verb in ["run", "serve"] {
        let (site, good, _) = broken().await;
        site.configure(&(site.forge() + "serve: { listen: \"127.0.0.1:0\" }\nsync: { interval: 1s }\n"));
        site.may_push();
        site.gitops(&["rollback", "--revert", "--yes"]).await.expect(0).warns("Request 1 takes");
        let mut command = site.world.command(&[verb, "--timeout", "300s"]);
        command.env("THE_TOKEN", site.gitea.token()).env_remove("GITHUB_ACTIONS");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        site.merge(1).await.unwrap();
        let merged = site.merge_commit(1).await;
        site.until("the branch is followed", async || {
            let status = site.told_status().await;
            status["pinned"].is_null() && status["live"]["revision"]["id"] == merged.as_str()
        })
        .await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_ne!(good, merged);
        assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"), "{verb}");
        let log = std::fs::read_to_string(site.world.path(".gitops/site/audit.jsonl")).unwrap();
        assert_eq!(log.lines().filter(|line| line.contains("\"event\":\"unpinned\"")).count(), 1, "{verb}");
    }
}

#[tokio::test]
async fn without_a_forge_or_a_good_revision_nothing_is_done() {
    let site = Site::new().await;
    site.gitops(&["rollback", "--revert", "--yes"])
        .await
        .expect(1)
        .warns("no earlier revision was applied whole");
    site.configure("");
    site.gitops(&["rollback", "--revert", "--yes"]).await.expect(1).warns("nothing says which forge it is");
    assert_eq!(site.pinned(), Value::Null);
}

fn is_told(event: &Value, commit: &str, state: &str) -> bool {
    event["type"] == "told" && event["commit"] == commit && event["state"] == state
}

/// The whole way through a server: Bob comments, and nobody types a command.
#[tokio::test]
async fn a_comment_takes_a_bad_commit_back_and_the_branch_is_followed_again_once_that_landed() {
    let site = Site::new().await;
    site.serve("1h", "sync: { interval: 1s }\n");
    site.may_push();
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let good = site.world.git(&["rev-parse", "main"]).trim().to_owned();
    serving.until("the good commit", |event| is_told(event, &good, "success")).await;
    let head = site.commit_on("feature", &[("index.html", Some("broken\n"))]);
    let number = site.open("alice", "feature").await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    site.merge(number).await.unwrap();
    let bad = site.merge_commit(number).await;
    serving.until("the bad commit", |event| is_told(event, &bad, "success")).await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("broken\n"));

    // Back and pinned, said on the bad commit, and a request that takes it back.
    let said = site.comment("bob", number, "/rollback site").await;
    let answer = serving.wait_for("commanded").await;
    let text = answer["answer"].as_str().unwrap();
    assert!(answer["done"] == true && text.contains("is pinned to") && text.contains("Request 2"), "{text}");
    assert!(text.contains("The way back: 1 to update."), "{text}");
    let is_back = |event: &Value| {
        is_told(event, &good, "success") && event["description"].as_str().unwrap().contains("pinned by bob")
    };
    serving.sooner_or_later("the good commit again", is_back).await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    assert_eq!(site.pinned(), good);
    assert!(site.statuses(&bad).await.contains(&"gitops/rollback/site failure".to_owned()));
    // The same comment of somebody else makes no second one.
    site.comment("alice", number, &format!("/rollback site {good}")).await;
    let again = serving.wait_for("commanded").await;
    assert!(again["answer"].as_str().unwrap().contains("Request 2"), "{again}");
    assert_eq!(site.requests().await.len(), 2);

    // What is merged meanwhile waits. The request lands, and the branch is followed again.
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    site.merge(2).await.unwrap();
    let landed = site.merge_commit(2).await;
    serving.until("the branch", |event| is_told(event, &landed, "success")).await;
    assert_eq!(site.pinned(), Value::Null);
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    assert_eq!(serving.stop().await, 0);
    let trail = site.gitops(&["audit", "show", "--limit", "50"]).await.expect(0);
    let by = format!("bob (gitea platform/site#{number} comment {})", said["id"]);
    trail.says(&by).says("pinned to").says("unpinned");
    site.gitops(&["audit", "verify"]).await.expect(0);
}

/// The way back changes a file as well, and whoever ordered it does not approve it.
#[tokio::test]
async fn a_way_back_that_waits_says_so_and_is_approved_on_the_request_that_takes_the_change_back() {
    let site = Site::new().await;
    let gate =
        "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";
    site.serve("1s", &format!("sync: {{ interval: 1s }}\n{gate}"));
    site.may_push();
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let head = site.commit_on("feature", &[("index.html", Some("broken\n"))]);
    let number = site.open("alice", "feature").await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    let effect = site.effect(number).await;
    assert!(site.answer(&mut serving, number, &format!("/approve {effect}")).await.0);
    site.merge(number).await.unwrap();
    let bad = site.merge_commit(number).await;
    serving.until("the bad commit", |event| is_told(event, &bad, "success")).await;

    let (done, answer) = site.answer(&mut serving, number, "/rollback site").await;
    assert!(
        done && answer.contains("waits for an approval, and the bad commit is live meanwhile"),
        "{answer}"
    );
    assert_eq!(site.world.live("index.html").as_deref(), Some("broken\n"));
    let waits = "the way back waits for an approval";
    site.until(waits, async || site.said(number).await.contains(waits)).await;
    assert!(site.statuses(&bad).await.contains(&"gitops/live/site pending".to_owned()));
    let said = site.said(number).await;
    let effect = said.split_once("comment `/approve ").unwrap().1[..40].to_owned();
    let (done, answer) = site.answer(&mut serving, number, &format!("/approve {effect}")).await;
    assert!(!done && answer.contains("who ordered the rollback can't approve it"), "{answer}");

    // The account's own commit is known for its own: one person who did not order it is enough.
    site.until("the review of the way back", async || !site.ours(2, "review").await.is_empty()).await;
    let effect = site.effect(2).await;
    let (done, answer) = site.answer(&mut serving, 2, &format!("/approve {effect}")).await;
    assert!(!done && answer.contains("who ordered the rollback can't approve it"), "{answer}");
    site.comment("alice", 2, &format!("/approve {effect}")).await;
    let is_back = async || site.world.live("index.html").as_deref() == Some("one\ntwo\n");
    site.until("the way back", is_back).await;
    site.merge(2).await.unwrap();
    site.until("the branch is followed", async || site.pinned().is_null()).await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    assert_eq!(serving.stop().await, 0);
}
