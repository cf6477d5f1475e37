//! A person's word reaches the process at work, which nobody has to stop for it.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::World;
use crate::tofu;

const MAIN: &str = "resource \"terraform_data\" \"a\" { input = 1 }\n";

/// The command at work. It gives up after two minutes, so that a missing event fails the test.
pub(super) struct AtWork {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
}

impl AtWork {
    fn start(world: &World) -> Self {
        Self::start_with(world, &[])
    }

    /// The same with more options.
    pub(super) fn start_with(world: &World, options: &[&str]) -> Self {
        let run = [&["run", "--output", "json", "--timeout", "120s"], options].concat();
        let mut command = world.command(&run);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, events }
    }

    fn wait_for(&mut self, kind: &str) -> Value {
        self.wait_until(|event| event["type"] == kind)
    }

    pub(super) fn wait_until(&mut self, mut fits: impl FnMut(&Value) -> bool) -> Value {
        let events = self.events.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        events.into_iter().find(|event| fits(event)).expect("the run ended without that event")
    }

    pub(super) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// Met where a state was lost while the command ran: it had to be stopped to be told so.
#[test]
fn that_a_state_is_gone_for_good_is_said_to_the_process_at_work() {
    let world = World::empty();
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target: {{ terraform: {{ binary: {} }} }}\nsync: {{ interval: 1s }}\n",
        tofu().display()
    ));
    world.commit("Begin", &[("app/main.tf", Some(MAIN))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let mut found = Vec::new();
    states(&world.path(".gitops/shop/terraform"), &mut found);
    assert!(!found.is_empty());
    found.iter().for_each(|path| std::fs::remove_file(path).unwrap());

    let mut at_work = AtWork::start(&world);
    assert!(at_work.wait_for("blocked")["reason"].as_str().unwrap().contains("is gone"));
    world.gitops(&["confirm", "app", "nothing", "absent"]).expect(1).warns("nothing");
    let said = world.gitops(&["confirm", "app", "state", "absent"]).expect(0);
    said.says("tf:Root/-/app: state: absent, by alice").says("The process at work has taken it up.");
    at_work.wait_for("unblocked");
    at_work.wait_for("finished");
    at_work.stop();
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    world.gitops(&["audit", "show", "app"]).expect(0).says("said of state: absent");
    world.gitops(&["audit", "verify"]).expect(0);
    // The same where nobody is at work.
    world
        .gitops(&["confirm", "app", "change", "made"])
        .expect(1)
        .warns("no change of tf:Root/-/app is unconfirmed");
}

fn states(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => states(&entry.path(), found),
            false if entry.file_name() == "terraform.tfstate" => found.push(entry.path()),
            false => {}
        }
    }
}
