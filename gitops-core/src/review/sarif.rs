use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::text::{cut, object};
use super::{Attribution, BlockedItem, Flag, Item, Part, Review, RiskLevel, Rules};
use crate::plan::Step;
use crate::value::text::on_one_line;
use crate::value::{Hasher, Key, Provenance};

/// How many results a log has; GitHub shows the first 5,000.
const RESULTS: usize = 5_000;

/// How long a message is at most, in bytes.
const MESSAGE: usize = 1_000;

/// A review as a SARIF 2.1.0 log: a result for each risk of this change, each blocked object, and each message of a gate.
///
/// `rules` are those that the review was made with; they are described in the log. Risks of existing drift and of a
/// moved base are not of this change, and are left out. A log has at most 5,000 results, the gravest first, and says
/// how many it leaves out.
pub fn sarif(review: &Review, rules: &Rules) -> Value {
    let mut results = Vec::new();
    for (part, item) in review.items() {
        if item.attribution == Attribution::ThisChange {
            results.extend(item.flags.iter().map(|flag| of_flag(part, item, flag)));
        }
    }
    for part in &review.parts {
        results.extend(part.flags.iter().map(|flag| of_part(part, flag)));
        results.extend(part.blocked.iter().map(|blocked| of_blocked(part, blocked)));
        results.extend(part.verdict.messages().iter().map(|note| {
            result("policy", "warning", &format!("{}: {note}", part.application), &part.application, None)
        }));
    }
    results.extend(review.failures.iter().map(|failure| {
        let message = format!("{} could not be planned: {}", failure.application, failure.message);
        result("not-planned", "error", &message, &failure.application, None)
    }));
    let left_out = results.len().saturating_sub(RESULTS);
    results.truncate(RESULTS);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "gitops", "rules": described(rules, review) } },
            "columnKind": "utf16CodeUnits",
            "invocations": [{
                "executionSuccessful": review.failures.is_empty(),
                "toolExecutionNotifications": notifications(left_out),
            }],
            "results": results,
        }],
    })
}

fn notifications(left_out: usize) -> Vec<Value> {
    let text = format!("{left_out} results are left out; the log has the gravest {RESULTS}");
    if left_out == 0 { Vec::new() } else { vec![json!({ "level": "warning", "message": { "text": text } })] }
}

/// The rules that may have results, by name.
fn described(rules: &Rules, review: &Review) -> Vec<Value> {
    let known =
        rules.iter().map(|rule| (rule.name().to_owned(), (rule.about().to_owned(), of_level(rule.level()))));
    let mut all: BTreeMap<String, (String, &str)> = known.collect();
    all.insert("blocked".to_owned(), ("An object is blocked".to_owned(), "error"));
    all.insert("policy".to_owned(), ("A gate says something of the plan".to_owned(), "warning"));
    all.insert("not-planned".to_owned(), ("An application could not be planned".to_owned(), "error"));
    let flags = review
        .parts
        .iter()
        .flat_map(|part| part.flags.iter().chain(part.items.iter().flat_map(|item| &item.flags)));
    let found: BTreeSet<(&str, RiskLevel)> = flags.map(|flag| (&*flag.rule, flag.level)).collect();
    for (rule, level) in found {
        all.entry(rule.to_owned()).or_insert_with(|| (rule.to_owned(), of_level(level)));
    }
    let rule = |(id, (about, level)): (String, (String, &str))| {
        json!({
            "id": text(&id),
            "shortDescription": { "text": text(&about) },
            "defaultConfiguration": { "level": level },
        })
    };
    all.into_iter().map(rule).collect()
}

fn of_level(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Low => "note",
        RiskLevel::Medium => "warning",
        RiskLevel::High | RiskLevel::Critical => "error",
    }
}

fn of_flag(part: &Part, item: &Item, flag: &Flag) -> Value {
    let Step { key, action, provenance, .. } = &item.step;
    let message = format!("{action} {} of {}: {}", object(key), part.application, flag.message);
    let mut result = result(&flag.rule, of_level(flag.level), &message, &part.application, Some(key));
    if let Some(place) = provenance.as_ref().filter(|place| !place.path.is_empty()) {
        result["locations"][0]["physicalLocation"] = located(place);
    }
    result
}

fn of_part(part: &Part, flag: &Flag) -> Value {
    let message = format!("{}: {}", part.application, flag.message);
    result(&flag.rule, of_level(flag.level), &message, &part.application, None)
}

fn of_blocked(part: &Part, blocked: &BlockedItem) -> Value {
    let level = if blocked.attribution == Attribution::ThisChange { "error" } else { "note" };
    let message = format!("{} of {} is blocked: {}", object(&blocked.key), part.application, blocked.why);
    result("blocked", level, &message, &part.application, Some(&blocked.key))
}

fn result(rule: &str, level: &str, message: &str, application: &str, key: Option<&Key>) -> Value {
    let name = key.map_or(application.to_owned(), Key::to_string);
    let mut hasher = Hasher::new("gitops review flag");
    hasher.field(rule).field(application).field(&name);
    json!({
        "ruleId": text(rule),
        "level": level,
        "message": { "text": text(message) },
        "locations": [{ "logicalLocations": [{ "fullyQualifiedName": cut(&on_one_line(&name), MESSAGE), "kind": "resource" }] }],
        "partialFingerprints": { "gitopsFlag/v1": hasher.finish().short() },
    })
}

/// A file below the root of the repository, and the line.
fn located(place: &Provenance) -> Value {
    let mut located = json!({ "artifactLocation": { "uri": uri(&place.path) } });
    if place.line > 0 {
        located["region"] = json!({ "startLine": place.line });
    }
    located
}

/// A path as a relative URI: everything but letters, digits and a few marks by its number.
fn uri(path: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    path.trim_start_matches('/').bytes().map(escape).collect()
}

/// A message without the links and places for arguments that SARIF would read from it.
fn text(message: &str) -> String {
    let mut out = String::new();
    for c in cut(&on_one_line(message), MESSAGE).chars() {
        match c {
            '\\' | '[' | ']' => out.extend(['\\', c]),
            '{' | '}' => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out
}
