use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

/// The process group that a child leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group of a child that was started with one of its own.
    pub fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// Asks the leader to stop; what it started is its own to stop.
    pub fn interrupt(self) {
        if let Some(leader) = self.0 {
            // There may be nobody left to get it.
            let _ = kill_process(leader, Signal::INT);
        }
    }

    /// Ends whatever is left of the group.
    pub fn kill(self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Ends a group when it is dropped: also when the runtime goes down while somebody waits.
pub(super) struct Leash(pub Group);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.kill();
    }
}
