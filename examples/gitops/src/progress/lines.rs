//! One plain line per change of state.

use gitops_core::{Event, EventSink};

use super::heartbeat::UnderWay;
use super::words;
use crate::app::App;
use crate::output::Screen;

/// Writes a line for each event that says something new.
pub struct Lines {
    screen: Screen,
    /// What each line begins with, where several applications are at work.
    prefix: String,
    under_way: UnderWay,
}

impl Lines {
    /// Lines on standard error, and a record of what is under way for the heartbeat.
    pub fn new(app: &App, under_way: UnderWay) -> Self {
        let prefix = app.name().map(|name| format!("[{name}] ")).unwrap_or_default();
        Self { screen: app.screen, prefix, under_way }
    }
}

impl EventSink for Lines {
    fn event(&self, event: &Event) {
        self.under_way.take(event);
        let rest = || words::of_the_rest(event).filter(|_| self.screen.is_verbose());
        if let Some(line) = words::of(event).or_else(rest) {
            self.screen.note(&format!("{}{line}", self.prefix));
        }
    }
}
