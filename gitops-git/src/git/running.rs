use std::process::ExitStatus;
use std::time::Duration;

use gitops_core::process::{Leash, ProcessGroup};
use gitops_core::{Cx, Error, ErrorKind, Result, Secret};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;

use super::call::{STDERR_BYTES, at_limit, masked};
use super::output;

/// How long git has to take its temporary files away after it was asked to stop.
const GRACE: Duration = Duration::from_secs(2);

/// A call that runs, with both of its ends in our hands. Dropping it kills its whole process group.
pub(crate) struct Running {
    child: Child,
    leash: Leash,
    secret: Option<Secret>,
    memory_bytes: Option<u64>,
    stderr: JoinHandle<Result<Vec<u8>>>,
}

impl Running {
    pub(super) fn new(mut child: Child, secret: Option<Secret>, memory_bytes: Option<u64>) -> Result<Self> {
        let stderr = child.stderr.take().ok_or_else(not_piped)?;
        let stderr = tokio::spawn(output::tail(stderr, STDERR_BYTES));
        let leash = ProcessGroup::led_by(child.id()).leash();
        Ok(Self { child, leash, secret, memory_bytes, stderr })
    }

    /// What it reads; can be taken once.
    pub fn input(&mut self) -> Result<ChildStdin> {
        self.child.stdin.take().ok_or_else(not_piped)
    }

    /// What it prints; can be taken once.
    pub fn output(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().ok_or_else(not_piped)
    }

    /// Waits for its end; gives its status and what it said on standard error, with secrets masked.
    pub async fn end(&mut self) -> Result<(ExitStatus, String)> {
        let status = self.child.wait().await?;
        self.leash.ended();
        let stderr = (&mut self.stderr).await;
        let stderr =
            stderr.map_err(|error| Error::new(ErrorKind::Internal, "a task panicked").because(error))?;
        let stderr = masked(&stderr?, self.secret.as_ref()) + &at_limit(status, self.memory_bytes);
        Ok((status, stderr))
    }

    /// Asks its group to stop, and kills it if it does not.
    pub async fn stop(mut self) {
        stop(self.leash, &mut self.child).await;
    }
}

/// Asks the group to stop, and kills it if it does not.
pub(super) async fn stop(leash: Leash, child: &mut Child) {
    leash.group().terminate();
    // The caller's context has ended; the grace is real time for a real process.
    let _ = Cx::system().within(GRACE).bounded(async { Ok(child.wait().await?) }).await;
}

fn not_piped() -> Error {
    Error::new(ErrorKind::Internal, "an end of git is not piped")
}
