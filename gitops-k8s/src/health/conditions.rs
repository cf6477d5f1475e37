use serde_json::Value as Json;

/// The conditions of an object that were set for its present generation.
pub(super) struct Conditions<'a>(Vec<&'a Json>);

impl<'a> Conditions<'a> {
    pub fn of(object: &'a Json) -> Self {
        let generation = object["metadata"]["generation"].as_i64();
        let is_current = |condition: &&Json| match (condition["observedGeneration"].as_i64(), generation) {
            (Some(observed), Some(generation)) => observed >= generation,
            _ => true,
        };
        let all = object["status"]["conditions"].as_array().into_iter().flatten();
        Self(all.filter(is_current).collect())
    }

    fn get(&self, name: &str) -> Option<&'a Json> {
        self.0.iter().find(|condition| condition["type"] == name).copied()
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
        let all =
            self.0.iter().flat_map(|condition| times.iter().filter_map(|name| condition[*name].as_str()));
        match all.max() {
            Some(last) if !reason.contains("(since ") => format!("{reason} (nothing happened since {last})"),
            _ => reason,
        }
    }
}
