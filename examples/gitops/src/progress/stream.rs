//! One JSON document per event, on standard output.

use std::sync::atomic::{AtomicU64, Ordering};

use gitops_core::{Cx, Event, EventSink, Time};
use serde::Serialize;

use crate::output::Screen;
use crate::output::document::{self, Document};

/// Writes every event as a line of JSON.
pub struct Stream {
    cx: Cx,
    screen: Screen,
    seq: AtomicU64,
}

/// One event of a stream.
#[derive(Serialize)]
struct EventDocument<'a> {
    seq: u64,
    time: Time,
    #[serde(flatten)]
    event: &'a Event,
}

impl Document for EventDocument<'_> {
    const KIND: &'static str = "Event";
}

impl Stream {
    /// A stream that begins with number 1.
    pub fn new(cx: Cx, screen: Screen) -> Self {
        Self { cx, screen, seq: AtomicU64::new(1) }
    }
}

impl EventSink for Stream {
    fn event(&self, event: &Event) {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed);
        let line = document::line(&EventDocument { seq, time: self.cx.now(), event });
        // A reader that is gone or a full disk must not stop the reconciling.
        let _ = self.screen.data(&line);
    }
}
