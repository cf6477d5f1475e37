//! One JSON document per event, on standard output.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gitops_app::documents::document;
use gitops_app::documents::event::EventDocument;
use gitops_core::{Cx, Event, EventSink};

use crate::app::App;
use crate::output::Screen;

/// Writes every event as a line of JSON.
pub struct Stream {
    cx: Cx,
    screen: Screen,
    application: String,
    seq: Arc<AtomicU64>,
}

impl Stream {
    /// A stream of the events of an application. Several of one process are numbered as one.
    pub fn new(app: &App) -> Self {
        let application = app.config().name.clone();
        Self { cx: app.cx.clone(), screen: app.screen, application, seq: app.events.clone() }
    }
}

impl EventSink for Stream {
    fn event(&self, event: &Event) {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed);
        let (time, application) = (self.cx.now(), self.application.as_str());
        let line = document::line(&EventDocument::new(seq, time, application, event));
        // A reader that is gone or a full disk must not stop the reconciling.
        let _ = self.screen.data(&line);
    }
}
