//! What the controller counts, in the text format of `OpenMetrics`.

use std::sync::atomic::{AtomicBool, Ordering};

use gitops_core::{Action, Cx, Event, EventSink};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The engine's events as counters and gauges, and whether the source was ever reached.
pub struct Metrics {
    cx: Cx,
    registry: Registry,
    passes: Family<Passed, Counter>,
    changes: Family<Changed, Counter>,
    declared: Gauge,
    steps: Gauge,
    journaled: Counter,
    converged_at: Gauge,
    leader: Gauge,
    reached: AtomicBool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Passed {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Changed {
    action: String,
    result: &'static str,
}

impl Metrics {
    /// All metrics at zero.
    pub fn new(cx: Cx) -> Self {
        let mut metrics = Self {
            cx,
            registry: Registry::with_prefix("gitops"),
            passes: Family::default(),
            changes: Family::default(),
            declared: Gauge::default(),
            steps: Gauge::default(),
            journaled: Counter::default(),
            converged_at: Gauge::default(),
            leader: Gauge::default(),
            reached: AtomicBool::new(false),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("passes", "Passes over the application by result", self.passes.clone());
        registry.register(
            "changes",
            "Changes sent to the cluster by action and result",
            self.changes.clone(),
        );
        registry.register("declared_objects", "Objects that the source declares", self.declared.clone());
        registry.register("planned_steps", "Changes that the last plan holds", self.steps.clone());
        registry.register("journal_records", "Records made durable", self.journaled.clone());
        let help = "When the last pass ended with everything as declared, in seconds since 1970";
        registry.register("converged_timestamp_seconds", help, self.converged_at.clone());
        registry.register("leader", "1 while this process holds the lease", self.leader.clone());
    }

    /// Whether the source was reached and rendered at least once.
    pub fn reached_source(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Notes whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Everything in the text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("a string can always be written to");
        text
    }

    fn passed(&self, result: &'static str) {
        self.passes.get_or_create(&Passed { result }).inc();
    }

    fn changed(&self, action: Action, result: &'static str) {
        self.changes.get_or_create(&Changed { action: action.to_string(), result }).inc();
    }
}

impl EventSink for Metrics {
    fn event(&self, event: &Event) {
        match event {
            Event::Rendered { objects, .. } => {
                self.reached.store(true, Ordering::Relaxed);
                self.declared.set(i64::try_from(*objects).unwrap_or(i64::MAX));
            }
            Event::Planned { steps, .. } => {
                self.steps.set(i64::try_from(*steps).unwrap_or(i64::MAX));
                if *steps == 0 {
                    self.converged_at.set(self.cx.now().as_micros() / 1_000_000);
                }
            }
            Event::Started { action, .. } => self.changed(*action, "sent"),
            Event::Applied { action, .. } => self.changed(*action, "done"),
            Event::Journaled { records } => {
                self.journaled.inc_by(u64::try_from(*records).unwrap_or(u64::MAX));
            }
            Event::Finished { failed: 0, .. } => self.passed("converged"),
            Event::Finished { .. } => self.passed("incomplete"),
            Event::PassFailed { .. } => self.passed("failed"),
            _ => {}
        }
    }
}
