//! What only a person can find out has a way to be said.

use std::path::PathBuf;

use crate::support::*;

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
