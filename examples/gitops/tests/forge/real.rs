//! Requests on a real Gitea: one comment that is kept current, statuses on the head, forks, and a protected branch.

mod ahead;
mod approving;
mod ci;
mod drift;
mod pairs;
mod promote;
mod renamed;
mod rollback;
mod stranger;
mod who;
mod whole;

use std::process::Output;

use serde_json::{Value, json};
use testbed::Gitea;

use crate::support::{Ran, World};

mod health;
mod kill;
mod load;
mod long;
mod secrets;
mod serve;
mod serving;

const SITE: &str = "/repos/platform/site";

/// A world whose repository is on a Gitea, applied; Alice may push, Bob reviews, and Dave is a stranger.
struct Site {
    world: World,
    gitea: Gitea,
}

impl Site {
    async fn new() -> Self {
        let site = Self::of(World::new()).await;
        site.push("main");
        site.configure(&site.forge());
        site.gitops(&["apply", "--yes"]).await.expect(0);
        site
    }

    /// The forge with its people and an empty repository.
    async fn of(world: World) -> Self {
        Self::on(Gitea::start().await, world).await
    }

    async fn on(gitea: Gitea, world: World) -> Self {
        let admin = Gitea::ADMIN;
        gitea.done(admin, "POST", "/orgs", json!({"username": "platform"})).await;
        let repository = json!({"name": "site", "default_branch": "main"});
        gitea.done(admin, "POST", "/orgs/platform/repos", repository).await;
        for login in ["alice", "bob", "dave"] {
            gitea.join(login).await;
        }
        for login in ["alice", "bob"] {
            let path = format!("{SITE}/collaborators/{login}");
            gitea.done(admin, "PUT", &path, json!({"permission": "write"})).await;
        }
        Self { world, gitea }
    }

    fn configure(&self, forge: &str) {
        self.world.configure(&format!(
            "name: site\nsource:\n  git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, path: site }}\n{forge}\
             target:\n  directory: {{ root: ./live }}\n",
            self.gitea.url()
        ));
    }

    fn forge(&self) -> String {
        let auth = "auth: { token: { env: THE_TOKEN } }";
        format!("forge:\n  gitea: {{ url: \"{}\", repository: platform/site, {auth} }}\n", self.gitea.url())
    }

    /// The repository, for who may do everything.
    fn url(&self) -> String {
        let host = self.gitea.url();
        let host = host.strip_prefix("http://").unwrap();
        format!("http://{}:{}@{host}/platform/site.git", Gitea::ADMIN, self.gitea.token())
    }

    fn push(&self, branch: &str) {
        self.world.git(&["push", "-q", "--force", &self.url(), branch]);
    }

    /// Commits on a branch that begins at `main`, and pushes it.
    fn commit_on(&self, branch: &str, files: &[(&str, Option<&str>)]) -> String {
        self.world.git(&["checkout", "-q", "-B", branch]);
        let head = self.world.commit("Change", files);
        self.push(branch);
        self.world.git(&["checkout", "-q", "main"]);
        head
    }

    /// Opens a request into `main`; gives its number. The forge knows of a branch a moment after it was pushed.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn open(&self, login: &str, head: &str) -> u64 {
        let (path, body) =
            (format!("{SITE}/pulls"), json!({"head": head, "base": "main", "title": "A request"}));
        for _ in 0..300 {
            match self.gitea.call(login, "POST", &path, body.clone()).await {
                (201, made) => return made["number"].as_u64().unwrap(),
                (404, _) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                other => panic!("{login}: {head}: {other:?}"),
            }
        }
        panic!("the forge does not know {head} within half a minute");
    }

    /// Runs the command with the token, in an environment that says nothing of a CI job.
    async fn gitops(&self, arguments: &[&str]) -> Ran {
        self.gitops_in(&[("THE_TOKEN", self.gitea.token())], arguments).await
    }

    async fn gitops_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = self.world.command(arguments);
        for name in ["GITHUB_ACTIONS", "GITEA_ACTIONS", "GITLAB_CI", "CHANGE_ID", "GITHUB_TOKEN"] {
            command.env_remove(name);
        }
        command.envs(environment.iter().copied());
        let output: Output =
            tokio::task::spawn_blocking(move || command.output().expect("the command starts")).await.unwrap();
        let ran = Ran::from(output);
        let token = self.gitea.token();
        assert!(!ran.stdout.contains(token) && !ran.stderr.contains(token), "the token is shown: {ran:?}");
        ran
    }

    async fn gitops_owned(&self, arguments: Vec<String>) -> Ran {
        self.gitops(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    async fn review(&self, number: u64) -> Ran {
        self.gitops(&["review", "--request", &number.to_string()]).await
    }

    /// Waits until the forge shows what was pushed to a request.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn shown(&self, number: u64, head: &str) {
        for _ in 0..300 {
            let request = self.gitea.done("bob", "GET", &format!("{SITE}/pulls/{number}"), Value::Null).await;
            if request["head"]["sha"] == head {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the forge does not show {head} within half a minute");
    }

    /// Has Alice merge a request; what the forge says if it does not.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn merge(&self, number: u64) -> Result<(), String> {
        let path = format!("{SITE}/pulls/{number}/merge");
        for _ in 0..300 {
            let (status, said) = self.gitea.call("alice", "POST", &path, json!({"do": "merge"})).await;
            match said["message"].as_str() {
                _ if status == 200 => return Ok(()),
                // It has not looked yet whether there is a conflict.
                Some(said) if said.contains("try again later") => {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                said => return Err(format!("{status} {}", said.unwrap_or_default())),
            }
        }
        Err("the forge does not look within half a minute".to_owned())
    }

    /// The comments of a request.
    async fn comments(&self, number: u64) -> Vec<Value> {
        let path = format!("{SITE}/issues/{number}/comments");
        self.gitea.done("bob", "GET", &path, Value::Null).await.as_array().unwrap().clone()
    }

    /// The latest status of each context of a commit, as context and state.
    async fn latest_statuses(&self, commit: &str) -> Vec<(String, String)> {
        let found =
            self.gitea.done("bob", "GET", &format!("{SITE}/commits/{commit}/status"), Value::Null).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let one = |status: &Value| (text(&status["context"]), text(&status["status"]));
        found["statuses"].as_array().into_iter().flatten().map(one).collect()
    }

    /// Every status that was ever written to a commit, as `context state`.
    async fn statuses(&self, commit: &str) -> Vec<String> {
        let path = format!("{SITE}/commits/{commit}/statuses?limit=50");
        let found = self.gitea.done("bob", "GET", &path, Value::Null).await;
        let line = |status: &Value| {
            format!("{} {}", status["context"].as_str().unwrap(), status["status"].as_str().unwrap())
        };
        let mut lines: Vec<String> = found.as_array().unwrap().iter().map(line).collect();
        lines.sort();
        lines
    }
}

fn body(comment: &Value) -> &str {
    comment["body"].as_str().unwrap()
}

const GOOD: [&str; 2] = ["gitops/plan success", "gitops/policy success"];

#[tokio::test]
async fn one_comment_is_kept_current_and_a_run_without_news_writes_nothing() {
    let site = Site::new().await;
    site.world.edit_live("conf/app.toml", "by hand\n");
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    site.review(number).await.expect(0).warns("comment written, 2 statuses written").says("(existing drift)");
    let first = site.comments(number).await;
    assert_eq!((first.len(), first[0]["user"]["login"].as_str()), (1, Some(Gitea::ADMIN)));
    let text = body(&first[0]);
    for expected in [
        "**0 to create, 2 to update, 0 to replace, 0 to delete**",
        "this change 1, existing drift 1, base moved 0",
        "`File/index.html`",
        "`File/conf/app.toml`",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    assert_eq!(site.statuses(&head).await, GOOD);
    site.review(number).await.expect(0).warns("comment unchanged, 0 statuses written");
    assert_eq!(site.comments(number).await, first);
    assert_eq!(site.statuses(&head).await, GOOD, "no status was written again");

    // Another push, and a target branch that moves.
    let pushed = site.commit_on("feature", &[("index.html", Some("newer\n")), ("more", Some("m\n"))]);
    site.shown(number, &pushed).await;
    site.world.commit("Meanwhile", &[("moved", Some("m\n"))]);
    site.push("main");
    site.review(number).await.expect(0).warns("comment written, 2 statuses written");
    let second = site.comments(number).await;
    assert_eq!((second.len(), &second[0]["id"]), (1, &first[0]["id"]), "it is edited in place");
    assert!(
        body(&second[0]).contains("this change 2, existing drift 1, base moved 1"),
        "{}",
        body(&second[0])
    );
    assert_eq!(site.statuses(&pushed).await, GOOD);
    // What somebody else writes with our marker is left alone.
    let copy = json!({"body": body(&second[0])});
    site.gitea.done("alice", "POST", &format!("{SITE}/issues/{number}/comments"), copy).await;
    site.review(number).await.expect(0).warns("comment unchanged");
    assert_eq!(site.comments(number).await.len(), 2);
}

#[tokio::test]
async fn the_job_says_which_request_it_is_about() {
    let site = Site::new().await;
    site.configure("");
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    let (url, reference) = (site.gitea.url(), format!("refs/pull/{number}/merge"));
    let job = [
        ("GITHUB_ACTIONS", "true"),
        ("GITEA_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", url.as_str()),
        ("GITHUB_REPOSITORY", "platform/site"),
        ("GITHUB_REF", reference.as_str()),
    ];
    let without = site.gitops_in(&job, &["review"]).await.expect(1);
    without.warns("the environment variable `GITEA_TOKEN` is not set");
    let with = [&job[..], &[("GITEA_TOKEN", site.gitea.token())]].concat();
    site.gitops_in(&with, &["review", "--output", "json"]).await.expect(0).says("\"kind\": \"Review\"");
    assert_eq!(site.statuses(&head).await, GOOD);
    let nothing = site.gitops_in(&[], &["review"]).await.expect(64);
    nothing.warns("nothing says what to review").warns("--request 7");
    let push = [&with[..4], &[("GITHUB_REF", "refs/heads/main")]].concat();
    site.gitops_in(&push, &["review"]).await.expect(64);
    let number = number.to_string();
    let other = site.gitops(&["review", "--request", &number, "--forge", "gitea"]).await.expect(1);
    other.warns("nothing says which repository it is");
    let wrong = [("THE_TOKEN", "0123456789012345678901234567890123456789")];
    site.configure(&site.forge());
    site.gitops_in(&wrong, &["review", "--request", &number]).await.expect(4);
    let elsewhere =
        [&with[..3], &[("GITHUB_REPOSITORY", "other/site"), ("THE_TOKEN", site.gitea.token())]].concat();
    let refused = site.gitops_in(&elsewhere, &["review", "--request", &number]).await.expect(1);
    refused.warns("the configuration is for `platform/site`, and the job is of `other/site`");
}

#[tokio::test]
async fn a_request_of_a_fork_is_reviewed_and_runs_nothing() {
    let site = Site::new().await;
    site.gitea.done("dave", "POST", &format!("{SITE}/forks"), json!({})).await;
    // A resource that runs a program.
    let root = "cmVzb3VyY2UgInRlcnJhZm9ybV9kYXRhIiAieCIgewogIHByb3Zpc2lvbmVyICJsb2NhbC1leGVjIiB7IGNvbW1hbmQgPSAidG91Y2ggL3RtcC9uZXZlciIgfQp9Cg==";
    let file = json!({"content": root, "message": "Add", "new_branch": "theirs"});
    site.gitea.done("dave", "POST", "/repos/dave/site/contents/site/net/main.tf", file).await;
    let number = site.open("dave", "dave:theirs").await;
    site.review(number).await.expect(0).says("create  File/net/main.tf");
    let text = std::fs::read_to_string(site.world.path("gitops.yaml")).unwrap();
    let roots = text.replace("directory: { root: ./live }", "terraform: { binary: /nowhere/tofu }");
    site.world.configure(&roots.replace("name: site", "name: roots"));
    site.review(number).await.expect(3).says("the request is untrusted, and a plan runs `/nowhere/tofu`");
    let vouched = site.gitops(&["review", "--request", &number.to_string(), "--trusted"]).await.expect(0);
    // It was never applied, so what both sides declare is compared, and no program runs.
    vouched.says("create  Root/net").says("Drift not looked at");
}

#[tokio::test]
async fn a_protected_branch_waits_for_the_plan_and_for_bob() {
    let site = Site::new().await;
    let rule = json!({
        "rule_name": "main", "branch_name": "main", "required_approvals": 1, "enable_push": true,
        "enable_status_check": true, "status_check_contexts": GOOD.map(|line| line.split(' ').next().unwrap()),
        "block_admin_merge_override": true,
    });
    site.gitea.done(Gitea::ADMIN, "POST", &format!("{SITE}/branch_protections"), rule).await;
    let head = site.commit_on("feature", &[("index.html", Some("theirs\n"))]);
    let number = site.open("alice", "feature").await;
    let path = format!("{SITE}/pulls/{number}");
    let approve = json!({"event": "APPROVED", "body": "Good."});
    site.gitea.done("bob", "POST", &format!("{path}/reviews"), approve).await;
    assert!(site.merge(number).await.is_err(), "nobody planned it yet");
    site.world.commit("Meanwhile", &[("index.html", Some("ours\n"))]);
    site.push("main");
    site.review(number).await.expect(7).says("the merge has conflicts in site/index.html");
    assert_eq!(site.statuses(&head).await, ["gitops/plan failure", "gitops/policy failure"]);
    assert!(body(&site.comments(number).await[0]).contains("site/index.html"));
    site.world.git(&["checkout", "-q", "feature"]);
    site.world.git(&["merge", "-q", "--strategy-option=ours", "--no-edit", "main"]);
    site.push("feature");
    let head = site.world.git(&["rev-parse", "feature"]);
    site.world.git(&["checkout", "-q", "main"]);
    site.shown(number, head.trim()).await;
    site.review(number).await.expect(0);
    assert_eq!(site.statuses(head.trim()).await, GOOD);
    assert_eq!(site.comments(number).await.len(), 1);
    site.merge(number).await.unwrap();
    site.review(number).await.expect(5).warns("the request is merged");
}

#[tokio::test]
async fn what_bob_approved_is_applied_after_the_merge_with_nobody_asked() {
    let site = Site::new().await;
    let gates =
        "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";
    site.configure(&(site.forge() + gates));
    site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    let path = format!("{SITE}/issues/{number}/comments");
    let review =
        || site.gitops_owned(vec!["review".into(), format!("--request={number}"), "--keep-approvals".into()]);
    review().await.expect(3);
    let effect = || async {
        let comment = &site.comments(number).await[0];
        let (_, rest) = body(comment).rsplit_once("Effect `").unwrap();
        rest[..40].to_owned()
    };
    let approve = json!({"body": format!("/approve {}", effect().await)});
    site.gitea.done("alice", "POST", &path, approve.clone()).await;
    review().await.expect(3);
    let said = site.gitea.done("bob", "POST", &path, approve).await;
    site.confirms("bob", &said).await;
    review().await.expect(0).warns("Stored: what reviewers approved of `site`");
    // Alice pushes again: the approval is void, and says why.
    let head = site.commit_on("feature", &[("index.html", Some("newer\n"))]);
    site.shown(number, &head).await;
    review().await.expect(3).says("an earlier approval does not cover it");
    let approve = json!({"body": format!("/approve {}", effect().await)});
    let said = site.gitea.done("bob", "POST", &path, approve).await;
    site.confirms("bob", &said).await;
    review().await.expect(0).warns("Stored: what reviewers approved of `site`");
    assert_eq!(
        site.comments(number).await.iter().filter(|comment| comment["user"]["login"] == Gitea::ADMIN).count(),
        1
    );
    site.merge(number).await.unwrap();
    site.gitops(&["apply", "--yes"]).await.expect(0).says("index.html");
    assert_eq!(site.world.live("index.html").as_deref(), Some("newer\n"));
    let log = std::fs::read_to_string(site.world.path(".gitops/site/audit.jsonl")).unwrap();
    assert!(log.contains(&format!("gitea platform/site#{number}")) && log.contains("\"bob\""), "{log}");
    site.gitops(&["audit", "verify"]).await.expect(0);
}
