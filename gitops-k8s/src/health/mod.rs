//! Whether objects work.

mod conditions;
mod deletion;
mod kinds;
mod pods;
mod rule;
mod standing;
mod wait;

use serde_json::Value as Json;

use conditions::Conditions;
pub use rule::HealthRule;
pub(crate) use rule::HealthRules;

/// How an object is doing, as its own status says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It works.
    Well,
    /// It is on its way, for this reason.
    Coming(String),
    /// Its kind has a status, and nobody has written one yet: it may be that nobody ever will.
    Unseen,
    /// It will not work without a change, for this reason.
    Badly(String),
}

impl Doing {
    /// What is to be said of it.
    fn why(&self) -> String {
        match self {
            Self::Well => "it works".to_owned(),
            Self::Unseen => "no controller has written its status".to_owned(),
            Self::Coming(reason) | Self::Badly(reason) => reason.clone(),
        }
    }
}

/// By this annotation an object says that it works by being there.
const IGNORED: &str = "argocd.argoproj.io/ignore-healthcheck";

/// How an object is doing: a pure function of the object.
///
/// The frame is that of kstatus, with what it leaves open decided for the reader: what a controller said of an older
/// generation does not count, and a failed pod has failed. The first of these that says something decides: a deletion
/// under way; the wish that its health be ignored; a generation that no controller has seen; a rule of the configuration; the conditions `Reconciling` and
/// `Stalled`; the rule of the kind; the condition `Ready`. An object of which none says anything works by being there,
/// unless it is of a kind that others defined and has no status at all.
pub(crate) fn assess(object: &Json, rules: &HealthRules) -> Doing {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Doing::Coming(deletion::held_by(object));
    }
    if object["metadata"]["annotations"][IGNORED] == "true" {
        return Doing::Well;
    }
    let conditions = Conditions::of(object);
    let doing = unseen(object)
        .or_else(|| rules.assess(object, &conditions))
        .or_else(|| generic(&conditions))
        .or_else(|| kinds::rule(object, &conditions))
        .or_else(|| ready(&conditions));
    match doing {
        Some(Doing::Coming(reason)) => Doing::Coming(conditions.dated(reason)),
        Some(doing) => doing,
        None if is_untouched(object) => Doing::Unseen,
        None => Doing::Well,
    }
}

/// Whether nobody has said anything of an object of a kind that others defined.
fn is_untouched(object: &Json) -> bool {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let has_status = object["status"].as_object().is_some_and(|status| !status.is_empty());
    !kinds::is_built_in(group) && !has_status
}

/// The controller has not seen what was written.
fn unseen(object: &Json) -> Option<Doing> {
    let generation = object["metadata"]["generation"].as_i64()?;
    let observed = object["status"]["observedGeneration"].as_i64()?;
    let reason = format!("its controller has seen generation {observed} of {generation}");
    (observed < generation).then_some(Doing::Coming(reason))
}

fn generic(conditions: &Conditions<'_>) -> Option<Doing> {
    if conditions.is("Reconciling", "True") {
        return Some(Doing::Coming(conditions.why("Reconciling")));
    }
    conditions.is("Stalled", "True").then(|| Doing::Badly(conditions.why("Stalled")))
}

fn ready(conditions: &Conditions<'_>) -> Option<Doing> {
    match conditions.status("Ready")? {
        "True" => Some(Doing::Well),
        _ => Some(Doing::Coming(conditions.why("Ready"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One object, and how it does: `well`, `coming` or `badly`, and a part of the reason.
    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        object: Json,
        doing: String,
        #[serde(default)]
        because: String,
    }

    #[test]
    fn each_case_does_as_it_says() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
        assert!(cases.len() > 60, "the table is there");
        for case in cases {
            let (doing, reason) = match assess(&case.object, &HealthRules::default()) {
                Doing::Well => ("well", String::new()),
                Doing::Coming(reason) => ("coming", reason),
                Doing::Unseen => ("unseen", String::new()),
                Doing::Badly(reason) => ("badly", reason),
            };
            assert_eq!(doing, case.doing, "{}: {reason}", case.name);
            assert!(reason.contains(&case.because), "{}: {reason}", case.name);
        }
    }
}
