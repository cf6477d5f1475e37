//! The `gitops` command: plan, apply and keep applied what a Git repository declares.
//!
//! Use it at a terminal, in jobs of CI, and with `run` or `serve` as a process that stays. A program that needs other flags or
//! another screen stands on [`gitops_app`] directly: this crate reads the command line, asks, and prints.
//!
//! ```text
//! command line ──▶ verb ──▶ gitops_app::session ──▶ documents ──▶ screen or JSON, exit code
//!                   └──▶ question ──▶ consent ──┘
//! ```
//!
//! The command is one function, for a binary with a name of its own:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     gitops::main()
//! }
//! ```

mod actor;
mod app;
mod cli;
mod consent;
mod exit;
mod failure;
mod interrupt;
mod many;
mod output;
mod progress;
mod usage;
mod verbs;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use gitops_app::documents::document;
use gitops_core::Error;

use app::App;
use cli::{Cli, Global};
use exit::Exit;
use failure::Failure;
use output::Screen;

/// Does what the command line says.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli).into(),
        Err(error) => {
            let arguments: Vec<_> = std::env::args_os().skip(1).collect();
            usage::tell(&usage::hinted(error, &arguments)).into()
        }
    }
}

/// How long a program that was stopped with us may take to be ended.
const AT_THE_END: Duration = Duration::from_secs(2);

fn run(cli: Cli) -> Exit {
    let screen = Screen::new(&cli.global);
    let ended = match tokio::runtime::Runtime::new() {
        Err(error) => Err(Error::from(error).into()),
        Ok(runtime) => {
            let ended = runtime.block_on(dispatch(&cli.global, cli.verb));
            // What was started is ended before we are gone; a question that nobody answered must not keep the process.
            runtime.shutdown_timeout(AT_THE_END);
            ended
        }
    };
    let exit = ended.unwrap_or_else(|failure| complain(screen, &failure));
    if exit.code() > 1 && exit != Exit::Usage {
        screen.note(&format!("exit {}: {}", exit.code(), exit.meaning()));
    }
    exit
}

async fn dispatch(global: &Global, verb: cli::Verb) -> Result<Exit, Failure> {
    verbs::run(&App::new(global)?, &verb).await
}

/// Says what went wrong where the reader looks for it: programs on standard output, people on standard error.
fn complain(screen: Screen, failure: &Failure) -> Exit {
    match screen.is_json() {
        true => {
            let _ = screen.data(&document::pretty(&output::error::document(failure, None)));
        }
        false => screen.complain(&output::error::human(failure)),
    }
    failure.exit
}
