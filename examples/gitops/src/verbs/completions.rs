//! `gitops completions`: writes completions for a shell.

use clap::CommandFactory;

use super::Ended;
use crate::app::App;
use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Exit;

/// To standard output.
pub fn run(app: &App, args: &CompletionsArgs) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gitops", &mut script);
    app.screen.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
