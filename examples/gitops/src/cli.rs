//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{config, exit};

/// Plan, apply and keep applied what a Git repository declares.
#[derive(Debug, Parser)]
#[command(name = "gitops", version, about, after_help = exit::table(), max_term_width = 100)]
pub struct Cli {
    /// What every verb takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Args)]
pub struct Global {
    /// The configuration
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        default_value = "gitops.yaml",
        env = "GITOPS_FILE"
    )]
    pub file: PathBuf,
    /// What to write to standard output
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "human", env = "GITOPS_OUTPUT")]
    pub output: Format,
    /// When to use colours; `auto` obeys `NO_COLOR`, `CLICOLOR_FORCE` and `CLICOLOR`
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Say nothing but the answer and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say everything that happens
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Give up after so long, such as 90s or 5m
    #[arg(long, global = true, value_name = "DURATION", value_parser = config::parse_duration)]
    pub timeout: Option<Duration>,
}

/// What to write to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people; tables are tab-separated in a pipe.
    Human,
    /// One JSON document; `run` writes one per line.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a commented configuration and make the state folder
    Init(InitArgs),
    /// Show what would be done; writes nothing to the target
    Plan(PlanArgs),
    /// Do what a plan says, after asking
    Apply(ApplyArgs),
    /// Show line by line what would change
    Diff(DiffArgs),
    /// Show what was changed behind our back
    Drift(DriftArgs),
    /// Keep the target equal to the source until stopped
    Run,
    /// Show what is applied, and whether it is what is declared
    Status,
    /// List what was deployed, newest first
    History(HistoryArgs),
    /// Apply an earlier revision and hold it, until `rollback --end`
    Rollback(RollbackArgs),
    /// Tell where an object comes from and what happens to it next
    Why(WhyArgs),
    /// Draw what needs what
    Graph(GraphArgs),
    /// Work with the audit log
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Explain an error code
    Explain(ExplainArgs),
    /// Write completions for a shell
    Completions(CompletionsArgs),
}

/// The arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The application's name
    #[arg(long, default_value = "site")]
    pub name: String,
    /// The repository: a URL, or a path relative to the configuration
    #[arg(long, default_value = "./site.git")]
    pub url: String,
    /// The branch to follow
    #[arg(long, default_value = "main")]
    pub branch: String,
    /// The folder below the repository's root
    #[arg(long, default_value = ".")]
    pub path: String,
    /// The folder to keep equal, relative to the configuration
    #[arg(long, default_value = "./live")]
    pub root: String,
}

/// The arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Save the plan, to be applied as it is
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// End with 2 if there is anything to do
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// The arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A saved plan; without one, plan now
    #[arg(value_name = "FILE")]
    pub saved: Option<PathBuf>,
    /// How the plan is approved.
    #[command(flatten)]
    pub consent: ConsentArgs,
}

/// How a person says yes where nobody can be asked.
#[derive(Debug, Args)]
pub struct ConsentArgs {
    /// Apply exactly the plan of this id, at least 8 digits of it; also gives the approval that a gate wants
    #[arg(long, value_name = "ID")]
    pub plan_id: Option<String>,
    /// Do not ask; lifts no gate
    #[arg(long)]
    pub yes: bool,
}

impl ConsentArgs {
    /// Whether nobody has to be asked.
    pub fn is_given(&self) -> bool {
        self.yes || self.plan_id.is_some()
    }
}

/// The arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Only this object: its key or the end of it
    pub key: Option<String>,
}

/// The arguments of `drift`.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// End with 2 if there is drift
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// The arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// How many to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

/// The arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// A commit, tag or branch
    #[arg(value_name = "REV", required_unless_present = "end")]
    pub revision: Option<String>,
    /// Follow the source again: shows what comes next, and applies it with `--yes` or `--plan-id`
    #[arg(long, conflicts_with = "revision")]
    pub end: bool,
    /// How the plan is approved.
    #[command(flatten)]
    pub consent: ConsentArgs,
}

/// The arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The object: its key, or an end of it that means only one, such as its path; or a resource of a root
    pub key: String,
}

/// The arguments of `graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// How to draw it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: GraphFormat,
}

/// How to draw a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// One object per line, each after what it needs.
    Text,
    /// Graphviz's DOT.
    Dot,
    /// A Mermaid flowchart.
    Mermaid,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Check that no record was changed, dropped or moved
    Verify,
}

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code such as GO0106
    pub code: String,
}

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
