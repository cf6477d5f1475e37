//! One numbered check, and what it runs on.

use futures::future::BoxFuture;
use gitops_core::{Cx, Error, ErrorKind, Result};

use super::subject::{ForgeSubject, Person};
use crate::forge::Forge;
use crate::value::{Comment, CommentQuery, User};

/// A check by number.
pub(super) struct Check {
    /// Its number, which never changes.
    pub number: &'static str,
    /// What it asks, in one sentence.
    pub sentence: &'static str,
    /// Of which power it is asked, if not of everybody.
    pub power: Option<fn(&dyn Forge) -> bool>,
    pub run: for<'a> fn(&'a Bench) -> BoxFuture<'a, Checked>,
}

/// What comes of a check, or of a part of it.
pub(super) type Checked<T = ()> = std::result::Result<T, Stop>;

/// Why a check ended before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something that it needs was not given.
    Skip(String),
    /// The forge breaks its contract.
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

/// A check by number, its function and its sentence; and the power of which it is asked.
macro_rules! check {
    ($number:literal, $run:path, $sentence:literal) => {
        $crate::conformance::check::Check {
            number: $number,
            sentence: $sentence,
            power: None,
            run: |bench| Box::pin($run(bench)),
        }
    };
    ($number:literal, $power:expr, $run:path, $sentence:literal) => {
        $crate::conformance::check::Check {
            number: $number,
            sentence: $sentence,
            power: Some($power),
            run: |bench| Box::pin($run(bench)),
        }
    };
}

pub(super) use {check, ensure};

/// What a check runs on.
pub(super) struct Bench {
    pub cx: Cx,
    pub subject: ForgeSubject,
}

impl Bench {
    pub fn forge(&self) -> &dyn Forge {
        &*self.subject.forge
    }

    pub fn user(&self, person: Person) -> User {
        self.subject.others.user(person)
    }

    /// A new request of the author's, within the repository.
    pub async fn request(&self) -> Checked<u64> {
        given(self.subject.others.open(&self.cx, Person::Author, false).await)
    }

    /// All comments of a request.
    pub async fn comments(&self, number: u64) -> Checked<Vec<Comment>> {
        Ok(self.forge().comments(&self.cx, number, &CommentQuery::default()).await?)
    }

    /// A name that nobody used before.
    pub fn name(&self, of: &str) -> String {
        format!("{of}-{:016x}", u64::try_from(self.cx.random() >> 64).unwrap_or_default())
    }
}

/// What others could do. What can't be done on this forge makes the check be skipped.
pub(super) fn given<T>(done: Result<T>) -> Checked<T> {
    done.map_err(|error| match error.kind() {
        ErrorKind::Unsupported => Stop::Skip(error.message().to_owned()),
        _ => Stop::Fail(format!("the kit could not prepare the check: {error:?}")),
    })
}

/// The error that must come.
pub(super) fn refused<T: std::fmt::Debug>(done: Result<T>, what: &str) -> Checked<Error> {
    match done {
        Err(error) => Ok(error),
        Ok(done) => Err(Stop::Fail(format!("{what} succeeded: {done:?}"))),
    }
}
