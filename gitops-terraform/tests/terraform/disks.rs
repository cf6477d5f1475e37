//! States that can't be written: a disk without room, a server that takes nothing.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use gitops_core::*;
use gitops_terraform::{StateServer, Terraform};
use testbed::SmallDisk;
use tokio::sync::Notify;

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

/// A root of one thing whose state no server takes, applied once; and the error of that.
/// A world whose state is kept by a server.
async fn kept_by_a_server() -> (World, Remote, Things) {
    let (remote, things, lock) =
        (Remote::start().await, Things::start().await, lock_file(&["gitops/counting"]));
    let backend = format!(
        "terraform {{\n  backend \"http\" {{\n    address   = \"{}\"\n    retry_max = 0\n  }}\n}}\n",
        remote.address
    );
    let main = format!("{backend}{}", things.root(&[("a", "1")]));
    let world =
        World::new(&[("app/main.tf", &main), (LOCK, &lock)]).built(|builder| builder.mirror(mirror()));
    (world, remote, things)
}

/// The same after an apply whose state the server did not take.
async fn refused() -> (World, Remote, Things, String) {
    let (world, remote, things) = kept_by_a_server().await;
    let plan = world.plan().await;
    remote.refuse(true);
    let error = failed(&world, &world.target(), &plan).await;
    (world, remote, things, error)
}

#[tokio::test]
async fn a_state_that_no_server_takes_is_kept_and_pushed_before_anything_else() {
    let (world, remote, things, error) = refused().await;
    assert!(error.contains("it is kept in") && error.contains("errored.tfstate"), "{error}");
    let blocked = world.plan().await;
    let why = blocked.blocked[0].why.to_string();
    assert!(why.contains("errored.tfstate") && why.contains("pushed before anything else is done"), "{why}");
    assert!(blocked.steps.is_empty(), "nothing is planned from a state that is behind: {:?}", blocked.steps);
    remote.refuse(false);
    ends_well(&world, &things).await;
}

/// What a person is told of the resources in doubt, by their addresses.
async fn in_doubt(world: &World) -> Vec<String> {
    let plan = world.plan().await;
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    let said = plan.blocked[0].why.to_string();
    let words = said.split(' ').filter(|word| word.starts_with("counting_thing."));
    words.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_report_and_a_state_that_a_full_disk_cut_leave_everything_in_doubt_that_may_have_been_made() {
    let (disk, things, lock) =
        (SmallDisk::mount("4m"), Things::start().await, lock_file(&["gitops/counting"]));
    let server = {
        let path = disk.path("states");
        move || Arc::new(StateServer::new(Arc::new(FileStore::open(&path).unwrap())))
    };
    let first = things.root(&[("a", "1")]);
    let mut world = World::new(&[("app/main.tf", &first), (LOCK, &lock)])
        .built(move |builder| builder.mirror(mirror()).state_server(server()));
    world.work = Some(disk.path("work"));
    assert!(world.apply().await.is_converged());
    let names: Vec<String> = (0..20).map(|number| format!("b{number}")).collect();
    let list: Vec<(&str, &str)> =
        [("a", "1")].into_iter().chain(names.iter().map(|name| (&**name, "1"))).collect();
    // A provisioner prints more than there was room taken for, before anything is made.
    let loud = "resource \"terraform_data\" \"loud\" {\n  provisioner \"local-exec\" {\n    command = \"yes loud | head -n 1000\"\n  }\n}\n";
    let main = things.root(&list).replace("\"1\"\n}", "\"1\"\n  depends_on = [terraform_data.loud]\n}");
    world.files.declare(&[("app/main.tf", &format!("{main}{loud}")), (LOCK, &lock)]);
    let plan = world.plan().await;
    things.with(|inner| inner.takes = std::time::Duration::from_millis(50));
    let (target, cx) = (world.target(), world.cx.clone());
    let mut engine = world.engine(&target).await;
    let fill = async {
        things.made(2).await;
        disk.fill()
    };
    let approval = yes();
    let (report, ballast) = tokio::join!(engine.apply(&cx, &plan, &approval), fill);
    assert!(!report.unwrap().is_converged());
    drop(engine);
    fs::remove_file(ballast).unwrap();
    let made = things.names();
    let doubts = in_doubt(&world).await;
    for name in made.iter().filter(|name| *name != "a") {
        assert!(doubts.contains(&format!("counting_thing.{name}")), "{name} is in no state: {doubts:?}");
    }
    for address in &doubts {
        let name = address.trim_start_matches("counting_thing.");
        let id = things.with(|inner| {
            inner.things.iter().find(|(_, thing)| thing.name == name).map(|(id, _)| id.clone())
        });
        let (target, key) = (world.target(), root_key("app"));
        match id {
            Some(id) => target.confirm_exists(&cx, &key, address, &id, "tester").await.unwrap(),
            None => target.confirm(&cx, &key, address, "tester").await.unwrap(),
        }
    }
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    assert!(things.with(|inner| inner.made.values().all(|count| *count == 1)), "nothing is made twice");
}

#[tokio::test]
async fn a_state_that_no_server_will_ever_take_is_given_up_by_a_person_and_nothing_is_made_twice() {
    let (world, remote, things, error) = refused().await;
    assert!(error.contains("errored.tfstate"), "{error}");
    let (target, key) = (world.target(), root_key("app"));
    let refused = target.confirm(&world.cx, &key, "counting_thing.a", "tester").await.unwrap_err();
    assert!(refused.to_string().contains("errored.tfstate"), "{refused}");
    target.confirm_state_absent(&world.cx, &key, "tester").await.unwrap();
    remote.refuse(false);
    let left = files_below(&world.work());
    let kept = left.iter().filter(|path| path.to_string_lossy().contains("errored.tfstate."));
    assert_eq!(kept.count(), 1, "it is set aside, not removed: {left:?}");
    ends_well(&world, &things).await;
}

#[tokio::test]
async fn a_state_that_no_server_gives_after_an_apply_is_waited_for_and_nothing_is_in_doubt() {
    let (world, remote, things) = kept_by_a_server().await;
    let plan = world.plan().await;
    remote.go_down_after_a_write();
    failed(&world, &world.target(), &plan).await;
    assert_eq!(things.names(), ["a"]);
    let blocked = world.plan().await;
    assert!(blocked.steps.is_empty() && !blocked.blocked.is_empty(), "{:?}", blocked.steps);
    remote.be_down(false);
    ends_well(&world, &things).await;
}

#[tokio::test]
async fn a_state_that_no_server_gives_any_more_either_can_be_given_up() {
    let (world, remote, things, _) = refused().await;
    remote.be_down(true);
    world.target().confirm_state_absent(&world.cx, &root_key("app"), "tester").await.unwrap();
    remote.be_down(false);
    remote.refuse(false);
    // The report tells of it, with its id: it is imported, and not made again.
    ends_well(&world, &things).await;
}

#[tokio::test]
async fn a_call_that_ends_while_a_kept_state_is_pushed_says_so_and_leaves_it() {
    let (world, remote, things, _) = refused().await;
    remote.refuse(false);
    remote.hang(true);
    let (target, key) = (world.target(), root_key("app"));
    let short = world.cx.within(std::time::Duration::from_secs(5));
    let error = target.confirm_state_absent(&short, &key, "tester").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let kept = files_below(&world.work());
    assert!(kept.iter().any(|path| path.ends_with("errored.tfstate")), "{kept:?}");
    remote.hang(false);
    ends_well(&world, &things).await;
}

/// A store that takes everything but the bytes of states.
#[derive(Default)]
struct Shut {
    inner: MemoryStore,
    mode: AtomicU8,
    hangs: Notify,
}

/// What it does with the bytes of a state.
const TAKES: u8 = 0;
const REFUSES: u8 = 1;
const HANGS: u8 = 2;

#[async_trait]
impl StateStore for Shut {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.inner.load(cx, name).await
    }

    async fn swap(&self, cx: &Cx, name: &str, expect: Option<&Version>, new: Document) -> Result<Version> {
        match self.mode.load(Ordering::Relaxed) {
            REFUSES if name.contains('.') => Err(Error::new(ErrorKind::Storage, "it takes no state")),
            HANGS if name.contains('.') => {
                self.hangs.notify_one();
                std::future::pending().await
            }
            _ => self.inner.swap(cx, name, expect, new).await,
        }
    }
}

/// Our own server answers at once what state is there, and so nothing but the push itself meets the stop.
#[tokio::test]
async fn a_stop_while_a_given_up_state_is_pushed_gives_nothing_up_and_the_next_process_pushes_it() {
    let (store, things) = (Arc::<Shut>::default(), Things::start().await);
    let server = Arc::new(StateServer::new(store.clone()));
    let (main, lock) = (things.root(&[("a", "1")]), lock_file(&["gitops/counting"]));
    let world = World::new(&[("app/main.tf", &main), (LOCK, &lock)])
        .built(move |builder| builder.mirror(mirror()).state_server(server.clone()));
    let plan = world.plan().await;
    store.mode.store(REFUSES, Ordering::Relaxed);
    let error = failed(&world, &world.target(), &plan).await;
    assert!(error.contains("errored.tfstate"), "{error}");
    store.mode.store(HANGS, Ordering::Relaxed);
    let (target, key, cx) = (world.target(), root_key("app"), world.cx.child());
    let stop = async {
        store.hangs.notified().await;
        cx.cancel();
    };
    let (stopped, ()) = tokio::join!(target.confirm_state_absent(&cx, &key, "tester"), stop);
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    let kept = files_below(&world.work());
    assert!(kept.iter().any(|path| path.ends_with("errored.tfstate")), "{kept:?}");
    store.mode.store(TAKES, Ordering::Relaxed);
    ends_well(&world, &things).await;
}

/// Somebody ran the tool by hand where our files are, and its state found no place.
#[tokio::test]
async fn a_state_that_lies_there_before_an_apply_is_set_aside_and_not_pushed() {
    let (world, _remote, things) = kept_by_a_server().await;
    let plan = world.plan().await;
    let main = files_below(&world.work()).into_iter().find(|path| path.ends_with("app/main.tf")).unwrap();
    let strange = r#"{"version":4,"terraform_version":"1.9.0","serial":900,"lineage":"another","outputs":{},"resources":[]}"#;
    fs::write(main.with_file_name("errored.tfstate"), strange).unwrap();
    let report = world.engine(&world.target()).await.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert!(report.is_converged(), "{report:?}");
    let aside = files_below(&world.work());
    let aside: Vec<_> =
        aside.iter().filter(|path| path.to_string_lossy().contains("errored.tfstate.")).collect();
    assert_eq!(aside.len(), 1, "it is set aside, not removed");
    assert_eq!(fs::read_to_string(aside[0]).unwrap(), strange);
    ends_well(&world, &things).await;
}
