//! Programs take turns over all applications of a process.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use super::confirmed::AtWork;
use crate::support::World;
use crate::tofu;

/// Met with a machine of little memory, on which each of many applications started the tool at the same time.
#[test]
fn where_one_program_may_run_two_applications_run_theirs_one_after_the_other() {
    let world = World::empty();
    let (program, busy, beside) = (world.path("tool"), world.path("busy"), world.path("beside"));
    // Its own folder is there for as long as it runs. What it is asked for its version alone is no work.
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != version ] || exec {tofu} \"$@\"\n/bin/mkdir {busy} || echo \"$@\" >> {beside}\n\
         {tofu} \"$@\"\ncode=$?\n/bin/rmdir {busy}\nexit $code\n",
        tofu = tofu().display(),
        busy = busy.display(),
        beside = beside.display(),
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let of = |name: &str| {
        format!(
            "- {{ name: {name}, source: {{ git: {{ path: site/{name} }} }}, target: {{ terraform: {{ binary: {} }} }} }}\n",
            program.display()
        )
    };
    world.configure(&format!(
        "source: {{ git: {{ url: ./repository, ref: {{ branch: main }} }} }}\nsync: {{ interval: 1s }}\napplications:\n{}{}",
        of("one"),
        of("two")
    ));
    let main = "resource \"terraform_data\" \"a\" { input = 1 }\n";
    world.commit("Begin", &[("one/r/main.tf", Some(main)), ("two/r/main.tf", Some(main))]);

    let mut at_work = AtWork::start_with(&world, &["--programs", "1"]);
    let mut done = BTreeSet::new();
    at_work.wait_until(|event| {
        if event["type"] == "finished" {
            done.insert(event["application"].as_str().unwrap().to_owned());
        }
        done.len() == 2
    });
    at_work.stop();
    assert_eq!(std::fs::read_to_string(&beside).unwrap_or_default(), "");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}
