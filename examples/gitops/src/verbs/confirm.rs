//! `gitops confirm`: takes a person's word about what no program can find out.

use gitops_app::documents::Document;
use gitops_app::lookup;
use gitops_app::session::Access;
use gitops_core::{Error, ErrorKind, Key};
use serde::Serialize;

use super::Ended;
use crate::actor::actor;
use crate::app::App;
use crate::cli::ConfirmArgs;
use crate::exit::Exit;
use crate::output::style::escape;
use crate::progress;

/// Takes the state for itself: no plan is under way meanwhile.
pub async fn run(app: &App, args: &ConfirmArgs) -> Ended {
    let session = app.open(Access::Write, progress::sink(app)).await?;
    let key = lookup::find(&args.key, session.engine.inventory().entries().keys())
        .or_else(|error| args.key.parse::<Key>().map_err(|_| error))?;
    let Some(roots) = session.target_of_roots(key.target()) else {
        let message = format!("{key} is no root: nothing about it can be confirmed");
        return Err(Error::new(ErrorKind::Unsupported, message).into());
    };
    let (cx, by) = (&app.cx, actor());
    match (args.about.as_str(), args.finding.as_str()) {
        ("state", "absent") => roots.confirm_state_absent(cx, &key, &by).await?,
        ("state", line) => roots.confirm_state(cx, &key, line, &by).await?,
        (address, "absent" | "whole") => roots.confirm(cx, &key, address, &by).await?,
        (address, id) => roots.confirm_exists(cx, &key, address, id, &by).await?,
    }
    let document = Confirmation { key: &key, about: &args.about, finding: &args.finding, by: &by };
    app.answer(&document, || document.human(&app.command("plan")))?;
    Ok(Exit::Ok)
}

/// The document of `confirm`.
#[derive(Serialize)]
struct Confirmation<'a> {
    key: &'a Key,
    about: &'a str,
    finding: &'a str,
    by: &'a str,
}

impl Document for Confirmation<'_> {
    const KIND: &'static str = "Confirmation";
}

impl Confirmation<'_> {
    fn human(&self, plan: &str) -> String {
        let Self { key, about, finding, by } = self;
        let said = escape(&format!("{key}: {about}: {finding}, by {by}"));
        format!("Confirmed  {said}\nSee what is next:  {plan}\n")
    }
}
