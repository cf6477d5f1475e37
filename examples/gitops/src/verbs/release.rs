//! `gitops release`: lets what needs an object go on although the object is not ready.

use serde::Serialize;

use gitops_app::documents::Document;
use gitops_app::lookup;
use gitops_app::session::Access;
use gitops_core::{Key, Request};

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
}

impl Document for ReleaseDocument<'_> {
    const KIND: &'static str = "Release";
}

/// Records it; the next plan goes on. Nothing is written to a target.
pub async fn run(app: &App, args: &ReleaseArgs) -> Ended {
    let session = app.open(Access::Look, progress::sink(app)).await?;
    let (key, by) = (lookup::find(&args.key, session.engine.inventory().entries().keys())?, actor());
    drop(session);
    order(app, &Request::Release { key: key.clone() }).await?;
    app.answer(&ReleaseDocument { key: &key, by: &by }, || human(app, &key))?;
    Ok(Exit::Ok)
}

fn human(app: &App, key: &Key) -> String {
    let (key, next) = (escape(&key.to_string()), app.command("plan"));
    format!(
        "Released {key}: what needs it may go on until it is written again.\n`{next}` shows what comes next.\n"
    )
}
