//! What left the source and was made anew by hand, with our owner label on it: a person applied an old manifest once more.

use std::fs;
use std::sync::Arc;

use gitops_core::backend::directory::FileRender;
use gitops_core::*;

use crate::support::{World, yes};

async fn engine(world: &World, root: &std::path::Path) -> Engine {
    let target = Arc::new(Directory::open(root, "dir").unwrap());
    let builder = world.without_render("test").render(Arc::new(FileRender::new("dir")));
    builder.target("dir", target).open(&world.cx).await.unwrap()
}

#[tokio::test]
async fn what_was_made_anew_with_our_label_stays_and_is_told_of() {
    let (world, root) = (World::with(&[("a", "1"), ("b", "1")]), tempfile::tempdir().unwrap());
    let mut first = engine(&world, root.path()).await;
    assert!(first.reconcile(&world.cx).await.unwrap().is_converged());
    let label = fs::read_to_string(root.path().join(".a.gitops")).unwrap();
    let uid = first.inventory().entries().iter().next().unwrap().1.uid.clone().unwrap();
    let other = label.replace(uid.as_str(), "by-hand");
    assert_ne!(label, other);
    world.declare(&[("b", "1")]);
    fs::remove_file(root.path().join("a")).unwrap();
    fs::write(root.path().join("a"), "old").unwrap();
    fs::write(root.path().join(".a.gitops"), other).unwrap();
    drop(first);
    for _ in 0..2 {
        let mut engine = engine(&world, root.path()).await;
        let plan = engine.plan(&world.cx).await.unwrap();
        let why: Vec<_> = plan.orphaned_because.values().copied().collect();
        assert_eq!((why, plan.steps.len()), (vec![OrphanedBecause::MadeAnew], 0), "{plan:?}");
        engine.apply(&world.cx, &plan, &yes()).await.unwrap();
        assert_eq!(fs::read_to_string(root.path().join("a")).unwrap(), "old", "it is not deleted");
    }
    // Declared again it is ours again, and made what is declared.
    world.declare(&[("a", "2"), ("b", "1")]);
    let mut again = engine(&world, root.path()).await;
    assert!(again.reconcile(&world.cx).await.unwrap().is_converged());
    assert_eq!(fs::read_to_string(root.path().join("a")).unwrap(), "2");
    // And then it can be deleted: there is a record of it.
    world.declare(&[("b", "1")]);
    again.reconcile(&world.cx).await.unwrap();
    assert!(!root.path().join("a").exists());
    assert!(again.plan(&world.cx).await.unwrap().orphaned.is_empty());
}
