//! Development tasks. `cargo xtask --help` lists them; the gate in `.ci/run` is made of them.

mod api;
mod bench;
mod book;
mod cache;
mod cargo_tool;
mod charts;
mod deny;
mod descriptions;
mod failure;
mod floors;
mod forge;
mod fuzz;
mod hygiene;
mod kill;
mod msrv;
mod mutants;
mod numbers;
mod outside;
mod packages;
mod postgres;
mod process;
mod programs;
mod servers;
mod side_by_side;
mod simulate;
mod sshd;
mod stage;
mod test;
mod words;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use failure::Result;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Development tasks of this workspace")]
enum Task {
    /// Install or build what the tests need, then run every test.
    Test {
        /// Run only the tests whose name contains this text.
        #[arg(long, value_name = "PATTERN")]
        only: Option<String>,
    },
    /// Build test servers into the cache and print their paths; without a name, list them.
    Servers {
        /// Names from the list.
        names: Vec<String>,
    },
    /// Install what GitHub publishes of its API into the cache, and print where it is.
    Descriptions,
    /// Start a Gitea with two people and an empty repository, to try requests on, until it is stopped.
    Forge,
    /// Check licences, banned crates, sources and, where the data is given, advisories.
    Deny,
    /// Compare the public surface of each library with its text in `api/`, or write it.
    Api(api::Options),
    /// Build the book, and check its links and that its examples are compiled.
    Book,
    /// Check that no dependency declares a newer Rust than the workspace.
    Msrv,
    /// Check the tracked files for machine paths, secrets, unfinished work, and words that are not the field's.
    Hygiene,
    /// Print how many files, functions, public items, dependencies and lines of docs there are.
    Numbers,
    /// Bring up charts of others in a cluster with controllers, upgrade them, go back, and remove them.
    Charts(charts::Options),
    /// Change the code that decides, place by place, and look whether a test notices.
    Mutants(mutants::Options),
    /// Check that the crates can be packaged, and build one outside of the workspace that depends on it as its users do.
    Outside,
    /// Kill the `gitops` command again and again and check that the next run repairs everything.
    Kill(kill::Options),
    /// Run the engine in seeded worlds; `cargo xtask simulate --help` lists the options.
    #[command(disable_help_flag = true)]
    Simulate {
        /// Passed on as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Measure the figures that the project holds itself to, beside its peers, which are built first.
    Bench(bench::Options),
    /// Feed every parser with what reaches more of its code, and check that none breaks.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Test { only } => test::run(only.as_deref()),
        Task::Servers { names } => servers::run(&names),
        Task::Descriptions => descriptions::run(),
        Task::Forge => forge::run(),
        Task::Deny => deny::run(),
        Task::Api(options) => api::run(&options),
        Task::Book => book::run(),
        Task::Msrv => msrv::run(),
        Task::Hygiene => hygiene::run(),
        Task::Numbers => numbers::run(),
        Task::Charts(options) => charts::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Outside => outside::run(),
        Task::Kill(options) => kill::run(&options),
        Task::Simulate { options } => simulate::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
    }
}
