//! The exit codes, in one place.

use std::fmt::Write;
use std::process::ExitCode;

use gitops_core::ErrorKind;

/// How the command ends. Scripts may rely on every code; a test runs the binary for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for was done.
    Ok = 0,
    /// It was not.
    Failure = 1,
    /// There are changes or drift, and `--detailed-exitcode` asked to be told.
    Changes = 2,
    /// A gate denies the plan, or wants an approval that names it.
    Denied = 3,
    /// We are not who we say, or may not do this.
    Unauthorised = 4,
    /// What the plan was made from moved; nothing was written.
    Stale = 5,
    /// Everything was applied, and something of it does not work yet.
    Degraded = 6,
    /// The command line is wrong.
    Usage = 64,
    /// Somebody asked to stop.
    Interrupted = 130,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::Failure,
        Self::Changes,
        Self::Denied,
        Self::Unauthorised,
        Self::Stale,
        Self::Degraded,
        Self::Usage,
        Self::Interrupted,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failure => "failure",
            Self::Changes => "changes or drift exist (only with --detailed-exitcode)",
            Self::Denied => "denied by a gate, or needs an approval that names the plan",
            Self::Unauthorised => "not authenticated or not authorised",
            Self::Stale => "the plan is stale; nothing was written",
            Self::Degraded => "applied, but something is not healthy",
            Self::Usage => "usage error",
            Self::Interrupted => "interrupted",
        }
    }

    /// How the command ends after an error of this kind.
    pub const fn after(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Denied | ErrorKind::NeedsApproval => Self::Denied,
            ErrorKind::Unauthenticated | ErrorKind::Forbidden => Self::Unauthorised,
            ErrorKind::Stale => Self::Stale,
            ErrorKind::Cancelled => Self::Interrupted,
            _ => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table that `--help` ends with.
pub fn table() -> String {
    let mut text = "Exit codes:".to_owned();
    for exit in Exit::ALL {
        let _ = write!(text, "\n  {:>3}  {}", exit.code(), exit.meaning());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        insta::assert_snapshot!(table(), @r"
        Exit codes:
            0  ok
            1  failure
            2  changes or drift exist (only with --detailed-exitcode)
            3  denied by a gate, or needs an approval that names the plan
            4  not authenticated or not authorised
            5  the plan is stale; nothing was written
            6  applied, but something is not healthy
           64  usage error
          130  interrupted
        ");
    }
}
