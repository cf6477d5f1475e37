//! What was said before is not said again: who keeps trying says the same of the same object each time.

use std::collections::BTreeMap;

use gitops_core::{Event, Key};

/// A line that is the same as before is written again after so many times, and after ten times as many, and so on.
const FIRST: u32 = 10;

/// What was said last of each object, and of the reconciliation as a whole.
#[derive(Debug, Default)]
pub struct Repeats {
    said: BTreeMap<About, Said>,
    /// Whether anything was written since the last end of a reconciliation.
    is_news: bool,
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Reconciling,
    End,
    Object(Key),
}

#[derive(Debug)]
struct Said {
    line: String,
    times: u32,
}

impl Repeats {
    /// The lines to write for an event whose line is this: none if the same was said before of the same thing.
    pub fn take(&mut self, event: &Event, line: String) -> Vec<String> {
        let lines = match event {
            Event::ReconcileFailed { .. } => self.again(About::Reconciling, line),
            Event::Waiting { key, .. } | Event::Failed { key, .. } => {
                self.again(About::Object(key.clone()), line)
            }
            Event::Applied { key, .. } => {
                self.said.remove(&About::Object(key.clone()));
                vec![line]
            }
            Event::Finished { .. } => {
                let said = self.said.insert(About::End, Said { line: line.clone(), times: 1 });
                let is_same = said.is_some_and(|said| said.line == line);
                if is_same && !self.is_news { Vec::new() } else { vec![line] }
            }
            _ => vec![line],
        };
        let ends = matches!(event, Event::Finished { .. });
        self.is_news = !ends && (self.is_news || !lines.is_empty());
        lines
    }

    /// What is to be said of an event that has no line of its own: that what failed again and again goes on.
    pub fn goes_on(&mut self, event: &Event) -> Option<u32> {
        match event {
            Event::Planned { .. } => {
                let said = self.said.remove(&About::Reconciling)?;
                (said.times > 1).then_some(said.times)
            }
            _ => None,
        }
    }

    fn again(&mut self, about: About, line: String) -> Vec<String> {
        let Some(said) = self.said.get_mut(&about).filter(|said| said.line == line) else {
            self.said.insert(about, Said { line: line.clone(), times: 1 });
            return vec![line];
        };
        said.times = said.times.saturating_add(1);
        match is_worth_a_line(said.times) {
            true => vec![format!("{line} (the same for the {}th time)", said.times)],
            false => Vec::new(),
        }
    }
}

fn is_worth_a_line(times: u32) -> bool {
    let mut worth = FIRST;
    while worth < times {
        worth = worth.saturating_mul(10);
    }
    worth == times
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::{Action, Digest, GroupKind, PlanId};

    fn failed(key: &Key, error: &str) -> (Event, String) {
        let event = Event::Failed { key: key.clone(), error: error.to_owned(), help: None, unknown: false };
        (event, error.to_owned())
    }

    fn could_not(error: &str) -> (Event, String) {
        let event = Event::ReconcileFailed { error: error.to_owned(), help: None, diagnostics: Vec::new() };
        (event, error.to_owned())
    }

    #[test]
    fn the_same_failure_is_said_once_and_counted_and_anything_else_at_once() {
        let mut repeats = Repeats::default();
        let mut said = |(event, line): (Event, String)| repeats.take(&event, line);
        let (a, b) = (
            Key::new("t", GroupKind::new("", "K"), "", "a"),
            Key::new("t", GroupKind::new("", "K"), "", "b"),
        );
        let end = || {
            (
                Event::Finished { applied: 0, failed: 1, blocked: 0, skipped: 0 },
                "0 applied, 1 failed".to_owned(),
            )
        };
        assert_eq!(said(failed(&a, "full")), ["full"]);
        assert_eq!(said(end()), ["0 applied, 1 failed"]);
        for time in 2..=100 {
            let lines = [said(failed(&a, "full")), said(end())].concat();
            match time {
                10 | 100 => assert!(lines[0].contains(&format!("{time}th time")), "{lines:?}"),
                _ => assert!(lines.is_empty(), "{time}: {lines:?}"),
            }
        }
        assert_eq!(said(failed(&b, "full")), ["full"], "another object");
        assert_eq!(said(end()), ["0 applied, 1 failed"]);
        assert_eq!(said(failed(&a, "no rights")), ["no rights"], "another reason");
        let done = Event::Applied { key: a.clone(), action: Action::Update };
        assert_eq!(said((done, "update a".to_owned())), ["update a"]);
        assert_eq!(said(failed(&a, "no rights")), ["no rights"], "it went well in between");
    }

    #[test]
    fn what_failed_again_and_again_and_goes_on_says_so() {
        let mut repeats = Repeats::default();
        let planned = Event::Planned {
            plan: PlanId::new(Digest::of(b"p")),
            considered: 0,
            diffed: 0,
            steps: 0,
            blocked: 0,
        };
        let (event, line) = could_not("no route");
        assert_eq!(repeats.take(&event, line.clone()), ["no route"]);
        assert_eq!(repeats.goes_on(&planned), None, "it failed once");
        for _ in 0..3 {
            repeats.take(&event, line.clone());
        }
        assert_eq!(repeats.goes_on(&planned), Some(3));
        assert_eq!(repeats.take(&event, line), ["no route"], "it begins anew");
    }
}
