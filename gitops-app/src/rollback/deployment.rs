//! The last deployment of an audit log, and whether it failed.

use std::collections::BTreeSet;
use std::time::Duration;

use gitops_core::capability::Readiness;
use gitops_core::{AuditEvent, AuditRecord, Key, Purpose, Revision, Time};

/// A revision that was applied, with its retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deployment {
    /// The revision.
    pub revision: Revision,
    /// When it was first applied.
    pub since: Time,
    /// Whether a person asked for it by a pin.
    is_rollback: bool,
    /// What it changed. An object that it left alone may be unhealthy for other reasons.
    touched: BTreeSet<Key>,
}

/// What is to be said of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It failed, and what of it.
    Failed(String),
    /// Its time goes on.
    Waits,
    /// It did not fail.
    Passed,
}

impl Deployment {
    /// The last one. A repair of drift, and what comes of a commit that changes nothing here, is none.
    pub fn last(records: &[AuditRecord]) -> Option<Self> {
        let (mut last, mut counts): (Option<Self>, bool) = (None, false);
        for record in records {
            match &record.entry.what {
                AuditEvent::SyncStarted { revision, purpose, .. } => {
                    counts = *purpose != Purpose::Repair;
                    let is_same = last.as_ref().is_some_and(|last| last.revision.id() == revision.id());
                    if counts && !is_same {
                        last = Some(Self {
                            revision: revision.clone(),
                            since: record.entry.time,
                            is_rollback: *purpose == Purpose::Rollback,
                            touched: BTreeSet::new(),
                        });
                    }
                }
                AuditEvent::Intent { key, .. } if counts => {
                    if let Some(last) = &mut last {
                        last.touched.insert(key.clone());
                    }
                }
                _ => {}
            }
        }
        last
    }

    /// Whether it is not judged any more: a person asked for it, or its time is over for as long again as it lasted.
    pub fn is_over(&self, now: Time, within: Duration) -> bool {
        self.is_rollback || now.since(self.since) >= within * 2
    }

    /// Whether it failed: something that it changed will not work, or is not ready at the end of its time.
    pub fn judge(&self, now: Time, within: Duration, unready: &[(Key, Readiness)]) -> Judgement {
        let touched = || unready.iter().filter(|(key, _)| self.touched.contains(key));
        let ended = now.since(self.since) >= within;
        let failed = touched().find(|(_, readiness)| readiness.has_failed());
        let late = || touched().find(|(_, readiness)| matches!(readiness, Readiness::Progressing(_)));
        let say = |(key, readiness): &(Key, Readiness)| {
            format!("{key}: {}", readiness.reason().unwrap_or("it does not work"))
        };
        match (failed, ended) {
            (Some(failed), _) => Judgement::Failed(say(failed)),
            (None, false) => Judgement::Waits,
            (None, true) => match late() {
                Some(late) => Judgement::Failed(format!("not ready in time: {}", say(late))),
                None => Judgement::Passed,
            },
        }
    }
}

/// Whether somebody whose pin says so went back before.
pub(super) fn was_left(records: &[AuditRecord], by: &str) -> bool {
    let is_it = |what: &AuditEvent| matches!(what, AuditEvent::Pinned { by: who, .. } if who == by);
    records.iter().any(|record| is_it(&record.entry.what))
}

#[cfg(test)]
mod tests {
    use gitops_core::{Action, AuditEntry, Digest, GroupKind, PlanId};

    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn records(what: Vec<(i64, AuditEvent)>) -> Vec<AuditRecord> {
        let record = |(number, (minute, what))| {
            let (application, actor) = ("site".to_owned(), "runner".to_owned());
            let time = Time::from_micros(minute * MINUTE);
            AuditRecord::new(number, AuditEntry::new(time, application, actor, what))
        };
        (1u64..).zip(what).map(record).collect()
    }

    fn started(name: &str, purpose: Purpose) -> AuditEvent {
        let (plan, revision) = (PlanId::new(Digest::of(name.as_bytes())), Revision::new(name, "main"));
        AuditEvent::SyncStarted { plan, revision, approved_by: None, purpose }
    }

    fn key(name: &str) -> Key {
        Key::new("k8s", GroupKind::new("apps", "Deployment"), "shop", name)
    }

    fn intent(name: &str) -> AuditEvent {
        AuditEvent::Intent { op: "1".into(), key: key(name), action: Action::Update }
    }

    fn at(minute: i64) -> Time {
        Time::from_micros(minute * MINUTE)
    }

    const WITHIN: Duration = Duration::from_secs(600);

    #[test]
    fn what_a_deployment_changed_is_judged_and_nothing_else() {
        let log = records(vec![
            (0, started("1", Purpose::Change)),
            (0, intent("db")),
            (20, started("2", Purpose::Change)),
            (20, intent("web")),
            (21, started("2", Purpose::Repair)),
            (21, intent("db")),
            (22, started("2", Purpose::Retry)),
            (22, intent("api")),
        ]);
        let last = Deployment::last(&log).unwrap();
        assert_eq!((last.revision.id(), last.since), ("2", at(20)));
        let failed = |name: &str| vec![(key(name), Readiness::Failed("it crashes".to_owned()))];
        let late = |name: &str| vec![(key(name), Readiness::Progressing("0 of 1 ready".to_owned()))];
        assert!(
            matches!(last.judge(at(21), WITHIN, &failed("web")), Judgement::Failed(why) if why.ends_with("it crashes"))
        );
        assert!(matches!(last.judge(at(25), WITHIN, &failed("api")), Judgement::Failed(_)));
        assert_eq!(last.judge(at(25), WITHIN, &failed("db")), Judgement::Waits, "a repair is no part of it");
        assert_eq!(last.judge(at(29), WITHIN, &late("web")), Judgement::Waits);
        assert!(
            matches!(last.judge(at(30), WITHIN, &late("web")), Judgement::Failed(why) if why.contains("in time"))
        );
        assert_eq!(last.judge(at(30), WITHIN, &late("db")), Judgement::Passed);
        let unproven = vec![(key("web"), Readiness::Unproven("nobody says so".to_owned()))];
        assert_eq!(last.judge(at(30), WITHIN, &unproven), Judgement::Passed);
        let gone = vec![(key("web"), Readiness::Gone)];
        assert_eq!(last.judge(at(30), WITHIN, &gone), Judgement::Passed, "nobody saw it fail");
        assert!(!last.is_over(at(39), WITHIN) && last.is_over(at(40), WITHIN));
    }

    #[test]
    fn what_a_person_went_back_to_is_never_taken_back_and_nothing_twice() {
        let pinned =
            |by: &str| AuditEvent::Pinned { revision: Revision::new("1", "main"), by: by.to_owned() };
        let log = records(vec![
            (0, started("1", Purpose::Change)),
            (1, started("2", Purpose::Change)),
            (2, pinned("automatic rollback of 2")),
            (3, started("1", Purpose::Rollback)),
        ]);
        let last = Deployment::last(&log).unwrap();
        assert!(last.is_over(at(3), WITHIN), "the revision that was gone back to");
        let again = [log, records(vec![(4, started("2", Purpose::Change))])].concat();
        let last = Deployment::last(&again).unwrap();
        assert!(!last.is_over(at(5), WITHIN));
        assert!(was_left(&again, "automatic rollback of 2"));
        assert!(!was_left(&again, "automatic rollback of 22"));
    }
}
