//! `serve`: what `/readyz` says, and what a changed configuration can't stop.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use gitops_core::{Cx, StateDir};
use rustix::process::Signal;
use serde_json::Value;
use testbed::SmallDisk;

use crate::interrupt::send;
use crate::several::{TWO, two, without_two};
use crate::support::{Ran, World};

/// A server with the events and the notes that it writes. It gives up after a minute, so that a missing one fails the test.
struct Serving {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
    notes: Lines<BufReader<ChildStderr>>,
    address: String,
}

impl Serving {
    fn start(world: &World) -> Self {
        let mut child = world
            .command(&["serve", "--listen", "127.0.0.1:0", "--output", "json", "--timeout", "60s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        let notes = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut serving = Self { child, events, notes, address: String::new() };
        let listening = serving.wait_for("listening");
        Self { address: listening["address"].as_str().unwrap().to_owned(), ..serving }
    }

    /// The next event.
    fn event(&mut self) -> Value {
        let line = self.events.next().expect("the server ended without the event");
        serde_json::from_str(&line.unwrap()).unwrap()
    }

    /// Reads on to the first event of a kind.
    fn wait_for(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event();
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Reads on to the first event of a kind that is of an application.
    fn wait_for_of(&mut self, kind: &str, application: &str) -> Value {
        loop {
            let event = self.wait_for(kind);
            if event["application"] == application {
                return event;
            }
        }
    }

    /// Reads on until each application had an event of a kind.
    fn wait_for_each(&mut self, kind: &str, applications: &[&str]) {
        let mut missing = applications.to_vec();
        while !missing.is_empty() {
            let event = self.wait_for(kind);
            missing.retain(|name| event["application"] != *name);
        }
    }

    /// Reads on to the first note with a text.
    fn until_noted(&mut self, text: &str) {
        let noted = self.notes.by_ref().map(Result::unwrap).find(|line| line.contains(text));
        assert!(noted.is_some(), "the server ended, and did not note {text:?}");
    }

    /// The answer to a request, head and body.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn ready(&self) -> String {
        self.ask("GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    }

    /// The value of a metric of an application; nothing if it is not there.
    fn metric(&self, name: &str, application: &str) -> Option<String> {
        let metrics = self.ask("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let label = format!("application=\"{application}\"");
        let is_meant = |line: &&str| line.starts_with(&format!("gitops_{name}{{")) && line.contains(&label);
        metrics.lines().find(is_meant).and_then(|line| Some(line.split_once("} ")?.1.to_owned()))
    }

    /// The answer to a webhook that carries a secret.
    fn hook(&self, secret: &str) -> String {
        let body = r#"{"project":{"path_with_namespace":"platform/site"},"ref":"refs/heads/main"}"#;
        self.ask(&format!(
            "POST /webhooks/gitlab HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-gitlab-event: Push Hook\r\n\
             x-gitlab-event-uuid: {secret}\r\nx-gitlab-token: {secret}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn stop(self) -> Ran {
        send(&self.child, Signal::TERM);
        self.child.wait_with_output().unwrap().into()
    }
}

#[test]
fn a_changed_configuration_whose_forge_cannot_be_opened_is_told_and_the_one_before_stays() {
    let world = two();
    let mut serving = Serving::start(&world);
    serving.wait_for_of("finished", "two");
    let forge = "forge: { gitea: { url: \"http://127.0.0.1:1\", repository: platform/site, auth: { token: { file: ./token } }, webhook: { secrets: [{ file: ./secret }] } } }\n";
    world.configure(&(forge.to_owned() + TWO));
    serving.until_noted("goes on with the configuration as it was");
    world.commit("Change", &[("b/page", Some("new\n"))]);
    serving.wait_for_of("applied", "two");
    // The secret is still missing.
    std::fs::write(world.path("token"), "token").unwrap();
    serving.until_noted("goes on with the configuration as it was");
    std::fs::write(world.path("secret"), "a secret of webhooks that is long enough").unwrap();
    serving.until_noted("The configuration changed");
    world.commit("Change", &[("b/page", Some("newer\n"))]);
    while world.live("b/page").as_deref() != Some("newer\n") {
        serving.wait_for_of("applied", "two");
    }
    serving.stop().expect(0);
}

/// Met with a branch that was pushed by force: it could not be planned, and counted as one that waits for an approval.
#[test]
fn an_application_that_waits_for_a_gate_is_ready_and_one_beside_it_that_fails_is_not() {
    let world = two();
    let gate = "- name: one\n  gates: [{ name: none, rule: plan.create == 0, otherwise: deny }]\n";
    world.configure(&TWO.replace("- name: one\n", gate));
    let mut serving = Serving::start(&world);
    let mut seen = [("postponed", "one"), ("finished", "two")].map(|(kind, name)| (kind, name, false));
    while seen.iter().any(|(.., is_seen)| !is_seen) {
        let event = serving.event();
        for (kind, name, is_seen) in &mut seen {
            *is_seen |= event["type"] == *kind && event["application"] == *name;
        }
    }
    let ready = serving.ready();
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    assert!(ready.contains("one: waits: a gate denies") && ready.contains("two: works"), "{ready}");

    // The branch has another first commit now.
    world.git(&["checkout", "-q", "--orphan", "other"]);
    world.commit("Begin anew", &[("b/page", Some("rewritten\n"))]);
    world.git(&["branch", "-q", "-f", "main", "other"]);
    while !serving.wait_for_of("reconcile_failed", "two")["error"]
        .as_str()
        .unwrap()
        .contains("not a descendant")
    {}
    let ready = serving.ready();
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.contains("one: waits: a gate denies"), "{ready}");
    assert!(ready.contains("two: the last reconciliation failed"), "{ready}");
    serving.stop().expect(0);
    // So it is with exit codes.
    world.gitops(&["-a", "one", "apply", "--yes"]).expect(3).warns("a gate denies the plan");
    world.gitops(&["-a", "two", "apply", "--yes"]).expect(1).warns("not a descendant");
}

/// Met with a damaged disk: the application whose engine had ended was not there any more, and the rest was ready.
#[test]
fn an_application_whose_state_is_damaged_while_it_works_stays_a_failure() {
    let world = two();
    let mut serving = Serving::start(&world);
    serving.wait_for_each("finished", &["one", "two"]);
    std::fs::write(world.path(".gitops/two/store/requests"), "damaged").unwrap();
    serving.until_noted("GO0015");
    let ready = serving.ready();
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.contains("one: works") && ready.contains("two: its engine has ended"), "{ready}");
    serving.stop().expect(1);
}

/// Met with a disk that was full while there was nothing to apply: the server said that it was ready, and could store no approval.
#[test]
fn an_application_whose_disk_is_full_is_not_ready_although_it_has_nothing_to_do() {
    let world = two();
    let disk = SmallDisk::mount_at(&world.path("disk"), "2m");
    world.configure(&format!("{TWO}  state: ./disk/state\n"));
    let mut serving = Serving::start(&world);
    serving.wait_for_each("finished", &["one", "two"]);
    assert!(serving.ready().starts_with("HTTP/1.1 200"), "{}", serving.ready());
    let ballast = disk.fill();
    serving.until_noted("[two] its state can't be written: ");
    let ready = serving.ready();
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(
        ready.contains("one: works\n") && ready.contains("two: works; its state can't be written since "),
        "{ready}"
    );
    std::fs::remove_file(ballast).unwrap();
    while !serving.ready().starts_with("HTTP/1.1 200") {}
    serving.stop().expect(0);
}

#[test]
fn a_changed_secret_is_taken_up_without_a_restart() {
    let world = two();
    let forge = "forge: { gitlab: { url: \"http://127.0.0.1:1\", repository: platform/site, auth: { token: { file: ./token } }, webhook: { secrets: [{ file: ./secret }] } } }\n";
    world.configure(&(forge.to_owned() + TWO));
    std::fs::write(world.path("token"), "token").unwrap();
    std::fs::write(world.path("secret"), "former-secret").unwrap();
    let mut serving = Serving::start(&world);
    // What is merged is applied all the same.
    serving.wait_for_each("finished", &["one", "two"]);
    serving.wait_for("poll_failed");
    let ready = serving.ready();
    let said = ready.lines().find(|line| line.starts_with("one: works; its forge can't be asked since "));
    assert!(said.is_some_and(|line| line.ends_with(": it does not answer")), "{ready}");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    assert!(serving.hook("former-secret").ends_with("taken\n"));
    assert!(serving.hook("newer-secret").starts_with("HTTP/1.1 401"));
    std::fs::write(world.path("secret"), "newer-secret").unwrap();
    serving.until_noted("The configuration changed");
    while !serving.hook("newer-secret").ends_with("taken\n") {}
    assert!(serving.hook("former-secret").starts_with("HTTP/1.1 401"));
    serving.stop().expect(0);
}

/// `gitops_leader` was 0 whatever `serve` did.
#[test]
fn metrics_tell_of_each_application_that_is_worked_with_and_of_none_that_left() {
    let world = two();
    // Another process has the state of the second one.
    let held = StateDir::open(&world.path(".gitops/two"), &Cx::system()).unwrap();
    let mut serving = Serving::start(&world);
    serving.wait_for_of("finished", "one");
    assert_eq!(serving.metric("leader", "one").as_deref(), Some("1"));
    assert_eq!(serving.metric("leader", "two").as_deref(), Some("0"));
    drop(held);
    serving.wait_for_of("finished", "two");
    // The event is written before it is counted.
    while serving.metric("converged_timestamp_seconds", "two").is_none() {}
    let all = [
        ("leader", "1"),
        ("reconciliations_total", ""),
        ("changes_total", "1"),
        ("declared_objects", "1"),
        ("planned_steps", ""),
        ("journal_records_total", ""),
        ("converged_timestamp_seconds", ""),
    ];
    for (name, value) in all {
        let found = serving.metric(name, "two");
        assert!(
            found.as_deref().is_some_and(|found| value.is_empty() || found == value),
            "{name}: {found:?}"
        );
    }
    // A file that can't be used is told, and changes nothing; nor does what comes of it.
    world.configure("applications: [");
    serving.until_noted("goes on with the configuration as it was");
    let ready = serving.ready();
    assert!(
        ready.starts_with("HTTP/1.1 200") && ready.contains("configuration was changed and can't be used"),
        "{ready}"
    );
    let metrics = serving.ask("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(metrics.contains("gitops_config_last_reload_successful 0"));
    world.configure(&without_two());
    serving.until_noted("two (gone, and what it owns stays). All others go on.");
    while serving.metric("leader", "two").is_some() {}
    assert_eq!(serving.metric("leader", "one").as_deref(), Some("1"));
    let metrics = serving.ask("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(metrics.contains("gitops_config_last_reload_successful 1"));
    assert!(!serving.ready().contains("configuration"));
    serving.stop().expect(0);
}
