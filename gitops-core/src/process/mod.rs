//! Programs that are run: a child, and all that it started.
//!
//! A backend that runs a program starts it with `process_group(0)`, as the leader of a group of its own, so that what the program
//! starts can be ended with it, and so that a Ctrl-C in the terminal reaches only us.
//!
//! ```
//! use std::os::unix::process::CommandExt;
//! use gitops_core::process::ProcessGroup;
//! let mut child = std::process::Command::new("sleep").arg("60").process_group(0).spawn()?;
//! let leash = ProcessGroup::led_by(Some(child.id())).leash();
//! drop(leash);
//! assert!(!child.wait()?.success());
//! # Ok::<(), std::io::Error>(())
//! ```

mod at_limit;
pub mod fs;
pub(crate) mod key_locks;
pub(crate) mod table;
pub(crate) mod under_way;

pub use at_limit::AtLimit;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The process group that a child leads.
///
/// Signals are sent only: nothing here waits. One that nobody is left to get is no error.
#[derive(Clone, Copy, Debug)]
pub struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// The group of a child that was started with one of its own, by the child's number; of none, if the child was
    /// waited for before its number was asked.
    pub fn led_by(child: Option<u32>) -> Self {
        Self(child.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// Asks the leader to stop, as Ctrl-C does; what it started is its own to stop.
    pub fn interrupt(self) {
        let _ = self.0.map(|leader| kill_process(leader, Signal::INT));
    }

    /// Asks everyone in the group to stop.
    pub fn terminate(self) {
        self.signal(Signal::TERM);
    }

    /// Ends whatever is left of the group.
    pub fn kill(self) {
        self.signal(Signal::KILL);
    }

    /// Kills the group when the leash is dropped.
    pub fn leash(self) -> Leash {
        Leash(self)
    }

    fn signal(self, signal: Signal) {
        let _ = self.0.map(|group| kill_process_group(group, signal));
    }
}

/// Kills a process group when it is dropped.
///
/// # Cancel safety
/// A future that holds it, and is dropped, leaves no process behind: also when the runtime goes down while somebody
/// waits. What the killed processes did until then is not known.
#[derive(Debug)]
#[must_use = "dropping it kills the process group"]
pub struct Leash(ProcessGroup);

impl Leash {
    /// The group that it holds.
    pub fn group(&self) -> ProcessGroup {
        self.0
    }

    /// Lets go: the child was waited for, and its number may be another's by now.
    pub fn ended(&mut self) {
        self.0 = ProcessGroup(None);
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn shell(script: &str) -> (Child, Leash) {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        let leash = ProcessGroup::led_by(Some(child.id())).leash();
        (child, leash)
    }

    /// All that it prints from here on, until nobody holds its output any more.
    fn rest(child: &mut Child) -> String {
        let mut printed = String::new();
        child.stdout.as_mut().unwrap().read_to_string(&mut printed).unwrap();
        printed
    }

    #[test]
    fn what_a_child_started_goes_with_it() {
        let (mut child, leash) = shell("(sleep 20; echo late) & echo started; wait; echo late");
        let mut started = [0; 8];
        child.stdout.as_mut().unwrap().read_exact(&mut started).unwrap();
        drop(leash);
        assert_eq!((&started, rest(&mut child)), (b"started\n", String::new()));
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_group_that_was_let_go_lives_on() {
        let (mut child, mut leash) = shell("read line; echo $line");
        leash.ended();
        drop(leash);
        child.stdin.take().unwrap().write_all(b"here\n").unwrap();
        assert_eq!(rest(&mut child), "here\n");
        assert!(child.wait().unwrap().success());
    }
}
