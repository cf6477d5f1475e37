//! What the tool warns of.

use serde::{Deserialize, Serialize};

use crate::tool::json::Event;

/// How many warnings of one run are told.
const TOLD: usize = 50;

/// One warning of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Warning {
    /// The file, from the source's root; empty if it is about none.
    pub path: String,
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
