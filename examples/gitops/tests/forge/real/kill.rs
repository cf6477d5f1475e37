//! The server is killed at random moments: one comment, one apply, and no approval is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use gitops_core::Cx;
use serde_json::Value;
use testbed::Gitea;

use super::Site;
use super::serve::GATED;
use super::serving::Serving;

/// How often each part of the way is cut short: a few times, or as often as `GITOPS_KILLS` says.
fn rounds() -> usize {
    std::env::var("GITOPS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// Runs the server for a random while, and kills it.
#[expect(clippy::disallowed_methods, reason = "what happens at a random moment is what is tested")]
async fn cut_short(site: &Site) {
    let serving = Serving::start(site).await;
    let micros = u64::try_from(Cx::system().random() % 1_500_000).unwrap();
    eprintln!("killed after {micros} µs");
    tokio::time::sleep(Duration::from_micros(micros)).await;
    serving.kill();
}

/// Runs the server until something is so.
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
async fn until(site: &Site, what: &str, is_so: impl AsyncFn() -> bool) {
    if is_so().await {
        return;
    }
    let mut serving = Serving::start(site).await;
    for _ in 0..600 {
        if is_so().await {
            return serving.kill();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, request) = (site.told_status().await, site.requests().await.len() as u64);
    let said = site.said(request).await;
    panic!("{what} is not so within a minute: {:#?}\n{status:#}\n{said}", serving.so_far());
}

impl Site {
    /// The audit log.
    fn audit_log(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.world.path(".gitops/site/audit.jsonl")).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many lines of the audit log hold all of these.
    fn audited(&self, texts: &[&str]) -> usize {
        let log = std::fs::read_to_string(self.world.path(".gitops/site/audit.jsonl")).unwrap();
        log.lines().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }
}

/// A request of a round, reviewed and approved whenever the server is killed; gives its number and its head.
async fn approved(site: &Site, round: usize) -> (u64, String) {
    let (branch, text) = (format!("round-{round}"), text_of(round));
    let head = site.commit_on(&branch, &[("index.html", Some(&text))]);
    let number = site.open("alice", &branch).await;
    let name = format!("platform/site#{number}");
    cut_short(site).await;
    until(site, "the review", async || {
        site.ours(number, "review").await.len() == 1 && site.statuses(&head).await.len() == 2
    })
    .await;
    let effect = site.effect(number).await;
    // No webhook reaches a server that is killed.
    let said = site.comment("bob", number, &format!("/approve {effect}")).await;
    site.confirms("bob", &said).await;
    cut_short(site).await;
    until(site, "the approval", async || {
        site.audited(&[r#""event":"approved""#, &name]) > 0
            && site.ours(number, "answers").await.len() == 1
            && site.statuses(&head).await.contains(&"gitops/policy success".to_owned())
    })
    .await;
    (number, head)
}

fn text_of(round: usize) -> String {
    format!("round {round}\n")
}

/// One apply for each round, and the first one; two comments of ours, and what was merged is where the next round begins.
async fn is_done_once(site: &Site, round: usize, number: u64) {
    assert_eq!(site.world.live("index.html"), Some(text_of(round)));
    let log = site.audit_log();
    let done = log.iter().map(|record| &record["entry"]["what"]);
    let done = done.filter(|what| what["event"] == "outcome" && what["result"] == "done");
    let done = done.filter(|what| what["key"].to_string().contains("index.html"));
    // A process that was killed after it had written an outcome to the log is followed by one that writes it once more.
    let operations: BTreeSet<&str> = done.filter_map(|what| what["op"].as_str()).collect();
    assert_eq!(operations.len(), round + 2, "one apply for each round, and the first one: {log:#?}");
    let comments = site.comments(number).await;
    let ours = comments.iter().filter(|comment| comment["user"]["login"] == Gitea::ADMIN).count();
    assert_eq!((site.ours(number, "review").await.len(), ours), (1, 2), "{comments:#?}");
    site.world.git(&["pull", "-q", &site.url(), "main"]);
}

#[tokio::test]
async fn a_server_that_is_killed_at_any_moment_comments_once_applies_once_and_loses_no_approval() {
    let site = Site::new().await;
    site.serve("1s", GATED);
    for round in 0..rounds() {
        let (number, _) = approved(&site, round).await;
        site.merge(number).await.unwrap();
        let merged = site.merge_commit(number).await;
        cut_short(&site).await;
        until(&site, "the outcome", async || {
            site.statuses(&merged).await.contains(&"gitops/live/site success".to_owned())
        })
        .await;
        is_done_once(&site, round, number).await;
    }
    site.gitops(&["audit", "verify"]).await.expect(0);
}

const HAS_IT: &str = "has it already";

#[tokio::test]
async fn a_server_that_is_killed_at_any_moment_applies_once_before_it_merges_once() {
    let site = Site::new().await;
    site.serve("1s", &format!("{GATED}apply: before-merge\n"));
    for round in 0..rounds() {
        let (number, head) = approved(&site, round).await;
        site.comment("bob", number, "/apply").await;
        cut_short(&site).await;
        cut_short(&site).await;
        // A forge whose client went away while it merged may have moved the branch and show the request as open for good.
        let is_cut_short = async || site.said(number).await.contains(HAS_IT);
        until(&site, "the merge", async || site.is_merged(number).await || is_cut_short().await).await;
        site.world.git(&["fetch", "-q", &site.url(), "main"]);
        let merged = site.world.git(&["rev-parse", "FETCH_HEAD"]).trim().to_owned();
        until(&site, "the outcome", async || {
            let is_told = site.statuses(&merged).await.contains(&"gitops/live/site success".to_owned());
            let said = format!("applied, then merged as {}", &merged[..12]);
            let said = [said.as_str(), "merged: the branch is followed again", HAS_IT];
            let answers = site.said(number).await;
            is_told && said.iter().any(|said| answers.contains(said))
        })
        .await;
        is_done_once(&site, round, number).await;
        let went = site.audited(&[r#""event":"went_ahead""#, &head]);
        assert!(went >= 1, "round {round} went ahead of the branch");
    }
    site.gitops(&["audit", "verify"]).await.expect(0);
}
