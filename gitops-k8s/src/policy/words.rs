//! Words that are known, and the nearest one to a word that is not.

use gitops_core::nearest;

use super::{Mark, PolicyFault};

/// Whether a key that is not known is so near to a known one that it must be a slip.
pub(super) fn is_slip(name: &str, known: &[&str]) -> bool {
    nearest(name, known.iter().copied()).is_some()
}

/// A key that is not known.
pub(super) fn unknown_key(mark: &Mark<'_>, group: &str, name: &str, known: &[&str]) -> PolicyFault {
    let help = match nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{group}/{nearest}`?"),
        None => format!("the keys of `{group}` are {}", known.join(", ")),
    };
    PolicyFault::unknown(mark, format!("unknown key `{}`", mark.key), help)
}

/// A value that is not known.
pub(super) fn unknown_value(mark: &Mark<'_>, value: &str, known: &[&str]) -> PolicyFault {
    let help = match nearest(value, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("write one of {}", known.join(", ")),
    };
    PolicyFault::unknown(mark, format!("unknown value `{}` of `{}`", shown(value), mark.key), help)
}

/// A value that is not an integer.
pub(super) fn integer(mark: &Mark<'_>) -> Result<i32, PolicyFault> {
    mark.value.trim().parse().map_err(|_| {
        let message = format!("`{}` is no whole number, which `{}` wants", shown(mark.value), mark.key);
        PolicyFault::unknown(mark, message, "write a number such as `\"-1\"`, in quotes".to_owned())
    })
}

/// The parts of a list with commas, without blanks around them.
pub(super) fn list<'a>(mark: &Mark<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    mark.value.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// The beginning of a value, so that a message stays readable.
fn shown(value: &str) -> String {
    value.chars().take(60).collect()
}
