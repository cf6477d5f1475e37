use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::value::{Secret, Value, redact};

/// A program to start, and its limits.
///
/// It runs in a process group of its own. Of our environment it sees `PATH`, `HOME`, `LANG` and `TMPDIR`, and what is
/// given to it.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(String, Secret)>,
    pub(super) settings: Value,
    pub(super) start_timeout: Duration,
    pub(super) call_timeout: Duration,
    pub(super) max_line: usize,
}

impl Program {
    /// A program by its path, or by its name on the `PATH`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            settings: Value::map::<&str>([]),
            start_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(60),
            max_line: 16 << 20,
        }
    }

    /// Adds an argument. Every user of the machine can read arguments: never pass a secret.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds a variable to its environment; it is hidden in what the program writes to its standard error.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.environment.push((name.into(), value));
        self
    }

    /// The settings that the handshake hands over: a mapping, which may hold secrets.
    #[must_use]
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }

    /// The same with another limit for the start and the handshake; 10 s if nothing is said.
    #[must_use]
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.start_timeout = limit;
        self
    }

    /// The same with another limit for one call; 60 s if nothing is said.
    #[must_use]
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = limit;
        self
    }

    /// The same with another limit for the length of one line, in bytes; 16 MiB if nothing is said.
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// The forms of the secrets that it was given.
    pub(super) fn forms(&self) -> Vec<Zeroizing<String>> {
        let of_settings = super::super::shape::secrets(&self.settings);
        let of_environment = self.environment.iter().map(|(_, secret)| secret);
        of_environment.chain(of_settings).flat_map(|secret| redact::forms(secret.expose())).collect()
    }
}
