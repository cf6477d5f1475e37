//! Adoption ends with the declared content (met with a directory and with objects of a cluster that were there before).

use std::fs;
use std::sync::Arc;

use gitops_core::backend::directory::FileRender;
use gitops_core::capability::{DryRun, Import, Preview};
use gitops_core::*;

use crate::support::{Shared, World, body, for_polls, key, owned, yes};

fn adopting(files: &[(&str, &str)]) -> World {
    World::with(files).options(Options::default().adopt(true))
}

async fn plan_and_apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap()
}

async fn over_directory(world: &World, root: &std::path::Path) -> Engine {
    let target = Directory::open(root, "dir").unwrap();
    let builder = world.builder("test").render(Arc::new(FileRender::new("dir")));
    builder.target("dir", Arc::new(target)).open(&world.cx).await.unwrap()
}

async fn over(world: &World, target: Arc<dyn Target>) -> Engine {
    world.builder("test").target("t", target).open(&world.cx).await.unwrap()
}

#[tokio::test]
async fn a_file_that_is_adopted_has_the_declared_content_in_the_same_apply() {
    let (world, root) = (adopting(&[("a", "new")]), tempfile::tempdir().unwrap());
    fs::write(root.path().join("a"), "old").unwrap();
    let mut engine = over_directory(&world, root.path()).await;
    let report = plan_and_apply(&world, &mut engine).await;
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(fs::read_to_string(root.path().join("a")).unwrap(), "new");
    assert_eq!(engine.reconcile(&world.cx).await.unwrap().plan.steps, [], "the next pass has nothing to do");
    drop(engine);
    let mut later = over_directory(&world, root.path()).await;
    let plan = later.plan(&world.cx).await.unwrap();
    assert_eq!((plan.steps.len(), plan.blocked.len(), plan.unchanged), (0, 0, 1), "nor has the next process");
}

#[tokio::test]
async fn an_object_in_memory_that_is_adopted_is_as_declared_and_only_ours() {
    let world = adopting(&[("a", "new")]);
    world.memory.edit(&key("a"), Some(body("old")));
    let mut engine = over(&world, world.memory.clone()).await;
    assert!(plan_and_apply(&world, &mut engine).await.is_converged());
    assert_eq!(world.memory.get(&key("a")).unwrap().body, body("new"));
    assert!(engine.reconcile(&world.cx).await.unwrap().plan.steps.is_empty());
    let second = adopting(&[("a", "other")]);
    let target = second.builder("second").target("t", world.memory.clone());
    let plan = target.open(&second.cx).await.unwrap().plan(&second.cx).await.unwrap();
    assert!(matches!(plan.blocked[0].why, BlockedBecause::OwnedByOther { .. }), "{:?}", plan.blocked);
}

#[tokio::test]
async fn an_object_that_is_equal_already_is_marked_and_not_written() {
    let world = adopting(&[("a", "same")]);
    world.memory.edit(&key("a"), Some(body("same")));
    let mut engine = over(&world, world.memory.clone()).await;
    assert!(plan_and_apply(&world, &mut engine).await.is_converged());
    assert_eq!(world.memory.writes(), 0);
    assert!(over(&world, world.memory.clone()).await.plan(&world.cx).await.unwrap().steps.is_empty());
}

/// Labels what it is told to adopt, refuses updates as long as it is told to, and previews more than at first once asked to.
struct Stubborn {
    memory: Arc<Memory>,
    refuses: bool,
    surprises: bool,
}

#[async_trait]
impl Target for Stubborn {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        match self.refuses {
            true => Err(Error::new(ErrorKind::Forbidden, "refused for the test")),
            false => self.memory.apply(cx, change).await,
        }
    }

    fn import(&self) -> Option<&dyn Import> {
        self.memory.import()
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        self.surprises.then_some(self)
    }
}

#[async_trait]
impl DryRun for Stubborn {
    async fn preview(
        &self,
        _: &Cx,
        _: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        let (object, live) = (object.unwrap(), live.unwrap());
        let diff = Structural::default().diff(&object.body, &live.body);
        let more = FieldChange::new("/more", Some("a".into()), None);
        let is_ours = live.ownership != Ownership::Unlabelled;
        let diff = diff.fields().iter().cloned().chain(is_ours.then_some(more)).collect();
        Ok(Preview::new(diff, Digest::of(live.version.as_str().as_bytes())))
    }
}

#[tokio::test]
async fn an_object_that_was_marked_and_could_not_be_changed_is_not_taken_for_equal() {
    let world = adopting(&[("a", "new")]);
    world.memory.edit(&key("a"), Some(body("old")));
    let stubborn = |refuses| Arc::new(Stubborn { memory: world.memory.clone(), refuses, surprises: false });
    let mut engine = over(&world, stubborn(true)).await;
    let report = plan_and_apply(&world, &mut engine).await;
    assert!(matches!(report.results[0].outcome, StepOutcome::Failed { .. }), "{report:?}");
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps[0].reason, Reason::Differs { fields: 1 }, "it is ours now, and differs");
    assert!(!plan.steps[0].left_otherwise, "nobody wrote what is declared yet");
    drop(engine);
    assert!(plan_and_apply(&world, &mut over(&world, stubborn(false)).await).await.is_converged());
    assert_eq!(world.memory.get(&key("a")).unwrap().body, body("new"));
}

#[tokio::test]
async fn no_field_is_written_to_an_adopted_object_that_the_plan_did_not_show() {
    let world = adopting(&[("a", "new")]);
    world.memory.edit(&key("a"), Some(body("old")));
    let target = Arc::new(Stubborn { memory: world.memory.clone(), refuses: false, surprises: true });
    let mut engine = over(&world, target).await;
    let report = plan_and_apply(&world, &mut engine).await;
    let StepOutcome::Failed { error, .. } = &report.results[0].outcome else { panic!("{report:?}") };
    assert!(error.contains("/more"), "{error}");
    assert_eq!(world.memory.get(&key("a")).unwrap().body, body("old"));
    let shown = engine.plan(&world.cx).await.unwrap();
    assert_eq!(shown.steps[0].diff.fields().len(), 2, "the next plan shows it");
    assert!(plan_and_apply(&world, &mut engine).await.is_converged());
}

/// One engine's life over a target that lets others' objects be taken over.
async fn adopt(world: &World) -> Result<Report> {
    let mut engine = world.builder("test").target("t", world.memory.clone()).open(&world.cx).await?;
    let plan = engine.plan(&world.cx).await?;
    engine.apply(&world.cx, &plan, &yes()).await
}

/// What is taken over carries our label before anybody wrote down that it is ours.
#[tokio::test]
async fn an_adoption_that_is_dropped_anywhere_is_known_on_another_machine() {
    for polls in 1.. {
        let world = World::with(&[("x", "ours")]).sharing(&Shared::new());
        let world = world.options(Options::default().adopt(true));
        world.memory.edit(&key("x"), Some(body("theirs")));
        let through = Box::pin(for_polls(polls, adopt(&world))).await.is_some();
        let (other, when) = (world.other_machine().recovering(), format!("after {polls} polls"));
        let engine = other.builder("test").target("t", other.memory.clone()).open(&other.cx).await.unwrap();
        let ours = world.memory.get(&key("x")).unwrap().is_owned_by(engine.inventory().owner());
        let known = engine.inventory().entries().contains(&key("x")) || engine.inventory().is_open(&key("x"));
        assert!(known || !ours, "{when}");
        drop(engine);
        assert!(adopt(&other).await.unwrap().is_converged(), "{when}");
        assert_eq!(world.contents(), [owned(("x", "ours"))], "{when}");
        if through {
            assert!(polls > 10, "only {polls} points were tried");
            return;
        }
    }
}
