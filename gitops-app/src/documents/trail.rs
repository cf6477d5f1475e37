//! The changes of objects, as the audit log tells them.

use std::collections::BTreeMap;

use gitops_core::{Action, AuditEvent, AuditLog, AuditRecord, Cx, Key, PlanId, Result, Revision, Time};
use serde::Serialize;

/// One change that was sent, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The number of its entry in the audit log.
    pub number: u64,
    /// When it was sent.
    pub time: Time,
    /// When its outcome was recorded.
    pub ended_at: Option<Time>,
    /// The object.
    pub key: Key,
    /// What was done to it.
    pub action: Action,
    /// On whose behalf.
    pub by: String,
    /// What came of it; nothing if it was not answered yet.
    pub result: Option<String>,
    /// What went wrong, in one line.
    pub detail: Option<String>,
    /// The reconciliation that it is of.
    #[serde(flatten)]
    pub of: Option<Reconciliation>,
}

/// What a change was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reconciliation {
    /// The number of its deployment, for `history show`.
    #[serde(rename = "deployment")]
    pub number: u64,
    /// The plan.
    pub plan_id: PlanId,
    /// The revision that was applied.
    pub revision: Revision,
    /// Who named the plan, or approved what needed an approval.
    pub approved_by: Option<String>,
    /// The revision that was live completely before it.
    #[serde(skip)]
    pub(super) after: Option<Revision>,
}

/// Puts intents and outcomes together, one record after the other.
#[derive(Debug, Default)]
pub struct Trail {
    current: Option<Reconciliation>,
    complete: Option<Revision>,
    begun: u64,
    open: BTreeMap<String, Change>,
}

impl Trail {
    /// One that begins after so many deployments.
    pub fn after(begun: u64) -> Self {
        Self { begun, ..Self::default() }
    }

    /// Takes a record in, and gives the change that it ends.
    pub fn take(&mut self, AuditRecord { number, entry, .. }: &AuditRecord) -> Option<Change> {
        match &entry.what {
            AuditEvent::SyncStarted { plan, revision, approved_by, .. } => {
                self.begun += 1;
                self.current = Some(Reconciliation {
                    number: self.begun,
                    plan_id: *plan,
                    revision: revision.clone(),
                    approved_by: approved_by.clone(),
                    after: self.complete.clone(),
                });
                None
            }
            AuditEvent::SyncEnded { revision, missing, .. } => {
                if *missing == 0 {
                    self.complete = Some(revision.clone());
                }
                self.current = None;
                None
            }
            AuditEvent::Intent { op, key, action } => {
                let change = Change {
                    number: *number,
                    time: entry.time,
                    ended_at: None,
                    key: key.clone(),
                    action: *action,
                    by: entry.actor.clone(),
                    result: None,
                    detail: None,
                    of: self.current.clone(),
                };
                // An operation has one intent: one that is there already was never answered.
                self.open.insert(op.to_string(), change)
            }
            AuditEvent::Outcome { op, result, detail, .. } => {
                let is_unknown = result == "unknown";
                let (result, detail) = (Some(result.clone()), detail.clone());
                let change = self.open.remove(op.as_str())?;
                let change = Change { ended_at: Some(entry.time), result, detail, ..change };
                if is_unknown {
                    // It is looked up later.
                    self.open.insert(op.to_string(), change);
                    return None;
                }
                Some(change)
            }
            _ => None,
        }
    }

    /// How many deployments began in the records so far.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// The changes that were not answered, or of which nobody knows what came of them.
    pub fn rest(self) -> impl Iterator<Item = Change> {
        self.open.into_values()
    }
}

/// The last change of an object.
///
/// # Errors
/// The log can't be read, or its chain is broken.
pub async fn last(cx: &Cx, log: &dyn AuditLog, key: &Key) -> Result<Option<Change>> {
    let (mut trail, mut last) = (Trail::default(), None);
    log.each(cx, &mut |record| {
        last = trail.take(&record).filter(|change| &change.key == key).or_else(|| last.take());
        Ok(())
    })
    .await?;
    let open = trail.rest().filter(|change| &change.key == key);
    Ok(open.chain(last).max_by_key(|change| change.number))
}

/// What came of a change, for people.
pub fn outcome(result: Option<&str>, detail: Option<&str>) -> String {
    let word = match result {
        None => "not answered: the next reconciliation looks it up",
        Some("done") => "done",
        Some("differs") => "done, and the target holds something else",
        Some("deleting") => "being deleted",
        Some("not-done") => "not done",
        Some("unknown") => "outcome unknown",
        Some(other) => other,
    };
    detail.map_or_else(|| word.to_owned(), |detail| format!("{word}: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::{AuditEntry, Digest, GroupKind, Purpose};

    fn record(number: u64, actor: &str, what: AuditEvent) -> AuditRecord {
        let (application, time) = ("site".to_owned(), Time::from_micros(number.cast_signed()));
        AuditRecord::new(number, AuditEntry::new(time, application, actor.to_owned(), what))
    }

    fn key(name: &str) -> Key {
        Key::new("t", GroupKind::new("", "K"), "", name)
    }

    fn intent(op: &str, name: &str) -> AuditEvent {
        AuditEvent::Intent { op: op.into(), key: key(name), action: Action::Update }
    }

    fn outcome(op: &str, name: &str) -> AuditEvent {
        AuditEvent::Outcome { op: op.into(), key: key(name), result: "done".to_owned(), detail: None }
    }

    /// Changes are sent side by side: an outcome is that of its own operation, not of what was sent last.
    #[test]
    fn each_outcome_is_that_of_its_intent_and_what_has_none_is_told() {
        let plan = PlanId::new(Digest::of(b"plan"));
        let approved_by = Some("bo".to_owned());
        let started = AuditEvent::SyncStarted {
            plan,
            revision: Revision::new("1", "main"),
            approved_by,
            purpose: Purpose::Change,
        };
        let log = [
            started,
            intent("1", "a"),
            intent("2", "b"),
            intent("3", "c"),
            outcome("2", "b"),
            outcome("1", "a"),
        ];
        let mut trail = Trail::default();
        let numbered = (1..).zip(log).map(|(number, what)| record(number, "ana", what));
        let told: Vec<Change> = numbered.filter_map(|record| trail.take(&record)).collect();
        let names: Vec<(u64, &str)> = told.iter().map(|change| (change.number, change.key.name())).collect();
        assert_eq!(names, [(3, "b"), (2, "a")]);
        assert!(told.iter().all(|change| {
            let of = change.of.as_ref().unwrap();
            of.number == 1 && of.approved_by.as_deref() == Some("bo") && of.plan_id == plan
        }));
        let rest: Vec<Change> = trail.rest().collect();
        assert_eq!((rest.len(), rest[0].key.name(), &rest[0].result), (1, "c", &None));
    }

    #[test]
    fn what_nobody_knew_is_told_by_what_was_found_later() {
        let found = |result: &str| AuditEvent::Outcome {
            op: "1".into(),
            key: key("a"),
            result: result.to_owned(),
            detail: Some("why".to_owned()),
        };
        let mut trail = Trail::default();
        assert!(trail.take(&record(1, "ana", intent("1", "a"))).is_none());
        assert!(trail.take(&record(2, "ana", found("unknown"))).is_none());
        let change = trail.take(&record(3, "bo", found("done"))).unwrap();
        assert_eq!((change.number, change.by.as_str(), change.result.as_deref()), (1, "ana", Some("done")));
        trail.take(&record(4, "ana", intent("1", "a")));
        trail.take(&record(5, "ana", found("unknown")));
        let rest: Vec<Change> = trail.rest().collect();
        assert_eq!(rest[0].result.as_deref(), Some("unknown"));
    }
}
