//! What the status of an object means whose kind nobody wrote a rule for: by the words that most controllers use.

use serde_json::Value as Json;

use super::ObjectHealth;
use super::conditions::Conditions;

/// Conditions that are `True` of what works; the first that is there speaks for the object.
const GOOD: [&str; 16] = [
    "Ready",
    "Healthy",
    "Available",
    "Synced",
    "Programmed",
    "Accepted",
    "Reconciled",
    "Succeeded",
    "Complete",
    "Completed",
    "Established",
    "Installed",
    "Deployed",
    "Valid",
    "Running",
    "Initialized",
];

/// Those of them that have to be `True` wherever they are there.
const MUST: [&str; 7] = ["Ready", "Healthy", "Available", "Synced", "Programmed", "Accepted", "Reconciled"];

/// Conditions that are `True` of what will not work without a change.
const BAD: [&str; 5] = ["Failed", "Degraded", "Error", "Failure", "Invalid"];

/// The fields of a status that have a word for its state.
const FIELDS: [&str; 5] = ["phase", "state", "health", "status", "healthStatus"];

const WORKS: [&str; 24] = [
    "active",
    "applied",
    "available",
    "bound",
    "complete",
    "completed",
    "connected",
    "created",
    "deployed",
    "done",
    "enabled",
    "established",
    "finished",
    "green",
    "healthy",
    "installed",
    "ok",
    "online",
    "provisioned",
    "ready",
    "running",
    "succeeded",
    "success",
    "synced",
];

const FAILED: [&str; 24] = [
    "broken",
    "crashed",
    "crashloopbackoff",
    "dead",
    "degraded",
    "denied",
    "down",
    "error",
    "errored",
    "fail",
    "failed",
    "failing",
    "failure",
    "fault",
    "faulted",
    "invalid",
    "lost",
    "misconfigured",
    "offline",
    "red",
    "rejected",
    "timedout",
    "timeout",
    "unhealthy",
];

/// Beside what ends in `ing`, as most of them do.
const ON_ITS_WAY: [&str; 12] = [
    "in progress",
    "inprogress",
    "new",
    "notready",
    "planned",
    "queued",
    "requested",
    "scheduled",
    "submitted",
    "undefined",
    "unknown",
    "unready",
];

const SUSPENDED: [&str; 5] = ["hibernated", "paused", "stopped", "suspended", "suspending"];

/// What the words of a status say; `Unproven` if they say nothing.
pub(super) fn assess(object: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
    let word = word(object);
    let is_in =
        |words: &[&str]| word.as_ref().is_some_and(|(_, word)| words.contains(&&*word.to_lowercase()));
    let told = |what: &str| match &word {
        Some((field, word)) => format!("its {field} is {word}{what}{}", message(object)),
        None => what.to_owned(),
    };
    if let Some(name) = BAD.into_iter().find(|name| conditions.is(name, "True")) {
        return ObjectHealth::Degraded(conditions.why(name));
    }
    if is_in(&FAILED) {
        return ObjectHealth::Degraded(told(""));
    }
    if let Some(by) = suspended(object) {
        return ObjectHealth::Suspended(by);
    }
    if is_in(&SUSPENDED) {
        return ObjectHealth::Suspended(told(""));
    }
    if let Some(reason) = GOOD.into_iter().find_map(|name| conditions.stale(name)) {
        return ObjectHealth::Progressing(reason);
    }
    let is_not_yet = |name: &&str| conditions.status(name).is_some_and(|status| status != "True");
    if let Some(name) = MUST.into_iter().find(is_not_yet) {
        return ObjectHealth::Progressing(conditions.why(name));
    }
    match GOOD.into_iter().find_map(|name| Some((name, conditions.status(name)?))) {
        Some((_, "True")) => return ObjectHealth::Healthy,
        Some((name, _)) => return ObjectHealth::Progressing(conditions.why(name)),
        None => {}
    }
    let is_going_on = word.is_some_and(|(_, word)| word.to_lowercase().ends_with("ing"));
    match word.is_some() {
        true if is_in(&WORKS) => ObjectHealth::Healthy,
        true if is_going_on || is_in(&ON_ITS_WAY) => ObjectHealth::Progressing(told("")),
        true => ObjectHealth::Unproven(told(", which proves nothing")),
        false => ObjectHealth::Unproven(unproven(object)),
    }
}

/// The field that has a word for the state, and the word.
fn word(object: &Json) -> Option<(&'static str, &str)> {
    let named = |field: &'static str| {
        let word = object["status"][field].as_str().filter(|word| !word.is_empty())?;
        Some((field, word))
    };
    FIELDS.into_iter().find_map(named)
}

fn message(object: &Json) -> String {
    let fields = ["message", "reason", "error"];
    let found =
        fields.into_iter().find_map(|field| object["status"][field].as_str().filter(|text| !text.is_empty()));
    found.map(|text| format!(": {text}")).unwrap_or_default()
}

/// By what the object's own declaration suspends it.
fn suspended(object: &Json) -> Option<String> {
    let fields = ["suspend", "suspended", "paused"];
    let found = fields.into_iter().find(|field| object["spec"][*field] == true)?;
    Some(format!("it is suspended by its spec.{found}"))
}

fn unproven(object: &Json) -> String {
    match object["status"].as_object().is_some_and(|status| !status.is_empty()) {
        true => "its status says nothing of how it does".to_owned(),
        false => "no controller has written its status".to_owned(),
    }
}
