//! What was remarked while a verb was at work.

use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::{Diagnostic, Event, EventSink};

/// Passes events on, and keeps the remarks among them for the verb's answer.
pub struct Heard {
    sink: Arc<dyn EventSink>,
    remarks: Mutex<Vec<Diagnostic>>,
}

impl Heard {
    /// Nothing was heard yet.
    pub fn new(sink: Arc<dyn EventSink>) -> Self {
        Self { sink, remarks: Mutex::default() }
    }

    /// Every remark so far, in the order in which they were told.
    pub fn remarks(&self) -> Vec<Diagnostic> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl EventSink for Heard {
    fn event(&self, event: &Event) {
        if let Event::Remarked { remark } = event {
            self.remarks.lock().unwrap_or_else(PoisonError::into_inner).push(remark.clone());
        }
        self.sink.event(event);
    }
}
