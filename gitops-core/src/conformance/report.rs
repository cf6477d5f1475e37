use std::fmt;

use serde::{Deserialize, Serialize};

use crate::capability::RecoveryClass;

/// What came of a kit: every check by number, and the recovery class that a target earned.
///
/// `Display` is for people; serialised it is for programs. A report with a failure, or in which nothing was run, has
/// not passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "a report that nobody reads proves nothing"]
#[non_exhaustive]
pub struct Report {
    /// What was checked, by its own name.
    pub subject: String,
    /// The seed of all chance in the run; the same seed makes the same run.
    pub seed: u64,
    /// The recovery class that a target declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<RecoveryClass>,
    /// The highest recovery class, up to the declared one, of which no check failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earned: Option<RecoveryClass>,
    /// The checks, in the order of their numbers.
    pub checks: Vec<CheckResult>,
}

impl Report {
    /// A report without a check so far, of what has no recovery class.
    pub fn new(subject: impl Into<String>, seed: u64) -> Self {
        Self { subject: subject.into(), seed, declared: None, earned: None, checks: Vec::new() }
    }
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckResult {
    /// Its number, which never changes.
    pub number: String,
    /// What it asks.
    pub sentence: String,
    /// What came of it.
    #[serde(flatten)]
    pub status: Status,
    /// What it saw, where it passed and that says how much it proved: how many pages were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl CheckResult {
    /// What came of the check of this number and sentence.
    pub fn new(number: impl Into<String>, sentence: impl Into<String>, status: Status) -> Self {
        Self { number: number.into(), sentence: sentence.into(), status, note: None }
    }
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
#[non_exhaustive]
pub enum Status {
    /// The backend keeps what it asks.
    Pass,
    /// The backend breaks it.
    Fail {
        /// What was done, and what came instead of what should.
        why: String,
    },
    /// It could not be run.
    Skip {
        /// What is missing.
        why: String,
    },
    /// It has no meaning for this backend.
    NotAsked {
        /// Of whom it is asked.
        why: String,
    },
}

impl Status {
    /// The word for it in a report.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail { .. } => "FAIL",
            Self::Skip { .. } => "skip",
            Self::NotAsked { .. } => "not asked",
        }
    }

    fn why(&self) -> Option<&str> {
        match self {
            Self::Pass => None,
            Self::Fail { why } | Self::Skip { why } | Self::NotAsked { why } => Some(why),
        }
    }
}

impl Report {
    /// The numbers of the checks that failed.
    pub fn failed(&self) -> Vec<&str> {
        let failed = self.checks.iter().filter(|check| matches!(check.status, Status::Fail { .. }));
        failed.map(|check| &*check.number).collect()
    }

    /// The numbers of the checks that could not be run.
    pub fn skipped(&self) -> Vec<&str> {
        let skipped = self.checks.iter().filter(|check| matches!(check.status, Status::Skip { .. }));
        skipped.map(|check| &*check.number).collect()
    }

    /// Whether something was run, and nothing failed.
    pub fn is_passed(&self) -> bool {
        self.count("pass") > 0 && self.failed().is_empty()
    }

    /// Panics with the report if it has not passed.
    ///
    /// # Panics
    /// If a check failed or none was run.
    pub fn assert_passed(&self) {
        assert!(self.is_passed(), "the contract is broken\n{self}");
    }

    /// Panics with the report if it has not passed or the target earned another recovery class.
    ///
    /// # Panics
    /// If a check failed, none was run, or the recovery class is another.
    pub fn assert_earned(&self, recovery_class: RecoveryClass) {
        self.assert_passed();
        assert_eq!(self.earned, Some(recovery_class), "{self}");
    }

    fn count(&self, word: &str) -> usize {
        self.checks.iter().filter(|check| check.status.word() == word).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CheckResult { number, sentence, status, note } in &self.checks {
            writeln!(f, "{number} {:<9} {sentence}", status.word())?;
            if let Some(why) = status.why().or(note.as_deref()) {
                writeln!(f, "{:14}{why}", "")?;
            }
        }
        let [passed, failed, skipped] = ["pass", "FAIL", "skip"].map(|word| self.count(word));
        write!(f, "{}: {passed} passed, {failed} failed, {skipped} skipped", self.subject)?;
        match (self.declared, self.earned) {
            (None, _) => {}
            (Some(declared), None) => write!(f, "; declared {declared}, earned no recovery class")?,
            (Some(declared), Some(earned)) => write!(f, "; declared {declared}, earned {earned}")?,
        }
        writeln!(f, "; seed {}", self.seed)
    }
}
