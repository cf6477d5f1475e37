//! What is changed behind the tool's back.

use gitops_core::capability::{MovedObjects, Watch as _};
use gitops_core::*;
use gitops_terraform::{Terraform, TerraformRender};

use crate::support::*;
use crate::things::*;

async fn world() -> (World, Things) {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let world =
        World::new(&[("app/main.tf", &things.root(&[("a", "1")])), ("app/.terraform.lock.hcl", &lock)]);
    let world = world.built(|builder| builder.mirror(mirror()));
    assert!(world.apply().await.is_converged());
    (world, things)
}

fn edit(things: &Things, value: &str) {
    things.with(|inner| inner.things.values_mut().for_each(|thing| value.clone_into(&mut thing.value)));
}

#[tokio::test]
async fn it_is_found_told_apart_from_a_change_of_ours_and_corrected() {
    let (world, things) = world().await;
    edit(&things, "theirs");
    let target = world.target();
    assert!(world.plan().await.steps.is_empty(), "nobody asked the provider yet");
    let drift = target.drift(&world.cx, &root_key("app")).await.unwrap().unwrap();
    assert_eq!(drift.iter().map(|change| change.address.as_str()).collect::<Vec<_>>(), ["counting_thing.a"]);
    let plan = world.plan().await;
    assert_eq!(plan.steps[0].cause, Cause::Drift);
    assert_eq!(diff(&plan), ["update/counting_thing.a/value \"theirs\" → \"1\""]);
    assert!(world.apply().await.is_converged());
    assert_eq!(things.with(|inner| inner.things.values().next().unwrap().value.clone()), "1");
    assert_eq!(target.drift(&world.cx, &root_key("app")).await.unwrap(), Some(Vec::new()));
    assert!(world.plan().await.steps.is_empty());
}

#[tokio::test]
async fn it_is_only_reported_if_the_policy_says_so() {
    let (mut world, things) = world().await;
    world.options = Options::default().drift(DriftPolicy::Report);
    edit(&things, "theirs");
    world.target().drift(&world.cx, &root_key("app")).await.unwrap();
    let report = world.apply().await;
    assert!(report.results.is_empty());
    assert_eq!(report.plan.drift.len(), 1);
    assert_eq!(things.with(|inner| inner.things.values().next().unwrap().value.clone()), "theirs");
}

#[tokio::test]
async fn what_somebody_removed_is_made_again() {
    let (world, things) = world().await;
    things.with(|inner| inner.things.clear());
    world.target().drift(&world.cx, &root_key("app")).await.unwrap();
    let plan = world.plan().await;
    assert!(diff(&plan)[0].starts_with("create/counting_thing.a"), "{:?}", diff(&plan));
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), ["a"]);
}

#[tokio::test]
async fn a_watch_tells_which_root_drifted() {
    let (world, things) = world().await;
    let target = Terraform::builder(tofu(), world.work())
        .mirror(mirror())
        .drift_every(std::time::Duration::from_secs(3600))
        .open(&world.cx)
        .unwrap();
    let mut engine = world.engine(&target).await;
    engine.plan(&world.cx).await.unwrap();
    edit(&things, "theirs");
    assert_eq!(target.moved(&hasty()).await.unwrap(), MovedObjects::Keys(vec![root_key("app")]));
}

#[tokio::test]
async fn a_root_that_was_never_applied_has_no_drift_to_tell() {
    let world = World::new(&[("app/main.tf", "")]).rendered(TerraformRender::new("tf"));
    let error = world.target().drift(&world.cx, &root_key("app")).await.unwrap_err();
    assert!(error.is_not_found());
}
