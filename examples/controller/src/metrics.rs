//! What the controller counts, in the text format of `OpenMetrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::{Action, Cx, Event, EventSink, Key, Obstacle};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The engines' events as counters and gauges, and whether the sources were reached.
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
    applications: Mutex<BTreeMap<String, Arc<Standing>>>,
}

/// How far this process is with an application.
#[derive(Default)]
struct Standing {
    leads: AtomicBool,
    reached: AtomicBool,
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
struct BlockedBy {
    application: String,
    obstacle: String,
}

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
            applications: Mutex::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "reconciliations",
            "Reconciliations of the application by result",
            self.reconciliations.clone(),
        );
        registry.register("changes", "Changes sent to targets by action and result", self.changes.clone());
        registry.register("declared_objects", "Objects that the source declares", self.declared.clone());
        registry.register("planned_steps", "Changes that the last plan holds", self.steps.clone());
        let help = "Objects about which nothing may be done now, by what kind of thing blocks them";
        registry.register("blocked_objects", help, self.blocked.clone());
        registry.register("journal_records", "Records made durable", self.journaled.clone());
        let help = "When the last reconciliation ended with everything as declared, in seconds since 1970";
        registry.register("converged_timestamp_seconds", help, self.converged_at.clone());
        registry.register(
            "leader",
            "1 while this process holds the application's lease",
            self.leader.clone(),
        );
    }

    /// The metrics of an application.
    pub fn of(self: &Arc<Self>, application: &str) -> Arc<OfApplication> {
        let standing = Arc::<Standing>::default();
        let mut all = self.applications.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(application.to_owned(), standing.clone());
        drop(all);
        let of = Of { application: application.to_owned() };
        self.leader.get_or_create(&of).set(0);
        Arc::new(OfApplication { all: self.clone(), of, standing, blocked: Mutex::default() })
    }

    /// Whether this process leads, and reached the source of every application that it leads.
    pub fn reached_sources(&self) -> bool {
        let all = self.applications.lock().unwrap_or_else(PoisonError::into_inner);
        let mut led = all.values().filter(|standing| standing.leads.load(Ordering::Relaxed)).peekable();
        led.peek().is_some() && led.all(|standing| standing.reached.load(Ordering::Relaxed))
    }

    /// Everything in the text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("a string can always be written to");
        text
    }
}

/// The metrics of one application.
pub struct OfApplication {
    all: Arc<Metrics>,
    of: Of,
    standing: Arc<Standing>,
    blocked: Mutex<BTreeMap<Key, Obstacle>>,
}

impl OfApplication {
    /// Notes whether this process leads.
    ///
    /// What blocks objects is told anew by the engine of each grant.
    pub fn leads(&self, leads: bool) {
        let blocked = std::mem::take(&mut *self.blocked.lock().unwrap_or_else(PoisonError::into_inner));
        for by in blocked.into_values() {
            self.blocked_by(by).dec();
        }
        self.standing.leads.store(leads, Ordering::Relaxed);
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

    fn passed(&self, result: &'static str) {
        let application = self.of.application.clone();
        self.all.reconciliations.get_or_create(&Reconciled { application, result }).inc();
    }

    fn changed(&self, action: Action, result: &'static str) {
        let (application, action) = (self.of.application.clone(), action.to_string());
        self.all.changes.get_or_create(&Changed { application, action, result }).inc();
    }

    fn set(&self, gauge: &Family<Of, Gauge>, value: usize) {
        gauge.get_or_create(&self.of).set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}

impl EventSink for OfApplication {
    fn event(&self, event: &Event) {
        match event {
            Event::Rendered { objects, .. } => {
                self.standing.reached.store(true, Ordering::Relaxed);
                self.set(&self.all.declared, *objects);
            }
            Event::Planned { steps, blocked, .. } => {
                self.set(&self.all.steps, *steps);
                if steps + blocked == 0 {
                    let seconds = self.all.cx.now().as_micros() / 1_000_000;
                    self.all.converged_at.get_or_create(&self.of).set(seconds);
                }
            }
            Event::Started { action, .. } => self.changed(*action, "sent"),
            Event::Applied { action, .. } => self.changed(*action, "done"),
            Event::Journaled { records } => {
                let records = u64::try_from(*records).unwrap_or(u64::MAX);
                self.all.journaled.get_or_create(&self.of).inc_by(records);
            }
            Event::Blocked { key, obstacle, .. } => self.blocked(key, Some(*obstacle)),
            Event::Unblocked { key, .. } => self.blocked(key, None),
            Event::Finished { failed: 0, blocked: 0, .. } => self.passed("converged"),
            Event::Finished { .. } => self.passed("incomplete"),
            Event::ReconcileFailed { .. } => self.passed("failed"),
            _ => {}
        }
    }
}
