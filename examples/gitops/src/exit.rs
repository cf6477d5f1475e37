//! The exit codes, in one place.

use std::fmt::Write;
use std::process::ExitCode;

use gitops_core::{Error, ErrorKind, ForeignField, Obstacle, Plan, Verdict};

/// How the command ends. Scripts may rely on every code; a test runs the binary for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for was done.
    Ok = 0,
    /// It was not.
    Failure = 1,
    /// There are changes or drift, and `--detailed-exitcode` (or `--exit-code`) asked to be told.
    Changes = 2,
    /// A gate denies the plan or wants an approval that names it, or a person suspended the application.
    Denied = 3,
    /// We are not who we say, or may not do this.
    Unauthorised = 4,
    /// What the plan was made from moved; nothing was written.
    Stale = 5,
    /// Everything was applied, and something of it does not work yet.
    Degraded = 6,
    /// A merge has conflicts, so nobody knows what it would do.
    Conflict = 7,
    /// The command line is wrong.
    Usage = 64,
    /// Somebody asked to stop.
    Interrupted = 130,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Failure,
        Self::Changes,
        Self::Denied,
        Self::Unauthorised,
        Self::Stale,
        Self::Degraded,
        Self::Conflict,
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
            Self::Failure => "failure, or a fault or conflict blocks an object",
            Self::Changes => "changes or drift exist (only with --detailed-exitcode)",
            Self::Denied => "denied by a gate, needs an approval that names the plan, or is suspended",
            Self::Unauthorised => "not authenticated or not authorised",
            Self::Stale => "the plan is stale; nothing was written",
            Self::Degraded => "applied, but something is not healthy",
            Self::Conflict => "the merge has conflicts",
            Self::Usage => "usage error",
            Self::Interrupted => "interrupted",
        }
    }

    /// The one that counts where several hold. A stop and what kept everything from being written come first, then what
    /// is blocked, then what is not healthy, then what differs.
    const PRECEDENCE: [Self; 10] = [
        Self::Interrupted,
        Self::Usage,
        Self::Stale,
        Self::Conflict,
        Self::Denied,
        Self::Failure,
        Self::Unauthorised,
        Self::Degraded,
        Self::Changes,
        Self::Ok,
    ];

    /// The first of these in the order of precedence.
    pub fn gravest(exits: impl IntoIterator<Item = Self>) -> Self {
        let rank = |exit: &Self| Self::PRECEDENCE.iter().position(|other| other == exit);
        exits.into_iter().min_by_key(rank).unwrap_or(Self::Ok)
    }

    /// How a verb that shows a plan ends because of what the gates say of it: an apply of it would end so.
    pub const fn of_verdict(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Deny { .. } | Verdict::NeedsApproval { .. } => Self::Denied,
            _ => Self::Ok,
        }
    }

    /// How a verb that looks ends because of what blocks objects. What ends by itself is no failure.
    pub fn of_blocked(plan: &Plan) -> Self {
        let objects = plan.obstacles().map(|(_, obstacle)| Self::of_obstacle(obstacle));
        Self::gravest(objects.chain(Self::of_blocked_fields(plan)))
    }

    /// The same for fields that a step leaves as they are until a person decides whose they are.
    pub fn of_blocked_fields(plan: &Plan) -> Option<Self> {
        let mut fields = plan.steps.iter().flat_map(|step| &step.foreign);
        fields.any(ForeignField::is_blocked).then_some(Self::of_obstacle(Obstacle::Conflict))
    }

    /// The same for what blocks one object.
    pub const fn of_obstacle(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Wait => Self::Ok,
            Obstacle::Approval => Self::Denied,
            Obstacle::MissingRights => Self::Unauthorised,
            _ => Self::Failure,
        }
    }

    /// How the command ends after an error. What is refused, but by no gate and no person, is a failure.
    pub fn after(error: &Error) -> Self {
        match error.kind() {
            _ if error.is_of_gate() => Self::Denied,
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
    let _ = write!(text, "\n{}", precedence());
    text
}

/// Which code counts where several hold.
pub fn precedence() -> String {
    let order: Vec<String> = Exit::PRECEDENCE.iter().map(|exit| exit.code().to_string()).collect();
    format!("Where several hold, the first of these counts: {}", order.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the table of `--help` says is what two codes at once become, whichever is seen first.
    #[test]
    fn of_two_codes_the_one_that_comes_first_in_the_table_counts() {
        let order = [130, 64, 5, 7, 3, 1, 4, 6, 2, 0];
        assert_eq!(
            precedence(),
            "Where several hold, the first of these counts: 130, 64, 5, 7, 3, 1, 4, 6, 2, 0"
        );
        let rank = |exit: Exit| order.iter().position(|code| *code == exit.code()).unwrap();
        for one in Exit::ALL {
            for other in Exit::ALL {
                let counts = if rank(one) <= rank(other) { one } else { other };
                assert_eq!(Exit::gravest([one, other]), counts, "{one:?} and {other:?}");
            }
        }
        assert_eq!(Exit::gravest([]), Exit::Ok);
    }

    #[test]
    fn the_help_names_every_code() {
        insta::assert_snapshot!(table(), @r"
        Exit codes:
            0  ok
            1  failure, or a fault or conflict blocks an object
            2  changes or drift exist (only with --detailed-exitcode)
            3  denied by a gate, needs an approval that names the plan, or is suspended
            4  not authenticated or not authorised
            5  the plan is stale; nothing was written
            6  applied, but something is not healthy
            7  the merge has conflicts
           64  usage error
          130  interrupted
        Where several hold, the first of these counts: 130, 64, 5, 7, 3, 1, 4, 6, 2, 0
        ");
    }
}
