//! What every verb works with.

use std::path::PathBuf;

use gitops_core::{Cx, Result};

use crate::cli::Global;
use crate::config::Config;
use crate::interrupt::Interrupt;
use crate::output::Screen;

/// What every verb works with.
pub struct App {
    /// Ends with the first Ctrl-C or at `--timeout`.
    pub cx: Cx,
    /// The same without `--timeout`.
    unbounded: Cx,
    /// Where answers and progress go.
    pub screen: Screen,
    /// Whether somebody pressed Ctrl-C.
    pub interrupt: Interrupt,
    /// The configuration's file.
    pub file: PathBuf,
}

impl App {
    /// Takes over what the command line says for every verb; the runtime must be running.
    pub fn new(global: &Global) -> Result<Self> {
        let unbounded = Cx::system();
        let cx = global.timeout.map_or_else(|| unbounded.clone(), |timeout| unbounded.within(timeout));
        let screen = Screen::new(global);
        let interrupt = Interrupt::listen(cx.clone(), screen)?;
        Ok(Self { cx, unbounded, screen, interrupt, file: global.file.clone() })
    }

    /// A context for what goes on until it is stopped: at `--timeout` it is cancelled, which ends it in good order,
    /// and no pass of it has a deadline.
    pub fn until_stopped(&self) -> Cx {
        let (cx, unbounded) = (self.cx.clone(), self.unbounded.clone());
        tokio::spawn(async move {
            // Ends at the deadline, which is an error, or is never heard of again.
            let _ = cx.bounded(std::future::pending::<Result<()>>()).await;
            unbounded.cancel();
        });
        self.unbounded.clone()
    }

    /// Reads the configuration.
    pub fn config(&self) -> Result<Config> {
        Config::load(&self.file)
    }

    /// A command for the person to type next, with the file if it is not the usual one.
    pub fn command(&self, verb: &str) -> String {
        match self.file.to_str() {
            Some("gitops.yaml") => format!("gitops {verb}"),
            _ => format!("gitops -f {} {verb}", quoted(&self.file.to_string_lossy())),
        }
    }
}

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+=:@".contains(c));
    match plain {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
