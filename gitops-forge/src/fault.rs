//! Errors that are made in more than one place, and texts of strangers made safe to show.

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
        .help(format!("raise `ForgeLimits::{limit}` if this is how it should be"))
}

/// A text of at most so many characters; a longer one ends in `…`.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.chars().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit - 1).chain(['…']).collect(),
    }
}
