//! What is kept beside objects goes with them, also where others deleted these (met with files that an operator removed by hand).

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gitops_core::backend::directory::FileRender;
use gitops_core::capability::Remains;
use gitops_core::*;

use crate::support::{World, yes};

async fn over(world: &World, name: &str, root: &Path) -> Engine {
    let target = Directory::open(root, "dir").unwrap();
    let builder = world.builder(name).render(Arc::new(FileRender::new("dir")));
    builder.target("dir", Arc::new(target)).open(&world.cx).await.unwrap()
}

async fn plan_and_apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap()
}

/// The names below the root, folders by the side of what they hold.
fn names(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            names.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            folders.extend(path.is_dir().then_some(path));
        }
    }
    names.sort();
    names
}

#[tokio::test]
async fn a_file_that_others_deleted_and_that_left_the_source_leaves_nothing_behind() {
    let (world, root) = (World::with(&[("a", "1"), ("deep/b", "1")]), tempfile::tempdir().unwrap());
    let root = root.path();
    let mut engine = over(&world, "test", root).await;
    plan_and_apply(&world, &mut engine).await;
    fs::remove_file(root.join("deep/b")).unwrap();
    world.declare(&[("a", "1")]);
    engine.plan(&world.cx).await.unwrap();
    assert!(root.join("deep/.b.gitops").exists(), "a plan writes nothing");
    assert!(plan_and_apply(&world, &mut engine).await.plan.steps.is_empty());
    assert_eq!(names(root), [".a.gitops", "a"]);

    fs::create_dir(root.join("deep")).unwrap();
    fs::write(root.join("deep/b"), "theirs").unwrap();
    world.declare(&[("a", "1"), ("deep/b", "2")]);
    drop(engine);
    let another = World::with(&[("deep/b", "3")]);
    for (world, name) in [(&world, "test"), (&another, "another")] {
        let mut later = over(world, name, root).await;
        let report = plan_and_apply(world, &mut later).await;
        assert!(report.plan.blocked.iter().any(|blocked| blocked.key.name() == "deep/b"), "{report:?}");
        assert_eq!(fs::read_to_string(root.join("deep/b")).unwrap(), "theirs");
    }
}

#[tokio::test]
async fn a_file_that_was_put_there_before_its_label_went_is_nobodys() {
    let (world, root) = (World::with(&[("a", "1"), ("b", "1")]), tempfile::tempdir().unwrap());
    let root = root.path();
    let mut engine = over(&world, "test", root).await;
    plan_and_apply(&world, &mut engine).await;
    let target = Directory::open(root, "dir").unwrap();
    let key = Key::new("dir", backend::directory::file_kind(), "", "b");
    let live = target.observe(&world.cx, &Scope::from_iter([key.clone()])).await.unwrap();
    fs::write(root.join("b"), "theirs").unwrap();
    let power = target.remains().unwrap();
    power.clear(&world.cx, &[(key.clone(), Uid::new("another incarnation"))]).await.unwrap();
    assert!(root.join(".b.gitops").exists(), "that of another incarnation stays");
    power.clear(&world.cx, &[(key, live[0].uid.clone())]).await.unwrap();
    assert_eq!(names(root), [".a.gitops", "a", "b"]);
    assert_eq!(fs::read_to_string(root.join("b")).unwrap(), "theirs");
}

/// A folder whose owner labels can't be removed for a while.
struct Stuck {
    inner: Directory,
    is_stuck: AtomicBool,
}

#[async_trait]
impl Target for Stuck {
    fn info(&self) -> TargetInfo {
        self.inner.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.inner.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.inner.apply(cx, change).await
    }

    fn remains(&self) -> Option<&dyn Remains> {
        Some(self)
    }
}

#[async_trait]
impl Remains for Stuck {
    async fn clear(&self, cx: &Cx, gone: &[(Key, Uid)]) -> Result<()> {
        match self.is_stuck.load(Relaxed) {
            true => Err(Error::new(ErrorKind::Storage, "the disk is read-only")),
            false => self.inner.clear(cx, gone).await,
        }
    }
}

#[tokio::test]
async fn what_can_not_be_put_away_is_not_forgotten_and_holds_up_nothing_else() {
    let (world, root) = (World::with(&[("a", "1"), ("b", "1"), ("c", "1")]), tempfile::tempdir().unwrap());
    let root = root.path();
    let inner = Directory::open(root, "dir").unwrap();
    let target = Arc::new(Stuck { inner, is_stuck: AtomicBool::new(true) });
    let builder = world.without_render("test").render(Arc::new(FileRender::new("dir")));
    let mut engine = builder.target("dir", target.clone()).open(&world.cx).await.unwrap();
    plan_and_apply(&world, &mut engine).await;
    fs::remove_file(root.join("b")).unwrap();
    world.declare(&[("a", "2"), ("c", "1")]);
    plan_and_apply(&world, &mut engine).await;
    assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "2");
    assert_eq!(engine.inventory().entries().len(), 3, "it is still known");
    let said = |event: &Event| matches!(event, Event::Failed { key, error, .. } if key.name() == "b" && error.contains("read-only"));
    assert!(world.events().iter().any(said), "{:?}", world.events());
    target.is_stuck.store(false, Relaxed);
    plan_and_apply(&world, &mut engine).await;
    assert_eq!((engine.inventory().entries().len(), names(root).len()), (2, 4));
}
