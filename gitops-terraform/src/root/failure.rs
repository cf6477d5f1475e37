//! From what the tool says to errors.

use gitops_core::{Error, ErrorKind};

use crate::root::journal::Journal;
use crate::tool::json::{Class, Diagnostic, Event};
use crate::tool::process::Ended;

/// How many errors of a run are shown.
const SHOWN: usize = 20;

/// The error of a run that failed before it could have an effect.
pub(crate) fn of_run(what: &str, ended: &Ended, events: &[Event], stderr: &str) -> Error {
    let diagnostics = events.iter().filter_map(|event| match event {
        Event::Diagnostic(diagnostic) => Some(diagnostic),
        _ => None,
    });
    of_said(what, ended, diagnostics, stderr)
}

/// The error of an apply that failed.
pub(crate) fn of_apply(ended: &Ended, journal: &Journal, stderr: &str) -> Error {
    of_said("apply", ended, journal.diagnostics.iter(), stderr)
}

fn of_said<'a>(
    what: &str,
    ended: &Ended,
    diagnostics: impl Iterator<Item = &'a Diagnostic>,
    stderr: &str,
) -> Error {
    let errors: Vec<&Diagnostic> = diagnostics.filter(|diagnostic| diagnostic.is_error).collect();
    if let Some(first) = errors.iter().find(|error| error.class() != Class::Cancel).or(errors.first()) {
        let others: Vec<&Diagnostic> =
            errors.iter().copied().filter(|error| !std::ptr::eq(*error, *first)).collect();
        return of_diagnostics(what, first, &others);
    }
    if let Some(said) = in_boxes(stderr).filter(|_| stderr.contains(BOX[0])) {
        return Error::new(ErrorKind::Unavailable, format!("{what} ended with {}: {said}", ended.status));
    }
    let last = stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
    let said = last.map(|line| format!(": {line}")).unwrap_or_default();
    let message = format!("{what} ended with {} and without a word of why{said}", ended.status);
    Error::new(ErrorKind::Unavailable, message).help("run it again; if it goes on, check memory and disk")
}

/// What the tool draws around an error that it writes for people.
const BOX: [char; 3] = ['╷', '│', '╵'];

/// How many lines of such an error are told.
const LINES: usize = 6;

/// What a run that prints no JSON said was wrong, in one line; nothing if it said nothing.
pub(crate) fn in_boxes(stderr: &str) -> Option<String> {
    let lines = stderr.lines().map(|line| line.trim_matches(|letter| BOX.contains(&letter) || letter == ' '));
    let said: Vec<&str> = lines.filter(|line| !line.is_empty()).take(LINES).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

fn of_diagnostics(what: &str, first: &Diagnostic, others: &[&Diagnostic]) -> Error {
    let class = first.class();
    let mut said = vec![first.to_string()];
    for other in others {
        let other = other.to_string();
        // An interrupted apply says the same of each resource that it did not come to.
        if !said.contains(&other) {
            said.push(other);
        }
    }
    let rest = said.len().saturating_sub(SHOWN);
    said.truncate(SHOWN);
    let more = if rest == 0 { String::new() } else { format!("; and {rest} more") };
    let error = Error::new(kind(class), format!("{what}: {}{more}", said.join("; ")));
    let error = if class == Class::Lock { with_holder(error, &first.detail) } else { error };
    match help(class) {
        Some(help) => error.help(help),
        None => error,
    }
}

fn kind(class: Class) -> ErrorKind {
    match class {
        Class::Lock => ErrorKind::Locked,
        Class::Stale => ErrorKind::Conflict,
        Class::Download | Class::Provider => ErrorKind::Unavailable,
        Class::Guard => ErrorKind::Denied,
        Class::StateWrite => ErrorKind::Storage,
        Class::Cancel => ErrorKind::Cancelled,
        Class::Init | Class::LockFile | Class::Input | Class::Other => ErrorKind::Invalid,
    }
}

fn help(class: Class) -> Option<&'static str> {
    match class {
        Class::Lock => Some(
            "wait until the holder is done; if it died, see that nothing of it is at work any more, then \
             unlock by hand with exactly this id: it is never done for you",
        ),
        Class::Stale => Some("plan again, and review what changed"),
        Class::LockFile => Some(
            "run `init` and `providers lock` in the root, and commit `.terraform.lock.hcl`: it is never changed here",
        ),
        Class::Download => Some("check the network or the mirror of providers, then try again"),
        Class::Guard => Some("the configuration forbids it; change the configuration if it is meant"),
        Class::StateWrite => {
            Some("check the backend; what could not be written was kept in `errored.tfstate`")
        }
        _ => None,
    }
}

/// The holder of a lock and since when, as the tool tells them.
fn with_holder(error: Error, detail: &str) -> Error {
    let after = |name: &str| {
        let line = detail.lines().map(str::trim).find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned()).filter(|value| !value.is_empty())
    };
    [("lock", "ID:"), ("held by", "Who:"), ("since", "Created:"), ("for", "Operation:")]
        .into_iter()
        .filter_map(|(name, field)| Some((name, after(field)?)))
        .fold(error, |error, (name, value)| error.with(name, value))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn what_stands_in_a_box_is_told_whole_and_of_other_words_the_last() {
        let ended = |stderr: &str| Ended {
            status: std::process::ExitStatus::from_raw(1 << 8),
            stdout: Vec::new(),
            stderr: stderr.to_owned(),
        };
        let said = |stderr: &str| of_run("state push", &ended(stderr), &[], stderr).message().to_owned();
        let drawn = "╷\n│ Error: Failed to write state\n│ \n│ serial 5 is over 7\n╵\n";
        assert_eq!(
            said(drawn),
            "state push ended with exit status: 1: Error: Failed to write state serial 5 is over 7"
        );
        assert!(said("first\nlast\n").ends_with("without a word of why: last"), "{}", said("first\nlast\n"));
    }

    #[test]
    fn a_lock_is_shown_with_holder_and_age() {
        let detail = "resource temporarily unavailable\nLock Info:\n  ID:        1b2c\n  Path:      x\n  \
                      Operation: OperationTypeApply\n  Who:       ann@host\n  Version:   1.12.6\n  \
                      Created:   2026-11-25 19:00:00 UTC\n  Info:";
        let diagnostic = Diagnostic {
            is_error: true,
            summary: "Error acquiring the state lock".into(),
            detail: detail.into(),
            address: None,
            about: None,
            place: None,
        };
        let error = of_diagnostics("plan", &diagnostic, &[]);
        assert_eq!(error.kind(), ErrorKind::Locked);
        let text = error.to_string();
        assert!(text.contains("held by: ann@host, since: 2026-11-25 19:00:00 UTC"), "{text}");
    }
}
