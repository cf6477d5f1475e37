//! Whether objects work.

mod conditions;
mod deletion;
mod kinds;
mod look;
mod pods;
mod rule;
mod shipped;
mod standing;
mod wait;
mod words;

use gitops_core::Key;
use gitops_core::capability::Readiness;
use serde_json::Value as Json;

use conditions::Conditions;
pub use rule::HealthRule;
pub(crate) use rule::HealthRules;

/// How an object is doing, as its own status says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectHealth {
    /// It works.
    Healthy,
    /// Nothing says that it works, for this reason, and it may be that nobody ever will: after a while it counts as
    /// working.
    Unproven(String),
    /// It is on its way, for this reason.
    Progressing(String),
    /// Somebody suspended it, in this way: nothing will happen on it until it is resumed.
    Suspended(String),
    /// It will not work without a change, for this reason.
    Degraded(String),
}

impl ObjectHealth {
    /// How an object is doing: a pure function of the object, as the server has it.
    ///
    /// A rule of `rules` for its kind decides; without one the built-in rule of the kind; without one what most
    /// controllers mean by their words. In all of them a deletion under way comes first, and a generation that the
    /// controller has not seen is on its way.
    pub fn of(object: &Json, rules: impl IntoIterator<Item = HealthRule>) -> Self {
        assess(object, &HealthRules::new(rules.into_iter().collect()))
    }

    /// What is to be said of it.
    fn why(&self) -> String {
        match self {
            Self::Healthy => "it works".to_owned(),
            Self::Unproven(reason)
            | Self::Progressing(reason)
            | Self::Suspended(reason)
            | Self::Degraded(reason) => reason.clone(),
        }
    }
}

/// By this annotation an object says that it works by being there.
const IGNORED: &str = "argocd.argoproj.io/ignore-healthcheck";

/// See [`ObjectHealth::of`].
///
/// The frame is that of kstatus, with what it leaves open decided for the reader: what a controller said of an older
/// generation does not count, a failed pod has failed, and what says nothing of itself is unproven. The first of these that says something decides: a deletion
/// under way; the wish that its health be ignored; a rule of the configuration; the built-in rule of the kind; a rule that
/// is shipped for a kind of a well-known project; words that most controllers use.
pub(crate) fn assess(object: &Json, rules: &HealthRules) -> ObjectHealth {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return ObjectHealth::Progressing(deletion::held_by(object));
    }
    if object["metadata"]["annotations"][IGNORED] == "true" {
        return ObjectHealth::Healthy;
    }
    let conditions = Conditions::of(object);
    match decide(object, rules, &conditions) {
        ObjectHealth::Progressing(reason) => ObjectHealth::Progressing(conditions.dated(reason)),
        health => health,
    }
}

/// How something ended that runs to an end, also while it is being taken away; nothing if it has not ended.
fn ended(object: &Json) -> Option<ObjectHealth> {
    kinds::ended(object, &Conditions::of(object))
}

/// The same as what is remembered of it.
pub(crate) fn end(object: &Json) -> Option<Readiness> {
    match ended(object)? {
        ObjectHealth::Degraded(reason) => Some(Readiness::Ended(reason)),
        _ => Some(Readiness::Ready),
    }
}

/// Whether nothing more will happen on something that runs to an end: it succeeded, or it failed for good. A pod that can't get
/// its image has not ended.
fn is_over(object: &Json) -> bool {
    match group_and_kind(object) {
        ("argoproj.io", "Workflow") => {
            ["Succeeded", "Failed", "Error"].iter().any(|phase| object["status"]["phase"] == **phase)
        }
        ("tekton.dev", "PipelineRun" | "TaskRun" | "CustomRun") => {
            matches!(Conditions::of(object).status("Succeeded"), Some("True" | "False"))
        }
        _ => ended(object).is_some(),
    }
}

/// Whether a kind runs to an end that [`end`] knows.
fn has_an_end(key: &Key) -> bool {
    matches!((key.kind().group(), key.kind().kind()), ("batch", "Job") | ("", "Pod"))
}

fn decide(object: &Json, rules: &HealthRules, conditions: &Conditions<'_>) -> ObjectHealth {
    let (group, kind) = group_and_kind(object);
    if let Some(rule) = rules.of(group, kind) {
        return rule.assess(object, conditions);
    }
    if kinds::is_built_in(group) {
        let found =
            unseen(object).or_else(|| generic(conditions)).or_else(|| kinds::rule(object, conditions));
        return found.or_else(|| ready(conditions)).unwrap_or(ObjectHealth::Healthy);
    }
    if let Some(rule) = shipped::rule(group, kind) {
        return rule.assess(object, conditions);
    }
    unseen(object).or_else(|| generic(conditions)).unwrap_or_else(|| words::assess(object, conditions))
}

fn group_and_kind(object: &Json) -> (&str, &str) {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    (group, object["kind"].as_str().unwrap_or_default())
}

/// The controller has not seen what was written.
fn unseen(object: &Json) -> Option<ObjectHealth> {
    let generation = object["metadata"]["generation"].as_i64()?;
    let observed = object["status"]["observedGeneration"].as_i64()?;
    let reason = format!("its controller has seen generation {observed} of {generation}");
    (observed < generation).then_some(ObjectHealth::Progressing(reason))
}

fn generic(conditions: &Conditions<'_>) -> Option<ObjectHealth> {
    if conditions.is("Reconciling", "True") {
        return Some(ObjectHealth::Progressing(conditions.why("Reconciling")));
    }
    conditions.is("Stalled", "True").then(|| ObjectHealth::Degraded(conditions.why("Stalled")))
}

fn ready(conditions: &Conditions<'_>) -> Option<ObjectHealth> {
    match conditions.status("Ready") {
        Some("True") => Some(ObjectHealth::Healthy),
        Some(_) => Some(ObjectHealth::Progressing(conditions.why("Ready"))),
        None => conditions.stale("Ready").map(ObjectHealth::Progressing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One object, and how it does, with a part of the reason.
    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        object: Json,
        health: String,
        #[serde(default)]
        because: String,
    }

    #[test]
    fn each_case_does_as_it_says() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
        assert!(cases.len() > 60, "the table is there");
        for case in cases {
            let (health, reason) = named(assess(&case.object, &HealthRules::default()));
            assert_eq!(health, case.health, "{}: {reason}", case.name);
            assert!(reason.contains(&case.because), "{}: {reason}", case.name);
        }
    }

    #[test]
    fn what_ended_has_ended_while_it_is_taken_away() {
        let job = |kind: &str| {
            let condition = serde_json::json!({"type": kind, "status": "True", "reason": "R"});
            serde_json::json!({
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"},
                "status": {"conditions": [condition]}
            })
        };
        assert_eq!(ended(&job("Complete")), Some(ObjectHealth::Healthy));
        assert!(matches!(ended(&job("Failed")), Some(ObjectHealth::Degraded(_))));
        assert_eq!(ended(&job("Suspended")), None);
    }

    pub(super) fn named(health: ObjectHealth) -> (&'static str, String) {
        match health {
            ObjectHealth::Healthy => ("healthy", String::new()),
            ObjectHealth::Unproven(reason) => ("unproven", reason),
            ObjectHealth::Progressing(reason) => ("progressing", reason),
            ObjectHealth::Suspended(reason) => ("suspended", reason),
            ObjectHealth::Degraded(reason) => ("degraded", reason),
        }
    }
}
