//! `run`: new commits and drift both, until it is asked to stop.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::interrupt::send;
use crate::support::{Ran, World};

/// A run with the events that it writes. It gives up after a minute, so that a missing event fails the test.
struct Running {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(world: &World) -> Self {
        let mut child = world
            .command(&["run", "--output", "json", "--timeout", "60s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, events }
    }

    /// Reads on to the first event of a kind.
    fn wait_for(&mut self, kind: &str) -> Value {
        self.events
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find(|event| event["type"] == kind)
            .unwrap_or_else(|| panic!("the run ended without the event {kind}"))
    }

    fn stop(self, signal: Signal) -> Ran {
        send(&self.child, signal);
        self.child.wait_with_output().unwrap().into()
    }
}

#[test]
fn new_commits_and_drift_are_both_taken_care_of() {
    let world = World::new();
    let mut running = Running::start(&world);
    assert_eq!(running.wait_for("finished")["applied"], 2);

    world.commit("Change", &[("index.html", Some("new\n"))]);
    assert_eq!(running.wait_for("applied")["key"], "dir:File/-/index.html");
    running.wait_for("finished");
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));

    world.edit_live("index.html", "by hand\n");
    assert_eq!(running.wait_for("applied")["action"], "update");
    running.wait_for("finished");
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));

    running.stop(Signal::TERM).expect(0);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn a_source_that_fails_is_tried_again() {
    let world = World::new();
    std::fs::rename(world.path("repository"), world.path("away")).unwrap();
    let mut running = Running::start(&world);
    running.wait_for("pass_failed");
    std::fs::rename(world.path("away"), world.path("repository")).unwrap();
    assert_eq!(running.wait_for("finished")["applied"], 2);
    running.stop(Signal::INT).expect(130).warns("exit 130: interrupted");
}

#[test]
fn a_mass_deletion_waits_for_a_person() {
    let world = World::applied();
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
    let mut running = Running::start(&world);
    let event = running.wait_for("pass_failed");
    assert!(event["error"].as_str().unwrap().contains("mass-delete"), "{event}");
    running.stop(Signal::TERM).expect(0);
    assert!(world.live("index.html").is_some());
}
