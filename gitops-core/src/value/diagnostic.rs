//! Faults in what a person wrote, with the place and the way out.

use std::fmt;

use serde::Serialize;

use super::credentials;

/// One fault in what a person wrote: a stable code, the place, and what to do.
///
/// It carries data and no layout; a command draws it with a picture of the line, a program serialises it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The stable code, `GO` and four digits; the book's error index has a page for each.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One lower-case sentence.
    pub message: String,
    /// The file, relative to the source's root or as the person named it.
    pub path: String,
    /// The place in the file, where one is known.
    pub span: Option<Span>,
    /// The way out.
    pub help: Option<String>,
}

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing stops.
    Warning,
    /// The input is refused.
    Error,
}

/// A place in a text file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Span {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters it covers, at least 1.
    pub width: u32,
    /// The line's text.
    pub text: String,
}

impl Span {
    /// So many characters of a line, from a column on. What looks like a credential in the line is not kept, whatever the fault is.
    pub fn new(line: u32, column: u32, width: u32, text: impl Into<String>) -> Self {
        Self { line, column, width, text: credentials::line(&text.into()) }
    }
}

impl Diagnostic {
    /// An error in a file.
    pub fn error(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        // A fault quotes what is wrong.
        let (path, message) = (path.into(), credentials::clear(message.into()));
        Self { code, severity: Severity::Error, message, path, span: None, help: None }
    }

    /// A warning about a file.
    pub fn warning(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, message) }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(credentials::clear(help.into()));
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, "{severity}[{}]: {}: ", self.code, self.path)?;
        if let Some(Span { line, column, .. }) = &self.span {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|help| write!(f, " ({help})"))
    }
}
