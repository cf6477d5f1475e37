//! `gitops release`: lets what needs an object go on although the object is not ready, or a deletion although it is held.

use serde::Serialize;

use gitops_app::documents::Document;
use gitops_app::lookup;
use gitops_app::session::{Access, Session};
use gitops_core::{Key, Reason, Request};

use super::Ended;
use super::ask::order;
use crate::actor::actor;
use crate::app::App;
use crate::cli::ReleaseArgs;
use crate::exit::Exit;
use crate::output::style::escape;
use crate::progress;

#[derive(Debug, Serialize)]
struct ReleaseDocument<'a> {
    key: &'a Key,
    by: &'a str,
    /// Whether the object is to be deleted, and its deletion was released.
    deletion: bool,
}

impl Document for ReleaseDocument<'_> {
    const KIND: &'static str = "Release";
}

/// Records it; the next plan goes on. Nothing is written to a target.
pub async fn run(app: &App, args: &ReleaseArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let (key, by) = (lookup::find(&args.key, session.engine.inventory().entries().keys())?, actor());
    let deletion = is_deleted(app, &mut session, &key).await;
    drop(session);
    let request = match deletion {
        true => Request::ReleaseDeletion { key: key.clone() },
        false => Request::Release { key: key.clone() },
    };
    order(app, &request).await?;
    app.answer(&ReleaseDocument { key: &key, by: &by, deletion }, || human(app, &key, deletion))?;
    Ok(Exit::Ok)
}

/// Whether the next plan deletes the object because it left the source. Where there is no plan, nothing is known to leave.
async fn is_deleted(app: &App, session: &mut Session, key: &Key) -> bool {
    let plan = session.engine.plan(&app.cx).await;
    plan.is_ok_and(|plan| plan.step(key).is_some_and(|step| step.reason == Reason::Undeclared))
}

fn human(app: &App, key: &Key, deletion: bool) -> String {
    let (key, next) = (escape(&key.to_string()), app.command("plan"));
    let what = match deletion {
        true => "its deletion waits for nothing, until it is declared again",
        false => "what needs it may go on until it is written again",
    };
    format!("Released {key}: {what}.\n`{next}` shows what comes next.\n")
}
