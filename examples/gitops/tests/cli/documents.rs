//! Every JSON document is what its schema says, and has no field that the schema does not describe.

use std::path::Path;

use serde_json::{Map, Value};

use crate::support::{CONFIG, Ran, World};

/// The schema of a kind, with fields that it does not describe forbidden: readers must ignore those, we must not
/// write them.
fn schema(kind: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{kind}.json"));
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
fn check(document: &Value, kind: &str) {
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
    assert_eq!(plan["summary"]["held"], 1);
    let actions: Vec<&str> =
        plan["steps"].as_array().unwrap().iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["delete", "update", "update", "create"]);
    check(&world.json(&["diff"]), "Diff");
    check(&world.json(&["drift"]), "Drift");
    let report = world.json(&["apply", "--yes"]);
    check(&report, "Report");
    assert_eq!((report["applied"].as_u64(), report["exit_code"].as_u64()), (Some(4), Some(1)));
}

#[test]
fn a_plan_that_needs_an_approval_and_drift_that_is_left_alone() {
    let world = World::applied();
    world.edit_live("index.html", "by hand\n");
    world.configure(&CONFIG.replace("interval: 1s", "drift: report, prune: false"));
    world.commit("Remove one", &[("conf/app.toml", None)]);
    let plan = world.json(&["plan"]);
    check(&plan, "Plan");
    assert_eq!((plan["summary"]["drift"].as_u64(), plan["summary"]["kept"].as_u64()), (Some(1), Some(1)));
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
    check(&world.json(&["history"]), "History");
    check(&world.json(&["graph"]), "Graph");
    check(&world.json(&["audit", "verify"]), "Audit");
    check(&world.json(&["explain", "GO0106"]), "Explanation");
    for object in ["index.html", "goes", "foreign", "kept", "new"] {
        check(&world.json(&["why", object]), "Why");
    }
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
