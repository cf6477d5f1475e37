//! Progress drawn in place on a terminal: one line per change under way, and a sum.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gitops_core::{Event, EventSink, Key};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::words;
use crate::output::style::escape;

/// Draws on standard error and leaves nothing behind but what failed.
pub struct Bars {
    all: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sum: Option<ProgressBar>,
    steps: u64,
    under_way: BTreeMap<Key, ProgressBar>,
}

impl Bars {
    /// Nothing is drawn before the first change begins.
    pub fn new() -> Self {
        Self { all: MultiProgress::new(), state: Mutex::default() }
    }

    fn begin(&self, state: &mut State, key: &Key, text: String) {
        let steps = state.steps;
        state.sum.get_or_insert_with(|| {
            self.all.add(ProgressBar::new(steps).with_style(style("{pos} of {len} changes  {elapsed}")))
        });
        let bar = self.all.add(ProgressBar::new_spinner().with_style(style("{spinner} {msg}  {elapsed}")));
        bar.set_message(text);
        bar.enable_steady_tick(Duration::from_millis(120));
        state.under_way.insert(key.clone(), bar);
    }

    fn end(state: &mut State, key: &Key) {
        if let Some(bar) = state.under_way.remove(key) {
            bar.finish_and_clear();
        }
        if let Some(sum) = &state.sum {
            sum.inc(1);
        }
    }

    fn clear(state: &mut State) {
        let bars = std::mem::take(&mut state.under_way).into_values().chain(state.sum.take());
        bars.for_each(|bar| bar.finish_and_clear());
    }

    fn say(&self, event: &Event) {
        if let Some(line) = words::of(event) {
            let _ = self.all.println(line);
        }
    }
}

impl EventSink for Bars {
    fn event(&self, event: &Event) {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Planned { steps, .. } => state.steps = *steps as u64,
            Event::Started { key, action } => {
                self.begin(state, key, format!("{action} {}", escape(&key.to_string())));
            }
            Event::Waiting { key, reason } => match state.under_way.get(key) {
                Some(bar) => bar.set_message(format!("{}: {}", escape(&key.to_string()), escape(reason))),
                None => self.begin(state, key, format!("{}: {}", escape(&key.to_string()), escape(reason))),
            },
            Event::Applied { key, .. } => Self::end(state, key),
            Event::Failed { key, .. } => {
                Self::end(state, key);
                self.say(event);
            }
            Event::Warned { .. } | Event::Blocked { .. } | Event::Unblocked { .. } => self.say(event),
            Event::Finished { .. } => Self::clear(state),
            _ => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well formed")
}
