//! Errors that are made in more than one place.

pub(crate) use gitops_core::text::shown;
use gitops_core::{Error, ErrorKind};

/// Wrong input.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// Something that was named does not exist.
pub(crate) fn not_found(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::NotFound, message)
}

/// A limit was reached; `limit` is the name of the option.
pub(crate) fn over_limit(message: impl Into<String>, limit: &'static str, value: impl ToString) -> Error {
    Error::new(ErrorKind::Limit, message)
        .with("limit", format!("{limit} = {}", value.to_string()))
        .help(format!("make it smaller, ignore it, or raise the limit `{limit}`"))
}

/// Stored objects could not be read.
pub(crate) fn unreadable(what: &str, error: gix::Error) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{what} could not be read from the mirror")).because(error)
}
