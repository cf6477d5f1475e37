//! The forge's own reviews, by the button "Approve" or the API, as approvals of what the comment shows.

use std::process::Stdio;

use gitops_core::Time;
use serde_json::{Value, json};
use testbed::Gitea;

use super::serve::{GATED, is_review};
use super::serving::{Serving, hook};
use super::{SITE, Site, body};

const STORED: &str = "Stored: what reviewers approved of `site`";

impl Site {
    pub(super) async fn reviewed_by(&self, login: &str, number: u64, event: &str) -> Value {
        let said = json!({"event": event, "body": "Words."});
        self.gitea.done(login, "POST", &format!("{SITE}/pulls/{number}/reviews"), said).await
    }

    async fn our_comment(&self, number: u64) -> Value {
        let is_ours = |comment: &Value| {
            comment["user"]["login"] == Gitea::ADMIN && body(comment).starts_with("<!-- gitops: review")
        };
        self.comments(number).await.into_iter().find(is_ours).unwrap()
    }

    /// Waits until our comment has shown what it shows for a minute, by the forge's clock: a review counts for nothing younger. Comments of
    /// somebody tell the clock.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn shown_for_a_minute(&self, number: u64) {
        let seconds = |time: &Value| {
            let time: Time = serde_json::from_value(time.clone()).unwrap();
            time.as_micros() / 1_000_000
        };
        let shown = seconds(&self.our_comment(number).await["updated_at"]);
        loop {
            let said = self.comment("alice", number, "Hm.").await;
            let left = shown + 61 - seconds(&said["created_at"]);
            match u64::try_from(left) {
                Ok(left) if left > 0 => tokio::time::sleep(std::time::Duration::from_secs(left)).await,
                _ => return,
            }
        }
    }

    /// Has Alice write something else into our comment, as whoever may write may.
    async fn forged(&self, number: u64, edit: impl FnOnce(&str) -> String) {
        let ours = self.our_comment(number).await;
        let path = format!("{SITE}/issues/comments/{}", ours["id"]);
        self.gitea.done("alice", "PATCH", &path, json!({"body": edit(body(&ours))})).await;
    }

    async fn asks_again(&self, number: u64, login: &str) {
        let path = format!("{SITE}/pulls/{number}/requested_reviewers");
        self.gitea.done("alice", "POST", &path, json!({"reviewers": [login]})).await;
    }

    fn audit(&self) -> String {
        std::fs::read_to_string(self.world.path(".gitops/site/audit.jsonl")).unwrap()
    }
}

/// A request of Alice that a gate wants approved, with a program among those who may write.
async fn request(site: &Site) -> u64 {
    site.gitea.join("renovate").await;
    let path = format!("{SITE}/collaborators/renovate");
    site.gitea.done(Gitea::ADMIN, "PUT", &path, json!({"permission": "write"})).await;
    site.configure(&(site.forge().replace(" }\n", ", bots: [renovate] }\n") + GATED));
    site.gitops(&["apply", "--yes"]).await.expect(0);
    site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    site.kept(number).await.expect(3);
    number
}

#[tokio::test]
async fn a_review_approves_what_the_comment_showed_and_nothing_else() {
    let site = Site::new().await;
    let number = request(&site).await;

    // What was shown in this minute Bob may not have seen.
    site.reviewed_by("bob", number, "APPROVED").await;
    site.kept(number).await.expect(3).says("0 of 1 approvals");
    let comment = site.ours(number, "review").await.concat();
    assert!(comment.contains("the effect changed less than a minute before it was given"), "{comment}");

    // Hers, a program's and a stranger's do not count, be it shown as long as it may.
    site.shown_for_a_minute(number).await;
    let own = json!({"event": "APPROVED", "body": "Mine."});
    let (status, _) = site.gitea.call("alice", "POST", &format!("{SITE}/pulls/{number}/reviews"), own).await;
    assert_eq!(status, 422, "the forge refuses it itself");
    site.reviewed_by("bob", number, "REQUEST_CHANGES").await;
    for login in ["renovate", "dave"] {
        site.reviewed_by(login, number, "APPROVED").await;
    }
    site.kept(number).await.expect(3).says("0 of 1 approvals").says("changes requested by bob");

    // Bob's does, and is what the approval rests on.
    let yes = site.reviewed_by("bob", number, "APPROVED").await;
    site.kept(number).await.expect(0).warns(STORED);
    let place = format!("gitea platform/site#{number}: review {}", yes["id"]);
    assert!(site.audit().contains(&place), "{place} is not in {}", site.audit());

    // Another effect is shown from now on: his review is not of that one, whatever somebody writes into our comment.
    let old = body(&site.our_comment(number).await).to_owned();
    let head = site.commit_on("feature", &[("index.html", Some("newer\n"))]);
    site.shown(number, &head).await;
    site.kept(number).await.expect(3).says("an earlier approval does not cover it");
    let effect = |text: &str| text.split("effect=").nth(1).unwrap()[..64].to_owned();
    let edits: [&dyn Fn(&str) -> String; 4] = [
        &|text| text.replacen("since=", "since=1000000", 1),
        &|text| {
            let mut lines: Vec<&str> =
                text.lines().filter(|line| !line.starts_with("<!-- gitops-shown")).collect();
            lines.insert(2, "<!-- gitops-shown since=1000000 -->");
            lines.join("\n")
        },
        &|text| old.replace(&effect(&old), &effect(text)),
        &|_| old.clone(),
    ];
    for edit in edits {
        site.forged(number, edit).await;
        site.kept(number).await.expect(3).says("0 of 1 approvals");
        let comment = site.ours(number, "review").await.concat();
        assert!(!comment.contains("since=1000000"), "it is written again: {comment}");
    }
    site.merge(number).await.unwrap();
    site.gitops(&["apply", "--yes"]).await.expect(3);
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"), "nobody approved that");
}

#[tokio::test]
async fn a_review_that_is_dismissed_or_asked_for_again_approves_no_more() {
    let site = Site::new().await;
    let number = request(&site).await;
    site.shown_for_a_minute(number).await;
    let taken_back = "its reviewers no longer approve it";
    let yes = site.reviewed_by("bob", number, "APPROVED").await;
    site.kept(number).await.expect(0).warns(STORED);
    let path = format!("{SITE}/pulls/{number}/reviews/{}/dismissals", yes["id"]);
    site.gitea.done(Gitea::ADMIN, "POST", &path, json!({"message": "No."})).await;
    site.kept(number).await.expect(3).says("0 of 1 approvals");
    assert_eq!(site.audit().matches(taken_back).count(), 1);

    // Asked again, he has not said what he thinks of it now.
    site.reviewed_by("bob", number, "APPROVED").await;
    site.kept(number).await.expect(0).warns(STORED);
    site.asks_again(number, "bob").await;
    site.kept(number).await.expect(3).says("0 of 1 approvals");
    assert_eq!(site.audit().matches(taken_back).count(), 2);
    site.reviewed_by("bob", number, "APPROVED").await;
    site.kept(number).await.expect(0).warns(STORED);

    // A no is not taken back by being asked again.
    let no = site.reviewed_by("bob", number, "REQUEST_CHANGES").await;
    site.asks_again(number, "bob").await;
    site.kept(number).await.expect(3).says("changes requested by bob");

    // A draft that he began before he approved, and submits as a no after it.
    let path = format!("{SITE}/pulls/{number}/reviews");
    let begun = json!({"event": "PENDING", "body": "Let me see.", "comments": []});
    let draft = site.gitea.done("bob", "POST", &path, begun).await;
    let effect = site.effect(number).await;
    let after = draft["submitted_at"].as_str().unwrap().max(no["submitted_at"].as_str().unwrap());
    let said = site.says_after(after, "bob", number, &format!("/approve {effect}")).await;
    site.kept(number).await.expect(0).warns(STORED);
    site.says_after(said["created_at"].as_str().unwrap(), "bob", number, "Hm.").await;
    let no = json!({"event": "REQUEST_CHANGES", "body": "Wait."});
    site.gitea.done("bob", "POST", &format!("{path}/{}", draft["id"]), no).await;
    site.kept(number).await.expect(3).says("changes requested by bob");
}

/// Two applications in one request: a review is of all that the comment shows, and each application's part of it stands by itself.
#[tokio::test(flavor = "multi_thread")]
async fn the_button_on_the_forge_approves_and_what_was_merged_is_applied() {
    let site = Site::new().await;
    let source = format!(
        "source: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }} }} }}\n",
        site.gitea.url()
    );
    let gate =
        "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";
    let applications = "applications:\n\
        - { name: conf, source: { git: { path: site/conf } }, target: { directory: { root: ./live-conf } } }\n\
        - { name: pages, source: { git: { path: site/pages } }, target: { directory: { root: ./live-pages } } }\n";
    site.world.commit("Pages", &[("pages/a.html", Some("1\n"))]);
    site.push("main");
    site.world.configure(&(source + &site.served("1h", gate) + applications));
    for name in ["conf", "pages"] {
        site.gitops(&["apply", "--yes", "-a", name]).await.expect(0);
    }
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let change = |page: &str| {
        site.commit_on("feature", &[("conf/app.toml", Some("new\n")), ("pages/a.html", Some(page))])
    };
    let head = change("2\n");
    let number = site.open("alice", "feature").await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    site.shown_for_a_minute(number).await;
    let latest = async |head: &str| site.statuses(head).await.last().cloned();
    // The webhook of the review is all that the server hears.
    let first = site.reviewed_by("bob", number, "APPROVED").await;
    site.until("the approval", async || latest(&head).await.as_deref() == Some("gitops/policy success"))
        .await;

    // Another page: what was approved of the configuration stands, and the page is asked for again.
    let head = change("3\n");
    serving.until("the next review", |event| is_review(event, number, &head)).await;
    assert_eq!(latest(&head).await.as_deref(), Some("gitops/policy pending"));
    let comment = site.ours(number, "review").await.concat();
    assert_eq!(comment.matches("0 of 1 approvals").count(), 1, "{comment}");
    site.shown_for_a_minute(number).await;
    // The server that hears of it is another one.
    assert_eq!(serving.stop().await, 0);
    let second = site.reviewed_by("bob", number, "APPROVED").await;
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    site.until("the approval", async || latest(&head).await.as_deref() == Some("gitops/policy success"))
        .await;
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    for name in ["conf", "pages"] {
        let is_live = |event: &Value| {
            event["type"] == "told"
                && event["commit"] == merged
                && event["application"] == name
                && event["state"] == "success"
        };
        serving.sooner_or_later("what is live", is_live).await;
    }
    assert_eq!(serving.stop().await, 0);
    for (name, object, review) in [("conf", "app.toml", &first), ("pages", "a.html", &second)] {
        let trail = site.gitops(&["audit", "show", object, "-a", name]).await.expect(0);
        trail.says(&format!("bob (gitea platform/site#{number}: review {})", review["id"]));
    }
}

/// A job is cancelled: while it plans it has said nothing yet, and what turns red is red before the comment says why.
#[tokio::test]
async fn a_review_that_is_stopped_leaves_no_half_comment_and_nothing_that_is_too_green() {
    let site = Site::new().await;
    site.configure(&format!("{}{GATED}", site.forge()));
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    // The target branch goes on elsewhere, so that there is something to merge.
    std::fs::write(site.world.path("repository/README"), "elsewhere\n").unwrap();
    site.world.commit("Elsewhere", &[]);
    site.push("main");
    let number = site.open("alice", "feature").await;
    let request = number.to_string();
    site.review(number).await.expect(3);
    let said = site.comment("bob", number, &format!("/approve {}", site.effect(number).await)).await;
    site.confirms("bob", &said).await;
    site.review(number).await.expect(0);
    let before = (site.comments(number).await, site.statuses(&head).await);
    assert!(before.1.contains(&"gitops/policy success".to_owned()), "{before:?}");
    site.reviewed_by("bob", number, "REQUEST_CHANGES").await;

    // It is stopped in the middle of the merge.
    let folder = site.world.path("programs");
    std::fs::create_dir(&folder).unwrap();
    let (program, here) = (folder.join("git"), folder.join("here"));
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *merge-tree*) echo > {}; exec sleep 600 ;; esac\nPATH=\"${{PATH#*:}}\" exec git \"$@\"\n",
        here.display()
    );
    std::fs::write(&program, script).unwrap();
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = site.world.command(&["review", "--request", &request]);
    command.env("THE_TOKEN", site.gitea.token()).env("PATH", path).env_remove("GITHUB_ACTIONS");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    site.until("the merge", async || here.exists()).await;
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!((site.comments(number).await.len(), site.statuses(&head).await), (before.0.len(), before.1));

    // The next one says all of it, the status first.
    let writes = site.gitea.writes().len();
    site.review(number).await.expect(3).warns("comment written, 1 status written");
    let written = site.gitea.writes().split_off(writes);
    let place = |part: &str| written.iter().position(|(_, path)| path.contains(part));
    assert!(place("/statuses/") < place("/comments/"), "{written:?}");
    assert!(place("/statuses/").is_some(), "{written:?}");
    assert!(site.statuses(&head).await.contains(&"gitops/policy pending".to_owned()));
}
