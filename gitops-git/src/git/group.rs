use std::time::Duration;

use gitops_core::Cx;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// How long git has to take its temporary files away after it was asked to stop.
const GRACE: Duration = Duration::from_secs(2);

/// The process group of a child; whatever is left of it is killed when this is dropped.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group that a child leads.
    pub fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// Asks the group to stop, and kills it if it does not.
    pub async fn stop(self, child: &mut Child) {
        self.signal(Signal::TERM);
        // The caller's context has ended; the grace is real time for a real process.
        let _ = Cx::system().within(GRACE).bounded(async { Ok(child.wait().await?) }).await;
    }

    /// The child has ended by itself, and with it all that it started.
    pub fn ended(&mut self) {
        self.0 = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // There may be nobody left to get it.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
