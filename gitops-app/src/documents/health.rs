//! Whether what an application owns works.

use std::collections::BTreeMap;

use gitops_core::capability::Readiness;
use gitops_core::{BlockedBecause, Component, ErrorKind, Key, Plan, Reason, Time};
use serde::Serialize;

use crate::text::{count, escape};

/// The health of an application: the gravest of its objects counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub enum Health {
    /// Nothing speaks against it.
    Healthy,
    /// Something is paused, and meant to be.
    Suspended,
    /// Something is on its way.
    Progressing,
    /// Something that is declared is not there.
    Missing,
    /// Something failed, or is stuck.
    Degraded,
    /// The target could not be looked at.
    Unknown,
}

/// A resource of a root that something is wrong with.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Troubled {
    /// The root.
    pub key: Key,
    /// The resource, with what is wrong with it.
    pub component: Component,
}

/// An object of a cluster that does not work at the moment, or of which nothing proves that it does.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Unready {
    /// The object.
    pub key: Key,
    /// How it stands: `stuck`, `failed`, `suspended`, `unproven` or `progressing`.
    pub state: &'static str,
    /// Why.
    pub reason: String,
    /// Since when it is stuck.
    pub since: Option<Time>,
}

impl Unready {
    /// What an object's readiness means for people.
    pub fn of((key, readiness): (Key, Readiness)) -> Self {
        let (state, since) = match &readiness {
            Readiness::Stuck { since, .. } => ("stuck", Some(*since)),
            Readiness::Failed(_) | Readiness::Ended(_) => ("failed", None),
            Readiness::Suspended { .. } => ("suspended", None),
            Readiness::Unproven(_) => ("unproven", None),
            _ => ("progressing", None),
        };
        Self { key, state, reason: readiness.reason().unwrap_or_default().to_owned(), since }
    }

    fn health(&self) -> Health {
        match self.state {
            "stuck" | "failed" => Health::Degraded,
            "suspended" => Health::Suspended,
            "unproven" => Health::Healthy,
            _ => Health::Progressing,
        }
    }

    /// What to call it, and why.
    pub fn line(&self) -> (&'static str, String) {
        let since = self.since.map(|since| format!("; nothing happened since {since}")).unwrap_or_default();
        (self.state, escape(&format!("{}: {}{since}", self.key, self.reason)))
    }
}

impl Troubled {
    /// The resources that something is wrong with.
    pub fn of(components: BTreeMap<Key, Vec<Component>>) -> Vec<Self> {
        let all = components.into_iter().flat_map(|(key, parts)| {
            parts.into_iter().map(move |component| Self { key: key.clone(), component })
        });
        all.filter(|troubled| troubled.component.trouble.is_some()).collect()
    }

    /// What to call it, and why.
    pub fn line(&self) -> Option<(&'static str, String)> {
        let Component { name, trouble, .. } = &self.component;
        Some(("trouble", escape(&format!("{}: {name}: {}", self.key, trouble.as_ref()?))))
    }
}

/// The health of an application, of which these objects are known not to be fine.
pub fn fold(plan: Option<&Plan>, owned: usize, unready: &[Unready], troubled: &[Troubled]) -> Health {
    let Some(plan) = plan else { return Health::Unknown };
    let is_gone = |reason: &Reason| matches!(reason, Reason::Missing);
    let is_missing = plan.steps.iter().chain(&plan.drift).any(|step| is_gone(&step.reason))
        || (owned == 0 && !plan.steps.is_empty());
    let of_objects = unready.iter().map(Unready::health);
    let of_roots = troubled.iter().map(|_| Health::Degraded);
    let of_plan = is_missing.then_some(Health::Missing);
    let of_blocked = plan.blocked.iter().filter_map(|blocked| of_blocked(&blocked.why));
    of_objects.chain(of_roots).chain(of_plan).chain(of_blocked).max().unwrap_or(Health::Healthy)
}

/// What it says of an object that nothing may be done about it.
pub(super) fn of_blocked(why: &BlockedBecause) -> Option<Health> {
    match why {
        // What ran once, failed and is gone can't be asked any more.
        BlockedBecause::Ended { .. } => Some(Health::Degraded),
        // Somebody of ours is at work on it.
        BlockedBecause::Unreadable(refusal) if refusal.kind == ErrorKind::Locked => Some(Health::Progressing),
        // What can't be read may work, and may be gone.
        BlockedBecause::Unreadable(_) => Some(Health::Unknown),
        _ => None,
    }
}

/// The health of one object, as far as something speaks against it.
pub(super) fn of_object(is_missing: bool, unready: Option<&Unready>, components: &[Component]) -> Health {
    let of_parts = components.iter().any(|part| part.trouble.is_some()).then_some(Health::Degraded);
    let of_plan = is_missing.then_some(Health::Missing);
    unready.map(Unready::health).into_iter().chain(of_parts).chain(of_plan).max().unwrap_or(Health::Healthy)
}

/// How many objects are in which state, in a few words.
pub fn counts(owned: usize, unready: &[Unready], troubled: &[Troubled]) -> String {
    let of = |state: &str| unready.iter().filter(|unready| unready.state == state).count();
    let not_fine = unready.iter().filter(|unready| unready.state != "unproven").count();
    let parts = [
        (owned.saturating_sub(not_fine), "healthy"),
        (of("unproven"), "of them unproven"),
        (of("progressing"), "progressing"),
        (of("suspended"), "suspended"),
        (of("stuck"), "stuck"),
        (of("failed"), "failed"),
    ];
    let words = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
    let resources =
        (!troubled.is_empty()).then(|| format!("{} in trouble", count(troubled.len(), "resource")));
    words.chain(resources).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Met with a migration that failed and was deleted by its policy: the engine said Degraded, and `status` said Healthy.
    #[test]
    fn a_hook_that_failed_and_is_gone_is_not_healthy() {
        let zeros = "0".repeat(64);
        let plan = |blocked: serde_json::Value| -> Plan {
            serde_json::from_value(serde_json::json!({
                "id": zeros, "application": "site", "revision": { "id": "1", "name": "main" },
                "observed_at": "2026-11-24T12:04:31Z", "steps": [], "drift": [], "blocked": blocked,
                "basis": { "source": "s", "engine": "e", "desired": zeros, "gates": zeros, "options": zeros },
                "orphaned": [], "owned": 2, "unchanged": 1,
            }))
            .unwrap()
        };
        let why = BlockedBecause::Ended { failure: Some("it has failed".to_owned()) };
        let ended = serde_json::json!({ "key": "k:Job.batch/shop/migrate", "why": why });
        let health = |plan: &Plan| fold(Some(plan), 2, &[], &[]);
        assert_eq!(health(&plan(serde_json::json!([ended]))), Health::Degraded);
        assert_eq!(health(&plan(serde_json::json!([]))), Health::Healthy);
    }
}
