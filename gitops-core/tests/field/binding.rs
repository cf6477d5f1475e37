//! Whose a state is.

use std::sync::Arc;

use gitops_core::capability::Identity;
use gitops_core::*;

use super::support::{World, key, yes};

/// An engine of a renamed application.
async fn renamed(world: &World) -> Engine {
    world.builder("new").target("t", world.memory.clone()).renamed_from("test").open(&world.cx).await.unwrap()
}

fn owners(world: &World) -> Vec<String> {
    let name = |key: &Key| match world.memory.get(key).unwrap().ownership {
        Ownership::Owner(owner) => owner.split('/').next().unwrap().to_owned(),
        _ => String::new(),
    };
    world.memory.keys().iter().map(name).collect()
}

/// Two configurations of one tool in one folder: the second deleted what the first had made.
#[tokio::test]
async fn the_state_of_another_application_is_refused() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    let error = world.open("other").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOwned);
    assert!(error.help_text().unwrap().contains("--renamed-from test"), "{error:?}");
    assert_eq!(world.memory.keys(), [key("a")]);
}

struct Elsewhere;

#[async_trait]
impl Source for Elsewhere {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("elsewhere", "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new("1", ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("elsewhere", revision.clone(), vec![("a".to_owned(), "1".to_owned())])
    }
}

/// A copied configuration that named another repository pruned what the first one declared.
#[tokio::test]
async fn the_state_of_another_source_is_refused_until_somebody_says_that_it_moved() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    world.converge().await;
    let builder = || world.builder("test").target("t", world.memory.clone()).source(Arc::new(Elsewhere));
    let error = builder().open(&world.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOwned);
    assert!(error.message().contains("source `memory`"), "{error:?}");
    let mut engine = builder().rebind(true).open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.rebound[0].to_string(), "the source was `memory` and is `elsewhere`");
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    builder().open(&world.cx).await.unwrap();
    assert_eq!(world.open("test").await.unwrap_err().kind(), ErrorKind::NotOwned);
}

struct Placed(Arc<Memory>, &'static str);

#[async_trait]
impl Target for Placed {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.0.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.0.apply(cx, change).await
    }

    fn identity(&self) -> Option<&dyn Identity> {
        Some(self)
    }
}

#[async_trait]
impl Identity for Placed {
    async fn place(&self, _: &Cx) -> Result<Option<String>> {
        Ok((!self.1.is_empty()).then(|| self.1.to_owned()))
    }
}

/// A kubeconfig whose context had moved: the tool forgot what it owned in the first cluster.
#[tokio::test]
async fn another_place_of_a_target_is_refused_before_it_is_looked_at() {
    let world = World::with(&[("a", "1")]);
    let open = async |place: &'static str, memory: &Arc<Memory>, rebind: bool| {
        let target = Arc::new(Placed(memory.clone(), place));
        world.builder("test").target("t", target).rebind(rebind).open(&world.cx).await.unwrap()
    };
    open("one", &world.memory, false).await.reconcile(&world.cx).await.unwrap();
    let other = Arc::new(Memory::new());
    let mut engine = open("two", &other, false).await;
    let error = engine.plan(&world.cx).await.unwrap_err();
    assert_eq!((error.kind(), other.observed()), (ErrorKind::NotOwned, 0));
    assert_eq!(engine.reconcile(&world.cx).await.unwrap_err().kind(), ErrorKind::NotOwned);
    // A place that can't be named now stays as it was known.
    open("", &world.memory, false).await.reconcile(&world.cx).await.unwrap();
    assert!(open("two", &other, false).await.plan(&world.cx).await.is_err());
    let plan = open("two", &other, true).await.plan(&world.cx).await.unwrap();
    assert_eq!(plan.rebound.len(), 1);
    assert!(!plan.is_empty());
}

/// The person who approved could name the cluster, and the engine at work could not: what was approved was "approved", and then
/// had another effect, for ever.
#[tokio::test]
async fn an_approval_holds_for_whoever_can_not_name_the_place() {
    for recorded_by in ["", "cluster-1"] {
        let world = World::with(&[("a", "1")]);
        let wants = |proposal: &Proposal<'_>| match proposal.plan.steps.is_empty() {
            true => Verdict::Allow,
            false => Verdict::needs_approval("each", "it changes"),
        };
        let open = async |place: &'static str| {
            let target = Arc::new(Placed(world.memory.clone(), place));
            let builder = world.builder("test").target("t", target).gate(Arc::new(gate("each", 1, wants)));
            builder.open(&world.cx).await.unwrap()
        };
        let approve = async |plan: &Plan, engine: &mut Engine| {
            let bo = Approver::new("bo", Through::Review { review: "forge/17".into() });
            let approval = engine.approval_of(&world.cx, plan, bo).unwrap();
            engine.approve(&world.cx, approval).await.unwrap();
        };
        let mut first = open(recorded_by).await;
        let plan = first.plan(&world.cx).await.unwrap();
        approve(&plan, &mut first).await;
        assert!(first.reconcile(&world.cx).await.unwrap().is_converged());
        drop(first);
        world.declare(&[("a", "2"), ("b", "1")]);
        let mut person = open("cluster-1").await;
        let plan = person.plan(&world.cx).await.unwrap();
        approve(&plan, &mut person).await;
        drop(person);
        let mut at_work = open("").await;
        let plan = at_work.plan(&world.cx).await.unwrap();
        let verdict = at_work.verdict(&world.cx, &plan);
        assert!(
            !matches!(verdict, Verdict::NeedsApproval { .. }),
            "recorded by `{recorded_by}`: {verdict:?}"
        );
        assert!(at_work.reconcile(&world.cx).await.unwrap().is_converged());
    }
}

/// After a rename each apply failed, for the objects belonged to the old name.
#[tokio::test]
async fn a_renamed_application_goes_on_with_what_it_owns() {
    let world = World::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    world.converge().await;
    world.declare(&[("a", "1"), ("b", "changed")]);
    let mut engine = renamed(&world).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.rebound[0].to_string(), "the application was `test` and is `new`");
    let moves = |step: &&Step| matches!(step.reason, Reason::OwnershipMoves { .. });
    assert_eq!(plan.steps.iter().filter(moves).map(|step| step.key.clone()).collect::<Vec<_>>(), [key("a")]);
    assert_eq!(owners(&world), ["test", "test", "test"], "a plan writes nothing");
    assert!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().is_converged());
    assert_eq!(
        (world.memory.keys(), owners(&world)),
        (vec![key("a"), key("b")], vec!["new".into(), "new".into()])
    );
    let mut next = world.engine_named("new").await;
    assert!(next.plan(&world.cx).await.unwrap().is_empty(), "the next process has nothing to do");
    assert_eq!(world.open("test").await.unwrap_err().kind(), ErrorKind::NotOwned);
    let told = |entry: &AuditEntry| matches!(entry.what, AuditEvent::Rebound { .. });
    assert_eq!(world.audit.entries().iter().filter(|entry| told(entry)).count(), 1);
}

#[tokio::test]
async fn a_rename_that_was_cut_short_is_gone_on_with_and_a_delete_finds_the_old_label() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    world.converge().await;
    world.refuse("b");
    let mut engine = world.open_with(|builder| builder.renamed_from("test"), "new").await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert_eq!(owners(&world), ["new", "test"]);
    world.allow();
    world.declare(&[("a", "1")]);
    let mut next = world.engine_named("new").await;
    let plan = next.plan(&world.cx).await.unwrap();
    assert_eq!((plan.steps.len(), plan.count(Action::Delete)), (1, 1));
    next.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert_eq!(world.memory.keys(), [key("a")]);
}

#[tokio::test]
async fn a_pin_moves_along_when_the_application_is_renamed() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    assert_eq!(world.engine().await.unpin(&world.cx, "me").await.unwrap_err().kind(), ErrorKind::NotFound);
    let mut engine = renamed(&world).await;
    assert_eq!(engine.pinned(&world.cx).await.unwrap(), None);
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(world.engine_named("new").await.pinned(&world.cx).await.unwrap(), None);
}

mod folder {
    use super::*;

    struct Site {
        folder: tempfile::TempDir,
        cx: Cx,
    }

    impl Site {
        fn new() -> Self {
            let site = Self { folder: tempfile::tempdir().unwrap(), cx: Cx::system() };
            site.declare(&[("a", "1"), ("b", "2")]);
            site
        }

        fn declare(&self, files: &[(&str, &str)]) {
            let source = self.folder.path().join("source");
            let _ = std::fs::remove_dir_all(&source);
            std::fs::create_dir(&source).unwrap();
            files.iter().for_each(|(name, text)| std::fs::write(source.join(name), text).unwrap());
        }

        fn live(&self) -> std::path::PathBuf {
            self.folder.path().join("live")
        }

        fn owner_labels(&self) -> Vec<String> {
            let owner_label =
                |name: &str| std::fs::read_to_string(self.live().join(format!(".{name}.gitops"))).unwrap();
            ["a", "b"].map(owner_label).to_vec()
        }

        async fn engine(&self, name: &str, former: Option<&str>) -> Engine {
            let files = std::fs::read_dir(self.folder.path().join("source")).unwrap();
            let read = |entry: std::fs::DirEntry| {
                let name = entry.file_name().into_string().unwrap();
                (name, std::fs::read_to_string(entry.path()).unwrap())
            };
            let files = files.map(|entry| read(entry.unwrap())).collect();
            let state = StateDir::open(&self.folder.path().join("state"), &self.cx).unwrap();
            let target = Directory::open(self.live(), "dir").unwrap();
            let builder = Engine::builder(name)
                .source(Arc::new(Fixed(files)))
                .render(Arc::new(backend::directory::FileRender::new("dir")))
                .target("dir", Arc::new(target))
                .state(state);
            let builder = former.into_iter().fold(builder, EngineBuilder::renamed_from);
            builder.open(&self.cx).await.unwrap()
        }
    }

    struct Fixed(Vec<(String, String)>);

    #[async_trait]
    impl Source for Fixed {
        fn info(&self) -> SourceInfo {
            SourceInfo::new("fixed", "files")
        }

        async fn resolve(&self, _: &Cx) -> Result<Revision> {
            Ok(Revision::new(Digest::of(format!("{:?}", self.0).as_bytes()).to_string(), ""))
        }

        async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
            Snapshot::from_files("fixed", revision.clone(), self.0.clone())
        }
    }

    /// Labels beside files named an application that was gone.
    #[tokio::test]
    async fn the_marks_of_files_move_with_the_name_and_identity_and_content_stay() {
        let site = Site::new();
        site.engine("old", None).await.reconcile(&site.cx).await.unwrap();
        let before = site.owner_labels();
        site.declare(&[("a", "1"), ("b", "changed")]);
        let report = site.engine("new", Some("old")).await.reconcile(&site.cx).await.unwrap();
        assert!(report.is_converged() && report.applied() == 2, "{report:?}");
        for (before, after) in before.iter().zip(site.owner_labels()) {
            assert_eq!(*before, after.replace(r#""owner":"new/"#, r#""owner":"old/"#));
            assert_ne!(*before, after);
        }
        assert_eq!(std::fs::read_to_string(site.live().join("b")).unwrap(), "changed");
        assert!(site.engine("new", None).await.plan(&site.cx).await.unwrap().is_empty());
        site.declare(&[("b", "changed")]);
        site.engine("new", None).await.reconcile(&site.cx).await.unwrap();
        assert!(!site.live().join("a").exists() && !site.live().join(".a.gitops").exists());
    }

    /// A project's folder that was moved: all files were taken for gone.
    #[tokio::test]
    async fn another_folder_is_another_place() {
        let site = Site::new();
        site.engine("old", None).await.reconcile(&site.cx).await.unwrap();
        std::fs::rename(site.live(), site.folder.path().join("moved")).unwrap();
        std::os::unix::fs::symlink(site.folder.path().join("moved"), site.live()).unwrap();
        let error = site.engine("old", None).await.plan(&site.cx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotOwned, "{error:?}");
    }
}
