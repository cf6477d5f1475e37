//! The ready-made jobs, as they are shipped: Gitea starts them, and a runner carries them out.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testbed::{Gitea, Runner};

use super::{SITE, Site, body};
use crate::support::{Ran, World};

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

/// A repository with the ready-made jobs, applied by one of them.
struct Jobs {
    site: Site,
    runner: Runner,
}

/// What stands for `actions/checkout` and `actions/upload-artifact`, which a machine without GitHub does not have.
const CHECKOUT: &str = "      - run: |\n          git init -q . && git fetch -q --depth 1 \
                        \"http://x:${{ secrets.REVIEW_TOKEN }}@${GITHUB_SERVER_URL#http://}/$GITHUB_REPOSITORY.git\" main\n          \
                        git checkout -q --force FETCH_HEAD\n";

/// GitHub's job without the steps that it takes from there, and on our runner.
fn without_steps_of_github(text: &str) -> String {
    let (head, steps) = text.split_once("    steps:\n").unwrap();
    let mut all = head.replace("[self-hosted, gitops]", "gitops") + "    steps:\n";
    for step in steps.split("      - ").filter(|step| !step.trim().is_empty()) {
        match () {
            () if step.starts_with("uses: actions/checkout@") => all.push_str(CHECKOUT),
            () if step.starts_with("uses: actions/upload-artifact@") => {}
            () if step.trim_start().starts_with('#') => {}
            () => all.extend(["      - ", step]),
        }
    }
    // Who is to review may ask who else may write: that is more than the token of a job may on this forge.
    all.replace("github.token", "secrets.REVIEW_TOKEN")
}

impl Jobs {
    async fn new(is_private: bool) -> Self {
        Self::of(is_private, Self::ship).await
    }

    async fn of(is_private: bool, ship: fn(&Self)) -> Self {
        let site = Site::on(Gitea::start_with_actions().await, World::new()).await;
        site.gitea.done(Gitea::ADMIN, "PATCH", SITE, json!({"private": is_private})).await;
        let secret = json!({"data": site.gitea.token()});
        let path = format!("{SITE}/actions/secrets/REVIEW_TOKEN");
        site.gitea.done(Gitea::ADMIN, "PUT", &path, secret).await;
        let programs = Path::new(env!("CARGO_BIN_EXE_gitops")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", programs.display());
        let home = site.world.path("");
        let runner = site.gitea.runner("gitops", &[("PATH", &path), ("HOME", home.to_str().unwrap())]).await;
        let jobs = Self { site, runner };
        ship(&jobs);
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
        self.configure("GITEA_TOKEN", "");
    }

    /// The same with the jobs and the action for GitHub.
    fn ship_for_github(&self) {
        let place = self.site.world.path("repository/.github");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/github");
        for folder in ["workflows", "actions/gitops"] {
            fs::create_dir_all(place.join(folder)).unwrap();
        }
        fs::copy(shipped.join("action.yml"), place.join("actions/gitops/action.yml")).unwrap();
        for name in ["review.yaml", "apply.yaml"] {
            let text = fs::read_to_string(shipped.join(name)).unwrap();
            fs::write(place.join("workflows").join(name), without_steps_of_github(&text)).unwrap();
        }
        let url = self.site.gitea.url();
        let auth = "auth: { token: { env: GITHUB_TOKEN } }";
        self.configure(
            "GITHUB_TOKEN",
            &format!("forge: {{ gitea: {{ url: \"{url}\", repository: platform/site, {auth} }} }}\n"),
        );
    }

    fn configure(&self, token: &str, forge: &str) {
        let world = &self.site.world;
        let text = format!(
            "name: site\nsource:\n  git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, path: site, \
             auth: {{ token: {{ env: {token} }} }} }}\n{forge}state: {}\ntarget:\n  directory: {{ root: {} }}\n{GATE}",
            self.site.gitea.url(),
            world.path(".gitops/site").display(),
            world.path("live").display(),
        );
        fs::write(world.path("repository/gitops.yaml"), &text).unwrap();
        world.configure(&text);
    }

    /// Waits until so many jobs for an event, as the forge calls it, have ended, without those that had nothing to do, or that waited and
    /// gave way to a newer one of their group: the forge may tell of the last push after it told of the request. Gives how, the oldest first.
    async fn ended(&self, event: &str, n: usize) -> Vec<String> {
        self.ended_of(&[event], n).await
    }

    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn ended_of(&self, events: &[&str], n: usize) -> Vec<String> {
        let path = format!("{SITE}/actions/runs?limit=50");
        let mut runs = Value::Null;
        for _ in 0..2400 {
            runs = self.site.gitea.done("bob", "GET", &path, Value::Null).await;
            let all = runs["workflow_runs"].as_array().unwrap().iter().rev();
            let did_nothing =
                |run: &Value| run["conclusion"] == "skipped" || run["conclusion"] == "cancelled";
            let is_of = |run: &Value| events.iter().any(|event| run["event"] == *event);
            let of_event = all.filter(|run| is_of(run) && !did_nothing(run));
            let ended: Vec<_> = of_event.filter(|run| run["status"] == "completed").collect();
            if ended.len() >= n {
                return ended.iter().map(|run| run["conclusion"].as_str().unwrap().to_owned()).collect();
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let told = runs["workflow_runs"].as_array().unwrap().iter().map(|run| {
            let of = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
            [of("event"), of("path"), of("head_sha"), of("status"), of("conclusion"), of("started_at")]
                .join(" ")
        });
        let told = told.collect::<Vec<_>>().join("\n");
        panic!("{n} jobs for {events:?} have not ended within four minutes:\n{told}\n{}", self.runner.log());
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

    /// Alice's request of some files, as the first job leaves it: planned, waiting, and with one comment. Gives its head, its number and
    /// the comment.
    async fn first_review(&self, files: &[(&str, Option<&str>)]) -> (String, u64, Value) {
        let site = &self.site;
        let head = site.commit_on("feature", files);
        let number = site.open("alice", "feature").await;
        assert_eq!(self.ended("pull_request", 1).await, ["success"], "{}", self.runner.log());
        assert_eq!(self.stands(&head).await, ["plan success", "policy pending"], "{}", self.runner.log());
        let first = self.ours(number).await;
        let run = format!("[Full plan](<{}/platform/site/actions/runs/", site.gitea.url());
        assert!(first.len() == 1 && body(&first[0]).contains(&run), "{first:#?}");
        (head, number, first.into_iter().next().unwrap())
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
    let jobs = Jobs::new(true).await;
    let site = &jobs.site;
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    // Everybody who may read the repository reads the log of a job.
    let planted = concat!("gh", "p_a1B2c3a1B2c3a1B2c3a1B2c3a1B2c3a1B2c3");
    let note = format!("use {planted}\npassword=planted-word\n");
    let files = [("index.html", Some("new\n")), ("note", Some(note.as_str()))];
    let (head, number, first) = jobs.first_review(&files).await;
    assert!(jobs.runner.log().contains("\"kind\": \"Review\""), "{}", jobs.runner.log());

    // A review comes before anybody could have read the comment: the job looks at once, and says so.
    let reviews = format!("{SITE}/pulls/{number}/reviews");
    let approve = json!({"event": "APPROVED", "body": "Good."});
    let review = site.gitea.done("bob", "POST", &reviews, approve).await;
    assert_eq!(jobs.ended("pull_request_review_approved", 1).await, ["success"], "{}", jobs.runner.log());
    let early = jobs.ours(number).await;
    assert!(body(&early[0]).contains("less than a minute"), "{early:#?}\n{}", jobs.runner.log());
    let said = site.bobs_word(number).await;
    assert_eq!(jobs.ended("pull_request_comment", 1).await, ["success"], "{}", jobs.runner.log());
    assert_eq!(jobs.stands(&head).await, ["plan success", "policy success"], "{}", jobs.runner.log());
    // Again the same: the run has another address, and nothing is written.
    let approved = jobs.ours(number).await;
    site.bobs_word(number).await;
    assert_eq!(jobs.ended("pull_request_comment", 2).await, ["success"; 2], "{}", jobs.runner.log());
    let again = jobs.ours(number).await;
    assert_eq!((again.len(), &again[0]["id"]), (1, &first["id"]));
    assert_eq!(body(&again[0]), body(&approved[0]));

    site.merge(number).await.unwrap();
    assert_eq!(jobs.ended("push", 2).await, ["success"; 2], "{}", jobs.runner.log());
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"), "{}", jobs.runner.log());
    let log = jobs.runner.log();
    assert!(log.contains("File/-/note") || log.contains("File/note"), "{log}");
    for secret in [planted, "planted-word"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    let token = [("GITEA_TOKEN", site.gitea.token())];
    let shown = site.gitops_in(&token, &["audit", "show", "index.html", "--output", "json"]).await.expect(0);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let brought = &shown["entries"].as_array().unwrap().last().unwrap()["requests"][0];
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
    site.gitops_in(&token, &["audit", "verify"]).await.expect(0);
    // The merge closed the request; whatever runs for it now writes nothing on it.
    assert_eq!(jobs.ours(number).await.len(), 1);
}

/// The composite action as it is shipped, in the workflow of GitHub as far as this forge understands it: it knows neither `merge_group`
/// nor `workflow_run`, so a review counts with the next comment.
#[tokio::test]
async fn githubs_action_reviews_keeps_an_approval_and_what_was_approved_is_applied() {
    let jobs = Jobs::of(true, Jobs::ship_for_github).await;
    let site = &jobs.site;
    let (head, number, _) = jobs.first_review(&[("index.html", Some("new\n"))]).await;
    // What anybody else says starts no job that does something.
    site.comment("bob", number, "Nice.").await;
    site.bobs_word(number).await;
    assert_eq!(jobs.ended("pull_request_comment", 1).await, ["success"], "{}", jobs.runner.log());
    assert_eq!(jobs.stands(&head).await, ["plan success", "policy success"], "{}", jobs.runner.log());
    site.merge(number).await.unwrap();
    assert_eq!(jobs.ended("push", 2).await, ["success"; 2], "{}", jobs.runner.log());
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"), "{}", jobs.runner.log());
    let log = jobs.runner.log();
    assert!(!log.contains(site.gitea.token()), "the token is in {log}");
}

/// What a fork brings is read and never run: neither its copy of our job, nor one of its own.
#[tokio::test]
async fn a_forks_request_is_reviewed_by_the_job_of_the_target_branch() {
    let jobs = Jobs::new(false).await;
    let site = &jobs.site;
    site.gitea.done("dave", "POST", &format!("{SITE}/forks"), json!({})).await;
    let own =
        "on: [pull_request]\njobs: { own: { runs-on: gitops, steps: [{ run: 'touch \"$HOME/own\"' }] } }\n";
    let shipped = fs::read_to_string(site.world.path("repository/.gitea/workflows/review.yaml")).unwrap();
    let copy = shipped.replace("rm -rf base\n", "touch \"$HOME/copy\"\n");
    assert_ne!(copy, shipped);
    let contents = "/repos/dave/site/contents";
    let path = format!("{contents}/.gitea/workflows/review.yaml");
    let before = site.gitea.done("dave", "GET", &path, Value::Null).await;
    let encoded = |text: &str| STANDARD.encode(text);
    let change = json!({
        "content": encoded(&copy), "message": "Change", "new_branch": "theirs", "sha": before["sha"],
    });
    site.gitea.done("dave", "PUT", &path, change).await;
    for (path, text) in [(".gitea/workflows/own.yaml", own), ("site/more", "theirs\n")] {
        let file = json!({"content": encoded(text), "message": "Add", "branch": "theirs"});
        site.gitea.done("dave", "POST", &format!("{contents}/{path}"), file).await;
    }
    let number = site.open("dave", "dave:theirs").await;
    // The forge may tell of the pushes after it told of the request: then the job for the last one takes the place of the first.
    let ended = jobs.ended_of(&["pull_request", "pull_request_sync"], 1).await;
    assert!(ended.iter().all(|end| end == "success"), "{ended:?} {}", jobs.runner.log());
    let ours = jobs.ours(number).await;
    assert!(ours.len() == 1 && body(&ours[0]).contains("`File/more`"), "{ours:#?}");
    // The forge gives a job no secret for a comment on a fork's request: it ends red at once, and does not wait for a password.
    site.bobs_word(number).await;
    assert_eq!(jobs.ended("pull_request_comment", 1).await, ["failure"], "{}", jobs.runner.log());
    for name in ["own", "copy"] {
        assert!(!site.world.path(name).exists(), "{name} of the fork ran:\n{}", jobs.runner.log());
    }
}

#[tokio::test]
async fn two_jobs_at_once_for_one_request_write_one_comment() {
    let site = Site::new().await;
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    let (one, other) = tokio::join!(site.review(number), site.review(number));
    one.expect(0);
    other.expect(0);
    site.review(number).await.expect(0).warns("comment unchanged, 0 statuses written");
    assert_eq!(site.comments(number).await.len(), 1);
    let good = site.statuses(&head).await;
    assert!(good.contains(&"gitops/plan success".to_owned()), "{good:?}");
}

/// The commit that a queue makes of the target branch and a request, as its job finds it.
struct Queued {
    commit: String,
    event: String,
}

impl Queued {
    fn of(site: &Site, number: u64) -> Self {
        site.world.git(&["fetch", "-q", &site.url(), "main"]);
        site.world.git(&["checkout", "-q", "-B", "queue", "FETCH_HEAD"]);
        site.world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
        let commit = site.world.git(&["rev-parse", "HEAD"]).trim().to_owned();
        let branch = format!("gh-readonly-queue/main/pr-{number}-{commit}");
        site.world.git(&["push", "-q", &site.url(), &format!("HEAD:refs/heads/{branch}")]);
        site.world.git(&["checkout", "-q", "main"]);
        let event = json!({"merge_group": {
            "head_sha": commit, "head_ref": format!("refs/heads/{branch}"), "base_ref": "refs/heads/main",
        }});
        let path = site.world.path(&format!("{commit}.json"));
        fs::write(&path, event.to_string()).unwrap();
        Self { commit, event: path.display().to_string() }
    }

    /// What the job of the queue says of it.
    async fn reviewed(&self, site: &Site) -> Ran {
        let url = site.gitea.url();
        let job = [
            ("GITHUB_ACTIONS", "true"),
            ("GITEA_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", url.as_str()),
            ("GITHUB_REPOSITORY", "platform/site"),
            ("GITHUB_EVENT_PATH", &self.event),
            ("THE_TOKEN", site.gitea.token()),
        ];
        site.gitops_in(&job, &["review"]).await
    }
}

/// A commit of a merge queue is no head of a request: it gets the statuses, must have the approved effect, and is asked about nowhere.
/// Where the target branch moved meanwhile, the approval holds exactly as far as the effect does.
#[tokio::test]
async fn a_job_for_a_merge_queue_is_red_until_the_effect_is_approved() {
    let site = Site::new().await;
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n7\n8\n{last}\n");
    let main = |path: &str, text: &str| {
        site.world.commit("Main", &[(path, Some(text))]);
        site.push("main");
    };
    main("lines", &lines("1", "9"));
    site.gitops(&["apply", "--yes"]).await.expect(0);
    site.configure(&(site.forge() + GATE));
    site.commit_on("feature", &[("lines", Some(&lines("one", "9")))]);
    let number = site.open("alice", "feature").await;
    let keep =
        || site.gitops_owned(vec!["review".into(), format!("--request={number}"), "--keep-approvals".into()]);
    keep().await.expect(3);
    let queued = Queued::of(&site, number);
    let comments = site.comments(number).await;
    let refused = queued.reviewed(&site).await.expect(1);
    refused.warns("2 statuses written").warns("Refused:");
    assert_eq!(site.statuses(&queued.commit).await, ["gitops/plan success", "gitops/policy failure"]);
    site.bobs_approval(number).await;
    keep().await.expect(0);
    queued.reviewed(&site).await.expect(0).warns("1 status written");
    assert_eq!(site.comments(number).await.len(), comments.len() + 1, "nothing is said but by Bob");

    // The queue makes another commit of a branch that moved elsewhere, and one of a branch that moved where the request does.
    fs::write(site.world.path("repository/README"), "elsewhere\n").unwrap();
    site.world.commit("Elsewhere", &[]);
    site.push("main");
    let elsewhere = Queued::of(&site, number);
    elsewhere.reviewed(&site).await.expect(0).warns("2 statuses written");
    assert_eq!(site.statuses(&elsewhere.commit).await, ["gitops/plan success", "gitops/policy success"]);
    main("lines", &lines("1", "nine"));
    let moved = Queued::of(&site, number);
    moved.reviewed(&site).await.expect(1).warns("Refused:");
    assert_eq!(site.statuses(&moved.commit).await, ["gitops/plan success", "gitops/policy failure"]);
    keep().await.expect(3);
    site.bobs_approval(number).await;
    keep().await.expect(0);
    moved.reviewed(&site).await.expect(0);
    let earlier = site.statuses(&elsewhere.commit).await;
    assert_eq!(
        earlier,
        ["gitops/plan success", "gitops/policy success"],
        "it is of what is no more, and stays"
    );
}
