//! Every JSON document is what its schema says, and has no field that the schema does not describe.

use std::path::Path;

use serde_json::{Map, Value};

use crate::several::{self, two};
use crate::support::{CONFIG, Ran, World};

/// The schema of a kind, with fields that it does not describe forbidden: readers must ignore those, we must not
/// write them.
fn schema(kind: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../gitops-app/schemas/{kind}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut schema = serde_json::from_str(&text).unwrap();
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") {
                members.insert("unevaluatedProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[track_caller]
pub fn check(document: &Value, kind: &str) {
    assert_eq!(document["kind"], kind, "{document}");
    assert_eq!(document["schema_version"], "1.0");
    let validator = jsonschema::validator_for(&schema(kind)).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{document:#}");
    assert!(is_sorted(document), "{document}");
}

/// Whether the text was written with sorted keys; a map of the JSON crate keeps the order only if it sorts itself.
fn is_sorted(value: &Value) -> bool {
    let sorted = |members: &Map<String, Value>| members.keys().is_sorted() && members.values().all(is_sorted);
    match value {
        Value::Object(members) => sorted(members),
        Value::Array(items) => items.iter().all(is_sorted),
        _ => true,
    }
}

/// A world in which a plan has every kind of part.
fn busy() -> World {
    let world = World::new();
    world.commit("More", &[("drifts", Some("d\n")), ("goes", Some("g\n")), ("kept", Some("k\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.edit_live("drifts", "by hand\n");
    world.edit_live("foreign", "theirs\n");
    let files =
        [("index.html", Some("new\n")), ("goes", None), ("foreign", Some("ours\n")), ("new", Some("n\n"))];
    world.commit("Change", &files);
    world
}

#[test]
fn plans_diffs_drift_and_reports() {
    let world = busy();
    let plan = world.json(&["plan"]);
    check(&plan, "Plan");
    assert_eq!(plan["summary"]["blocked"], 1);
    let actions: Vec<&str> =
        plan["steps"].as_array().unwrap().iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["delete", "update", "update", "create"]);
    check(&world.json(&["diff"]), "Diff");
    check(&world.json(&["drift"]), "Drift");
    let report = world.json(&["apply", "--yes"]);
    check(&report, "Report");
    // What left Git waits for the new file that somebody else has there.
    assert_eq!((report["applied"].as_u64(), report["exit_code"].as_u64()), (Some(3), Some(1)));
}

#[test]
fn a_plan_that_needs_an_approval_and_drift_that_is_left_alone() {
    let world = World::applied();
    world.edit_live("index.html", "by hand\n");
    world.configure(&CONFIG.replace("interval: 1s", "drift: report, prune: false"));
    world.commit("Remove one", &[("conf/app.toml", None)]);
    let plan = world.json(&["plan"]);
    check(&plan, "Plan");
    assert_eq!((plan["summary"]["drift"].as_u64(), plan["summary"]["orphaned"].as_u64()), (Some(1), Some(1)));
    check(&world.json(&["drift"]), "Drift");
    check(&world.json(&["why", "index.html"]), "Why");
    check(&world.json(&["why", "app.toml"]), "Why");
    world.configure(CONFIG);
    world.commit("Remove the other", &[("index.html", None), ("new", Some("n"))]);
    let plan = world.json(&["plan"]);
    check(&plan, "Plan");
    assert_eq!(plan["verdict"]["verdict"], "needs-approval");
}

#[test]
fn everything_that_tells() {
    let world = busy();
    check(&world.json(&["status"]), "Status");
    let history = world.json(&["history"]);
    check(&history, "History");
    check(&world.json(&["graph"]), "Graph");
    check(&world.json(&["audit", "verify"]), "Audit");
    check(&world.json(&["explain", "GO0106"]), "Explanation");
    for object in ["index.html", "goes", "foreign", "kept", "new"] {
        check(&world.json(&["why", object]), "Why");
    }
    world.gitops(&["apply", "--yes"]).expect(1);
    for deployment in world.json(&["history", "--all"])["deployments"].as_array().unwrap() {
        check(&world.json(&["history", "show", &deployment["deployment"].to_string()]), "Reconciliation");
    }
    check(&world.json(&["audit", "show", "index.html"]), "AuditTrail");
    world.gitops(&["release", "index.html"]).expect(0);
    check(&world.json(&["audit", "show", "--since", "1h"]), "AuditTrail");
    check(&world.json(&["why", "index.html"]), "Why");
    std::fs::rename(world.path("repository"), world.path("away")).unwrap();
    check(&world.json(&["status"]), "Status");
}

#[test]
fn a_state_that_was_never_used() {
    let world = World::new();
    check(&world.json(&["status"]), "Status");
    check(&world.json(&["history"]), "History");
    check(&world.json(&["why", "index.html"]), "Why");
    check(&world.json(&["-f", "other.yaml", "init"]), "Init");
}

#[test]
fn a_rollback_and_its_end() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let report = world.json(&["rollback", first.trim(), "--yes"]);
    check(&report, "Report");
    assert_eq!(report["pinned"]["revision"]["id"], first.trim());
    check(&world.json(&["status"]), "Status");
    check(&world.json(&["history"]), "History");
    check(&world.json(&["rollback", "--end"]), "Plan");
}

#[test]
fn every_error() {
    let world = World::applied();
    check(&world.json(&["why", "nowhere"]), "Error");
    check(&world.json(&["apply"]), "Error");
    check(&world.json(&["apply", "missing"]), "Error");
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["plan", "--out", "next.plan"]).expect(0);
    world.edit_live("index.html", "by hand\n");
    check(&world.json(&["apply", "next.plan"]), "Error");
    world.configure("nam: site\n");
    check(&world.json(&["plan"]), "Error");
}

#[test]
fn lists_of_several_applications() {
    let world = two();
    let each = |list: &Value| {
        check(list, "List");
        for item in list["items"].as_array().unwrap() {
            check(item, item["kind"].as_str().unwrap());
        }
    };
    each(&world.json(&["plan"]));
    each(&world.json(&["apply", "--yes"]));
    for verb in ["status", "history", "drift", "diff"] {
        each(&world.json(&[verb]));
    }
    let others = several::without_two()
        + "- name: three\n  source: { git: { url: ./nowhere } }\n  \
                                           target: { directory: { root: ./live/c } }\n";
    world.configure(&others);
    let list = world.json(&["plan"]);
    each(&list);
    assert_eq!(
        (&list["orphaned"][0]["application"], &list["items"][1]["kind"]),
        (&"two".into(), &"Error".into())
    );
}

#[test]
fn every_event_of_a_run() {
    let world = World::new();
    let output = world.command(&["run", "--output", "json", "--timeout", "2s"]).output().unwrap();
    let ran = Ran::from(output).expect(0);
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.iter().for_each(|event| check(event, "Event"));
    assert!(events.iter().any(|event| event["type"] == "applied"), "{events:#?}");
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn every_event_of_a_server_without_a_forge() {
    let world = World::new();
    let arguments = ["serve", "--output", "json", "--listen", "127.0.0.1:0", "--timeout", "2s"];
    let ran = Ran::from(world.command(&arguments).output().unwrap()).expect(0);
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    check(&events[0], "ServerEvent");
    assert_eq!(events[0]["type"], "listening");
    events[1..].iter().for_each(|event| check(event, "Event"));
    assert!(events.iter().any(|event| event["type"] == "applied"), "{events:#?}");
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn every_order() {
    let world = World::applied();
    check(&world.json(&["suspend", "--reason", "a test"]), "Order");
    check(&world.json(&["status"]), "Status");
    check(&world.json(&["resume"]), "Order");
    check(&world.json(&["reject", "--reason", "a test"]), "Order");
    world.commit("Change", &[("index.html", Some("new\n"))]);
    let plan = world.json(&["plan"]);
    check(&world.json(&["approve", plan["plan_id"].as_str().unwrap()]), "Order");
}

#[test]
fn a_release_changes_nothing_and_is_in_the_audit_log() {
    let world = World::applied();
    let release = world.json(&["release", "index.html"]);
    check(&release, "Release");
    assert_eq!(release["by"], "alice");
    world.gitops(&["plan"]).expect(0).says("No changes");
    world.gitops(&["release", "nothing"]).expect(1).warns("nothing");
    let log = std::fs::read_to_string(world.path(".gitops/site/audit.jsonl")).unwrap();
    assert_eq!(log.matches("\"released\"").count(), 1, "{log}");
    world.gitops(&["audit", "verify"]).expect(0).says("none changed");
}
