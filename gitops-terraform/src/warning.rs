//! What the tool warns of.

use gitops_core::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::json::Event;
use crate::site::Site;

/// How many warnings of one run are told.
const TOLD: usize = 50;

/// One warning of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Warning {
    /// The file, from the source's root; empty if it is about none.
    path: String,
    /// What the tool says, with the line.
    pub message: String,
    /// Whether it says that a check does not hold.
    pub is_failed_check: bool,
}

impl Warning {
    /// Those of a run.
    pub fn of(events: Vec<Event>) -> Vec<Self> {
        let warning = |event| match event {
            Event::Diagnostic(said) if !said.is_error => Some(Self {
                path: said.place.as_ref().map(|(path, _)| path.clone()).unwrap_or_default(),
                message: said.to_string(),
                is_failed_check: said.is_failed_check(),
            }),
            _ => None,
        };
        events.into_iter().filter_map(warning).take(TOLD).collect()
    }
}

impl Site<'_> {
    /// Tells of warnings whoever wants to know.
    pub fn warn(&self, warnings: &[Warning]) {
        let Some(listener) = &self.workshop().warnings else { return };
        if self.workshop().tool.program.is_unconfined() {
            let message = "this system can't keep roots apart: a root may read the state of every other one";
            let help = "plan only what you trust, or use Linux 5.13 or newer with Landlock";
            listener(Diagnostic::warning("GO0509", self.key.name(), message).help(help));
        }
        for warning in warnings {
            let path = if warning.path.is_empty() { self.key.name() } else { &warning.path };
            let code = if warning.is_failed_check { "GO0508" } else { "GO0507" };
            listener(Diagnostic::warning(code, path, warning.message.clone()));
        }
    }
}
