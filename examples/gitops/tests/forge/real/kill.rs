//! The server is killed at random moments: one comment, one apply, and no approval is lost. Over a folder it is quick; over a cluster, a root and a
//! folder it is the whole way.

use std::collections::BTreeSet;
use std::time::Duration;

use gitops_core::Cx;
use serde_json::{Value, json};
use testbed::Gitea;

use super::Site;
use super::serve::GATED;
use super::serving::Serving;
use super::whole::{GATE, Shape, Whole};

/// How often each part of the way is cut short: a few times, or as often as `GITOPS_KILLS` says.
fn rounds(few: usize) -> usize {
    std::env::var("GITOPS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// How long a server that is killed works at most, in microseconds: long enough for all that it does.
const MOST: u128 = 1_500_000;

/// The same where it asks a cluster and runs the tool.
const MOST_OF_WHOLE: u128 = 6_000_000;

/// Runs the server for a random while, and kills it.
#[expect(clippy::disallowed_methods, reason = "what happens at a random moment is what is tested")]
async fn cut_short(site: &Site, most: u128) {
    let serving = Serving::start(site).await;
    let micros = u64::try_from(Cx::system().random() % most).unwrap();
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
    for _ in 0..1800 {
        if is_so().await {
            return serving.kill();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, request) = (site.told_status().await, site.requests().await.len() as u64);
    let said = site.said(request).await;
    panic!("{what} is not so within three minutes: {:#?}\n{status:#}\n{said}", serving.so_far());
}

impl Site {
    /// The audit log of an application.
    fn audit_log(&self, application: &str) -> String {
        std::fs::read_to_string(self.world.path(&format!(".gitops/{application}/audit.jsonl"))).unwrap()
    }

    /// How many lines of it hold all of these.
    fn audited(&self, application: &str, texts: &[&str]) -> usize {
        let log = self.audit_log(application);
        log.lines().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }
}

/// A request of a branch, reviewed and approved whenever the server is killed; gives its number.
async fn approved(site: &Site, application: &str, (branch, head): (&str, &str), most: u128) -> u64 {
    let number = site.open("alice", branch).await;
    let name = format!("platform/site#{number}");
    cut_short(site, most).await;
    until(site, "the review", async || {
        site.ours(number, "review").await.len() == 1 && site.statuses(head).await.len() == 2
    })
    .await;
    let effect = site.effect(number).await;
    // No webhook reaches a server that is killed.
    let said = site.comment("bob", number, &format!("/approve {effect}")).await;
    site.confirms("bob", &said).await;
    cut_short(site, most).await;
    until(site, "the approval", async || {
        site.audited(application, &[r#""event":"approved""#, &name]) > 0
            && site.ours(number, "answers").await.len() == 1
            && site.statuses(head).await.contains(&"gitops/policy success".to_owned())
    })
    .await;
    number
}

/// The request of a round over a folder.
async fn of_round(site: &Site, round: usize) -> (u64, String) {
    let branch = format!("round-{round}");
    let head = site.commit_on(&branch, &[("index.html", Some(&text_of(round)))]);
    (approved(site, "site", (&branch, &head), MOST).await, head)
}

fn text_of(round: usize) -> String {
    format!("round {round}\n")
}

/// One apply of an object for each round, and the first one; two comments of ours, and what was merged is where the next round begins.
async fn is_done_once(site: &Site, (application, object): (&str, &str), round: usize, number: u64) {
    let log = site.audit_log(application);
    let log: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let done = log.iter().map(|record| &record["entry"]["what"]);
    let done = done.filter(|what| what["event"] == "outcome" && what["result"] == "done");
    let done = done.filter(|what| what["key"].to_string().contains(object));
    // A process that was killed after it had written an outcome to the log is followed by one that writes it once more.
    let operations: BTreeSet<&str> = done.filter_map(|what| what["op"].as_str()).collect();
    // A tool that a kill leaves behind may end after the next process has looked: that one notes "not done", then finds all as declared.
    let is_uncertain = object == "Root" && operations.len() < round + 2;
    assert!(
        is_uncertain || operations.len() == round + 2,
        "{object}: one apply for each round, and the first one: {log:#?}"
    );
    let comments = site.comments(number).await;
    let ours = comments.iter().filter(|comment| comment["user"]["login"] == Gitea::ADMIN).count();
    assert_eq!((site.ours(number, "review").await.len(), ours), (1, 2), "{comments:#?}");
    site.world.git(&["pull", "-q", &site.url(), "main"]);
}

/// What is merged is live, also if the server is killed meanwhile.
async fn is_live(site: &Site, application: &str, number: u64, most: u128) {
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    cut_short(site, most).await;
    until(site, "the outcome", async || {
        site.statuses(&merged).await.contains(&format!("gitops/live/{application} success"))
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_killed_at_any_moment_comments_once_applies_once_and_loses_no_approval() {
    let site = Site::new().await;
    site.serve("1s", GATED);
    for round in 0..rounds(2) {
        let (number, _) = of_round(&site, round).await;
        is_live(&site, "site", number, MOST).await;
        assert_eq!(site.world.live("index.html"), Some(text_of(round)));
        is_done_once(&site, ("site", "index.html"), round, number).await;
    }
    site.gitops(&["audit", "verify"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_cluster_a_root_and_a_folder_a_server_that_is_killed_comments_once_and_applies_once() {
    let whole = Whole::new(Shape::OneApplication, "whole-kill").await;
    whole.configure("1s", GATE);
    let site = &whole.site;
    for round in 0..rounds(1) {
        let (branch, change) = (format!("round-{round}"), round + 20);
        let head = whole.change_all(&branch, change);
        let number = approved(site, "shop", (&branch, &head), MOST_OF_WHOLE).await;
        is_live(site, "shop", number, MOST_OF_WHOLE).await;
        let both = (json!(format!("web:{change}")), json!(format!("10.0.0.{change}")));
        assert_eq!(whole.image_and_size().await, both);
        assert_eq!(site.world.live("page"), Some(format!("page {change}\n")));
        for object in ["Deployment", "Root", "page"] {
            is_done_once(site, ("shop", object), round, number).await;
        }
    }
    site.gitops(&["audit", "verify"]).await.expect(0);
}

const HAS_IT: &str = "has it already";

#[tokio::test]
async fn a_server_that_is_killed_at_any_moment_applies_once_before_it_merges_once() {
    let site = Site::new().await;
    site.serve("1s", &format!("{GATED}apply: before-merge\n"));
    for round in 0..rounds(2) {
        let (number, head) = of_round(&site, round).await;
        site.comment("bob", number, "/apply").await;
        cut_short(&site, MOST).await;
        cut_short(&site, MOST).await;
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
        assert_eq!(site.world.live("index.html"), Some(text_of(round)));
        is_done_once(&site, ("site", "index.html"), round, number).await;
        let went = site.audited("site", &[r#""event":"went_ahead""#, &head]);
        assert!(went >= 1, "round {round} went ahead of the branch");
    }
    site.gitops(&["audit", "verify"]).await.expect(0);
}
