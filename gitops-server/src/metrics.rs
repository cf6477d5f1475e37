//! What a process counts, in the text format of `OpenMetrics`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::{Action, Cx, Event, EventSink, Key, Obstacle};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The events of engines, webhooks and reviews as counters and gauges.
pub struct Metrics {
    cx: Cx,
    registry: Registry,
    reconciliations: Family<Reconciled, Counter>,
    changes: Family<Changed, Counter>,
    declared: Family<Of, Gauge>,
    steps: Family<Of, Gauge>,
    blocked: Family<BlockedBy, Gauge>,
    journaled: Family<Of, Counter>,
    converged_at: Family<Of, Gauge>,
    leader: Family<Of, Gauge>,
    configured: Gauge,
    webhooks: Family<Sent, Counter>,
    reviews: Family<Reviewed, Counter>,
    commands: Family<Commanded, Counter>,
    calls: Family<Called, Counter>,
    calls_left: Family<OnForge, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    application: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconciled {
    application: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Changed {
    application: String,
    action: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sent {
    forge: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reviewed {
    repository: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Commanded {
    command: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OnForge {
    repository: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    repository: String,
    method: &'static str,
    route: &'static str,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BlockedBy {
    application: String,
    obstacle: String,
}

/// What may block objects.
const OBSTACLES: [Obstacle; 5] =
    [Obstacle::Wait, Obstacle::Conflict, Obstacle::Approval, Obstacle::MissingRights, Obstacle::Fault];

impl Metrics {
    /// All metrics at zero.
    pub fn new(cx: Cx) -> Self {
        let mut metrics = Self {
            cx,
            registry: Registry::with_prefix("gitops"),
            reconciliations: Family::default(),
            changes: Family::default(),
            declared: Family::default(),
            steps: Family::default(),
            blocked: Family::default(),
            journaled: Family::default(),
            converged_at: Family::default(),
            leader: Family::default(),
            configured: Gauge::default(),
            webhooks: Family::default(),
            reviews: Family::default(),
            commands: Family::default(),
            calls: Family::default(),
            calls_left: Family::default(),
        };
        metrics.register();
        metrics.configured(true);
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "reconciliations",
            "Reconciliations of the application by result",
            self.reconciliations.clone(),
        );
        registry.register(
            "changes",
            "Changes of objects by action and by what came of them",
            self.changes.clone(),
        );
        registry.register("declared_objects", "Objects that the source declares", self.declared.clone());
        registry.register("planned_steps", "Changes that the last plan holds", self.steps.clone());
        let help = "Objects about which nothing may be done now, by what kind of thing blocks them";
        registry.register("blocked_objects", help, self.blocked.clone());
        registry.register("journal_records", "Records made durable", self.journaled.clone());
        let help = "When the last reconciliation ended with everything as declared, in seconds since 1970";
        registry.register("converged_timestamp_seconds", help, self.converged_at.clone());
        registry.register(
            "leader",
            "1 while this process works with the application: it holds the state or its lease",
            self.leader.clone(),
        );
        let help =
            "1 if the configuration that is there is at work, 0 if it was changed to one that can't be used";
        registry.register("config_last_reload_successful", help, self.configured.clone());
        registry.register("webhooks", "Webhooks by forge and by what became of them", self.webhooks.clone());
        registry.register(
            "reviews",
            "Reviews of change requests by repository and result",
            self.reviews.clone(),
        );
        registry.register("commands", "Commands in comments by name and result", self.commands.clone());
        let help = "Calls of the API of the repository's forge by route and by status of the answer";
        registry.register("forge_calls", help, self.calls.clone());
        let help = "Calls that the forge allows for now, as it said last";
        registry.register("forge_calls_left", help, self.calls_left.clone());
    }

    /// Counts a webhook. The kind of the forge is the path's, which anybody can write: `unknown` where it is none.
    pub(crate) fn webhook(&self, forge: &str, result: &'static str) {
        self.webhooks.get_or_create(&Sent { forge: forge.to_owned(), result }).inc();
    }

    /// Counts a review.
    pub(crate) fn review(&self, repository: &str, result: &'static str) {
        self.reviews.get_or_create(&Reviewed { repository: repository.to_owned(), result }).inc();
    }

    /// Counts a command in a comment.
    pub(crate) fn command(&self, command: &'static str, result: &'static str) {
        self.commands.get_or_create(&Commanded { command, result }).inc();
    }

    /// Counts a call of a forge: by which method and route, the status of the answer, and how many the forge allows for now.
    pub(crate) fn called(
        &self,
        repository: &str,
        (method, route): (&'static str, &'static str),
        status: Option<u16>,
        left: Option<u64>,
    ) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let repository = repository.to_owned();
        if let Some(left) = left {
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            self.calls_left.get_or_create(&OnForge { repository: repository.clone() }).set(left);
        }
        self.calls.get_or_create(&Called { repository, method, route, status }).inc();
    }

    /// Notes whether the configuration that is there now is the one that is at work.
    pub(crate) fn configured(&self, is_current: bool) {
        self.configured.set(is_current.into());
    }

    /// Counts an application that could not be opened: no reconciliation of it could be made.
    pub fn not_opened(&self, application: &str) {
        let application = application.to_owned();
        self.reconciliations.get_or_create(&Reconciled { application, result: "failed" }).inc();
    }

    /// An application has left the configuration, and its engine has ended: nothing is said of how it stands any more. What was
    /// counted stays.
    pub fn forget(&self, application: &str) {
        let of = Of { application: application.to_owned() };
        self.no_longer_stands(&of);
        self.leader.remove(&of);
    }

    /// How an application stands is not known here any more: what was known is no word about now.
    fn no_longer_stands(&self, of: &Of) {
        for gauge in [&self.declared, &self.steps, &self.converged_at] {
            gauge.remove(of);
        }
        for obstacle in OBSTACLES {
            let application = of.application.clone();
            self.blocked.remove(&BlockedBy { application, obstacle: obstacle.to_string() });
        }
    }

    /// The metrics of an application.
    pub fn of(self: &Arc<Self>, application: &str) -> Arc<ApplicationMetrics> {
        let of = Of { application: application.to_owned() };
        self.leader.get_or_create(&of).set(0);
        Arc::new(ApplicationMetrics {
            all: self.clone(),
            of,
            blocked: Mutex::default(),
            actions: Mutex::default(),
        })
    }

    /// Everything in the text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("a string can always be written to");
        text
    }
}

/// The metrics of one application: a sink of its engine's events.
pub struct ApplicationMetrics {
    all: Arc<Metrics>,
    of: Of,
    blocked: Mutex<BTreeMap<Key, Obstacle>>,
    /// What is done to the objects of the reconciliation that goes on.
    actions: Mutex<BTreeMap<Key, Action>>,
}

impl ApplicationMetrics {
    /// Notes whether this process works with the application. If not, it says no more how the application stands.
    ///
    /// What blocks objects is told anew by the engine of each grant.
    pub fn leads(&self, leads: bool) {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.all.no_longer_stands(&self.of);
        self.all.leader.get_or_create(&self.of).set(i64::from(leads));
    }

    fn blocked_by(&self, obstacle: Obstacle) -> Gauge {
        let by = BlockedBy { application: self.of.application.clone(), obstacle: obstacle.to_string() };
        self.all.blocked.get_or_create(&by).clone()
    }

    fn blocked(&self, key: &Key, by: Option<Obstacle>) {
        let mut keys = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match by {
            Some(by) => keys.insert(key.clone(), by),
            None => keys.remove(key),
        };
        if let Some(before) = before {
            self.blocked_by(before).dec();
        }
        if let Some(now) = by {
            self.blocked_by(now).inc();
        }
    }

    fn converged(&self) {
        let seconds = self.all.cx.now().as_micros() / 1_000_000;
        self.all.converged_at.get_or_create(&self.of).set(seconds);
    }

    fn passed(&self, result: &'static str) {
        let application = self.of.application.clone();
        self.all.reconciliations.get_or_create(&Reconciled { application, result }).inc();
    }

    fn changed(&self, action: Action, result: &'static str) {
        let (application, action) = (self.of.application.clone(), action.to_string());
        self.all.changes.get_or_create(&Changed { application, action, result }).inc();
    }

    /// Counts what came of a change that was sent.
    fn ended(&self, key: &Key, result: &'static str) {
        let action = self.actions().get(key).copied();
        if let Some(action) = action {
            self.changed(action, result);
        }
    }

    fn actions(&self) -> MutexGuard<'_, BTreeMap<Key, Action>> {
        self.actions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, gauge: &Family<Of, Gauge>, value: usize) {
        gauge.get_or_create(&self.of).set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}

impl EventSink for ApplicationMetrics {
    fn event(&self, event: &Event) {
        match event {
            Event::Rendered { objects, .. } => self.set(&self.all.declared, *objects),
            Event::Planned { steps, blocked, .. } => {
                self.set(&self.all.steps, *steps);
                if steps + blocked == 0 {
                    self.converged();
                }
            }
            Event::Started { key, action } => {
                self.actions().insert(key.clone(), *action);
                self.changed(*action, "sent");
            }
            Event::Applied { action, .. } => self.changed(*action, "done"),
            Event::Differs { key, .. } => self.ended(key, "differs"),
            Event::Failed { key, unknown: true, .. } => self.ended(key, "unknown"),
            Event::Failed { key, .. } => self.ended(key, "failed"),
            Event::Journaled { records } => {
                let records = u64::try_from(*records).unwrap_or(u64::MAX);
                self.all.journaled.get_or_create(&self.of).inc_by(records);
            }
            Event::Blocked { key, obstacle, .. } => self.blocked(key, Some(*obstacle)),
            Event::Unblocked { key, .. } => self.blocked(key, None),
            Event::Finished { failed, blocked, skipped, .. } => {
                self.actions().clear();
                let is_converged = failed + blocked + skipped == 0;
                self.passed(if is_converged { "converged" } else { "incomplete" });
                if is_converged {
                    self.converged();
                }
            }
            Event::ReconcileFailed { .. } => {
                self.actions().clear();
                self.passed("failed");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests;
