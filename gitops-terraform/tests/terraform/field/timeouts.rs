//! An apply takes as long as what it makes.

use std::path::PathBuf;
use std::time::Duration;

use gitops_core::Target;

use crate::support::*;
use crate::things::*;

const LOCK: &str = "app/.terraform.lock.hcl";

/// Databases and clusters were cut off at ten minutes, tainted, and replaced by the next apply (cloud providers).
#[tokio::test]
async fn an_apply_is_not_cut_off_by_the_limit_of_an_ordinary_call() {
    for tool in tools() {
        is_not_cut_off(tool).await;
    }
}

async fn is_not_cut_off(tool: PathBuf) {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let mut world = World::new(&[("app/main.tf", &things.root(&[("a", "1")])), (LOCK, &lock)])
        .with_tool(tool)
        .built(|builder| builder.mirror(mirror()));
    let plan = world.plan().await;
    things.with(|inner| inner.takes = Duration::from_secs(4));
    world.call_timeout = Duration::from_secs(2);
    let target = world.target();
    let mut engine = world.engine(&target).await;
    let (cx, approval) = (world.cx.clone(), yes());
    let apply = engine.apply(&cx, &plan, &approval);
    let seen = async {
        things.made(1).await;
        target.progress().unwrap().at(&world.cx, &root_key("app"))
    };
    let (report, at) = tokio::join!(apply, seen);
    assert!(report.unwrap().is_converged());
    assert_eq!(at.as_deref(), Some("create of counting_thing.a under way"));
    assert_eq!(target.progress().unwrap().at(&world.cx, &root_key("app")), None, "it is over");
    assert_eq!(things.names(), ["a"]);
    drop(engine);
    assert!(world.apply().await.results.is_empty(), "the next process finds nothing to replace");
}

/// The cap is known to whoever waits.
#[tokio::test]
async fn the_limits_of_a_target_are_its_own() {
    let world = World::new(&[]);
    let info = world.target().info();
    assert_eq!(info.apply_timeout, Some(Duration::from_secs(24 * 3600)));
    let world = world.built(|builder| {
        builder.plan_timeout(Duration::from_secs(60)).apply_timeout(Duration::from_secs(120))
    });
    let info = world.target().info();
    assert_eq!(
        (info.preview_timeout, info.apply_timeout),
        (Some(Duration::from_secs(60)), Some(Duration::from_secs(120)))
    );
}
