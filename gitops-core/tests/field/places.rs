//! A file that becomes a folder of the same name, and back (met with a configuration that was split into parts).

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gitops_core::backend::directory::FileRender;
use gitops_core::*;

use crate::support::{World, yes};

async fn over(world: &World, root: &Path) -> Engine {
    let target = Directory::open(root, "dir").unwrap();
    let builder = world.builder("test").render(Arc::new(FileRender::new("dir")));
    builder.target("dir", Arc::new(target)).open(&world.cx).await.unwrap()
}

async fn plan_and_apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap()
}

fn read(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path)).ok()
}

#[tokio::test]
async fn a_file_becomes_a_folder_and_a_folder_a_file_in_one_apply() {
    let (world, root) = (World::with(&[("conf", "all"), ("other", "1")]), tempfile::tempdir().unwrap());
    let root = root.path();
    let mut engine = over(&world, root).await;
    plan_and_apply(&world, &mut engine).await;
    world.declare(&[("conf/a", "1"), ("conf/deep/b", "2"), ("other", "1")]);
    let report = plan_and_apply(&world, &mut engine).await;
    assert!(report.is_converged() && report.results.len() == 3, "{report:?}");
    let found = (read(root, "conf/a"), read(root, "conf/deep/b"));
    assert_eq!(found, (Some("1".to_owned()), Some("2".to_owned())));
    assert!(engine.reconcile(&world.cx).await.unwrap().plan.steps.is_empty());
    drop(engine);
    world.declare(&[("conf", "all"), ("other", "1")]);
    let mut later = over(&world, root).await;
    assert!(plan_and_apply(&world, &mut later).await.is_converged());
    assert_eq!(read(root, "conf").as_deref(), Some("all"));
    assert!(over(&world, root).await.plan(&world.cx).await.unwrap().steps.is_empty());
}

#[tokio::test]
async fn a_folder_that_holds_what_is_not_ours_stays_and_the_plan_says_why() {
    let (world, root) = (World::with(&[("conf/a", "1")]), tempfile::tempdir().unwrap());
    let root = root.path();
    let mut engine = over(&world, root).await;
    plan_and_apply(&world, &mut engine).await;
    fs::write(root.join("conf/theirs"), "theirs").unwrap();
    world.declare(&[("conf", "all")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let why = plan.blocked[0].why.to_string();
    assert!(why.contains("`conf` is a folder that holds `conf/a`, `conf/theirs`; move that away"), "{why}");
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert_eq!(read(root, "conf/theirs").as_deref(), Some("theirs"));
    assert_eq!(
        read(root, "conf/a").as_deref(),
        Some("1"),
        "what left stays while what may be the same can't be made"
    );
    fs::remove_file(root.join("conf/theirs")).unwrap();
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    assert_eq!(read(root, "conf").as_deref(), Some("all"));
}

#[tokio::test]
async fn what_needed_the_file_and_needs_what_takes_its_place_does_not_stop_the_change() {
    let world = World::with(&[("conf", "all"), ("user", "needs: conf")]);
    let root = tempfile::tempdir().unwrap();
    let render = |part: &Part<'_>| {
        let bytes = part.bytes()?;
        let key = |name: &str| Key::new("dir", backend::directory::file_kind(), "", name);
        let object = Object::new(
            key(part.path()),
            backend::directory::file_body(bytes.clone(), false),
            part.provenance(0),
        );
        let need = std::str::from_utf8(&bytes).unwrap().strip_prefix("needs: ").map(key);
        Ok(vec![need.into_iter().fold(object, |object, need| object.with_need(Need::Object(need)))])
    };
    let open = || {
        let target = Directory::open(root.path(), "dir").unwrap();
        let builder = world.builder("test").render(Arc::new(render_files("needs 1", render)));
        builder.target("dir", Arc::new(target)).open(&world.cx)
    };
    plan_and_apply(&world, &mut open().await.unwrap()).await;
    world.declare(&[("conf/a", "1"), ("user", "needs: conf/a")]);
    let report = plan_and_apply(&world, &mut open().await.unwrap()).await;
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(read(root.path(), "user").as_deref(), Some("needs: conf/a"));
}
