//! Errors that are made in more than one place.

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
        .help(format!("make it smaller, ignore it, or raise `Limits::{limit}`"))
}

/// Stored objects could not be read.
pub(crate) fn unreadable(what: &str, error: gix::Error) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{what} could not be read from the mirror")).because(error)
}

/// Text from outside, made safe to show: control characters escaped, cut at `limit` characters.
pub(crate) fn shown(text: &str, limit: usize) -> String {
    let mut shown: String = text.chars().take(limit).flat_map(escaped).collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let is_unsafe = c.is_control()
        || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let (plain, escape) = match is_unsafe {
        true => (None, Some(c.escape_unicode())),
        false => (Some(c), None),
    };
    plain.into_iter().chain(escape.into_iter().flatten())
}
