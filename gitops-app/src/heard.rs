//! The warnings while a verb was at work.

use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::{Diagnostic, Event, EventSink};

/// Passes events on, and keeps the warnings among them for the verb's answer.
pub struct Heard {
    sink: Arc<dyn EventSink>,
    warnings: Mutex<Vec<Diagnostic>>,
}

impl Heard {
    /// Nothing was heard yet.
    pub fn new(sink: Arc<dyn EventSink>) -> Self {
        Self { sink, warnings: Mutex::default() }
    }

    /// Every warning so far, in the order in which they were told.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl EventSink for Heard {
    fn event(&self, event: &Event) {
        if let Event::Warned { warning } = event {
            self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning.clone());
        }
        self.sink.event(event);
    }
}
