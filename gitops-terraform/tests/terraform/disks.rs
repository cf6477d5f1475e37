//! States that can't be written: a disk without room, a server that takes nothing.

use std::fs;
use std::sync::Arc;

use gitops_core::*;
use gitops_terraform::{StateServer, Terraform};
use testbed::SmallDisk;

use crate::backends::Remote;
use crate::support::*;
use crate::things::*;

const LOCK: &str = "app/.terraform.lock.hcl";

/// The one thing was made once, and its root is as declared.
async fn ends_well(world: &World, things: &Things) {
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(things.with(|inner| inner.made.clone()), [("a".to_owned(), 1)].into());
    assert!(world.apply().await.results.is_empty());
    let left = files_below(&world.work());
    assert!(!left.iter().any(|path| path.ends_with("errored.tfstate")), "{left:?}");
}

/// What an apply of the plan fails with; the engine's own state is on another disk.
async fn failed(world: &World, target: &Terraform, plan: &Plan) -> String {
    let report = world.engine(target).await.apply(&world.cx, plan, &yes()).await.unwrap();
    match &report.results[0].outcome {
        StepOutcome::Unknown { error, .. } | StepOutcome::Failed { error, .. } => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_work_folder_without_room_is_told_of_before_anything_is_made() {
    let (disk, things, lock) =
        (SmallDisk::mount("4m"), Things::start().await, lock_file(&["gitops/counting"]));
    let main = things.root(&[("a", "1")]);
    let mut world =
        World::new(&[("app/main.tf", &main), (LOCK, &lock)]).built(|builder| builder.mirror(mirror()));
    world.work = Some(disk.path("work"));
    let plan = world.plan().await;
    let target = world.target();
    let ballast = disk.fill();
    let error = failed(&world, &target, &plan).await;
    assert!(error.contains("No space left on device") || error.contains("no space left"), "{error}");
    assert_eq!(things.names(), [""; 0]);
    // A program that still ends may hold on to the file, for what it may read names it: its room is free at once all the same.
    fs::write(ballast, "").unwrap();
    ends_well(&world, &things).await;
}

#[tokio::test]
async fn a_state_without_room_is_kept_and_written_when_there_is_some() {
    let (disk, things, lock) =
        (SmallDisk::mount("4m"), Things::start().await, lock_file(&["gitops/counting"]));
    let store = Arc::new(FileStore::open(disk.path("states")).unwrap());
    let server = Arc::new(StateServer::new(store));
    let main = things.root(&[("a", "1")]);
    let world = World::new(&[("app/main.tf", &main), (LOCK, &lock)])
        .built(move |builder| builder.mirror(mirror()).state_server(server.clone()));
    let plan = world.plan().await;
    things.with(|inner| inner.takes = std::time::Duration::from_secs(2));
    let (target, cx) = (world.target(), world.cx.clone());
    let mut engine = world.engine(&target).await;
    // The lock is taken while there is room; the state finds none.
    let fill = async {
        things.made(1).await;
        disk.fill()
    };
    let approval = yes();
    let (report, ballast) = tokio::join!(engine.apply(&cx, &plan, &approval), fill);
    let error = format!("{:?}", report.unwrap().results[0].outcome);
    assert!(error.contains("errored.tfstate"), "{error}");
    drop(engine);
    assert_eq!(things.names(), ["a"]);
    fs::remove_file(ballast).unwrap();
    ends_well(&world, &things).await;
}

#[tokio::test]
async fn a_state_that_no_server_takes_is_kept_and_pushed_before_anything_else() {
    let (remote, things, lock) =
        (Remote::start().await, Things::start().await, lock_file(&["gitops/counting"]));
    let backend = format!(
        "terraform {{\n  backend \"http\" {{\n    address   = \"{}\"\n    retry_max = 0\n  }}\n}}\n",
        remote.address
    );
    let main = format!("{backend}{}", things.root(&[("a", "1")]));
    let world =
        World::new(&[("app/main.tf", &main), (LOCK, &lock)]).built(|builder| builder.mirror(mirror()));
    let plan = world.plan().await;
    remote.refuse(true);
    let error = failed(&world, &world.target(), &plan).await;
    assert!(error.contains("it is kept in") && error.contains("errored.tfstate"), "{error}");
    let blocked = world.plan().await;
    let why = blocked.blocked[0].why.to_string();
    assert!(why.contains("errored.tfstate") && why.contains("pushed before anything else is done"), "{why}");
    assert!(blocked.steps.is_empty(), "nothing is planned from a state that is behind: {:?}", blocked.steps);
    remote.refuse(false);
    ends_well(&world, &things).await;
}
