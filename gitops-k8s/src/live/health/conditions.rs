use std::collections::BTreeMap;

use serde_json::Value as Json;

/// The conditions of an object, told apart by whether they were set for its present generation.
pub(super) struct Conditions<'a> {
    present: Vec<&'a Json>,
    stale: Vec<&'a Json>,
}

impl<'a> Conditions<'a> {
    pub fn of(object: &'a Json) -> Self {
        let generation = object["metadata"]["generation"].as_i64();
        let is_present = |condition: &&Json| match (condition["observedGeneration"].as_i64(), generation) {
            (Some(observed), Some(generation)) => observed >= generation,
            _ => true,
        };
        let all = object["status"]["conditions"].as_array().into_iter().flatten();
        let (present, stale) = all.partition(is_present);
        Self { present, stale }
    }

    fn get(&self, name: &str) -> Option<&'a Json> {
        self.present.iter().find(|condition| condition["type"] == name).copied()
    }

    /// `True`, `False` or `Unknown`; nothing if nobody set it.
    pub fn status(&self, name: &str) -> Option<&'a str> {
        self.get(name)?["status"].as_str()
    }

    pub fn is(&self, name: &str, status: &str) -> bool {
        self.status(name) == Some(status)
    }

    pub fn reason(&self, name: &str) -> Option<&'a str> {
        self.get(name)?["reason"].as_str()
    }

    /// Each of the present generation by its type; the first of those of one type.
    pub fn by_type(&self) -> BTreeMap<&'a str, &'a Json> {
        let named = |condition: &&'a Json| Some((condition["type"].as_str()?, *condition));
        self.present.iter().rev().filter_map(named).collect()
    }

    /// That a condition is known of an older generation only.
    pub fn stale(&self, name: &str) -> Option<String> {
        let condition = self.stale.iter().find(|condition| condition["type"] == name)?;
        let is_renewed = self.get(name).is_some();
        let observed = condition["observedGeneration"].as_i64().unwrap_or_default();
        (!is_renewed).then(|| format!("{name} is of the older generation {observed}"))
    }

    /// What the conditions say that are `False`, or what all say if none is.
    pub fn told(&self) -> Option<String> {
        let named = |condition: &&Json| condition["type"].as_str().map(|name| self.why(name));
        let is_false = |condition: &&&Json| condition["status"] == "False";
        let bad: Vec<String> = self.present.iter().filter(is_false).filter_map(named).collect();
        let all = || self.present.iter().filter_map(named).collect();
        let told: Vec<String> = if bad.is_empty() { all() } else { bad };
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// What a condition says, and since when, on one line.
    pub fn why(&self, name: &str) -> String {
        let Some(condition) = self.get(name) else { return format!("it has no condition {name}") };
        let text = |field: &str| condition[field].as_str().unwrap_or_default();
        let status = text("status");
        let mut why = format!("{name} is {status}");
        for part in [text("reason"), text("message")].iter().filter(|part| !part.is_empty()) {
            why = format!("{why}: {part}");
        }
        match text("lastTransitionTime") {
            "" => why,
            since => format!("{why} (since {since})"),
        }
    }

    /// A reason that says no time, with the time since which nothing happened: by it a person tells what is stuck from
    /// what is on its way.
    pub fn dated(&self, reason: String) -> String {
        let times = ["lastUpdateTime", "lastTransitionTime"];
        let all = self
            .present
            .iter()
            .flat_map(|condition| times.iter().filter_map(|name| condition[*name].as_str()));
        match all.max() {
            Some(last) if !reason.contains("(since ") => format!("{reason} (nothing happened since {last})"),
            _ => reason,
        }
    }
}
