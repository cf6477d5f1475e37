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

#[test]
fn a_rollback_while_it_runs_is_done_by_the_process_at_work() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.commit("Break it", &[("index.html", Some("broken\n"))]);
    let mut running = Running::start(&world);
    running.wait_for("applied");
    running.wait_for("finished");

    world.gitops(&["rollback", &first]).expect(64);
    world.gitops(&["rollback", "v9.9.9", "--yes"]).expect(1).warns("v9.9.9");
    world
        .gitops(&["rollback", &first, "--yes"])
        .expect(0)
        .warns("The process at work holds to ")
        .says("held to");
    running.wait_for("applied");
    running.wait_for("finished");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));

    world.commit("Break it more", &[("index.html", Some("more\n"))]);
    world.gitops(&["rollback", "--end", "--yes"]).warns("follows the source again");
    running.wait_for("applied");
    running.wait_for("finished");
    assert_eq!(world.live("index.html").as_deref(), Some("more\n"));
    world.gitops(&["rollback", "--end", "--yes"]).expect(3).warns("not pinned");

    running.stop(Signal::TERM).expect(0);
    let audit = std::fs::read_to_string(world.path(".gitops/audit.jsonl")).unwrap();
    for event in ["pinned", "unpinned"] {
        let line = audit.lines().find(|line| line.contains(&format!(r#""event":"{event}""#))).expect(event);
        assert!(line.contains(r#""actor":"alice""#), "{line}");
    }
}

#[test]
fn a_wish_that_nobody_takes_up_is_taken_back() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    // The lock is held by a process that runs no engine.
    let lock = std::fs::File::open(world.path(".gitops/lock")).unwrap();
    lock.lock().unwrap();
    world.gitops(&["rollback", &first, "--yes", "--timeout", "2s"]).expect(1).warns("error[GO0016]");
    drop(lock);
    let mut running = Running::start(&world);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    running.wait_for("applied");
    running.wait_for("finished");
    running.stop(Signal::TERM).expect(0);
    assert_eq!(world.json(&["status"])["pinned"], Value::Null);
}
