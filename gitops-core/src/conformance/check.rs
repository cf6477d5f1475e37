//! One numbered check, and how it is run.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::report::{CheckResult, Status};
use crate::capability::RecoveryClass;
use crate::cx::Cx;
use crate::value::{Error, Result};

/// How long a check may take. One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(600);

/// A check of something that `B` holds ready.
pub(super) struct Check<B> {
    /// Its number, which never changes.
    pub(super) number: &'static str,
    /// What it asks, in one sentence.
    pub(super) sentence: &'static str,
    pub(super) asked: Asked,
    pub(super) run: for<'a> fn(&'a B) -> BoxFuture<'a, Checked>,
}

impl<B> Check<B> {
    /// Its number and what it asks.
    pub(super) fn row(&self) -> (&'static str, &'static str) {
        (self.number, self.sentence)
    }
}

/// Of whom a check is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Of everybody.
    All,
    /// Of keyed targets.
    Keyed,
    /// Of keyed and discoverable targets.
    Labelled,
    /// Of opaque targets.
    Opaque,
    /// Of those that offer this power.
    Power(&'static str),
}

/// What comes of a check, or of a part of it.
pub(super) type Checked<T = ()> = Result<T, Stop>;

/// Why a check ended before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something that it needs was not given.
    Skip(String),
    /// The backend breaks its contract.
    Fail(String),
}

/// An error where none may be is a failure.
impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(format!("unexpected error: {error:?}"))
    }
}

/// Ends a check with a failure unless something holds.
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err($crate::conformance::check::Stop::Fail(format!($($why)+)));
        }
    };
}

/// A check by number, of whom it is asked, its function and its sentence.
macro_rules! check {
    ($number:literal, $asked:expr, $run:path, $sentence:literal) => {
        $crate::conformance::check::Check {
            number: $number,
            sentence: $sentence,
            asked: $asked,
            run: |bench| Box::pin($run(bench)),
        }
    };
}

pub(super) use {check, ensure};

impl Asked {
    /// Whether it is asked of a backend of a recovery class, or of one that has none.
    pub(super) fn is_of(self, recovery_class: Option<RecoveryClass>) -> bool {
        match self {
            Self::All | Self::Power(_) => true,
            Self::Keyed => recovery_class == Some(RecoveryClass::Keyed),
            Self::Labelled => {
                recovery_class.is_some_and(|recovery_class| recovery_class != RecoveryClass::Opaque)
            }
            Self::Opaque => recovery_class == Some(RecoveryClass::Opaque),
        }
    }

    fn who(self) -> &'static str {
        match self {
            Self::All => "everybody",
            Self::Keyed => "keyed targets",
            Self::Labelled => "keyed and discoverable targets",
            Self::Opaque => "opaque targets",
            Self::Power(power) => power,
        }
    }
}

/// What a check runs on.
pub(super) trait Bench: Send + Sync {
    /// What is checked, by its own name.
    fn subject(&self) -> String;

    /// The powers that the backend offers, by name.
    fn powers(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The recovery class that a target declares.
    fn recovery_class(&self) -> Option<RecoveryClass> {
        None
    }

    /// The reason that the author gave for not keeping what a check asks.
    fn divergence(&self, _: &str) -> Option<String> {
        None
    }

    /// What a check that passed saw, if that is worth a line of the report.
    fn note(&self) -> Option<String> {
        None
    }

    /// Why a check is not asked of this backend, if it is not.
    fn not_asked(&self, asked: Asked) -> Option<String> {
        match asked {
            Asked::Power(power) if !self.powers().contains(&power) => Some(format!("{power} is not offered")),
            _ if !asked.is_of(self.recovery_class()) => Some(format!("it is asked of {}", asked.who())),
            _ => None,
        }
    }
}

/// Runs one check on a bench of its own.
pub(super) async fn run<B: Bench>(check: &Check<B>, cx: &Cx, bench: Result<B>) -> CheckResult {
    let (status, note) = match bench {
        Err(error) => (Status::Fail { why: format!("there is nothing to check: {error:?}") }, None),
        Ok(bench) => (status_of(check, cx, &bench).await, bench.note()),
    };
    let note = note.filter(|_| status == Status::Pass);
    CheckResult { note, ..CheckResult::new(check.number, check.sentence, status) }
}

async fn status_of<B: Bench>(check: &Check<B>, cx: &Cx, bench: &B) -> Status {
    if let Some(why) = bench.not_asked(check.asked) {
        return Status::NotAsked { why };
    }
    if let Some(why) = bench.divergence(check.number) {
        return Status::Skip { why: format!("known divergence: {why}") };
    }
    let run = AssertUnwindSafe((check.run)(bench)).catch_unwind();
    match cx.within(LIMIT).bounded(run.map(Ok)).await {
        Err(_) => Status::Fail { why: format!("it did not end within {} s", LIMIT.as_secs()) },
        Ok(Err(panic)) => Status::Fail { why: format!("it panicked: {}", text_of(&*panic)) },
        Ok(Ok(Err(Stop::Fail(why)))) => Status::Fail { why },
        Ok(Ok(Err(Stop::Skip(why)))) => Status::Skip { why },
        Ok(Ok(Ok(()))) => Status::Pass,
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text")
}
