//! Standard output and standard error.

use std::io::{ErrorKind as Io, IsTerminal, Stdout, Write};

use anstream::{AutoStream, ColorChoice};
use gitops_app::documents::{Document, document};
use gitops_core::redact::tokens;
use gitops_core::{Error, ErrorKind, Result};

use super::table::Columns;
use crate::cli::{Format, Global, When};

/// Where a verb writes: data to standard output, everything else to standard error.
///
/// A token is masked here too, for it may stand as the name of a file, an object, a branch or a person, which are shown in clear.
/// A closed pipe is no error: what can't be delivered is dropped, and the verb goes on to its end.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    format: Format,
    quiet: bool,
    verbose: bool,
    columns: Columns,
    stdout: ColorChoice,
    stderr: ColorChoice,
}

impl Screen {
    /// Takes over the wishes of the command line. The order for colours is `--color`, `NO_COLOR`,
    /// `CLICOLOR_FORCE`, `CLICOLOR`, then whether it is a terminal.
    pub fn new(global: &Global) -> Self {
        match global.color {
            When::Auto => ColorChoice::Auto.write_global(),
            When::Always => ColorChoice::Always.write_global(),
            When::Never => ColorChoice::Never.write_global(),
        }
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        Self {
            format: global.output,
            quiet: global.quiet,
            verbose: global.verbose,
            columns: columns(&stdout),
            stdout: AutoStream::choice(&stdout),
            stderr: AutoStream::choice(&stderr),
        }
    }

    /// What the answer is written as.
    pub fn format(self) -> Format {
        self.format
    }

    /// Whether the answer is JSON.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether everything is wanted.
    pub fn is_verbose(self) -> bool {
        self.verbose
    }

    /// How to keep columns apart.
    pub fn columns(self) -> Columns {
        self.columns
    }

    /// Whether progress may be drawn in place.
    pub fn draws_progress(self) -> bool {
        std::io::stderr().is_terminal() && !self.quiet
    }

    /// Whether a person can be asked: both the question and the answer need a terminal.
    pub fn can_ask(self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !self.is_json()
    }

    /// Writes the answer: the text for people, or the document.
    ///
    /// # Errors
    /// `Storage` if standard output can't be written for another reason than a closed pipe.
    pub fn answer<D: Document>(self, document: &D, human: impl FnOnce() -> String) -> Result<()> {
        match self.format {
            Format::Json => self.data(&document::pretty(document)),
            _ => self.data(&human()),
        }
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn data(self, text: &str) -> Result<()> {
        let mut stdout = AutoStream::new(std::io::stdout().lock(), self.stdout);
        match stdout.write_all(tokens(text).as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != Io::BrokenPipe => {
                Err(Error::new(ErrorKind::Storage, format!("can't write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Writes a line to standard error, unless nothing but the answer is wanted.
    pub fn note(self, text: &str) {
        if !self.quiet {
            self.complain(&format!("{text}\n"));
        }
    }

    /// Writes to standard error.
    pub fn complain(self, text: &str) {
        let mut stderr = AutoStream::new(std::io::stderr().lock(), self.stderr);
        let _ = stderr.write_all(tokens(text).as_bytes()).and_then(|()| stderr.flush());
    }
}

/// The width of a terminal, however narrow; one that does not tell it has as much room as is needed.
fn columns(stdout: &Stdout) -> Columns {
    if !stdout.is_terminal() {
        return Columns::Tabs;
    }
    let width = rustix::termios::tcgetwinsize(stdout).map_or(0, |size| size.ws_col);
    Columns::Within(if width == 0 { usize::MAX } else { usize::from(width).max(NARROWEST) })
}

/// Below this lines would hold single words.
const NARROWEST: usize = 40;
