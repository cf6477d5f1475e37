//! The ready-made jobs, as they are shipped: Gitea starts them, and a runner carries them out.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use testbed::{Gitea, Runner};

use super::{SITE, Site, body};
use crate::support::World;

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

/// A repository with the ready-made jobs, applied by one of them.
struct Jobs {
    site: Site,
    runner: Runner,
}

impl Jobs {
    async fn new() -> Self {
        let site = Site::on(Gitea::start_with_actions().await, World::new()).await;
        let secret = json!({"data": site.gitea.token()});
        let path = format!("{SITE}/actions/secrets/REVIEW_TOKEN");
        site.gitea.done(Gitea::ADMIN, "PUT", &path, secret).await;
        let programs = Path::new(env!("CARGO_BIN_EXE_gitops")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", programs.display());
        let home = site.world.path("");
        let runner = site.gitea.runner("gitops", &[("PATH", &path), ("HOME", home.to_str().unwrap())]).await;
        let jobs = Self { site, runner };
        jobs.ship();
        jobs.site.world.commit("Ship", &[]);
        jobs.site.push("main");
        assert_eq!(jobs.ended("push", 1).await, ["success"], "{}", jobs.runner.log());
        jobs
    }

    /// Writes the jobs and a configuration into the repository. The job says which forge it is; the state is the runner's.
    fn ship(&self) {
        let world = &self.site.world;
        let workflows = world.path("repository/.gitea/workflows");
        fs::create_dir_all(&workflows).unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/gitea");
        for name in ["review.yaml", "apply.yaml"] {
            fs::copy(shipped.join(name), workflows.join(name)).unwrap();
        }
        let text = format!(
            "name: site\nsource:\n  git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, path: site }}\n\
             state: {}\ntarget:\n  directory: {{ root: {} }}\n{GATE}",
            self.site.gitea.url(),
            world.path(".gitops/site").display(),
            world.path("live").display(),
        );
        fs::write(world.path("repository/gitops.yaml"), &text).unwrap();
        world.configure(&text);
    }

    /// Waits until so many jobs for an event, as the forge calls it, have ended, without those that had nothing to do; gives how, the oldest first.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn ended(&self, event: &str, n: usize) -> Vec<String> {
        let path = format!("{SITE}/actions/runs?limit=50");
        let mut runs = Value::Null;
        for _ in 0..1200 {
            runs = self.site.gitea.done("bob", "GET", &path, Value::Null).await;
            let all = runs["workflow_runs"].as_array().unwrap().iter().rev();
            let of_event = all.filter(|run| run["event"] == event && run["conclusion"] != "skipped");
            let ended: Vec<_> = of_event.filter(|run| run["status"] == "completed").collect();
            if ended.len() >= n {
                return ended.iter().map(|run| run["conclusion"].as_str().unwrap().to_owned()).collect();
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{n} jobs for `{event}` have not ended within two minutes: {runs:#}\n{}", self.runner.log());
    }

    /// The latest status of each context of a commit.
    async fn stands(&self, commit: &str) -> Vec<String> {
        let path = format!("{SITE}/commits/{commit}/status");
        let found = self.site.gitea.done("bob", "GET", &path, Value::Null).await;
        let of_ours = found["statuses"].as_array().unwrap().iter().filter_map(|status| {
            let context = status["context"].as_str()?.strip_prefix("gitops/")?;
            Some(format!("{context} {}", status["status"].as_str()?))
        });
        let mut lines: Vec<String> = of_ours.collect();
        lines.sort();
        lines
    }

    /// Our comments on a request.
    async fn ours(&self, number: u64) -> Vec<Value> {
        let mut comments = self.site.comments(number).await;
        comments.retain(|comment| comment["user"]["login"] == Gitea::ADMIN);
        comments
    }
}

#[tokio::test]
async fn the_ready_made_jobs_review_keep_an_approval_and_apply_what_was_approved() {
    let jobs = Jobs::new().await;
    let site = &jobs.site;
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    assert_eq!(jobs.ended("pull_request", 1).await, ["success"], "{}", jobs.runner.log());
    assert_eq!(jobs.stands(&head).await, ["plan success", "policy pending"], "{}", jobs.runner.log());
    let first = jobs.ours(number).await;
    let run = format!("[Full plan](<{}/platform/site/actions/runs/", site.gitea.url());
    assert!(first.len() == 1 && body(&first[0]).contains(&run), "{first:#?}");
    assert!(jobs.runner.log().contains("\"kind\": \"Review\""), "{}", jobs.runner.log());

    // A review comes before anybody could have read the comment: the job looks at once, and says so.
    let reviews = format!("{SITE}/pulls/{number}/reviews");
    let approve = json!({"event": "APPROVED", "body": "Good."});
    let review = site.gitea.done("bob", "POST", &reviews, approve).await;
    assert_eq!(jobs.ended("pull_request_review_approved", 1).await, ["success"], "{}", jobs.runner.log());
    let early = jobs.ours(number).await;
    assert!(body(&early[0]).contains("less than a minute"), "{early:#?}\n{}", jobs.runner.log());
    let said = site.bobs_approval(number).await;
    assert_eq!(jobs.ended("pull_request_comment", 1).await, ["success"], "{}", jobs.runner.log());
    assert_eq!(jobs.stands(&head).await, ["plan success", "policy success"], "{}", jobs.runner.log());
    // Again the same: the run has another address, and nothing is written.
    let approved = jobs.ours(number).await;
    site.bobs_approval(number).await;
    assert_eq!(jobs.ended("pull_request_comment", 2).await, ["success"; 2], "{}", jobs.runner.log());
    let again = jobs.ours(number).await;
    assert_eq!((again.len(), &again[0]["id"]), (1, &first[0]["id"]));
    assert_eq!(body(&again[0]), body(&approved[0]));

    site.merge(number).await.unwrap();
    assert_eq!(jobs.ended("push", 2).await, ["success"; 2], "{}", jobs.runner.log());
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"), "{}", jobs.runner.log());
    let shown = site.gitops(&["audit", "show", "index.html", "--output", "json"]).await.expect(0);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let brought = &shown["changes"].as_array().unwrap().last().unwrap()["requests"][0];
    let main = site.gitea.done("bob", "GET", &format!("{SITE}/branches/main"), Value::Null).await;
    let expected = json!({
        "request": format!("gitea platform/site#{number}"), "opened_by": "alice", "merged_by": "alice",
        "head": head, "commit": main["commit"]["id"],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&brought[name], value, "{shown:#}");
    }
    let places: Vec<_> = brought["reviews"].as_array().unwrap().iter().collect();
    let has = |place: String, commit: &Value| {
        places.iter().any(|said| said["by"] == "bob" && said["place"] == place && &said["commit"] == commit)
    };
    assert!(has(format!("review {}", review["id"]), &json!(head)), "{shown:#}");
    assert!(has(format!("comment {}", said["id"]), &Value::Null), "{shown:#}");
    site.gitops(&["audit", "verify"]).await.expect(0);
    // The merge closed the request; whatever runs for it now writes nothing on it.
    assert_eq!(jobs.ours(number).await.len(), 1);
}
