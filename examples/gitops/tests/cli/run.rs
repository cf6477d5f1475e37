//! `run`: new commits and drift both, until it is asked to stop.
// Long because each test is of one process at work, which all of them start and hear in the same way.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use gitops_core::{Cx, StateDir};
use rustix::process::Signal;
use serde_json::Value;

use crate::interrupt::send;
use crate::several::{TWO, two};
use crate::support::{CONFIG, Ran, World};

pub const RUN: [&str; 5] = ["run", "--output", "json", "--timeout", "60s"];

/// A run with the events that it writes. It gives up after a minute, so that a missing event fails the test.
pub struct Running {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub fn start(world: &World) -> Self {
        Self::start_of(world, &[])
    }

    /// The same with more before the verb.
    fn start_of(world: &World, before: &[&str]) -> Self {
        Self::of(&mut world.command(&[before, &RUN].concat()))
    }

    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, events }
    }

    /// Reads on to the first event of a kind.
    pub fn wait_for(&mut self, kind: &str) -> Value {
        self.events
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find(|event| event["type"] == kind)
            .unwrap_or_else(|| panic!("the run ended without the event {kind}"))
    }

    /// Reads on to the first event of a kind that is of an application; gives all events until then.
    pub fn until_of(&mut self, kind: &str, application: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let line = self.events.next().unwrap_or_else(|| panic!("no {kind} of {application}: {seen:?}"));
            seen.push(serde_json::from_str::<Value>(&line.unwrap()).unwrap());
            let last = &seen[seen.len() - 1];
            if last["type"] == kind && last["application"] == application {
                return seen;
            }
        }
    }

    /// Reads on until each application had an event of a kind.
    pub fn until_each(&mut self, kind: &str, applications: &[&str]) {
        let mut missing = applications.to_vec();
        while !missing.is_empty() {
            let event = self.wait_for(kind);
            missing.retain(|name| event["application"] != *name);
        }
    }

    /// Reads on to the first note with a text, and keeps all of them.
    pub fn until_noted(&mut self, notes: &mut String, text: &str) {
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut byte = [0];
        let from = notes.len();
        while !notes[from..].contains(text) {
            assert!(stderr.read(&mut byte).unwrap() > 0, "it ended and did not note {text:?}: {notes}");
            notes.push(char::from(byte[0]));
        }
    }

    pub fn stop(self, signal: Signal) -> Ran {
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
    running.wait_for("reconcile_failed");
    std::fs::rename(world.path("away"), world.path("repository")).unwrap();
    assert_eq!(running.wait_for("finished")["applied"], 2);
    running.stop(Signal::INT).expect(130).warns("exit 130: interrupted");
}

#[test]
fn a_mass_deletion_waits_for_a_person() {
    let world = World::applied();
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
    let mut running = Running::start(&world);
    // What needs nobody is done, and the deletions wait.
    assert_eq!(running.wait_for("blocked")["obstacle"], "approval");
    assert_eq!(running.wait_for("applied")["key"], "dir:File/-/other");
    running.wait_for("finished");
    assert!(world.live("index.html").is_some() && world.live("other").is_some());
    // Another process looks, and approves what it saw; the one at work goes on with that.
    let plan = world.json(&["plan"]);
    let id = plan["plan_id"].as_str().unwrap();
    assert_eq!(
        world.json(&["status"])["blocked"].as_array().unwrap().len(),
        0,
        "the gate stops them, not a fault"
    );
    world.gitops(&["approve", "0123456789ab"]).expect(5).warns("the plan is now");
    world.gitops(&["approve", id]).expect(0).says("Approved by alice").says("The process at work");
    while running.wait_for("applied")["action"] != "delete" {}
    running.wait_for("finished");
    running.stop(Signal::TERM).expect(0);
    assert!(world.live("index.html").is_none() && world.live("conf/app.toml").is_none());
    let audit = std::fs::read_to_string(world.path(".gitops/site/audit.jsonl")).unwrap();
    let approved = audit.lines().find(|line| line.contains(r#""event":"approved""#)).unwrap();
    assert!(approved.contains(r#""actor":"alice""#) && approved.contains(r#""uid":"#), "{approved}");
}

/// Met with a rule about deletions: the deletion that waited for a colleague held up all other steps, and all later commits.
#[test]
fn what_a_rule_about_single_steps_wants_approved_holds_up_nothing_else() {
    let world = World::applied();
    let gate = "gates: [{ name: no-deletes, rule: \"steps.all(s, s.action != 'delete')\", otherwise: needs-approval, message: ask }]\n";
    world.configure(&format!("{CONFIG}{gate}"));
    world.commit("Remove one", &[("index.html", None), ("conf/app.toml", Some("size = 2\n"))]);
    let mut running = Running::start(&world);
    assert_eq!(running.wait_for("finished")["applied"], 1);
    assert_eq!(world.live("conf/app.toml").as_deref(), Some("size = 2\n"));
    let blocked = &world.json(&["status"])["verdict"]["messages"][0];
    assert_eq!(blocked["keys"][0], "dir:File/-/index.html", "{blocked}");
    world.edit_live("conf/app.toml", "by hand\n");
    running.wait_for("finished");
    assert_eq!(world.live("conf/app.toml").as_deref(), Some("size = 2\n"), "drift is put back");
    world.commit("One more", &[("more", Some("1\n"))]);
    running.wait_for("finished");
    assert_eq!(world.live("more").as_deref(), Some("1\n"), "a later commit is taken up");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    let plan = world.plan_id();
    world.gitops(&["approve", &plan]).expect(0);
    running.wait_for("finished");
    assert_eq!(world.live("index.html"), None);
    running.stop(Signal::TERM).expect(0);
}

#[test]
fn an_emergency_stop_is_seen_at_once_and_holds_for_every_process() {
    let world = World::applied();
    let mut running = Running::start(&world);
    running.wait_for("planned");
    let ran = world.gitops(&["suspend", "--reason", "incident 17"]).expect(0);
    ran.says("Suspended by alice: incident 17\nNothing is written until").says("The process at work");
    world.commit("Change", &[("index.html", Some("new\n"))]);
    while running.wait_for("planned")["steps"] != 1 {}
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    let status = world.json(&["status"]);
    assert_eq!(
        (&status["suspended"]["reason"], &status["suspended"]["by"]),
        (&"incident 17".into(), &"alice".into())
    );
    world.gitops(&["resume"]).expect(1).warns("give `--yes`");
    world.gitops(&["sync"]).expect(0).says("Asked to sync now");
    world.gitops(&["resume", "--yes"]).expect(0).says("index.html").says("Resumed by alice");
    running.wait_for("applied");
    running.wait_for("finished");
    running.stop(Signal::TERM).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));

    // The same where no process is at work: it holds for the next one.
    world.gitops(&["suspend", "--reason", "again"]).expect(0);
    world.commit("Change", &[("index.html", Some("newer\n"))]);
    world.gitops(&["plan"]).expect(3).says("index.html");
    world.gitops(&["apply", "--yes"]).expect(3).warns("suspended by alice").warns("again");
    world.gitops(&["sync"]).expect(1).warns("no process is at work");
    world.gitops(&["resume"]).expect(0);
    world.gitops(&["resume"]).expect(1).warns("not suspended");
    world.gitops(&["apply", "--yes"]).expect(0);
}

/// Met with a root that took five minutes: the stop was taken back after two, and everything was written after that.
#[test]
fn a_stop_that_is_not_answered_in_time_holds_for_whatever_comes_next() {
    let world = World::applied();
    // A process that is busy for long.
    let busy = StateDir::open(&world.path(".gitops/site"), &Cx::system()).unwrap();
    let stop = ["suspend", "--reason", "incident 17", "--timeout", "1s"];
    world.gitops(&stop).expect(0).says("A suspension is asked for by alice").says("Not in force yet");
    world.gitops(&["status"]).says("asked for").says("suspend by alice");
    assert_eq!(world.json(&["status"])["asked"][0]["ask"], "suspend");
    // What would let it go on is taken back, for nobody knows what it would meet.
    world.gitops(&["resume", "--yes", "--timeout", "1s"]).expect(1).warns("is used by process");
    drop(busy);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["apply", "--yes"]).expect(3).warns("suspended by alice").warns("incident 17");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    assert_eq!(world.json(&["status"])["asked"], serde_json::json!([]));
    world.gitops(&["resume"]).expect(0);
    world.gitops(&["apply", "--yes"]).expect(0);
}

#[test]
fn an_approval_holds_in_a_later_process_until_it_is_rejected() {
    let world = World::applied();
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
    world.gitops(&["apply", "--yes"]).expect(3);
    let id = || world.json(&["plan"])["plan_id"].as_str().unwrap().to_owned();
    world.gitops(&["approve", &id(), "--for", "1h"]).expect(0);
    world.gitops(&["reject", "--reason", "not today"]).expect(0).says("nothing that was approved before");
    world.gitops(&["apply", "--yes"]).expect(3);
    world.gitops(&["approve", &id()]).expect(0);
    // Another commit, which leaves the deletions as they were approved.
    world.commit("More", &[("another", Some("a"))]);
    world.gitops(&["plan"]).says("approved by alice");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert!(world.live("index.html").is_none());
    assert_eq!(world.live("another").as_deref(), Some("a"));
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
    // Met with a status that was read between the writes and what they made live: "Synced", and another revision was live.
    let is_told_to_be_live = |ran: &Ran, revision: &str| {
        let live = ran.stdout.lines().find(|line| line.trim_start().starts_with("live"));
        let live = live.unwrap_or_else(|| panic!("{}", ran.stdout));
        let is_live = live.contains(&revision[..12]);
        assert!(is_live || !ran.stdout.contains("  Synced"), "{revision}: {}", ran.stdout);
    };
    let ran = world.gitops(&["rollback", &first, "--yes"]).expect(0);
    let ran = ran.warns("The process at work is pinned to ").says("pinned to");
    is_told_to_be_live(&ran, &first);
    running.wait_for("applied");
    running.wait_for("finished");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));

    let more = world.commit("Break it more", &[("index.html", Some("more\n"))]);
    let ran = world.gitops(&["rollback", "--end", "--yes"]).warns("follows the source again");
    is_told_to_be_live(&ran, more.trim());
    running.wait_for("applied");
    running.wait_for("finished");
    assert_eq!(world.live("index.html").as_deref(), Some("more\n"));
    world.gitops(&["rollback", "--end", "--yes"]).expect(1).warns("not pinned");

    running.stop(Signal::TERM).expect(0);
    let audit = std::fs::read_to_string(world.path(".gitops/site/audit.jsonl")).unwrap();
    for event in ["pinned", "unpinned"] {
        let line = audit.lines().find(|line| line.contains(&format!(r#""event":"{event}""#))).expect(event);
        assert!(line.contains(r#""actor":"alice""#), "{line}");
    }
}

#[test]
fn a_request_that_nobody_takes_up_is_taken_back() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    // The lock is held by a process that runs no engine.
    let lock = std::fs::File::open(world.path(".gitops/site/lock")).unwrap();
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

#[test]
fn several_applications_run_at_once_and_a_file_that_changes_is_taken_over() {
    let world = two();
    let mut running = Running::start(&world);
    let mut applied = BTreeSet::new();
    while applied.len() < 2 {
        applied.insert(running.wait_for("applied")["application"].to_string());
    }
    assert_eq!(applied.into_iter().collect::<Vec<_>>(), [r#""one""#, r#""two""#]);

    world.configure("applications: [");
    let three =
        "- name: three\n  source: { git: { path: site/a } }\n  target: { directory: { root: ./live/c } }\n";
    world.configure(&(TWO.to_owned() + three));
    while running.wait_for("applied")["application"] != "three" {}
    world.commit("Change", &[("b/page", Some("new\n"))]);
    while running.wait_for("applied")["application"] != "two" {}
    assert_eq!(world.live("b/page").as_deref(), Some("new\n"));
    running.stop(Signal::TERM).expect(0).warns("The configuration changed");
}

/// Met in an incident: applications were suspended one after the other, and the first one's process did not answer.
#[test]
fn an_emergency_stop_for_all_reaches_each_process_although_another_one_does_not_answer() {
    let world = two();
    world.gitops(&["apply", "--yes"]).expect(0);
    // The lock of the first is held by a process that runs no engine.
    let lock = std::fs::File::open(world.path(".gitops/one/lock")).unwrap();
    lock.lock().unwrap();
    let mut running = Running::start_of(&world, &["-a", "two"]);
    running.wait_for("planned");
    let suspend = ["suspend", "--all", "--reason", "incident 17"];
    let mut stopping = world.command(&suspend).stdout(Stdio::null()).spawn().unwrap();
    assert_eq!(running.wait_for("suspended")["by"], "alice");
    assert!(stopping.try_wait().unwrap().is_none(), "it waits for the first one still");
    stopping.kill().unwrap();
    stopping.wait().unwrap();
    running.stop(Signal::TERM).expect(0);
}

#[test]
fn an_emergency_stop_for_all_is_done_by_the_process_at_work_and_told_of_each() {
    let world = two();
    let mut running = Running::start(&world);
    let mut finished = BTreeSet::new();
    while finished.len() < 2 {
        finished.insert(running.wait_for("finished")["application"].to_string());
    }
    let ran = world.gitops(&["suspend", "--all", "--reason", "incident 17"]).expect(0);
    assert_eq!(ran.stdout.matches("The process at work has taken it up.").count(), 2, "{}", ran.stdout);
    for name in ["one", "two"] {
        assert_eq!(world.json(&["-a", name, "status"])["suspended"]["reason"], "incident 17");
    }
    world.commit("Change", &[("a/page", Some("new\n")), ("b/page", Some("new\n"))]);
    while running.wait_for("planned")["steps"] != 1 {}
    assert_eq!(
        (world.live("a/page").as_deref(), world.live("b/page").as_deref()),
        (Some("a\n"), Some("b\n"))
    );
    running.stop(Signal::TERM).expect(0);
    // Where none is at work it is done here, of each.
    world.gitops(&["-a", "one", "resume", "--yes"]).expect(0);
    world.gitops(&["suspend", "--all", "--reason", "incident 18"]).expect(0);
    assert_eq!(world.json(&["-a", "one", "status"])["suspended"]["reason"], "incident 18");
}

/// Met on a laptop: the file of a server names credentials that are on the server alone, and nothing could be stopped.
#[test]
fn whoever_has_neither_credentials_nor_targets_can_stop_the_process_at_work_and_have_it_go_on() {
    let world = World::applied();
    let mut running = Running::start(&world);
    running.wait_for("planned");
    let laptop = "\
name: site
source:
  git:
    url: https://git.example.org/site.git
    ref: { branch: main }
    auth: { token: { file: ./absent/token } }
target: { kubernetes: { kubeconfig: ./absent/kubeconfig } }
";
    std::fs::write(world.path("laptop.yaml"), laptop).unwrap();
    let ran = world.gitops(&["-f", "laptop.yaml", "suspend", "--reason", "incident 17"]).expect(0);
    ran.says("The process at work has taken it up");
    running.wait_for("suspended");
    world
        .gitops(&["-f", "laptop.yaml", "resume"])
        .expect(1)
        .warns("absent")
        .warns("to resume without a plan");
    let ran = world.gitops(&["-f", "laptop.yaml", "resume", "--yes"]).expect(0).warns("absent");
    ran.says("Resumed by alice").says("The process at work has taken it up");
    assert_eq!(world.json(&["status"])["suspended"], Value::Null);
    world.gitops(&["-f", "laptop.yaml", "sync"]).expect(0).says("The process at work has taken it up");
    world.gitops(&["-f", "laptop.yaml", "reject", "--reason", "none"]).expect(0);
    running.stop(Signal::TERM).expect(0);
}

/// Nothing said which process works with an application, nor what stays of what left the source.
#[test]
fn status_says_who_works_with_an_application_and_what_is_left_of_what_it_declared() {
    let world = World::applied();
    world.configure(&CONFIG.replace("interval: 1s", "interval: 1s, prune: false"));
    world.gitops(&["status"]).expect(0).says("runner    nobody");
    assert_eq!(world.json(&["status"])["runner"], Value::Null);
    let mut running = Running::start(&world);
    world.commit("Take one out", &[("conf/app.toml", None), ("other", Some("o\n"))]);
    running.wait_for("applied");
    let said = world.gitops(&["status"]).expect(0);
    let said = said.says(&format!("process {} (gitops run) since", running.child.id()));
    said.says("1 stay: File/conf/app.toml; pruning is off");
    let status = world.json(&["status"]);
    assert!(status["runner"]["since"].is_string() && status["runner_unknown"].is_null(), "{status}");
    assert_eq!(status["orphaned"][0]["why"], "pruning_is_off");
    running.stop(Signal::TERM).expect(0);
    world.gitops(&["status"]).expect(0).says("runner    nobody");
}
