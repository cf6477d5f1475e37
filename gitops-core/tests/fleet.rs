//! Many applications: their order, and what a failed one keeps from going on.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use gitops_core::*;
use support::World;

async fn named(world: &World, name: &str) -> Engine {
    world.engine_named(name).await
}

#[tokio::test]
async fn a_failed_application_blocks_those_that_need_it_and_no_other() {
    let (base, app, other) =
        (World::with(&[("a", "1")]), World::with(&[("b", "2")]), World::with(&[("c", "3")]));
    base.refuse("a");
    let fleet = Fleet::new()
        .application(named(&app, "app").await, &["base"])
        .application(named(&base, "base").await, &[])
        .application(named(&other, "other").await, &[]);
    let outcomes = fleet.pass(&Cx::system()).await.unwrap();
    assert!(matches!(&outcomes["base"], FleetOutcome::Passed(report) if report.failed() == 1));
    assert!(matches!(&outcomes["app"], FleetOutcome::Blocked { by } if by == "base"));
    assert!(outcomes["other"].is_converged());
    assert!(app.memory.keys().is_empty());
    base.allow();
    let outcomes = fleet.pass(&Cx::system()).await.unwrap();
    assert!(outcomes.values().all(FleetOutcome::is_converged));
    assert_eq!(app.memory.keys().len(), 1);
}

#[tokio::test]
async fn a_fleet_whose_needs_can_not_be_met_is_refused() {
    let world = World::with(&[("a", "1")]);
    let fleet = Fleet::new().application(named(&world, "app").await, &["nowhere"]);
    insta::assert_snapshot!(fleet.pass(&Cx::system()).await.unwrap_err(), @"the application `app` needs `nowhere`, which is not in the fleet");
    let fleet = Fleet::new()
        .application(named(&world, "x").await, &["y"])
        .application(named(&world, "y").await, &["x"]);
    insta::assert_snapshot!(fleet.pass(&Cx::system()).await.unwrap_err(), @"these objects need each other in a circle: fleet:Application/-/x → fleet:Application/-/y → fleet:Application/-/x");
    assert!(world.memory.keys().is_empty());
}

#[tokio::test]
async fn one_at_a_time_still_reaches_all() {
    let worlds: Vec<World> = (0..20).map(|_| World::with(&[("a", "1")])).collect();
    let mut fleet = Fleet::new().concurrency(1);
    for (index, world) in worlds.iter().enumerate() {
        fleet = fleet.application(named(world, &format!("app{index:02}")).await, &[]);
    }
    assert!(fleet.pass(&Cx::system()).await.unwrap().values().all(FleetOutcome::is_converged));
    assert!(worlds.iter().all(|world| world.memory.writes() == 1));
}
