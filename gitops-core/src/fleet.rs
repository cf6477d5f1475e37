//! Many applications.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::Mutex;

use crate::graph::{Cycle, Graph};
use crate::value::{GroupKind, Key};
use crate::{Cx, Engine, Error, ErrorKind, Report, Result};

/// Many applications over one graph: each is passed over after those that it needs have converged.
///
/// Applications share what their engines were given: a source's mirror, targets, caches. A failed application blocks
/// exactly those that need it. At most [`concurrency`](Self::concurrency) are under way at once, and those that are
/// free to go start in the order of their names, so none starves.
#[derive(Default)]
pub struct Fleet {
    applications: BTreeMap<String, Application>,
    concurrency: usize,
}

struct Application {
    engine: Arc<Mutex<Engine>>,
    needs: Vec<String>,
}

/// What came of one application in a pass over a fleet.
#[derive(Debug)]
pub enum FleetOutcome {
    /// It was passed over; the report says whether it converged.
    Passed(Box<Report>),
    /// It could not be passed over.
    Failed(Error),
    /// It was not tried, because this application did not converge.
    Blocked {
        /// Which one.
        by: String,
    },
}

impl FleetOutcome {
    /// Whether the application is as declared.
    pub fn is_converged(&self) -> bool {
        matches!(self, Self::Passed(report) if report.is_converged())
    }
}

impl Fleet {
    /// No applications; 16 at once.
    pub fn new() -> Self {
        Self { applications: BTreeMap::new(), concurrency: 16 }
    }

    /// How many applications are under way at once; at least 1.
    #[must_use]
    pub fn concurrency(mut self, applications: usize) -> Self {
        self.concurrency = applications.max(1);
        self
    }

    /// Adds an application and names those that must converge before it.
    #[must_use]
    pub fn application(mut self, engine: Engine, needs: &[&str]) -> Self {
        let needs = needs.iter().map(ToString::to_string).collect();
        let name = engine.name().to_owned();
        self.applications.insert(name, Application { engine: Arc::new(Mutex::new(engine)), needs });
        self
    }

    /// The graph of the applications; each is a key of the kind `Application`.
    ///
    /// # Errors
    /// A cycle, with all its members.
    pub fn graph(&self) -> Result<Graph, Cycle> {
        let needs = |application: &Application| application.needs.iter().map(|name| key(name)).collect();
        Graph::new(self.applications.iter().map(|(name, application)| (key(name), needs(application))))
    }

    /// One pass over every application, in the order of their needs.
    ///
    /// # Errors
    /// `Invalid` for a cycle, or a need that names no application. What goes wrong in an application is its outcome.
    ///
    /// # Cancel safety
    /// As [`Engine`]: cancel the context to stop in good order.
    pub async fn pass(&self, cx: &Cx) -> Result<BTreeMap<String, FleetOutcome>> {
        self.check()?;
        let mut outcomes: BTreeMap<String, FleetOutcome> = BTreeMap::new();
        let mut waiting: BTreeMap<&String, &Application> = self.applications.iter().collect();
        let mut running = FuturesUnordered::new();
        loop {
            waiting.retain(|name, application| {
                if running.len() >= self.concurrency {
                    return true;
                }
                match application.readiness(&outcomes) {
                    Readiness::Wait => return true,
                    Readiness::Blocked(by) => {
                        outcomes.insert((*name).clone(), FleetOutcome::Blocked { by });
                    }
                    Readiness::Go => {
                        let (name, engine) = ((*name).clone(), application.engine.clone());
                        running.push(async move { (name, engine.lock().await.pass(cx).await) });
                    }
                }
                false
            });
            match running.next().await {
                Some((name, result)) => {
                    let passed = |report| FleetOutcome::Passed(Box::new(report));
                    outcomes.insert(name, result.map_or_else(FleetOutcome::Failed, passed));
                }
                None if waiting.is_empty() => return Ok(outcomes),
                None => {}
            }
        }
    }

    fn check(&self) -> Result<()> {
        for (name, application) in &self.applications {
            if let Some(need) = application.needs.iter().find(|need| !self.applications.contains_key(*need)) {
                let message = format!("the application `{name}` needs `{need}`, which is not in the fleet");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        self.graph().map(|_| ()).map_err(|cycle| Error::new(ErrorKind::Invalid, cycle.to_string()))
    }
}

impl Application {
    fn readiness(&self, outcomes: &BTreeMap<String, FleetOutcome>) -> Readiness {
        for need in &self.needs {
            match outcomes.get(need) {
                None => return Readiness::Wait,
                Some(outcome) if !outcome.is_converged() => return Readiness::Blocked(need.clone()),
                Some(_) => {}
            }
        }
        Readiness::Go
    }
}

enum Readiness {
    Wait,
    Blocked(String),
    Go,
}

fn key(name: &str) -> Key {
    Key::new("fleet", GroupKind::new("", "Application"), "", name)
}
