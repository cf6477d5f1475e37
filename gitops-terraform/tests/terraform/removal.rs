//! What becomes of a root that leaves the source.

use std::path::PathBuf;

use gitops_core::*;
use gitops_terraform::{Removal, TerraformRender};

use crate::support::*;

const MAIN: &str = r#"resource "terraform_data" "a" { input = 1 }"#;
const OTHER: (&str, &str) = ("other/main.tf", r#"resource "terraform_data" "b" { input = 1 }"#);

fn world(removal: Removal) -> World {
    World::new(&[("app/main.tf", MAIN), OTHER]).rendered(TerraformRender::new("tf").removal(removal))
}

#[tokio::test]
async fn it_stays_as_it_is_unless_something_else_is_asked_for() {
    let world = world(Removal::Retain);
    world.apply().await;
    world.files.declare(&[OTHER]);
    let report = world.apply().await;
    assert!(report.results.is_empty());
    assert_eq!(report.plan.orphaned, [root_key("app")]);
    assert!(world.live("app").await.unwrap().is_owned_by(world.owner().await.as_str()));
}

#[tokio::test]
async fn it_is_destroyed_by_the_plan_that_was_shown() {
    for tool in tools() {
        is_destroyed_as_shown(tool).await;
    }
}

async fn is_destroyed_as_shown(tool: PathBuf) {
    let world = world(Removal::Destroy).with_tool(tool);
    world.apply().await;
    world.files.declare(&[OTHER]);
    let plan = world.plan().await;
    assert_eq!((plan.steps.len(), plan.steps[0].action), (1, Action::Delete));
    assert_eq!(diff(&plan).len(), 1);
    assert!(diff(&plan)[0].starts_with("delete/terraform_data.a"), "{:?}", diff(&plan));
    let takes: Vec<String> = plan.steps[0].takes.iter().map(ToString::to_string).collect();
    assert_eq!(takes, ["1 × resource of this application: terraform_data.a"]);
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("app").await, None);

    world.files.declare(&[("app/main.tf", MAIN), OTHER]);
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(report.results[0].action, Action::Create, "it can come back");
}

#[tokio::test]
async fn it_is_given_up_and_its_resources_stay() {
    let world = world(Removal::Forget);
    world.apply().await;
    world.files.declare(&[OTHER]);
    let plan = world.plan().await;
    assert_eq!(diff(&plan), ["forget/terraform_data.a \"managed\" removed"]);
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("app").await, None, "it is no longer looked at");
    let states = files_below(&world.work());
    let is_state = |path: &&std::path::PathBuf| path.ends_with("app/terraform.tfstate");
    let state = std::fs::read_to_string(states.iter().find(is_state).unwrap()).unwrap();
    assert!(state.contains("terraform_data"), "the state is left as it was");
}

#[tokio::test]
async fn what_needs_a_secret_to_be_destroyed_stays_and_says_how_to_go_on() {
    let secret = Value::Secret(Secret::new("canary", &SecretKey::new([1; 32])));
    let render = TerraformRender::new("tf").removal(Removal::Destroy).variable("password", secret);
    let main = "variable \"password\" {}\nresource \"terraform_data\" \"a\" { input = var.password }\n";
    let world = World::new(&[("app/main.tf", main), OTHER]).rendered(render);
    world.apply().await;
    world.files.declare(&[OTHER]);
    let plan = world.plan().await;
    let why = plan.blocked[0].why.to_string();
    assert!(
        plan.steps.is_empty() && why.contains("secret variables password") && why.contains("`forget`"),
        "{why}"
    );
    assert!(world.live("app").await.is_some());
}

#[tokio::test]
async fn another_policy_is_a_change_that_is_shown() {
    let world = world(Removal::Destroy);
    world.apply().await;
    world.files.declare(&[("app/main.tf", MAIN), ("app/gitops.json", r#"{"removal":"retain"}"#), OTHER]);
    let plan = world.plan().await;
    assert_eq!(diff(&plan), ["removal \"destroy\" → \"retain\""]);
    assert!(world.apply().await.is_converged());
    assert!(world.apply().await.results.is_empty());
}
