//! Commands in comments on a forge in memory, with a real repository and an engine at work.

mod ahead;
mod ails;
mod away;
mod beside;
mod confirmed;
mod expired;
mod held_back;
mod merged;
mod moved_back;
mod others;
mod outcome;
mod promotion;
mod queue;
mod refused;
mod renamed;
mod same_time;
mod stands;
mod superseded;
mod taken_back;
mod unapplied;
mod unshown;
mod windows;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use gitops_app::review::OnForge;
use gitops_app::session::{Access, Session};
use gitops_app::{Backends, Clusters};
use gitops_core::{
    Clock, EngineStatus, ErrorKind, HealthStatus, MemoryStore, Phase, Revision, Supervisor, System, Time,
};
use gitops_forge::{
    Branch, CommentQuery, CommentWrite, CommitId, DeploymentState, MemoryForge, Permission, Reaction,
    RepositoryPath, StatusState,
};
use tempfile::TempDir;

use super::outcome::telling_of;
use super::*;

const OURS: &str = "platform/site";

struct World {
    folder: TempDir,
    forge: MemoryForge,
    alice: MemoryForge,
    bob: MemoryForge,
    cx: Cx,
    board: Board,
    store: Arc<MemoryStore>,
    told: Arc<Mutex<Vec<ServerEvent>>>,
}

impl World {
    async fn new() -> Self {
        Self::with("").await
    }

    /// The same with more in the configuration.
    async fn with(more: &str) -> Self {
        let world = Self::begun(more);
        world.work().await;
        world
    }

    /// The same with rules that came when the first commit was applied.
    async fn with_rules(rules: &str) -> Self {
        let world = Self::begun("");
        let applications = world.applications();
        let session = Session::builder(&applications.all[0]).access(Access::Write).open(&world.cx);
        session.await.unwrap().engine.reconcile(&world.cx).await.unwrap();
        world.configure(rules);
        world.work().await;
        world
    }

    /// A repository with one commit, which nobody applied yet.
    fn begun(more: &str) -> Self {
        let forge = MemoryForge::new(OURS, "gitops");
        let person = |login, permission| forge.acting_as(&forge.join(login, permission));
        let (alice, bob) = (person("alice", Permission::Write), person("bob", Permission::Write));
        let world = Self {
            folder: TempDir::new().unwrap(),
            forge,
            alice,
            bob,
            cx: Cx::system(),
            board: Board::default(),
            store: Arc::default(),
            told: Arc::default(),
        };
        fs::create_dir(world.path("repository")).unwrap();
        world.git(&["init", "-q", "-b", "main", "."]);
        world.commit("one");
        world.configure(more);
        world
    }

    fn configure(&self, more: &str) {
        let text = "name: site\nsource: { git: { url: ./repository, ref: { branch: main }, path: site } }\n\
                    target: { directory: { root: ./live } }\nsync: { interval: 1s }\n";
        fs::write(self.path("gitops.yaml"), format!("{text}{more}")).unwrap();
    }

    /// Has an engine keep each application, and waits until it did.
    async fn work(&self) {
        let supervisor = Supervisor::new(2);
        let mut statuses = Vec::new();
        for config in &self.applications().all {
            let check = OnForge::opened(config, Arc::new(self.forge.clone()), ForgeKind::Gitea);
            let session =
                Session::builder(config).access(Access::Write).approval_check(Some(Arc::new(check)));
            let session = session.open(&self.cx).await.unwrap();
            let handle = supervisor.add(session.engine, &[], Duration::from_secs(1)).unwrap();
            self.board.open(&config.name, handle.clone());
            statuses.push(handle.status());
        }
        let cx = self.cx.clone();
        tokio::spawn(async move { supervisor.run(&cx).await });
        for mut status in statuses {
            status.wait_for(|status| status.complete.is_some()).await.unwrap();
        }
    }

    fn applications(&self) -> Applications {
        Applications::load(&self.path("gitops.yaml"), &Backends::new()).unwrap()
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

    fn commit(&self, text: &str) -> CommitId {
        fs::create_dir_all(self.path("repository/site")).unwrap();
        fs::write(self.path("repository/site/page"), text).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", text]);
        let commit = CommitId::parse(&self.git(&["rev-parse", "HEAD"])).unwrap();
        self.alice.made(commit.clone());
        commit
    }

    /// A request of the branch `feature`, of this repository or of a fork.
    fn propose(&self, text: &str, repository: &str) -> u64 {
        self.git(&["checkout", "-q", "-B", "feature"]);
        let head = self.commit(text);
        self.git(&["checkout", "-q", "main"]);
        let path = |path: &str| Some(RepositoryPath::parse(path).unwrap());
        let base = CommitId::parse(&self.git(&["rev-parse", "main"])).unwrap();
        let base = Branch::new("main", base, path(OURS));
        let head = Branch::new("feature", head, path(repository));
        self.alice.propose_between(&self.cx, "A request", head, base).number
    }

    fn reviews(&self) -> Reviews {
        self.reviews_with(self.store.clone())
    }

    fn reviews_with(&self, store: Arc<MemoryStore>) -> Reviews {
        self.reviews_as("gitops memory", store)
    }

    fn reviews_under(&self, context: &str) -> Reviews {
        self.reviews_as(context, self.store.clone())
    }

    fn reviews_as(&self, context: &str, store: Arc<MemoryStore>) -> Reviews {
        self.reviews_of(&self.applications(), context, store)
    }

    fn reviews_of(&self, applications: &Applications, context: &str, store: Arc<dyn StateStore>) -> Reviews {
        let told = self.told.clone();
        let tools = Tools {
            board: self.board.clone(),
            metrics: Arc::new(Metrics::new(self.cx.clone())),
            events: Arc::new(move |event: &ServerEvent| told.lock().unwrap().push(event.clone())),
            store,
            every: Duration::from_secs(3600),
            plans: None,
            warm: Arc::new(Warm::new(&self.cx, Clusters::new())),
        };
        let chosen = applications.all.clone();
        Reviews::on(Arc::new(self.forge.clone()), ForgeKind::Gitea, context, applications, chosen, tools)
    }

    async fn says(&self, who: &MemoryForge, number: u64, text: &str) -> String {
        self.says_at(&self.cx, who, number, text).await
    }

    async fn says_at(&self, cx: &Cx, who: &MemoryForge, number: u64, text: &str) -> String {
        let write = CommentWrite::Create { body: text.to_owned() };
        who.write_comment(cx, number, &write).await.unwrap().unwrap().id.to_string()
    }

    /// What the server did since this was asked last.
    fn told(&self) -> Vec<ServerEvent> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// The answers to commands since this was asked last: by whom, whether it was done, and the text.
    fn answers(&self) -> Vec<(String, bool, String)> {
        let answer = |event| match event {
            ServerEvent::Commanded { by, done, answer, .. } => Some((by, done, answer)),
            _ => None,
        };
        self.told().into_iter().filter_map(answer).collect()
    }

    async fn ours(&self, number: u64, marker: &str) -> Vec<String> {
        let found = self.forge.comments(&self.cx, number, &CommentQuery::default()).await.unwrap();
        let ours = found.into_iter().filter(|comment| comment.author.is(self.forge.account()));
        ours.map(|comment| comment.body).filter(|body| body.contains(marker)).collect()
    }
}

fn emojis(world: &World, comment: &str) -> Vec<Reaction> {
    world.forge.reactions_of(comment).into_iter().map(|(_, reaction)| reaction).collect()
}

#[tokio::test]
async fn a_command_is_carried_out_once_for_who_may_give_it() {
    let world = World::new().await;
    let number = world.propose("two", OURS);
    let (reader, robot) =
        (world.forge.join("dave", Permission::Read), world.forge.join_bot("robot", Permission::Admin));
    let denied = world.says(&world.forge.acting_as(&reader), number, "/plan").await;
    world.says(&world.forge.acting_as(&robot), number, "/plan").await;
    let wrong = world.says(&world.bob, number, "/gitops plam").await;
    let plan = world.says(&world.bob, number, "> /apply\n\nPlease:\n/plan").await;
    let reviews = world.reviews();
    reviews.0.look(&world.cx, number).await;
    let answers = world.answers();
    let by: Vec<_> = answers.iter().map(|(by, done, _)| (by.as_str(), *done)).collect();
    assert_eq!(by, [("dave", false), ("robot", false), ("bob", false)]);
    assert!(
        answers[2].2.contains("did you mean `plan`?") && answers[2].2.contains("`/why OBJECT`"),
        "{answers:?}"
    );
    assert_eq!(emojis(&world, &denied), [Reaction::Eyes, Reaction::ThumbsDown]);
    assert_eq!(emojis(&world, &plan), [Reaction::Eyes], "it is seen at once, and answered by the review");
    reviews.0.review(&world.cx, number).await;
    assert_eq!(world.answers(), [("bob".to_owned(), true, "planned: ready".to_owned())]);
    assert_eq!(emojis(&world, &plan), [Reaction::Eyes, Reaction::ThumbsUp]);
    assert_eq!(emojis(&world, &wrong), [Reaction::Eyes, Reaction::ThumbsDown]);

    let writes = world.forge.writes();
    // Again, after a restart, and after a restart without what was remembered.
    for reviews in [reviews, world.reviews(), world.reviews_with(Arc::default())] {
        reviews.0.look(&world.cx, number).await;
        reviews.0.review(&world.cx, number).await;
    }
    assert_eq!((world.answers(), world.forge.writes()), (vec![], writes));
    assert_eq!(
        (world.ours(number, "answers/").await.len(), world.ours(number, "review/").await.len()),
        (1, 1)
    );
}

/// Met where a server was killed while it wrote: the forge carried that out after the next one had looked, and written its own.
#[tokio::test]
async fn of_two_comments_of_servers_that_followed_each_other_one_stays() {
    let world = World::new().await;
    let number = world.propose("two", OURS);
    world.says(&world.bob, number, "/why page").await;
    let reviews = world.reviews();
    reviews.0.look(&world.cx, number).await;
    reviews.0.review(&world.cx, number).await;
    let late = async || {
        for marker in ["answers/", "review/"] {
            let body = world.ours(number, marker).await.remove(0);
            world.forge.write_comment(&world.cx, number, &CommentWrite::Create { body }).await.unwrap();
        }
    };
    let count =
        async || [world.ours(number, "answers/").await.len(), world.ours(number, "review/").await.len()];
    late().await;
    assert_eq!(count().await, [2, 2]);
    reviews.0.look(&world.cx, number).await;
    assert_eq!(count().await, [1, 1], "whoever looks at the comments sees it");
    late().await;
    world.forge.close(number).unwrap();
    world.reviews().0.review(&world.cx, number).await;
    assert_eq!(count().await, [1, 1], "the last who looks is who sees that the request is over");
    world.cx.cancel();
}

#[tokio::test]
async fn a_command_that_was_edited_or_is_old_is_not_carried_out() {
    let world = World::new().await;
    let number = world.propose("two", OURS);
    let id = world.says(&world.bob, number, "/plan").await;
    let later = later(Duration::from_secs(10));
    let edit = CommentWrite::Edit { id: id.into(), body: "/rollback site".to_owned() };
    world.bob.write_comment(&later, number, &edit).await.unwrap();
    let reviews = world.reviews();
    reviews.0.look(&world.cx, number).await;
    assert!(world.answers()[0].2.contains("was edited"));
    world.says(&world.bob, number, "/why page").await;
    reviews.0.look(&self::later(Duration::from_secs(25 * 3600)), number).await;
    assert_eq!(world.answers(), []);
    reviews.0.look(&world.cx, number).await;
    let answers = world.answers();
    assert!(answers[0].2.contains("declared in page"), "{answers:?}");
}

#[tokio::test]
async fn who_may_write_vouches_for_a_forks_head_that_was_there_to_be_read() {
    let world = World::new().await;
    let number = world.propose("two", "mallory/site");
    let reviews = world.reviews();
    reviews.0.look(&world.cx, number).await;
    world.says(&world.bob, number, "/plan").await;
    reviews.0.look(&world.cx, number).await;
    assert!(world.answers()[0].2.contains("less than a minute before"));
    let later = later(Duration::from_secs(120));
    world.says_at(&later, &world.bob, number, "/plan").await;
    reviews.0.look(&later, number).await;
    let page = reviews.0.memory.page(&world.cx, number).await.unwrap();
    assert!(page.vouched.is_some() && page.vouched == page.head.map(|head| head.commit));
    // Another push: nobody vouches for that.
    world.git(&["checkout", "-q", "feature"]);
    let head = world.commit("three");
    world.git(&["checkout", "-q", "main"]);
    world.alice.push_commit(&world.cx, number, head).unwrap();
    reviews.0.review(&world.cx, number).await;
    assert_eq!(reviews.0.memory.page(&world.cx, number).await.unwrap().vouched, None);
}

#[tokio::test]
async fn a_rollback_goes_where_the_branch_has_been_and_nowhere_else() {
    let world = World::new().await;
    let first = world.git(&["rev-parse", "main"]);
    world.commit("two");
    let handle = world.board.handle("site").unwrap();
    let second = world.git(&["rev-parse", "main"]);
    let is_live = |commit: &str| {
        let (handle, commit) = (handle.clone(), commit.to_owned());
        async move {
            let live = |status: &Arc<EngineStatus>| {
                status.complete.as_ref().is_some_and(|complete| complete.revision.id() == commit)
            };
            handle.status().wait_for(live).await.map(drop).unwrap();
        }
    };
    is_live(&second).await;
    let number = world.propose("evil", OURS);
    let evil = world.git(&["rev-parse", "feature"]);
    let reviews = world.reviews();
    world.says(&world.bob, number, &format!("/rollback site {evil}\n/rollback other\n/rollback site")).await;
    reviews.0.look(&world.cx, number).await;
    let answers = world.answers();
    assert!(
        !answers[0].1 && answers[0].2.contains("only a revision that the branch went through"),
        "{answers:?}"
    );
    assert!(!answers[1].1 && answers[1].2.contains("no application of this repository is called `other`"));
    assert!(answers[2].1 && answers[2].2.contains("is pinned to"), "{answers:?}");
    is_live(&first).await;
    let pinned = handle.status().borrow().pinned.clone().unwrap();
    assert!(pinned.by.starts_with("bob (gitea platform/site#"), "{pinned:?}");
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one");
    world.cx.cancel();
}

/// A context whose clock is ahead.
fn later(by: Duration) -> Cx {
    Cx::new(Arc::new(Ahead(by)), Arc::new(System))
}

struct Ahead(Duration);

#[gitops_core::async_trait]
impl Clock for Ahead {
    fn now(&self) -> Time {
        System.now().after(self.0)
    }

    async fn wait_until(&self, time: Time) {
        let micros = i64::try_from(self.0.as_micros()).unwrap();
        System.wait_until(Time::from_micros(time.as_micros() - micros)).await;
    }
}
