//! Requests on a forge: one comment and two statuses, and nothing written where nothing changed.
// Long because one request is followed from its opening to what comes of it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "requests/health.rs"]
mod health;
#[path = "requests/jobs.rs"]
mod jobs;
#[path = "requests/same_head.rs"]
mod same_head;
#[path = "requests/several.rs"]
mod several;
#[path = "requests/warm.rs"]
mod warm;
#[path = "requests/who.rs"]
mod who;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use gitops_app::Backends;
use gitops_app::config::{Applications, ForgeKind};
use gitops_app::review::{Asked, Reviewed, Sides, Told};
use gitops_app::session::{Access, Session};
use gitops_core::review::Outcome;
use gitops_core::{ApplyOptions, Approval, Cx, ErrorKind, Event, EventSink, Report, Result};
use gitops_forge::{
    Branch, ChangeRequest, CommentQuery, CommentWrite, CommitId, Failure, Forge, MemoryForge, Permission,
    RepositoryPath, ReviewState, StatusState,
};
use tempfile::TempDir;

/// A repository with one application, and a forge in memory with a request of its branch `feature`.
struct World {
    folder: TempDir,
    forge: MemoryForge,
    author: MemoryForge,
    cx: Cx,
}

impl World {
    fn new() -> Self {
        let forge = MemoryForge::new("platform/site", "gitops");
        let author = forge.acting_as(&forge.join("alice", Permission::Write));
        let world = Self { folder: TempDir::new().unwrap(), forge, author, cx: Cx::system() };
        fs::create_dir(world.path("repository")).unwrap();
        world.git(&["init", "-q", "-b", "main", "."]);
        world.commit(&[("page", "one\n")]);
        world.configure("");
        world
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "name: site\nsource: {{ git: {{ url: ./repository, ref: {{ branch: main }}, path: site }} }}\n\
             target: {{ directory: {{ root: ./live }} }}\n{more}"
        );
        fs::write(self.path("gitops.yaml"), text).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.current_dir(self.path("repository")).args(arguments);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Alice")
                .env(format!("GIT_{role}_EMAIL"), "alice@example.org");
        }
        let output = git.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, files: &[(&str, &str)]) -> CommitId {
        for (name, text) in files {
            let path = self.path("repository/site").join(name);
            fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "Change"]);
        CommitId::parse(&self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// Commits on the branch `feature`.
    fn on_feature(&self, files: &[(&str, &str)]) -> CommitId {
        self.git(&["checkout", "-q", "-B", "feature"]);
        let head = self.commit(files);
        self.git(&["checkout", "-q", "main"]);
        head
    }

    fn propose(&self, head: CommitId, repository: &str) -> ChangeRequest {
        let path = |path: &str| Some(RepositoryPath::parse(path).unwrap());
        let base = CommitId::parse(&self.git(&["rev-parse", "main"])).unwrap();
        let base = Branch::new("main", base, path(OURS));
        let head = Branch::new("feature", head, path(repository));
        self.author.propose_between(&self.cx, "A request", head, base)
    }

    async fn told(&self, number: u64) -> Result<Told> {
        self.told_by(number, |asked| asked).await
    }

    async fn told_by(&self, number: u64, more: impl Fn(Asked) -> Asked) -> Result<Told> {
        let applications = Applications::load(&self.path("gitops.yaml"), &Backends::new())?;
        let asked = Asked::new(Arc::new(self.forge.clone()), ForgeKind::Gitea, number, "gitops");
        let chosen: Vec<_> = applications.all.iter().collect();
        let events: Arc<dyn EventSink> = Arc::new(|_: &Event| {});
        let document = |_: &Sides, _: &Reviewed| String::new();
        more(asked).review(&self.cx, &applications, &chosen, &events, document).await
    }

    /// Applies what `main` declares, as far as the gates let it.
    async fn apply(&self) -> Result<Report> {
        let applications = Applications::load(&self.path("gitops.yaml"), &Backends::new())?;
        let session = Session::builder(&applications.all[0]).access(Access::Write);
        let mut session = session.open(&self.cx).await?;
        let plan = session.engine.plan(&self.cx).await?;
        session.engine.apply(&self.cx, &plan, &ApplyOptions::by("alice")).await
    }

    /// The approvals that are stored.
    async fn stored(&self) -> Vec<Approval> {
        let applications = Applications::load(&self.path("gitops.yaml"), &Backends::new()).unwrap();
        let session = Session::builder(&applications.all[0]).open(&self.cx).await.unwrap();
        session.engine.inventory().approvals().iter().cloned().collect()
    }

    async fn says(&self, who: &MemoryForge, number: u64, text: &str) {
        let write = CommentWrite::Create { body: text.to_owned() };
        who.write_comment(&self.cx, number, &write).await.unwrap();
    }

    async fn comments(&self, number: u64) -> Vec<String> {
        let found = self.forge.comments(&self.cx, number, &CommentQuery::default()).await.unwrap();
        found.into_iter().map(|comment| comment.body).collect()
    }

    async fn statuses(&self, commit: &CommitId) -> Vec<(String, StatusState, String)> {
        let found = self.forge.statuses(&self.cx, commit).await.unwrap();
        found.into_iter().map(|status| (status.context, status.state, status.description)).collect()
    }
}

const OURS: &str = "platform/site";

#[tokio::test]
async fn a_push_costs_three_writes_and_a_run_without_news_none() {
    let world = World::new();
    let head = world.on_feature(&[("page", "two\n")]);
    let number = world.propose(head.clone(), OURS).number;
    let told = world.told(number).await.unwrap();
    assert_eq!((told.wrote_comment, told.statuses, world.forge.writes()), (true, 2, 3));
    assert_eq!(
        world.statuses(&head).await,
        [
            (
                "gitops/plan".into(),
                StatusState::Success,
                "0 to create, 1 to update, 0 to replace, 0 to delete".into()
            ),
            ("gitops/policy".into(), StatusState::Success, "nothing is against it".into()),
        ]
    );
    let first = world.comments(number).await;
    world.told(number).await.unwrap();
    assert_eq!((world.forge.writes(), world.comments(number).await), (3, first.clone()));
    // Another push edits the one comment, and its commit gets statuses of its own.
    let head = world.on_feature(&[("page", "three\n"), ("more", "m\n")]);
    world.forge.push_commit(&world.cx, number, head.clone()).unwrap();
    world.told(number).await.unwrap();
    let second = world.comments(number).await;
    assert_eq!((second.len(), world.forge.writes()), (1, 6));
    assert_ne!(first, second);
    assert_eq!(world.statuses(&head).await.len(), 2);
}

#[tokio::test]
async fn a_comment_whose_answer_is_lost_or_late_is_there_once() {
    let world = World::new();
    for failure in [Failure::LoseAnswer, Failure::LoseRequest, Failure::Patience(0)] {
        let number = world.propose(world.on_feature(&[("page", "two\n")]), OURS).number;
        world.forge.fail_next_write(failure);
        world.told(number).await.unwrap();
        assert_eq!(world.comments(number).await.len(), 1, "{failure:?}");
    }
}

#[tokio::test]
async fn a_request_that_changes_nothing_gets_statuses_and_no_comment_unless_one_says_otherwise() {
    let world = World::new();
    let number = world.propose(world.on_feature(&[]), OURS).number;
    let told = world.told(number).await.unwrap();
    assert_eq!((told.wrote_comment, told.statuses, world.forge.writes()), (false, 2, 2));
    let head = world.on_feature(&[("page", "two\n")]);
    world.forge.push_commit(&world.cx, number, head).unwrap();
    world.told(number).await.unwrap();
    let head = world.on_feature(&[("page", "one\n")]);
    world.forge.push_commit(&world.cx, number, head).unwrap();
    world.told(number).await.unwrap();
    let comments = world.comments(number).await;
    assert!(comments.len() == 1 && comments[0].contains("## GitOps: no changes"), "{comments:?}");
}

#[tokio::test]
async fn a_conflict_and_a_gate_are_said_in_the_statuses() {
    let world = World::new();
    let head = world.on_feature(&[("page", "two\n")]);
    let number = world.propose(head.clone(), OURS).number;
    world.configure(
        "gates: [{ name: none, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n",
    );
    world.told(number).await.unwrap();
    let policy = world.statuses(&head).await.remove(1);
    assert_eq!(policy, ("gitops/policy".into(), StatusState::Pending, "needs an approval: none: ask".into()));
    world.commit(&[("page", "other\n")]);
    let told = world.told(number).await.unwrap();
    assert!(told.reviewed.failed[0].is_conflict);
    let states: Vec<_> =
        world.statuses(&head).await.into_iter().map(|(_, state, text)| (state, text)).collect();
    assert_eq!(
        states,
        [
            (StatusState::Failure, "the merge has conflicts".to_owned()),
            (StatusState::Failure, "there is no plan to judge".to_owned()),
        ]
    );
    assert!(world.comments(number).await[0].contains("site/page"));
}

#[tokio::test]
async fn a_run_that_is_late_writes_nothing() {
    let world = World::new();
    let number = world.propose(world.on_feature(&[("page", "two\n")]), OURS).number;
    world.author.close(number).unwrap();
    let error = world.told(number).await.unwrap_err();
    assert_eq!((error.kind(), world.forge.writes()), (ErrorKind::Stale, 0));
}

#[tokio::test]
async fn a_request_that_is_not_there_is_named() {
    let world = World::new();
    let error = world.told(999).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("there is no request 999 in `platform/site`"), "{error}");
}

#[tokio::test]
async fn a_forks_request_runs_no_program() {
    let world = World::new();
    let text = fs::read_to_string(world.path("gitops.yaml")).unwrap();
    let roots = text.replace("directory: { root: ./live }", "terraform: { binary: /nowhere/tofu }");
    fs::write(world.path("gitops.yaml"), roots).unwrap();
    let head = world.on_feature(&[("main.tf", "")]);
    let number = world.propose(head.clone(), "mallory/site").number;
    let told = world.told(number).await.unwrap();
    let message = &told.reviewed.review.failures[0].message;
    assert!(message.contains("the request is untrusted, and a plan runs `/nowhere/tofu`"), "{message}");
    assert_eq!(world.statuses(&head).await[0].1, StatusState::Failure);
}

/// A dry run runs the webhooks of a cluster on what a stranger wrote.
#[tokio::test]
async fn no_cluster_is_asked_about_a_forks_request() {
    let world = World::new();
    let text = fs::read_to_string(world.path("gitops.yaml")).unwrap();
    let cluster = text.replace("directory: { root: ./live }", "kubernetes: { kubeconfig: ./kubeconfig }");
    fs::write(world.path("gitops.yaml"), cluster).unwrap();
    // Nobody listens there.
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
        clusters: [{ name: c, cluster: { server: \"https://127.0.0.1:1\" } }]\n\
        users: [{ name: u, user: { username: u, password: p } }]\n\
        contexts: [{ name: c, context: { cluster: c, user: u } }]\n";
    fs::write(world.path("kubeconfig"), kubeconfig).unwrap();
    let map = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: web, namespace: shop }}\ndata: {{ size: '{value}' }}\n"
        )
    };
    world.commit(&[("page", ""), ("web.yaml", &map("1"))]);
    world.git(&["rm", "-q", "site/page"]);
    world.commit(&[]);
    let head = world.on_feature(&[("web.yaml", &map("2"))]);
    let number = world.propose(head, "mallory/site").number;
    let told = world.told(number).await.unwrap();
    assert!(told.reviewed.failed.is_empty(), "{:?}", told.reviewed.failed);
    let part = &told.reviewed.review.parts[0];
    let shown: Vec<_> =
        part.items.iter().map(|item| format!("{} {}", item.step.action, item.step.key.name())).collect();
    assert_eq!((shown, part.looked_at_target), (vec!["update web".to_owned()], false));
    let comment = &world.comments(number).await[0];
    assert!(comment.contains("no cluster is asked about it: Git is compared with Git"), "{comment}");
}

const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

/// A world that was applied, whose gate wants an approval; a request with a change; and Bob, who may push.
async fn asking() -> (World, u64, MemoryForge) {
    let world = World::new();
    world.apply().await.unwrap();
    world.configure(GATE);
    let bob = world.forge.acting_as(&world.forge.join("bob", Permission::Write));
    let number = world.propose(world.on_feature(&[("page", "two\n")]), OURS).number;
    (world, number, bob)
}

async fn effect(world: &World, number: u64) -> String {
    let told = world.told(number).await.unwrap();
    assert_eq!(told.reviewed.review.outcome(), Outcome::NeedsApproval);
    told.reviewed.review.effect().name()
}

#[tokio::test]
async fn what_a_reviewer_approved_is_applied_after_the_merge_and_nothing_else() {
    let (world, number, bob) = asking().await;
    let approve = format!("Good.\n/approve {}\n", effect(&world, number).await);
    // The author's own word, and that of somebody who may not push, do not count.
    let stranger = world.forge.acting_as(&world.forge.join("dave", Permission::Read));
    for who in [&world.author, &stranger] {
        world.says(who, number, &approve).await;
    }
    let told = world.told_by(number, Asked::keeping_approvals).await.unwrap();
    assert_eq!((told.reviewed.review.outcome(), told.approved.len()), (Outcome::NeedsApproval, 0));
    world.says(&bob, number, &approve).await;
    let told = world.told(number).await.unwrap();
    assert_eq!(
        (told.reviewed.review.outcome(), told.approved.len()),
        (Outcome::Approved, 0),
        "nobody asked to keep it"
    );
    let told = world.told_by(number, Asked::keeping_approvals).await.unwrap();
    assert_eq!(told.approved, ["site"]);
    let again = world.told_by(number, Asked::keeping_approvals).await.unwrap();
    let outcome = again.reviewed.review.outcome();
    assert_eq!((outcome, again.approved.len()), (Outcome::Approved, 0), "it is stored");
    assert_eq!(
        (again.wrote_comment, again.statuses),
        (false, 0),
        "the same facts are told in the same words"
    );
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    world.apply().await.unwrap();
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "two\n");
    // It is spent: the next change asks again.
    world.commit(&[("page", "three\n")]);
    assert_eq!(world.apply().await.unwrap_err().kind(), ErrorKind::NeedsApproval);
}

/// The approval is stored, and the reviewer thinks again before the merge.
#[tokio::test]
async fn a_stored_approval_that_its_reviewer_takes_back_is_void() {
    let (world, number, bob) = asking().await;
    world.says(&bob, number, &format!("/approve {}", effect(&world, number).await)).await;
    let told = world.told_by(number, Asked::keeping_approvals).await.unwrap();
    assert_eq!(told.approved, ["site"]);
    bob.review(&world.cx, number, ReviewState::ChangesRequested).unwrap();
    // A review that stores nothing takes nothing back, and says the same.
    let told = world.told(number).await.unwrap();
    assert_eq!((told.reviewed.review.outcome(), world.stored().await.len()), (Outcome::NeedsApproval, 1));
    for _ in 0..2 {
        let told = world.told_by(number, Asked::keeping_approvals).await.unwrap();
        assert_eq!((told.reviewed.review.outcome(), told.approved.len()), (Outcome::NeedsApproval, 0));
    }
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    assert_eq!(world.apply().await.unwrap_err().kind(), ErrorKind::NeedsApproval);
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one\n");
}

#[tokio::test]
async fn an_approval_ends_with_its_effect_and_who_pushed_can_not_approve() {
    let (world, number, bob) = asking().await;
    world.says(&bob, number, &format!("/approve {}", effect(&world, number).await)).await;
    let told = world.told_by(number, Asked::keeping_approvals).await.unwrap();
    assert_eq!(told.approved, ["site"]);
    let head = world.on_feature(&[("page", "another\n")]);
    bob.push_commit(&world.cx, number, head).unwrap();
    let approve = format!("/approve {}", effect(&world, number).await);
    world.says(&bob, number, &approve).await;
    let told = world.told_by(number, Asked::keeping_approvals).await.unwrap();
    assert_eq!((told.reviewed.review.outcome(), told.approved.len()), (Outcome::NeedsApproval, 0));
    let comments = world.comments(number).await;
    assert!(
        comments[0].contains("somebody who made a commit of the request can't approve it"),
        "{}",
        comments[0]
    );
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    assert_eq!(world.apply().await.unwrap_err().kind(), ErrorKind::NeedsApproval);
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one\n");
}

#[tokio::test]
async fn a_review_that_comes_as_soon_as_the_comment_is_asked_for_again() {
    let (world, number, bob) = asking().await;
    effect(&world, number).await;
    bob.review(&world.cx, number, ReviewState::Approved).unwrap();
    let told = world.told_by(number, Asked::keeping_approvals).await.unwrap();
    assert_eq!((told.reviewed.review.outcome(), told.approved.len()), (Outcome::NeedsApproval, 0));
    let comments = world.comments(number).await;
    assert!(
        comments[0].contains("the effect changed less than a minute before it was given"),
        "{}",
        comments[0]
    );
    let writes = world.forge.writes();
    world.told_by(number, Asked::keeping_approvals).await.unwrap();
    assert_eq!(world.forge.writes(), writes, "nothing changed");
}
