//! One plain line per change of state.

use std::sync::{Mutex, PoisonError};

use gitops_core::{Event, EventSink};

use super::heartbeat::UnderWay;
use super::repeats::Repeats;
use super::words;
use crate::app::App;
use crate::output::Screen;

/// Writes a line for each event that says something new.
pub struct Lines {
    screen: Screen,
    /// What each line begins with, where several applications are at work.
    prefix: String,
    under_way: UnderWay,
    repeats: Mutex<Repeats>,
}

impl Lines {
    /// Lines on standard error, and a record of what is under way for the heartbeat.
    pub fn new(app: &App, under_way: UnderWay) -> Self {
        let prefix = app.name().map(|name| format!("[{name}] ")).unwrap_or_default();
        Self { screen: app.screen, prefix, under_way, repeats: Mutex::default() }
    }
}

impl EventSink for Lines {
    fn event(&self, event: &Event) {
        self.under_way.take(event);
        let rest = || words::of_the_rest(event).filter(|_| self.screen.is_verbose());
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = repeats.goes_on(event).map(words::goes_on);
        let said = |line: String| match self.screen.is_verbose() {
            true => vec![line],
            false => repeats.take(event, line),
        };
        let lines = words::of(event).map(said).unwrap_or_default();
        for line in goes_on.into_iter().chain(lines).chain(rest()) {
            self.screen.note(&format!("{}{line}", self.prefix));
        }
    }
}
