//! Errors, for people and for programs.

use std::time::Duration;

use gitops_app::diagnostic;
use gitops_app::documents::Document;
use gitops_core::{Diagnostic, Error, Key, Outcome, Retry, StaleBecause};
use serde::Serialize;

use super::style::{BOLD, RED, escape, paint};
use crate::failure::Failure;

/// The text for people: every fault with its picture, then what could not be done.
pub fn human(failure: &Failure) -> String {
    let error = &failure.error;
    let faults = error.diagnostics();
    let head = match faults {
        [] => paint(RED.bold(), format_args!("error[{}]", failure.code())),
        // Each fault has a code of its own, which says more.
        faults => format!("{}\n{}", diagnostic::draw_all(faults), paint(RED.bold(), "error")),
    };
    let head = head + &paint(BOLD, format_args!(": {}", escape(&format!("{error:#}"))));
    let moved = error.moved().iter().map(|moved| format!("  - {}", escape(&moved.to_string())));
    let help = error.help_text().into_iter().chain(unknown_help(error));
    let help = help.map(|help| format!("  = help: {}", escape(help)));
    std::iter::once(head).chain(moved).chain(help).map(|line| line + "\n").collect()
}

fn unknown_help(error: &Error) -> Option<&'static str> {
    (error.is_unknown() && error.key().is_some())
        .then_some("nobody knows whether it was done; the next plan looks it up first")
}

/// An error as a document.
#[derive(Debug, Serialize)]
pub struct ErrorDocument<'a> {
    /// Which application it is about, where a verb works with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<&'a str>,
    code: &'static str,
    message: String,
    exit_code: u8,
    retry: &'static str,
    retry_after_seconds: Option<f64>,
    outcome: Outcome,
    key: Option<&'a Key>,
    help: Option<&'a str>,
    moved: &'a [StaleBecause],
    diagnostics: &'a [Diagnostic],
}

impl Document for ErrorDocument<'_> {
    const KIND: &'static str = "Error";
}

/// The document of a failure, which may be of one of several applications.
pub fn document<'a>(failure: &'a Failure, application: Option<&'a str>) -> ErrorDocument<'a> {
    let error = &failure.error;
    let (retry, after) = match error.retry() {
        Retry::Never => ("never", None),
        Retry::Now => ("now", None),
        Retry::After(time) => ("after", Some(time)),
    };
    ErrorDocument {
        application,
        code: failure.code(),
        message: format!("{error:#}"),
        exit_code: failure.exit.code(),
        retry,
        retry_after_seconds: after.as_ref().map(Duration::as_secs_f64),
        outcome: error.outcome(),
        key: error.key(),
        help: error.help_text(),
        moved: error.moved(),
        diagnostics: error.diagnostics(),
    }
}
