//! How long an object stands still.

use std::time::Duration;

use gitops_core::Time;
use gitops_core::capability::Readiness;
use serde_json::Value as Json;

use super::ObjectHealth;

/// What the server writes for a deployment that does not say how long it may take.
const DEFAULT_DEADLINE: u64 = 600;

/// How an object was doing when it was last seen.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub health: ObjectHealth,
    /// When something last happened on it, by the server's clock.
    since: Option<Time>,
    /// How long it may stand still by its own word.
    deadline: Option<Duration>,
}

impl Standing {
    /// Nothing was seen yet.
    pub fn unknown() -> Self {
        let health = ObjectHealth::Progressing("nothing is known of it".to_owned());
        Self { health, since: None, deadline: None }
    }

    pub fn of(object: &Json, health: ObjectHealth) -> Self {
        let deadline = object["spec"]["progressDeadlineSeconds"].as_u64();
        let deadline = deadline.filter(|seconds| *seconds != DEFAULT_DEADLINE).map(Duration::from_secs);
        Self { health, since: last_moved(object), deadline }
    }

    /// Whether nothing happened on it for so long.
    pub fn is_older(&self, now: Time, age: Duration) -> bool {
        self.since.is_some_and(|since| now.since(since) >= age)
    }

    /// What it is at the end of a wait: stuck if it stood still for longer than its own deadline, or the patience.
    pub fn readiness(&self, now: Time, patience: Duration) -> Readiness {
        let reason = self.health.why();
        match self.since.filter(|since| now.since(*since) >= self.deadline.unwrap_or(patience)) {
            Some(since) => Readiness::Stuck { reason, since },
            None => Readiness::Progressing(reason),
        }
    }
}

/// When something last happened on an object: it was made or deleted, somebody set a field of it, or a condition moved.
fn last_moved(object: &Json) -> Option<Time> {
    let metadata = &object["metadata"];
    let items = |list: &'_ Json| list.as_array().cloned().unwrap_or_default();
    let conditions = items(&object["status"]["conditions"]).into_iter();
    let of_conditions = conditions
        .flat_map(|condition| [condition["lastUpdateTime"].clone(), condition["lastTransitionTime"].clone()]);
    let of_fields = items(&metadata["managedFields"]).into_iter().map(|entry| entry["time"].clone());
    let own = [metadata["creationTimestamp"].clone(), metadata["deletionTimestamp"].clone()];
    let all = own.into_iter().chain(of_conditions).chain(of_fields);
    all.filter_map(|time| serde_json::from_value(time).ok()).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn time(text: &str) -> Time {
        serde_json::from_value(json!(text)).unwrap()
    }

    fn readiness(deadline: u64, now: &str) -> Readiness {
        let object = json!({
            "metadata": {
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [{"manager": "c", "time": "2026-01-01T00:01:00Z"}, {"manager": "d"}]
            },
            "spec": {"progressDeadlineSeconds": deadline},
            "status": {"conditions": [{"type": "Available", "lastTransitionTime": "2026-01-01T00:00:30Z"}]}
        });
        let standing = Standing::of(&object, ObjectHealth::Progressing("0 of 2".to_owned()));
        standing.readiness(time(now), Duration::from_secs(120))
    }

    #[test]
    fn what_stands_still_for_longer_than_the_patience_or_its_own_deadline_is_stuck() {
        let coming = Readiness::Progressing("0 of 2".to_owned());
        let stuck = Readiness::Stuck { reason: "0 of 2".to_owned(), since: time("2026-01-01T00:01:00Z") };
        assert_eq!(readiness(600, "2026-01-01T00:02:59Z"), coming);
        assert_eq!(
            readiness(600, "2026-01-01T00:03:00Z"),
            stuck,
            "the server's default is no word of its own"
        );
        assert_eq!(readiness(30, "2026-01-01T00:01:30Z"), stuck);
        assert_eq!(readiness(7200, "2026-01-01T00:50:00Z"), coming);
        assert_eq!(readiness(600, "2025-12-31T00:00:00Z"), coming, "the server's clock may be ahead");
    }

    #[test]
    fn an_object_that_says_no_time_is_never_stuck() {
        let standing = Standing::of(&json!({}), ObjectHealth::Unproven("no status".to_owned()));
        let readiness = standing.readiness(time("2026-01-01T00:00:00Z"), Duration::ZERO);
        assert!(matches!(readiness, Readiness::Progressing(_)), "{readiness:?}");
    }
}
