//! Requests that are applied before their merge, on a real forge, with real engines at work.

use serde_json::{Value, json};
use testbed::Gitea;

use super::serve::is_review;
use super::serving::{Serving, hook};
use super::{SITE, Site};

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

impl Site {
    /// Has the application `site` applied before the merge, and beside it one of the same target that is not.
    async fn before_merge(&self, more: &str) {
        let sub = self.world.path("repository/beside");
        std::fs::create_dir_all(&sub).unwrap();
        std::fs::write(sub.join("beside.html"), "beside\n").unwrap();
        self.world.commit("Beside", &[]);
        self.push("main");
        let source = format!("url: \"{}/platform/site.git\", ref: {{ branch: main }}", self.gitea.url());
        let served = self.served("1s", more);
        let target = "target: { directory: { root: ./live } }";
        self.world.configure(&format!(
            "source: {{ git: {{ {source} }} }}\nsync: {{ interval: 1s }}\n{served}applications:\n\
             - {{ name: site, source: {{ git: {{ path: site }} }}, {target}, apply: before-merge }}\n\
             - {{ name: beside, source: {{ git: {{ path: beside }} }}, {target} }}\n"
        ));
        for name in ["site", "beside"] {
            self.gitops(&["apply", "--yes", "-a", name]).await.expect(0);
        }
    }

    /// Commits a file of the application beside on `main`, and pushes it.
    fn move_beside(&self, text: &str) -> String {
        self.world.git(&["pull", "-q", &self.url(), "main"]);
        std::fs::write(self.world.path("repository/beside/beside.html"), text).unwrap();
        let head = self.world.commit("Beside", &[]);
        self.push("main");
        head
    }

    /// Alice's request that changes a file, reviewed.
    async fn request(&self, serving: &mut Serving, text: &str) -> (u64, String) {
        let head = self.commit_on("feature", &[("index.html", Some(text))]);
        let number = self.open("alice", "feature").await;
        serving.until("the review", |event| is_review(event, number, &head)).await;
        (number, head)
    }

    /// Has Bob say it; gives whether it was done, and the answer.
    pub(super) async fn answer(&self, serving: &mut Serving, number: u64, text: &str) -> (bool, String) {
        let said = self.comment("bob", number, text).await;
        let id = said["id"].to_string();
        let is_answer = |event: &Value| event["type"] == "commanded" && event["comment"] == id.as_str();
        let answer = serving.until("the answer", is_answer).await;
        (answer["done"] == true, answer["answer"].as_str().unwrap().to_owned())
    }

    pub(super) async fn is_merged(&self, number: u64) -> bool {
        self.gitea.done("bob", "GET", &format!("{SITE}/pulls/{number}"), Value::Null).await["merged"] == true
    }

    /// What the second comment says.
    pub(super) async fn said(&self, number: u64) -> String {
        self.ours(number, "answers").await.concat()
    }

    async fn until_said(&self, number: u64, text: &str) {
        self.until(text, async || self.said(number).await.contains(text)).await;
    }

    /// The effect that the comment shows once it is another one.
    async fn another_effect(&self, number: u64, before: &str) -> String {
        self.until("another effect", async || self.effect(number).await != before).await;
        self.effect(number).await
    }

    pub(super) async fn status_of(&self, application: &str) -> Value {
        let ran = self.gitops(&["status", "-a", application, "--output", "json"]).await;
        serde_json::from_str(&ran.stdout).unwrap_or_default()
    }

    /// Lets nobody merge into `main` whom this many did not approve in a review of the forge.
    async fn protect(&self, approvals: u32) {
        let rule = json!({
            "rule_name": "main", "branch_name": "main", "required_approvals": approvals, "enable_push": true,
            "block_admin_merge_override": true,
        });
        self.gitea.done(Gitea::ADMIN, "POST", &format!("{SITE}/branch_protections"), rule).await;
    }

    async fn unprotect(&self) {
        let path = format!("{SITE}/branch_protections/main");
        self.gitea.done(Gitea::ADMIN, "DELETE", &path, Value::Null).await;
    }

    fn merges(&self) -> usize {
        self.gitea.writes().iter().filter(|(_, path)| path.ends_with("/merge")).count()
    }
}

#[tokio::test]
async fn what_bob_approved_is_live_before_the_branch_has_it_and_is_merged_then() {
    let site = Site::new().await;
    site.before_merge(GATE).await;
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let (number, head) = site.request(&mut serving, "new\n").await;
    let (done, answer) = site.answer(&mut serving, number, "/apply").await;
    assert_eq!((done, answer.as_str()), (false, "it is not approved"));
    let effect = site.effect(number).await;
    let (done, answer) = site.answer(&mut serving, number, &format!("/approve {effect}")).await;
    assert!(done, "{answer}");
    let (done, answer) = site.answer(&mut serving, number, "/apply").await;
    assert!(done && answer.contains("is merged once that has succeeded"), "{answer}");
    site.until("the merge", async || site.is_merged(number).await).await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    let merged = site.merge_commit(number).await;
    for (commit, line) in [(&head, "gitops/live/site success"), (&merged, "gitops/live/site success")] {
        site.until(line, async || site.statuses(commit).await.contains(&line.to_owned())).await;
    }
    site.until_said(number, &format!("applied, then merged as {}", &merged[..12])).await;
    assert_eq!(site.merges(), 1);
    site.world.git(&["fetch", "-q", &site.url(), "main"]);
    assert_eq!(site.world.git(&["rev-parse", "FETCH_HEAD^2"]).trim(), head, "the head that was applied");
    site.until("the branch is followed", async || {
        let status = site.status_of("site").await;
        status["pinned"].is_null() && status["live"]["revision"]["id"] == merged.as_str()
    })
    .await;
    assert_eq!(serving.stop().await, 0);

    for verb in ["plan", "drift"] {
        site.gitops(&[verb, "-a", "site", "--detailed-exitcode"]).await.expect(0);
    }
    site.gitops(&["audit", "verify", "-a", "site"]).await.expect(0);
}

#[tokio::test]
async fn what_the_forge_does_not_merge_stays_live_ahead_of_the_branch_and_every_verb_says_so() {
    let site = Site::new().await;
    site.before_merge("").await;
    let main = site.world.git(&["rev-parse", "main"]).trim().to_owned();
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let (number, head) = site.request(&mut serving, "new\n").await;
    // The rules of the branch change in between: what was applied may not be merged.
    site.protect(1).await;
    assert!(site.answer(&mut serving, number, "/apply").await.0);
    site.until_said(number, "applied, and not merged: the forge answered 405").await;
    let comments = site.comments(number).await.len();
    ahead_of_the_branch(&site, number, &main, &head).await;
    // Another process repairs to what is applied, and does not take the branch.
    serving.kill();
    ahead_of_the_branch(&site, number, &main, &head).await;
    site.world.edit_live("index.html", "by hand\n");
    site.gitops(&["drift", "-a", "site", "--detailed-exitcode"])
        .await
        .expect(2)
        .warns("until gitea platform/site#1 is merged");
    site.gitops(&["apply", "--yes", "-a", "site"]).await.expect(0).warns("until gitea platform/site#1");
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    // A rollback that is not approved leaves it as it was: ahead.
    let before = site.status_of("site").await["pinned"].clone();
    let refused = site.gitops(&["rollback", &main[..12], "-a", "site", "--plan-id", "0123456789ab"]).await;
    assert_ne!(refused.code, 0, "{refused:?}");
    assert_eq!(site.status_of("site").await["pinned"], before);
    // The next server says nothing twice; what is beside goes on with the branch.
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let moved = site.move_beside("further\n");
    site.until("what is beside", async || site.world.live("beside.html").as_deref() == Some("further\n"))
        .await;
    site.until_said(number, &format!("`main` went on to {}", &moved[..12])).await;
    assert_eq!(
        (site.comments(number).await.len(), site.world.live("index.html")),
        (comments, Some("new\n".to_owned()))
    );
    // Brought up to the branch, applied, and approved on the forge: merged by itself.
    site.world.git(&["checkout", "-q", "feature"]);
    site.world.git(&["merge", "-q", "--no-edit", "main"]);
    site.push("feature");
    let head = site.world.git(&["rev-parse", "feature"]).trim().to_owned();
    site.world.git(&["checkout", "-q", "main"]);
    site.shown(number, &head).await;
    site.until_said(number, "stays applied, and the request was pushed to since").await;
    let approve = json!({"event": "APPROVED", "body": "Good."});
    site.gitea.done("bob", "POST", &format!("{SITE}/pulls/{number}/reviews"), approve).await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    assert!(!site.is_merged(number).await, "nobody applied this head");
    assert!(site.answer(&mut serving, number, "/apply").await.0);
    site.until("the merge", async || site.is_merged(number).await).await;
    site.until("the branch is followed", async || site.status_of("site").await["pinned"].is_null()).await;
    assert_eq!(serving.stop().await, 0);
    site.unprotect().await;
}

#[tokio::test]
async fn a_repository_that_takes_no_merge_commits_is_merged_as_it_allows() {
    let site = Site::new().await;
    site.before_merge("").await;
    let only = json!({
        "allow_merge_commits": false, "allow_rebase": false, "allow_rebase_explicit": false,
        "allow_squash_merge": true, "default_merge_style": "squash",
    });
    site.gitea.done(Gitea::ADMIN, "PATCH", SITE, only).await;
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let (number, head) = site.request(&mut serving, "new\n").await;
    assert!(site.answer(&mut serving, number, "/apply").await.0);
    site.until("the merge", async || site.is_merged(number).await).await;
    let merged = site.merge_commit(number).await;
    assert_ne!(merged, head);
    let is_live = async || site.statuses(&merged).await.contains(&"gitops/live/site success".to_owned());
    site.until("what is live", is_live).await;
    site.until("the branch is followed", async || site.status_of("site").await["pinned"].is_null()).await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    assert_eq!(serving.stop().await, 0);
    site.gitops(&["plan", "-a", "site", "--detailed-exitcode"]).await.expect(0);
}

/// What every verb says while what is live is ahead of the branch.
async fn ahead_of_the_branch(site: &Site, number: u64, main: &str, head: &str) {
    let ahead = format!("ahead of the branch until gitea platform/site#{number} is merged or closed");
    site.gitops(&["status", "-a", "site"]).await.expect(0).says("Synced").says(&ahead).says(&head[..12]);
    let status = site.status_of("site").await;
    assert_eq!(status["pinned"]["ahead_of"], format!("gitea platform/site#{number}"));
    assert_eq!(status["live"]["revision"]["id"], head, "{status:#}");
    for verb in [
        &["plan", "--detailed-exitcode"][..],
        &["drift", "--detailed-exitcode"],
        &["why", "index.html"],
        &["history"],
    ] {
        site.gitops(&[verb, &["-a", "site"]].concat()).await.expect(0).warns(&ahead);
    }
    site.gitops(&["why", "index.html", "-a", "site"]).await.expect(0).says(&head[..12]);
    site.gitops(&["history", "-a", "site"]).await.expect(0).says(&head[..12]);
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    assert!(!site.is_merged(number).await);
    site.world.git(&["fetch", "-q", &site.url(), "main"]);
    assert_eq!(site.world.git(&["rev-parse", "FETCH_HEAD"]).trim(), main);
    let beside = site.status_of("beside").await;
    assert!(beside["pinned"].is_null() && beside["live"]["revision"]["id"] == main, "{beside:#}");
}

const ROOT: &str = "resource \"terraform_data\" \"net\" { input = \"SIZE\" }\n";

fn root(size: &str, command: Option<&str>) -> String {
    let run = |command| {
        format!(
            "resource \"terraform_data\" \"run\" {{\n  depends_on = [terraform_data.net]\n  provisioner \"local-exec\" {{ command = \"{command}\" }}\n}}\n"
        )
    };
    ROOT.replace("SIZE", size) + &command.map(run).unwrap_or_default()
}

impl Site {
    /// A root module that is applied, with more lines of its configuration; gives the commit.
    async fn of_root(more: &str) -> (Self, String) {
        let site = Self::of(crate::support::World::empty()).await;
        let first = site.world.commit("Begin", &[("net/main.tf", Some(&root("1", None)))]);
        site.push("main");
        let tofu = std::env::var("GITOPS_TOFU").expect("run `cargo xtask test`, which sets GITOPS_TOFU");
        site.world.configure(&format!(
            "name: net\nsource: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, path: site/net }} }}\n{}\
             target: {{ terraform: {{ binary: {tofu} }} }}\nsync: {{ interval: 1h }}\n{more}",
            site.gitea.url(),
            site.served("1s", GATE),
        ));
        site.gitops(&["apply", "--yes"]).await.expect(0);
        (site, first)
    }
}

#[tokio::test]
async fn an_apply_that_fails_after_the_merge_says_each_time_what_to_approve_now() {
    let (site, _) = Site::of_root("").await;
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let ready = site.world.path("ready");
    let command = format!("test -e {} || exit 3", ready.display());
    let head = site.commit_on("feature", &[("net/main.tf", Some(&root("2", Some(&command))))]);
    let number = site.open("alice", "feature").await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    let first = site.effect(number).await;
    assert!(site.answer(&mut serving, number, &format!("/approve {first}")).await.0);
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    let asked = async |before: &str| {
        let named = async || {
            let said = site.said(number).await;
            let (_, rest) = said.split_once("comment `/approve ")?;
            Some(rest[..40].to_owned()).filter(|effect| effect != before)
        };
        site.until("what to approve", async || named().await.is_some()).await;
        named().await.unwrap()
    };
    let second = asked(&first).await;
    assert!(site.statuses(&merged).await.contains(&"gitops/live/net failure".to_owned()));
    let (done, answer) = site.answer(&mut serving, number, &format!("/approve {first}")).await;
    assert!(!done && answer.contains(&second), "that is done or gone: {answer}");
    assert!(site.answer(&mut serving, number, &format!("/approve {second}")).await.0);
    let third = asked(&second).await;
    std::fs::write(ready, "").unwrap();
    let (done, answer) = site.answer(&mut serving, number, &format!("/approve {third}")).await;
    assert!(done, "{answer}; after {second}: {}", site.said(number).await);
    site.until_said(number, "`net`: `live").await;
    assert!(!site.said(number).await.contains("who may approve it"));
    assert_eq!(serving.stop().await, 0);
    site.gitops(&["plan", "--detailed-exitcode"]).await.expect(0);
}

#[tokio::test]
async fn an_apply_that_fails_keeps_the_request_open_and_says_what_is_live() {
    let (site, first) = Site::of_root("apply: before-merge\n").await;
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let bad = site.commit_on("feature", &[("net/main.tf", Some(&root("2", Some("exit 3"))))]);
    let number = site.open("alice", "feature").await;
    serving.until("the review", |event| is_review(event, number, &bad)).await;
    let effect = site.effect(number).await;
    let (done, answer) = site.answer(&mut serving, number, &format!("/approve {effect}")).await;
    assert!(done, "{answer}");
    assert!(site.answer(&mut serving, number, "/apply").await.0);
    site.until("red", async || site.statuses(&bad).await.contains(&"gitops/live/net failure".to_owned()))
        .await;
    site.until("the error", async || {
        let said = site.said(number).await;
        said.contains("exit status 3") && said.contains("nothing is merged: push a change and apply that")
    })
    .await;
    assert!(!site.is_merged(number).await && site.merges() == 0);
    // The request shows what is left of it, each time, and that can be approved.
    let left = site.another_effect(number, &effect).await;
    let comment = site.ours(number, "review").await.concat();
    assert!(comment.contains("terraform_data.run"), "{comment}");
    let (done, answer) = site.answer(&mut serving, number, &format!("/approve {left}")).await;
    assert!(done, "{answer}");
    site.another_effect(number, &left).await;
    assert!(!site.is_merged(number).await && site.merges() == 0);
    serving.kill();
    // Every verb of another process tells what is live: the first commit, whole, and a part of the other.
    let status = site.status_of("net").await;
    assert_eq!(status["live"]["revision"]["id"], first, "{status:#}");
    site.gitops(&["status"])
        .await
        .says(&format!("ahead of the branch until gitea platform/site#{number}"))
        .says(&bad[..12]);
    // The next push asks anew.
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let good = site.commit_on("feature", &[("net/main.tf", Some(&root("2", Some("exit 0"))))]);
    serving.until("the review", |event| is_review(event, number, &good)).await;
    let (done, answer) = site.answer(&mut serving, number, "/apply").await;
    assert_eq!((done, answer.as_str()), (false, "it is not approved"));
    let comment = site.ours(number, "review").await.concat();
    assert!(comment.contains("an earlier approval does not cover it"), "{comment}");
    let effect = site.effect(number).await;
    let (done, answer) = site.answer(&mut serving, number, &format!("/approve {effect}")).await;
    assert!(done, "what the comment shows is what there is to approve: {answer}");
    assert!(site.answer(&mut serving, number, "/apply").await.0);
    site.until("the merge", async || site.is_merged(number).await).await;
    assert_eq!(serving.stop().await, 0);
    site.gitops(&["plan", "--detailed-exitcode"]).await.expect(0);
}
