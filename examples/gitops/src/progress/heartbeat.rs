//! A sign of life each 30 seconds, for logs that would otherwise stand still.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitops_core::{Event, Key};

use crate::app::App;
use crate::output::style::{count, escape};

const EVERY: Duration = Duration::from_secs(30);

/// What is under way, and what each waits for.
#[derive(Clone, Default)]
pub struct UnderWay(Arc<Mutex<BTreeMap<Key, String>>>);

impl UnderWay {
    /// Takes in an event.
    pub fn take(&self, event: &Event) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { key, action } => {
                keys.insert(key.clone(), format!("{action} is not answered yet"));
            }
            Event::Waiting { key, reason } => {
                keys.insert(key.clone(), reason.clone());
            }
            Event::Applied { key, .. } | Event::Failed { key, .. } => {
                keys.remove(key);
            }
            Event::Finished { .. } => keys.clear(),
            _ => {}
        }
    }

    /// One line: how many are under way, and what the first of them waits for.
    pub fn text(&self) -> Option<String> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, reason) = keys.first_key_value()?;
        let what = count(keys.len(), "change");
        Some(format!("still at work: {what} under way; {}: {}", escape(&key.to_string()), escape(reason)))
    }
}

/// Tells of what is under way for as long as the command runs.
pub fn start(app: &App, under_way: UnderWay) {
    let (cx, screen) = (app.cx.clone(), app.screen);
    tokio::spawn(async move {
        while cx.sleep(EVERY).await.is_ok() {
            if let Some(line) = under_way.text() {
                screen.note(&line);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::{Action, GroupKind};

    #[test]
    fn what_was_answered_is_no_longer_told_of() {
        let key = |name: &str| Key::new("dir", GroupKind::new("", "File"), "", name);
        let under_way = UnderWay::default();
        under_way.take(&Event::Started { key: key("a"), action: Action::Create });
        under_way.take(&Event::Started { key: key("b"), action: Action::Delete });
        under_way.take(&Event::Applied { key: key("a"), action: Action::Create });
        let line = "still at work: 1 change under way; dir:File/-/b: delete is not answered yet";
        assert_eq!(under_way.text().as_deref(), Some(line));
        under_way.take(&Event::Finished { applied: 2, failed: 0, blocked: 0, skipped: 0 });
        assert_eq!(under_way.text(), None);
    }
}
