//! The verbs, one file each.

mod apply;
mod ask;
mod audit;
mod audited;
mod between;
mod completions;
mod confirm;
mod diff;
mod drift;
mod each;
mod explain;
mod graph;
mod history;
mod init;
mod kept;
mod orders;
mod plan;
mod planner_identity;
mod promote;
mod reconciliation;
mod release;
mod revert;
mod review;
mod rollback;
mod run;
mod serve;
mod status;
mod urgent;
mod why;

use crate::app::App;
use crate::cli::{DiffArgs, Format, Verb};
use crate::exit::Exit;
use crate::failure::Failure;

/// How a verb ended.
type Ended = Result<Exit, Failure>;

/// Runs a verb.
pub async fn run(app: &App, verb: &Verb) -> Ended {
    check_format(app, verb)?;
    match verb {
        Verb::Init(args) => init::run(app, args),
        Verb::Explain(args) => explain::run(app, args),
        Verb::PlannerIdentity(args) => planner_identity::run(app, args),
        Verb::Completions(args) => completions::run(app, args),
        Verb::Promote(args) => Box::pin(promote::run(app, args)).await,
        Verb::Diff(DiffArgs { between: Some(names), .. }) => Box::pin(between::run(app, names)).await,
        Verb::Run(args) => Box::pin(run::run(app, args)).await,
        Verb::Serve(args) => Box::pin(serve::run(app, args)).await,
        Verb::Review(args) => Box::pin(review::run(app, args)).await,
        Verb::Rollback(args) if args.name.is_some() => {
            let (app, args) = rollback::named(app, args)?;
            Box::pin(each::each(&app, &Verb::Rollback(args))).await
        }
        verb => Box::pin(each::each(app, verb)).await,
    }
}

/// Runs a verb for one application.
async fn one(app: &App, verb: &Verb) -> Ended {
    match verb {
        Verb::Plan(args) => Box::pin(plan::run(app, args)).await,
        Verb::Apply(args) => Box::pin(apply::run(app, args)).await,
        Verb::Diff(args) => Box::pin(diff::run(app, args)).await,
        Verb::Drift(args) => Box::pin(drift::run(app, args)).await,
        Verb::Status(args) => Box::pin(status::run(app, args)).await,
        Verb::History(args) => Box::pin(history::run(app, args)).await,
        Verb::Rollback(args) => Box::pin(rollback::run(app, args)).await,
        Verb::Approve(args) => Box::pin(orders::approve(app, args)).await,
        Verb::Reject(args) => Box::pin(orders::reject(app, args)).await,
        Verb::Suspend(args) => Box::pin(orders::suspend(app, args)).await,
        Verb::Resume(args) => Box::pin(orders::resume(app, args)).await,
        Verb::Sync => Box::pin(orders::sync(app)).await,
        Verb::Release(args) => Box::pin(release::run(app, args)).await,
        Verb::Why(args) => Box::pin(why::run(app, args)).await,
        Verb::Confirm(args) => Box::pin(confirm::run(app, args)).await,
        Verb::Graph(args) => Box::pin(graph::run(app, args)).await,
        Verb::Audit(verb) => Box::pin(audit::run(app, verb)).await,
        Verb::Init(_)
        | Verb::Explain(_)
        | Verb::PlannerIdentity(_)
        | Verb::Promote(_)
        | Verb::Completions(_)
        | Verb::Run(_)
        | Verb::Serve(_)
        | Verb::Review(_) => run(app, verb).await,
    }
}

/// Refuses what only a review can be written as.
fn check_format(app: &App, verb: &Verb) -> Result<(), Failure> {
    match (verb, app.screen.format()) {
        (Verb::Review(_), _) | (_, Format::Human | Format::Json) => Ok(()),
        _ => Err(Failure::usage(
            "only `review` can be written like that",
            "use `--output human` or `--output json`",
        )),
    }
}
