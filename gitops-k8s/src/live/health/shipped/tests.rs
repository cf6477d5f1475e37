use std::path::{Path, PathBuf};

use gitops_core::Value;
use serde_json::{Map, Value as Json, json};

use super::super::tests::named;
use super::super::{HealthRules, assess};
use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/live/health/rules")
}

/// The items of a file of cases.
fn cases(name: &str) -> Vec<Json> {
    let path = folder().join("cases").join(format!("{name}.yaml"));
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let documents = yaml::read(name, &text, Dialect::KyamlV3, &YamlLimits::default()).unwrap();
    let roots = documents.into_iter().map(|document| Value::from(document.root));
    roots.flat_map(|root| serde_json::to_value(&root).unwrap().as_array().unwrap().clone()).collect()
}

/// The object of a case. `kind` is `Kind.group`; `true`, `false` and `unknown` name conditions, with a reason after a colon.
fn object(case: &Json) -> Json {
    let (kind, group) = case["kind"].as_str().unwrap().split_once('.').unwrap();
    let mut conditions = Vec::new();
    for (key, status) in [("true", "True"), ("false", "False"), ("unknown", "Unknown")] {
        for name in case[key].as_array().into_iter().flatten() {
            let (name, reason) =
                name.as_str().map(|name| name.split_once(':').unwrap_or((name, ""))).unwrap();
            conditions.push(json!({"type": name, "status": status, "reason": reason.trim()}));
        }
    }
    let mut status = case["status"].as_object().cloned().unwrap_or_default();
    if !conditions.is_empty() {
        status.insert("conditions".to_owned(), json!(conditions));
    }
    let fields = ["phase", "state"].into_iter().filter(|field| !case[*field].is_null());
    status.extend(fields.map(|field| (field.to_owned(), case[field].clone())));
    let mut object = Map::from_iter([
        ("apiVersion".to_owned(), json!(format!("{group}/v1"))),
        ("kind".to_owned(), json!(kind)),
        ("metadata".to_owned(), json!({"name": "x"})),
        ("spec".to_owned(), case["spec"].clone()),
    ]);
    object.extend(
        case["metadata"].as_object().cloned().map(|metadata| ("metadata".to_owned(), json!(metadata))),
    );
    if !status.is_empty() {
        object.insert("status".to_owned(), Json::Object(status));
    }
    Json::Object(object)
}

#[test]
fn each_case_of_a_shipped_rule_does_as_it_says() {
    let mut wrong = Vec::new();
    for (name, _) in FILES {
        for case in cases(name) {
            let (health, reason) = named(assess(&object(&case), &HealthRules::default()));
            let faulty = reason.contains("can't be asked");
            if faulty || Some(health) != case["is"].as_str() {
                wrong.push(format!("{name}: {case}: {health}: {reason}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_with_a_rule_is_proven_to_work_and_not_to_work() {
    for (name, _) in FILES {
        let cases = cases(name);
        let found = |of: &dyn Fn(&str) -> bool| cases.iter().any(|case| case["is"].as_str().is_some_and(of));
        assert!(found(&|is| is == "healthy"), "{name} has a case that works");
        assert!(found(&|is| is != "healthy"), "{name} has a case that does not work");
    }
}

#[test]
fn every_rule_parses_and_answers_about_an_object_that_says_nothing() {
    let shipped = Shipped::read();
    for ((group, kind), rule) in &shipped.exact {
        shipped.rules[*rule].parsed();
        let kind = if kind == "*" { "Any" } else { kind };
        let bare = json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": "x"}});
        let (_, reason) = named(assess(&bare, &HealthRules::default()));
        assert!(!reason.contains("can't be asked"), "{kind}.{group}: {reason}");
    }
    assert!(shipped.exact.len() > 60, "the rules are there");
}

/// The parts of a rule that a file has, each with how an object does of which it holds.
const PARTS: [(&str, &str, &str); 5] = [
    ("suspended", "suspended", ""),
    ("in_progress", "progressing", "its rule says that it is in progress"),
    ("failed", "degraded", ""),
    ("current", "healthy", ""),
    ("unproven", "unproven", ""),
];

#[test]
fn every_part_of_every_rule_decides_about_a_case() {
    let shipped = Shipped::read();
    let mut decided = std::collections::BTreeSet::new();
    for (name, _) in FILES {
        for case in cases(name) {
            let (kind, group) = case["kind"].as_str().unwrap().split_once('.').unwrap();
            let rule =
                std::ptr::from_ref(shipped.find(group, kind).unwrap_or_else(|| panic!("{name}: {case}")));
            let (health, reason) = named(assess(&object(&case), &HealthRules::default()));
            let parts = PARTS.iter().filter(|(_, of, why)| *of == health && reason.starts_with(why));
            decided.extend(parts.map(|(part, ..)| (rule, *part)));
        }
    }
    let mut missing = Vec::new();
    for rule in &shipped.rules {
        for (part, ..) in PARTS {
            let is_there = match part {
                "suspended" => rule.suspended.is_some(),
                "in_progress" => rule.in_progress.is_some(),
                "failed" => rule.failed.is_some(),
                "unproven" => rule.unproven.is_some(),
                _ => rule.current != "false",
            };
            if is_there && !decided.contains(&(std::ptr::from_ref(rule), part)) {
                missing.push(format!("{part} of {}", rule.kinds));
            }
        }
    }
    assert!(missing.is_empty(), "{} parts have no case:\n{}", missing.len(), missing.join("\n"));
}

/// What works by being there says so in its rule.
#[test]
fn an_object_that_says_nothing_is_never_proven_to_work() {
    let shipped = Shipped::read();
    let mut wrong = Vec::new();
    for ((group, kind), rule) in &shipped.exact {
        let is_configuration = shipped.rules[*rule].current == "true";
        let kind = if kind == "*" { "Any" } else { kind };
        for status in [json!({}), json!({"observedGeneration": 1}), json!({"conditions": []})] {
            let metadata = json!({"name": "x", "generation": 1});
            for spec in [json!({}), json!({"replicas": 0}), json!({"replicas": 2})] {
                let bare = json!({
                    "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": metadata, "spec": spec,
                    "status": status
                });
                // Of none that are wanted, that this was seen is all that there is to say.
                if spec["replicas"] == 0 && status["observedGeneration"] == 1 {
                    continue;
                }
                let (health, _) = named(assess(&bare, &HealthRules::default()));
                if health == "healthy" && !is_configuration && !works_by_being_there(kind) {
                    wrong.push(format!("{kind}.{group} with {status} and {spec}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Kinds whose projects say that they have no status, or that it says nothing but this.
fn works_by_being_there(kind: &str) -> bool {
    ["Alert", "Provider", "TargetGroupBinding"].contains(&kind)
}

#[test]
fn every_file_of_rules_is_listed() {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut found: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    found.sort();
    assert_eq!(found, FILES.map(|(name, _)| name.to_owned()));
}
