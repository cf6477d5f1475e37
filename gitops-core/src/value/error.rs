// Long because every kind of error, with its predicates, is documented here.

//! The one error type of this crate and of every backend.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::value::{Diagnostic, Key, StaleBecause, credentials};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, whether trying again can help, and whether anything happened.
///
/// Three questions decide what an engine does after an error, and each has an answer of its own here:
/// [`kind`](Self::kind) says what it was, [`retry`](Self::retry) when to try again, and
/// [`outcome`](Self::outcome) whether the effect may have happened all the same. A time-out, a lost connection
/// and a dropped future are [`Outcome::Unknown`], never a failure.
///
/// `Display` is one line; `{:#}` adds the causes. Backends return bare errors: the engine adds operation, target
/// and key.
///
/// ```
/// use gitops_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Unavailable, "connection refused").with("port", 6443);
/// assert_eq!(error.to_string(), "connection refused (port: 6443)");
/// assert!(error.is_retryable());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    retry: Retry,
    outcome: Outcome,
    operation: Option<&'static str>,
    key: Option<Key>,
    context: Vec<(&'static str, String)>,
    diagnostics: Vec<Diagnostic>,
    moved: Vec<StaleBecause>,
    /// Whether it is of the engine's own memory, and not of something that it was given.
    is_of_state: bool,
    /// Whether it is the word of a gate or of a person, and nothing failed.
    is_of_gate: bool,
    help: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something that was named does not exist.
    NotFound,
    /// The precondition of a change does not hold: somebody else was there first.
    Conflict,
    /// The object is there and belongs to somebody else.
    NotOwned,
    /// We are not who we say, or have not said it.
    Unauthenticated,
    /// We may not do this.
    Forbidden,
    /// It is refused: by a gate ([`Error::is_of_gate`]), or by a rule that holds for everybody.
    Denied,
    /// The plan needs an approval that it does not have.
    NeedsApproval,
    /// The input is wrong; trying again will not help.
    Invalid,
    /// A limit was reached; the message names it.
    Limit,
    /// The other side could not be reached or is overloaded.
    Unavailable,
    /// A deadline passed.
    Timeout,
    /// A person or a newer revision asked to stop.
    Cancelled,
    /// What a plan was made from has moved.
    Stale,
    /// Stored data is damaged or of another format.
    Corrupt,
    /// Another process is at work on the same state.
    Locked,
    /// The disk is full, read-only or failing.
    Storage,
    /// The backend can't do this.
    Unsupported,
    /// A fault of the program, not of its input.
    Internal,
}

/// When trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// Not without a change of the input or the world.
    Never,
    /// At once or after a back-off of the caller's choice.
    Now,
    /// Not before this much time has passed.
    After(Duration),
}

/// Whether the effect may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did not happen.
    NotDone,
    /// It may or may not have happened.
    Unknown,
}

impl Error {
    /// An error of a kind, with retry and outcome as the kind suggests.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Locked => Retry::Now,
            _ => Retry::Never,
        };
        let outcome = if kind == ErrorKind::Timeout { Outcome::Unknown } else { Outcome::NotDone };
        Self(Box::new(Inner {
            kind,
            message: credentials::clear(message.into()),
            retry,
            outcome,
            operation: None,
            key: None,
            context: Vec::new(),
            diagnostics: Vec::new(),
            moved: Vec::new(),
            is_of_state: false,
            is_of_gate: false,
            help: None,
            source: None,
        }))
    }

    /// The precondition of a change does not hold.
    pub fn conflict(key: &Key) -> Self {
        Self::new(ErrorKind::Conflict, "the object is not in the state that the plan was made for").at(key)
    }

    /// The input is wrong, at these places.
    pub fn invalid(message: impl Into<String>, diagnostics: Vec<Diagnostic>) -> Self {
        let mut error = Self::new(ErrorKind::Invalid, message);
        error.0.diagnostics = diagnostics;
        error
    }

    /// Adds faults of what a person wrote, each with its place.
    #[must_use]
    pub fn placed(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.0.diagnostics = diagnostics;
        self
    }

    /// What a plan was made from has moved: nothing was written.
    pub fn stale(moved: Vec<StaleBecause>) -> Self {
        let mut error = Self::new(ErrorKind::Stale, "the plan is stale; nothing was written");
        error.0.moved = moved;
        error.help("plan again, and review what changed")
    }

    /// The same error for another object that it struck: kind, message, retry and outcome, without context.
    #[must_use]
    pub fn repeated(&self) -> Self {
        let mut error = Self::new(self.0.kind, self.0.message.clone()).retry_when(self.0.retry);
        error.0.outcome = self.0.outcome;
        error
    }

    /// The same with another answer to when trying again can help.
    #[must_use]
    pub fn retry_when(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// The same, saying that the effect may have happened.
    #[must_use]
    pub fn outcome_unknown(mut self) -> Self {
        self.0.outcome = Outcome::Unknown;
        self
    }

    /// The same, saying that nothing happened: for a time-out of something that has no effect.
    #[must_use]
    pub fn outcome_known(mut self) -> Self {
        self.0.outcome = Outcome::NotDone;
        self
    }

    /// Names the object; the first naming stays.
    #[must_use]
    pub fn at(mut self, key: &Key) -> Self {
        self.0.key.get_or_insert_with(|| key.clone());
        self
    }

    /// Names the operation; the first naming stays.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Adds a fact that helps to understand it. Never pass a secret.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.context.push((name, credentials::clear(value.to_string())));
        self
    }

    /// Says what a person can do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(credentials::clear(help.into()));
        self
    }

    /// The same without the forms of secrets in any of its texts; what is behind it becomes text.
    #[must_use]
    pub(crate) fn without(mut self, forms: &[zeroize::Zeroizing<String>]) -> Self {
        if forms.is_empty() {
            return self;
        }
        let hide = |text: &str| crate::value::redact::hide(text, forms);
        self.0.message = hide(&self.0.message);
        self.0.help = self.0.help.as_deref().map(hide);
        self.0.context.iter_mut().for_each(|(_, value)| *value = hide(value));
        self.0.diagnostics.iter_mut().for_each(|diagnostic| diagnostic.message = hide(&diagnostic.message));
        self.0.source = self.0.source.take().map(|source| hide(&causes(&*source)).into());
        self
    }

    /// The same, as one of the engine's own memory: journal, inventory, audit log, requests.
    #[must_use]
    pub(crate) fn of_state(mut self) -> Self {
        self.0.is_of_state = true;
        self
    }

    /// The same, as the word of a gate, or of a person who stopped all writes: nothing failed, and a person decides how it goes
    /// on.
    #[must_use]
    pub fn of_gate(mut self) -> Self {
        self.0.is_of_gate = true;
        self
    }

    /// Whether nothing failed: a gate denies it or wants it approved, or a person stopped all writes. What is `Denied`
    /// otherwise is a failure, such as a branch that was moved back or a connection that may not be used.
    pub fn is_of_gate(&self) -> bool {
        self.0.is_of_gate || self.0.kind == ErrorKind::NeedsApproval
    }

    /// Whether the engine's own memory is damaged: what a source or a target can't read is not.
    pub(crate) fn is_damage_of_state(&self) -> bool {
        self.0.is_of_state && self.0.kind == ErrorKind::Corrupt
    }

    /// Adds the error behind it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// When trying again can help.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// Whether the effect may have happened.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// The object that it is about.
    pub fn key(&self) -> Option<&Key> {
        self.0.key.as_ref()
    }

    /// The places in the input that are wrong.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// What moved since a stale plan was made.
    pub fn moved(&self) -> &[StaleBecause] {
        &self.0.moved
    }

    /// What a person can do about it.
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The error on one line with what a person can do about it.
    pub fn with_help(&self) -> String {
        match self.help_text() {
            Some(help) => format!("{self} ({help})"),
            None => self.to_string(),
        }
    }

    /// What is wrong, for whoever sees one line and no more: the first place in the input that is wrong, if there are such, with how many
    /// more there are; else the error itself.
    ///
    /// ```
    /// use gitops_core::{Diagnostic, Error};
    ///
    /// let fault = |path: &str| Diagnostic::error("GO0302", path, "can't be read");
    /// let error = Error::invalid("the revision has 2 faults", vec![fault("a.yaml"), fault("b.yaml")]);
    /// assert_eq!(error.in_one_line(), "a.yaml: can't be read (and 1 more)");
    /// ```
    pub fn in_one_line(&self) -> String {
        let Some((first, rest)) = self.0.diagnostics.split_first() else { return self.to_string() };
        let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
        let line = first.span.as_ref().map(|span| format!("{}:", span.line)).unwrap_or_default();
        format!("{}:{line} {}{more}", first.path, first.message)
    }

    /// The message alone, without operation, key and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether a precondition did not hold.
    pub fn is_conflict(&self) -> bool {
        self.0.kind == ErrorKind::Conflict
    }

    /// Whether something that was named does not exist.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Whether what a plan was made from has moved.
    pub fn is_stale(&self) -> bool {
        self.0.kind == ErrorKind::Stale
    }

    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        self.0.retry != Retry::Never
    }

    /// Whether the effect may have happened.
    pub fn is_unknown(&self) -> bool {
        self.0.outcome == Outcome::Unknown
    }
}

/// An error and all that is behind it, on one line.
fn causes(error: &(dyn StdError + 'static)) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, operation, key, context, source, .. } = &*self.0;
        match (operation, key) {
            (Some(operation), Some(key)) => write!(f, "{operation} {key}: ")?,
            (Some(operation), None) => write!(f, "{operation}: ")?,
            (None, Some(key)) => write!(f, "{key}: ")?,
            (None, None) => {}
        }
        f.write_str(message)?;
        for (index, (name, value)) in context.iter().enumerate() {
            write!(f, "{}{name}: {value}", if index == 0 { " (" } else { ", " })?;
        }
        if !context.is_empty() {
            f.write_str(")")?;
        }
        let mut cause =
            if f.alternate() { source.as_deref().map(|source| source as &dyn StdError) } else { None };
        while let Some(error) = cause {
            write!(f, ": {}", credentials::credentials(&error.to_string()))?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {:?}: {self:#}", self.0.kind, self.0.retry, self.0.outcome)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::PermissionDenied => ErrorKind::Forbidden,
            Io::AlreadyExists => ErrorKind::Conflict,
            Io::TimedOut => ErrorKind::Timeout,
            Io::ConnectionRefused | Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe => {
                ErrorKind::Unavailable
            }
            Io::InvalidData | Io::UnexpectedEof => ErrorKind::Corrupt,
            _ => ErrorKind::Storage,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Io => Self::new(ErrorKind::Storage, error.to_string()),
            _ => Self::new(ErrorKind::Corrupt, format!("not the JSON that was expected: {error}")),
        }
    }
}

impl From<crate::value::ParseKeyError> for Error {
    fn from(error: crate::value::ParseKeyError) -> Self {
        Self::new(ErrorKind::Invalid, error.to_string())
    }
}
