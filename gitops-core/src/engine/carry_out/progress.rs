//! What changes are at that take their time.

use std::time::Duration;

use super::SyncRun;
use crate::cx::Cx;
use crate::engine::event::Event;

/// How often it is told.
const EVERY: Duration = Duration::from_secs(10);

/// Waits until it is time to tell.
pub(super) async fn time_to_tell(cx: &Cx) {
    if cx.shielded().sleep(EVERY).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl SyncRun<'_> {
    /// Whether a change is under way of which its target can tell what it is at.
    pub(super) fn can_tell(&self) -> bool {
        self.under_way.keys().any(|key| self.engine.targets[key.target()].progress().is_some())
    }

    /// Tells what each change is at that is under way, and when it is cut off.
    pub(super) fn tell(&self, cx: &Cx) {
        for (key, since) in &self.under_way {
            let target = &self.engine.targets[key.target()];
            if let Some(what) = target.progress().and_then(|progress| progress.at(cx, key)) {
                let limit = target.info().apply_timeout.unwrap_or(self.engine.timeouts.call);
                let reason = format!("{what}; since {since}, cut off at {}", since.after(limit));
                self.engine.events.emit(&Event::Waiting { key: key.clone(), reason });
            }
        }
    }
}
