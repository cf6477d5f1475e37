//! A root that leaves the source and is to be destroyed: over several processes, whatever happens on the way.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Ran, World};
use crate::tofu;

const OTHER: &str = "resource \"terraform_data\" \"other\" { input = 1 }\n";

/// A root that reads a file that is no text, and does something when its second resource goes.
fn main(command: &str) -> String {
    format!(
        "resource \"terraform_data\" \"a\" {{ input = filebase64sha256(\"${{path.module}}/logo.bin\") }}\n\
         resource \"terraform_data\" \"b\" {{\n  depends_on = [terraform_data.a]\n  \
         provisioner \"local-exec\" {{\n    when    = destroy\n    command = \"{command}\"\n  }}\n}}\n\
         resource \"terraform_data\" \"c\" {{\n  depends_on = [terraform_data.b]\n}}\n"
    )
}

fn configure(world: &World, removal: &str) {
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target: {{ terraform: {{ binary: {}, backend: managed, removal: {removal} }} }}\nsync: {{ interval: 1s }}\n",
        tofu().display()
    ));
}

/// The root is applied, and gone from the source.
fn removed(removal: &str, command: &str) -> World {
    let world = World::empty();
    configure(&world, removal);
    put(&world, command);
    world.gitops(&["apply", "--yes"]).expect(0);
    take_away(&world);
    world
}

fn put(world: &World, command: &str) {
    let folder = world.path("repository/site/app");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("logo.bin"), [0, 159, 146, 150]).unwrap();
    world.commit("Put", &[("app/main.tf", Some(&main(command))), ("other/main.tf", Some(OTHER))]);
}

fn take_away(world: &World) {
    world.commit("Take away", &[("app/main.tf", None), ("app/logo.bin", None)]);
}

/// Goes on with the plan that is shown now, as a person who looked at it.
fn approve(world: &World) -> Ran {
    world.gitops(&["apply", "--plan-id", &world.plan_id()])
}

/// What every verb says once the root is gone.
fn is_gone(world: &World) {
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0);
    let status = world.gitops(&["status"]).expect(0).says("Synced");
    assert!(!status.stdout.contains("Root/app"), "{status:?}");
    assert_eq!(world.json(&["status"])["components"], 1, "the other root's");
}

#[test]
fn it_is_destroyed_once_somebody_approved_what_goes() {
    let world = removed("destroy", "true");
    let plan = world.gitops(&["plan"]).expect(3).says("will be DELETED: Root/app");
    plan.says("terraform_data.a").says("terraform_data.c");
    world.gitops(&["status"]).expect(0).says("OutOfSync");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0);
    world.gitops(&["apply", "--yes"]).expect(3);
    approve(&world).expect(0);
    is_gone(&world);
    world.gitops(&["history"]).expect(0).says("\"Take away\"").says("deleted: 1");
}

/// What is kept of a root that stays is told with the true reason.
#[test]
fn one_that_is_retained_is_told_as_such_and_not_as_one_that_is_not_pruned() {
    let world = removed("retain", "true");
    let plan = world.gitops(&["plan"]).expect(0);
    let plan =
        plan.says("Orphaned: 1 object no longer declared and not deleted, by the policy `removal: retain`");
    assert!(!plan.stdout.contains("pruning is off"), "{plan:?}");
    assert_eq!(world.json(&["plan"])["orphaned_because"]["tf:Root/-/app"], "declared_to_stay");
    world.gitops(&["why", "app"]).expect(0).says("no longer declared and stays, for it was declared to stay");
}

/// Killed while a resource is being destroyed: the tool ends what it began, and the next process takes that in.
#[test]
fn a_process_that_is_killed_in_the_middle_leaves_nothing_behind_for_good() {
    let world = removed("destroy", "touch ../began; sleep 3");
    let id = world.plan_id();
    let mut child = world.command(&["apply", "--plan-id", &id]).stdout(Stdio::null()).spawn().unwrap();
    while !began(&world.path(".gitops")) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
    }
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    world.gitops(&["status"]).expect(0).says("OutOfSync");
    let mut ran = world.gitops(&["apply", "--yes"]);
    // What was not destroyed by the end of the tool is planned and approved anew.
    while ran.code == 3 {
        ran = approve(&world);
    }
    ran.expect(0);
    is_gone(&world);
    world.gitops(&["audit", "verify"]).expect(0);
}

fn began(folder: &Path) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        entry.file_name() == "began"
            || (entry.file_type().is_ok_and(|kind| kind.is_dir()) && began(&entry.path()))
    })
}

/// A destroy that fails half way: every verb says so, what is gone is gone, and the root put back can go.
#[test]
fn one_that_fails_half_way_is_told_of_until_it_is_mended() {
    let world = removed("destroy", "exit 7");
    let failed = approve(&world).expect(1);
    assert!(format!("{failed:?}").contains("terraform_data.b"), "{failed:?}");
    for _ in 0..2 {
        let plan =
            world.gitops(&["plan"]).expect(3).says("will be DELETED: Root/app").says("terraform_data.a");
        assert!(!plan.stdout.contains("terraform_data.c"), "it is gone: {plan:?}");
        world.gitops(&["status"]).expect(0).says("OutOfSync");
        world.gitops(&["drift", "--detailed-exitcode"]).expect(0);
        let history = world.gitops(&["history"]).expect(0);
        assert!(history.stdout.contains("failed") || history.stdout.contains("Failed"), "{history:?}");
        approve(&world).expect(1);
    }
    put(&world, "true");
    let mut ran = world.gitops(&["apply", "--yes"]);
    if ran.code == 3 {
        ran = approve(&world);
    }
    ran.expect(0);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    take_away(&world);
    approve(&world).expect(0);
    is_gone(&world);
}
