//! Why a verb ended without doing what was asked.

use gitops_app::codes;
use gitops_core::{Error, ErrorKind};

use crate::exit::Exit;

/// An error and how the command ends because of it.
#[derive(Debug)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// What went wrong.
    pub error: Error,
}

impl Failure {
    /// The command line asks for something that can't be; `help` says what to write instead.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, error: Error::new(ErrorKind::Invalid, message).help(help) }
    }

    /// The stable code, to be looked up with `gitops explain`.
    pub fn code(&self) -> &'static str {
        match self.exit {
            Exit::Usage => codes::USAGE,
            _ => codes::of(self.error.kind()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit: Exit::after(&error), error }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Error::from(error).into()
    }
}
