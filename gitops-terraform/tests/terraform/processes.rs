//! How many processes of the tool a change costs.

use gitops_core::Reason;
use gitops_terraform::Terraform;

use crate::backends::{self, Remote};
use crate::support::*;
use crate::things::*;

const LOCK: &str = "app/.terraform.lock.hcl";

fn main(input: u8) -> String {
    format!("resource \"terraform_data\" \"a\" {{ input = {input} }}\n")
}

/// The processes that a declaration costs, of a target that was at work before.
async fn cost(world: &World, target: &Terraform, files: &[(&str, &str)]) -> u64 {
    world.files.declare(files);
    let before = target.processes();
    let report = converge(&world.cx, &mut world.engine(target).await).await;
    assert!(report.is_converged() && !report.results.is_empty(), "{report:?}");
    target.processes() - before
}

#[tokio::test]
async fn a_change_costs_a_plan_a_look_at_it_and_an_apply() {
    let world = World::new(&[("app/main.tf", &main(1))]);
    world.apply().await;
    let target = world.target();
    assert_eq!(cost(&world, &target, &[("app/main.tf", &main(2))]).await, 3);
    assert_eq!(cost(&world, &target, &[("app/main.tf", &main(3)), ("app/more.tf", "locals {}\n")]).await, 3);
}

#[tokio::test]
async fn a_change_of_nothing_costs_a_plan() {
    let world = World::new(&[("app/main.tf", &main(1))]);
    world.apply().await;
    let target = world.target();
    world.files.declare(&[("app/main.tf", &format!("# a word\n{}", main(1)))]);
    assert!(converge(&world.cx, &mut world.engine(&target).await).await.results.is_empty());
    assert_eq!(target.processes(), 1);
    assert_eq!(target.drift(&world.cx, &root_key("app")).await.unwrap(), Some(Vec::new()));
    assert_eq!(target.processes(), 2, "nor does a look for drift that finds none");
}

#[tokio::test]
async fn a_module_that_is_new_is_installed_when_the_tool_asks_for_it() {
    let world = World::new(&[("app/main.tf", &main(1))]);
    world.apply().await;
    let target = world.target();
    let call = format!("{}module \"m\" {{\n  source = \"../modules/m\"\n}}\n", main(1));
    let files = [("app/main.tf", call.as_str()), ("modules/m/main.tf", &main(1))];
    assert_eq!(cost(&world, &target, &files).await, 5, "a plan in vain, and the initialisation");
    let moved = call.replace("modules/m", "modules/n");
    let files = [("app/main.tf", moved.as_str()), ("modules/n/main.tf", &main(2))];
    assert_eq!(cost(&world, &target, &files).await, 5);
}

#[tokio::test]
async fn a_provider_that_is_new_is_installed_before_the_plan() {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let world = World::new(&[("app/main.tf", &main(1))]).built(|builder| builder.mirror(mirror()));
    world.apply().await;
    let (target, one, two) =
        (world.target(), things.root(&[("a", "1")]), things.root(&[("a", "1"), ("b", "1")]));
    assert_eq!(cost(&world, &target, &[("app/main.tf", &one), (LOCK, &lock)]).await, 4);
    assert_eq!(cost(&world, &target, &[("app/main.tf", &two), (LOCK, &lock)]).await, 3);
    assert_eq!(things.names(), ["a", "b"]);
}

#[tokio::test]
async fn a_state_elsewhere_is_asked_for_before_each_decision_and_after_the_apply() {
    let remote = Remote::start().await;
    let world = World::new(&[("app/main.tf", &backends::root(&remote.address, 1))]);
    world.apply().await;
    let target = world.target();
    // By the look at what is there, by the plan, by the check of it before the apply, and around the apply itself.
    let pulls = 1 + 1 + 1 + 2;
    let root = backends::root(&remote.address, 2);
    assert_eq!(cost(&world, &target, &[("app/main.tf", &root)]).await, 3 + pulls);
}

#[tokio::test]
async fn a_state_is_not_moved_to_a_backend_that_is_declared_later() {
    let (first, second) = (Remote::start().await, Remote::start().await);
    let world = World::new(&[("app/main.tf", &backends::root(&first.address, 1))]);
    assert!(world.apply().await.is_converged());
    world.files.declare(&[("app/main.tf", &backends::root(&second.address, 1))]);
    let plan = world.plan().await;
    let words = "the state of the backend http stays, with 1 resource; the backend http begins empty";
    assert_eq!(plan.steps[0].reason, Reason::CannotChangeInPlace { why: words.to_owned() });
    assert!(!second.holds_a_state());
    assert!(world.apply().await.is_converged());
    assert!(first.holds_a_state() && second.holds_a_state(), "what was there is left alone");
}
