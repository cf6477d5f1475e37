//! The verbs, one file each.

mod apply;
mod ask;
mod audit;
mod completions;
mod diff;
mod drift;
mod explain;
mod graph;
mod history;
mod init;
mod plan;
mod rollback;
mod run;
mod status;
mod why;

use crate::app::App;
use crate::cli::Verb;
use crate::exit::Exit;
use crate::failure::Failure;

/// How a verb ended.
type Ended = Result<Exit, Failure>;

/// Runs a verb.
pub async fn run(app: &App, verb: Verb) -> Ended {
    match verb {
        Verb::Init(args) => init::run(app, &args),
        Verb::Plan(args) => plan::run(app, &args).await,
        Verb::Apply(args) => apply::run(app, &args).await,
        Verb::Diff(args) => diff::run(app, &args).await,
        Verb::Drift(args) => drift::run(app, &args).await,
        Verb::Run => run::run(app).await,
        Verb::Status => status::run(app).await,
        Verb::History(args) => history::run(app, &args).await,
        Verb::Rollback(args) => rollback::run(app, &args).await,
        Verb::Why(args) => why::run(app, &args).await,
        Verb::Graph(args) => graph::run(app, &args).await,
        Verb::Audit(verb) => audit::run(app, &verb),
        Verb::Explain(args) => explain::run(app, &args),
        Verb::Completions(args) => completions::run(app, &args),
    }
}
