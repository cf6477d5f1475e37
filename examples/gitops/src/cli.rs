//! The command line.
// Long because every verb and option has its help here.

mod graph;
mod init;
mod planner;
mod promote;
#[cfg(test)]
mod reference;
mod review;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{StringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use gitops_app::config::{self, Moment};
use gitops_app::session::Moving;

use crate::exit;
pub use graph::{GraphArgs, GraphFormat};
pub use init::InitArgs;
pub use planner::PlannerArgs;
pub use promote::PromoteArgs;
pub use review::ReviewArgs;

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
    /// The configuration: a file, or a folder of files
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        default_value = "gitops.yaml",
        env = "GITOPS_FILE"
    )]
    pub file: PathBuf,
    /// One application of the configuration; without it, all of them
    #[arg(short, long, global = true, value_name = "NAME", env = "GITOPS_APPLICATION")]
    pub application: Option<String>,
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
    #[value(alias = "text")]
    Human,
    /// One JSON document; `run` writes one per line.
    Json,
    /// Only of `review`: the comment of a request.
    Markdown,
    /// Only of `review`: a report of tests.
    Junit,
    /// Only of `review`: a log of findings, SARIF 2.1.0.
    Sarif,
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
    /// Write a commented configuration, and a first manifest or root, and make the state folder
    Init(InitArgs),
    /// Show what would be done; writes nothing to the target
    Plan(PlanArgs),
    /// Do what a plan says, after asking
    Apply(ApplyArgs),
    /// Show line by line what would change, from live to declared
    Diff(DiffArgs),
    /// Show what was changed outside of Git
    Drift(DriftArgs),
    /// Show what a merge would do, and whose doing each step is; writes nothing
    Review(ReviewArgs),
    /// Keep the target equal to the source until stopped
    Run(RunArgs),
    /// Do as `run`, and review change requests as they come; answers on HTTP
    Serve(ServeArgs),
    /// Show what is applied, and whether it is what is declared
    Status(StatusArgs),
    /// List what was deployed, newest first
    History(HistoryArgs),
    /// Apply an earlier revision and hold it, until `rollback --end`
    Rollback(RollbackArgs),
    /// Open the request that copies declared versions from one application to another
    Promote(PromoteArgs),
    /// Write the manifests of an identity that may read and dry-run on a cluster, and nothing else
    PlannerIdentity(PlannerArgs),
    /// Approve what a plan would do, for every process that applies it later
    Approve(ApproveArgs),
    /// Revoke every approval that is not spent
    Reject(RejectArgs),
    /// Write nothing until `resume`: the emergency stop
    Suspend(SuspendArgs),
    /// Show what would be done, and let a suspended application go on
    Resume(ResumeArgs),
    /// Have the process at work reconcile at once
    Sync,
    /// Let what needs an object go on although the object is not ready, or a deletion that is held
    Release(ReleaseArgs),
    /// Tell where an object comes from and what happens to it next
    Why(WhyArgs),
    /// Say what you found out about a root: what became of a resource, or of its state
    Confirm(ConfirmArgs),
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

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen for probes, metrics and webhooks, instead of what `serve.listen` says
    #[arg(long, value_name = "ADDRESS:PORT", env = "GITOPS_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// What it has of `run`.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The arguments of `plan`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct PlanArgs {
    /// Save the plan, to be applied as it is
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// End with 2 if there is anything to do
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// List the commits that the plan brings
    #[arg(long)]
    pub commits: bool,
    /// List each object, also where many change in the same way
    #[arg(long)]
    pub all: bool,
    /// Plan what is declared otherwise than the last plan knew, and do not look for drift
    #[arg(long)]
    pub changed: bool,
    /// What the state may move to.
    #[command(flatten)]
    pub moving: MovingArgs,
}

/// What a state may move to, which else is refused.
#[derive(Clone, Debug, Default, Args)]
pub struct MovingArgs {
    /// Go on with the state of this application, which has another name now
    #[arg(long, value_name = "NAME", value_parser = plain_name)]
    pub renamed_from: Option<String>,
    /// Go on with the state although its source or a target is at another place now
    #[arg(long)]
    pub rebind: bool,
}

impl RollbackArgs {
    /// What the state may move to.
    pub const fn moving(&self) -> MovingArgs {
        MovingArgs { renamed_from: None, rebind: self.rebind }
    }
}

impl From<&MovingArgs> for Moving {
    fn from(args: &MovingArgs) -> Self {
        Self { renamed_from: args.renamed_from.clone(), rebind: args.rebind }
    }
}

/// As they are typed, each after a blank.
impl fmt::Display for MovingArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.renamed_from.iter().try_for_each(|name| write!(f, " --renamed-from {name}"))?;
        f.write_str(if self.rebind { " --rebind" } else { "" })
    }
}

/// The arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A saved plan; without one, plan now
    #[arg(value_name = "FILE")]
    pub saved: Option<PathBuf>,
    /// What the state may move to.
    #[command(flatten)]
    pub moving: MovingArgs,
    /// How the plan is approved.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Then write to the audit log who opened, reviewed and merged the requests that came in, as the forge says
    #[arg(long)]
    pub note_requests: bool,
}

/// A text that many will read, without what looks like a credential in it: people paste what a tool said.
#[expect(clippy::needless_pass_by_value, reason = "as clap calls it")]
fn masked(text: String) -> String {
    gitops_core::redact::credentials(&text).into_owned()
}

/// A name that is one folder, and no other place.
fn plain_name(text: &str) -> Result<String, String> {
    let fits = (1..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && !matches!(text, "." | "..");
    fits.then(|| text.to_owned()).ok_or_else(|| "write the name that the configuration had".to_owned())
}

/// How a person says yes where nobody can be asked.
#[derive(Clone, Debug, Args)]
pub struct ConsentArgs {
    /// Apply exactly the plan of this id, at least 12 digits of it; also gives the approval that a gate wants
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
    #[arg(conflicts_with = "between")]
    pub key: Option<String>,
    /// List the paths of the fields that change, instead of lines of YAML
    #[arg(long)]
    pub fields: bool,
    /// How many equal lines to show around those that change
    #[arg(short = 'U', long, value_name = "LINES", default_value_t = 3, conflicts_with = "fields")]
    pub context: usize,
    /// What two applications declare in another way, such as staging,prod; asks no target
    #[arg(long, value_name = "FIRST,SECOND", value_delimiter = ',', num_args = 1)]
    pub between: Option<Vec<String>>,
}

/// The arguments of `drift`.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// End with 2 if there is drift
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Do not ask the providers of Terraform roots: compare with what their states say
    #[arg(long)]
    pub cached: bool,
    /// List each object, also where many were changed in the same way
    #[arg(long)]
    pub all: bool,
}

/// What `run` is told.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// How many programs run at once, over all applications: git, helm, kustomize, tofu. The apply of a root counts until it ends
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub programs: u16,
}

/// The arguments of `status`.
#[derive(Debug, Default, Args)]
pub struct StatusArgs {
    /// End with 2 if it is out of sync, 6 if it is not healthy, 1 or 4 if something is blocked
    #[arg(long)]
    pub exit_code: bool,
}

/// The arguments of `history`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct HistoryArgs {
    /// How many to list
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// List each attempt: without it, attempts in a row that end alike are one line
    #[arg(long)]
    pub all: bool,
    /// What else to do with it.
    #[command(subcommand)]
    pub verb: Option<HistoryVerb>,
}

/// What to do with the history.
#[derive(Debug, Subcommand)]
pub enum HistoryVerb {
    /// Show one deployment in full: what was sent and left, who approved it, and the commits that it brought
    Show(HistoryShowArgs),
}

/// The arguments of `history show`.
#[derive(Debug, Args)]
pub struct HistoryShowArgs {
    /// Its number, as `history` lists it
    #[arg(value_name = "N")]
    pub number: u64,
}

/// The arguments of `rollback`.
#[derive(Clone, Debug, Args)]
pub struct RollbackArgs {
    /// The application, as `-a` names it; or else the revision
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// A commit, tag or branch, or the number of a deployment as `history` lists it. Without one it goes back to the last
    /// good one, and where the file has a `forge` it does what `--revert` does
    #[arg(value_name = "REV")]
    pub revision: Option<String>,
    /// Also open the request on the forge that takes the bad revision back; again, once it is merged, follow the source again
    #[arg(long, conflicts_with = "end")]
    pub revert: bool,
    /// Follow the source again: shows what comes next, and applies it with `--yes` or `--plan-id`
    #[arg(long, conflicts_with = "revision")]
    pub end: bool,
    /// Go on with the state although its source or a target is at another place now
    #[arg(long, conflicts_with = "revert")]
    pub rebind: bool,
    /// How the plan is approved.
    #[command(flatten)]
    pub consent: ConsentArgs,
}

/// The arguments of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The plan's id, or its beginning, as `plan` shows it
    #[arg(value_name = "PLAN_ID")]
    pub plan_id: String,
    /// For how long it holds, such as 24h; without it until it is done, and an hour where it is urgent
    #[arg(long = "for", value_name = "DURATION", value_parser = config::parse_duration)]
    pub until: Option<Duration>,
    /// In an emergency: also through closed change windows, by two people who say so on a request, for 4h at most
    #[arg(long, requires = "reason", requires = "request")]
    pub urgent: bool,
    /// Why it is urgent
    #[arg(long, value_name = "WHY", requires = "urgent", value_parser = StringValueParser::new().map(masked))]
    pub reason: Option<String>,
    /// The request on which two people comment `/approve EFFECT`
    #[arg(long, value_name = "N", requires = "urgent")]
    pub request: Option<u64>,
}

/// The arguments of `reject`.
#[derive(Debug, Args)]
pub struct RejectArgs {
    /// Why
    #[arg(long, value_parser = StringValueParser::new().map(masked))]
    pub reason: String,
}

/// The arguments of `suspend`.
#[derive(Debug, Args)]
pub struct SuspendArgs {
    /// Why
    #[arg(long, value_parser = StringValueParser::new().map(masked))]
    pub reason: String,
    /// All applications of the configuration
    #[arg(long)]
    pub all: bool,
}

/// The arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Also where a process is at work, which applies the plan at once
    #[arg(long)]
    pub yes: bool,
}

/// The arguments of `release`.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The object: its key, or an end of it that means only one
    pub key: String,
}

/// The arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The object: its key, or an end of it that means only one, such as its path; or a resource of a root
    pub key: String,
}

/// The arguments of `confirm`.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// The object: its key, or an end of it that means only one, such as the path of a root
    #[arg(value_name = "OBJECT")]
    pub key: String,
    /// `change` for what became of a change; of a root, the address of a resource in doubt, or `state`
    pub about: String,
    /// Of a change `made` or `not-made`; of a root `absent`, `whole` for a resource that is complete, the id of a resource that
    /// exists, or the line of states
    pub finding: String,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Show who changed what and when, who approved it, and from which commit
    Show(AuditShowArgs),
    /// Check that no record was changed, dropped or moved
    Verify,
    /// Begin a new audit log where the old one is lost; the new one says so
    Restart(RestartArgs),
}

/// The arguments of `audit show`.
#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = true, args = ["key", "since"])]
pub struct AuditShowArgs {
    /// Only this object: its key or the end of it; also one that is gone
    #[arg(value_name = "OBJECT")]
    pub key: Option<String>,
    /// Only since a time: how long ago, such as 2h, or a date or time such as 2026-11-30T09:00Z
    #[arg(long, value_name = "TIME", value_parser = config::parse_moment)]
    pub since: Option<Moment>,
    /// How many to show at most, the newest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
}

/// The arguments of `audit restart`.
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// The old log is lost for good
    #[arg(long, required = true)]
    pub yes: bool,
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
