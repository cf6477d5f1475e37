use std::time::Duration;

use serde::Serialize;

use crate::cx::Time;

/// The longest time for which changes may be made in spite of the windows.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// The longest reason, in bytes.
const REASON: usize = 1_000;

/// Leave to change in spite of the windows, for a time, with a reason, by two people.
///
/// The caller has authenticated both, and writes it into the audit log.
///
/// ```
/// use std::time::Duration;
/// use gitops_core::Time;
/// use gitops_core::review::window::BreakGlass;
/// let now = Time::from_micros(0);
/// let leave = BreakGlass::new("shop is down, INC-7", ["alice", "bob"], now, Duration::from_secs(3600))?;
/// assert!(leave.holds(now) && !leave.holds(now.after(Duration::from_secs(3600))));
/// assert!(BreakGlass::new("x", ["alice", "Alice"], now, Duration::from_secs(60)).is_err());
/// # Ok::<(), gitops_core::review::window::BreakGlassError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakGlass {
    reason: String,
    approvers: [String; 2],
    from: Time,
    until: Time,
}

/// Leave that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BreakGlassError {
    /// There is no reason, or one too long.
    #[error("say why, in 1 to {REASON} bytes")]
    Reason,
    /// Both are one person, or nobody.
    #[error("two different people must approve")]
    Approvers,
    /// The time is zero or too long.
    #[error("the time must be more than zero and at most {} hours", LONGEST.as_secs() / 3600)]
    Duration,
}

impl BreakGlass {
    /// Leave from a time on, for a duration of at most 4 hours.
    ///
    /// # Errors
    /// No reason, not two different people, or a duration of zero or more than 4 hours.
    pub fn new(
        reason: impl Into<String>,
        approvers: [impl Into<String>; 2],
        from: Time,
        duration: Duration,
    ) -> Result<Self, BreakGlassError> {
        let (reason, approvers) = (reason.into(), approvers.map(Into::into));
        let [one, other] = approvers.each_ref().map(|name: &String| name.trim().to_lowercase());
        if reason.trim().is_empty() || reason.len() > REASON {
            return Err(BreakGlassError::Reason);
        }
        if one.is_empty() || other.is_empty() || one == other {
            return Err(BreakGlassError::Approvers);
        }
        if duration.is_zero() || duration > LONGEST {
            return Err(BreakGlassError::Duration);
        }
        Ok(Self { reason, approvers, from, until: from.after(duration) })
    }

    /// Whether it holds at a time.
    pub fn holds(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// By whom.
    pub fn approvers(&self) -> &[String; 2] {
        &self.approvers
    }

    /// Until when.
    pub fn until(&self) -> Time {
        self.until
    }
}
