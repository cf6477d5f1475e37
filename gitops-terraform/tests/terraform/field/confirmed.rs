//! What only a person can find out has a way to be said.

use std::path::PathBuf;

use gitops_terraform::{Removal, TerraformRender};

use crate::support::*;
use crate::things::*;

const MAIN: &str = "resource \"terraform_data\" \"a\" { input = 1 }\n";

/// A state was lost for good, and the root stood still for ever (disks, buckets).
#[tokio::test]
async fn a_state_that_is_gone_for_good_can_be_called_absent() {
    for tool in tools() {
        is_called_absent(tool).await;
    }
}

async fn is_called_absent(tool: PathBuf) {
    let world = World::new(&[("app/main.tf", MAIN)]).with_tool(tool);
    assert!(world.apply().await.is_converged());
    let refused = world.target().confirm_state_absent(&world.cx, &root_key("app"), "ann").await;
    assert!(refused.unwrap_err().to_string().contains("the state is there, with 1 resources"));
    std::fs::remove_file(world.root_folder().join("tree/app/terraform.tfstate")).unwrap();
    assert!(world.plan().await.blocked[0].why.to_string().contains("is gone"));
    world.target().confirm_state_absent(&world.cx, &root_key("app"), "ann").await.unwrap();
    assert!(world.apply().await.is_converged());
    assert!(world.plan().await.is_empty());
}

/// A state was restored from a backup (an older serial), or made by hand before the root was given to us.
#[tokio::test]
async fn a_line_of_states_can_be_called_the_roots_own() {
    for tool in tools() {
        is_called_its_own(tool).await;
    }
}

async fn is_called_its_own(tool: PathBuf) {
    let world = World::new(&[("app/main.tf", MAIN)]).with_tool(tool);
    assert!(world.apply().await.is_converged());
    let path = world.root_folder().join("tree/app/terraform.tfstate");
    let old = std::fs::read_to_string(&path).unwrap();
    world.files.declare(&[("app/main.tf", &MAIN.replace('1', "2"))]);
    assert!(world.apply().await.is_converged());
    std::fs::write(&path, &old).unwrap();
    let why = world.plan().await.blocked[0].why.to_string();
    assert!(why.contains("went back"), "{why}");
    let state: serde_json::Value = serde_json::from_str(&old).unwrap();
    let lineage = state["lineage"].as_str().unwrap();
    world.target().confirm_state(&world.cx, &root_key("app"), lineage, "ann").await.unwrap();
    assert!(world.apply().await.is_converged());
    assert!(world.plan().await.is_empty());
}

/// A provider died while it made something, and then the root was removed: what may exist was left behind, and all was well (tidying up
/// after a failure).
#[tokio::test]
async fn a_root_with_a_resource_in_doubt_does_not_go_without_a_word_of_it() {
    for tool in tools() {
        for removal in [Removal::Destroy, Removal::Forget] {
            does_not_go_without_a_word(tool.clone(), removal).await;
        }
    }
}

async fn does_not_go_without_a_word(tool: PathBuf, removal: Removal) {
    const LOCK: &str = "app/.terraform.lock.hcl";
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let (one, both) = (things.root(&[("a", "1")]), things.root(&[("a", "1"), ("b", "1")]));
    let keeper = ("keeper/main.tf", MAIN);
    let world = World::new(&[keeper, ("app/main.tf", &one), (LOCK, &lock)])
        .with_tool(tool)
        .rendered(TerraformRender::new("tf").removal(removal))
        .built(|builder| builder.mirror(mirror()));
    assert!(world.apply().await.is_converged());
    things.with(|inner| inner.deadly.insert("b".into()));
    world.files.declare(&[keeper, ("app/main.tf", &both), (LOCK, &lock)]);
    assert!(!world.apply().await.is_converged());
    things.with(|inner| inner.deadly.clear());
    let is_held = async |said: &str| {
        world.files.declare(&[keeper]);
        for _process in 0..2 {
            let report = world.apply().await;
            let why = report.plan.blocked.first().map(|blocked| blocked.why.to_string()).unwrap_or_default();
            assert!(report.results.is_empty() && why.contains(said), "{removal:?}: {report:?}");
            assert_eq!(things.names(), ["a", "b"]);
        }
    };
    is_held("counting_thing.b may have been created").await;
    let id = things.with(|inner| inner.things.values().find(|thing| thing.name == "b").unwrap().id.clone());
    world.target().confirm_exists(&world.cx, &root_key("app"), "counting_thing.b", &id, "ann").await.unwrap();
    is_held("counting_thing.b was created").await;
    if removal == Removal::Forget {
        // It is removed where it is, and a person says so.
        things.with(|inner| inner.things.retain(|_, thing| thing.name != "b"));
        world.target().confirm(&world.cx, &root_key("app"), "counting_thing.b", "ann").await.unwrap();
    } else {
        // The root comes back for as long as it takes to import it.
        world.files.declare(&[keeper, ("app/main.tf", &both), (LOCK, &lock)]);
        assert!(world.apply().await.is_converged());
        assert_eq!(things.names(), ["a", "b"]);
    }
    world.files.declare(&[keeper]);
    assert!(world.apply().await.is_converged());
    let left: &[&str] = if removal == Removal::Forget { &["a"] } else { &[] };
    assert_eq!(things.names(), left, "{removal:?}");
    assert!(world.plan().await.is_empty());
}
