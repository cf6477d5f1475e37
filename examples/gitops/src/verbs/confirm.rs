//! `gitops confirm`: takes a person's word about what no program can find out.

use std::collections::BTreeSet;

use gitops_app::documents::Document;
use gitops_app::lookup;
use gitops_app::session::Access;
use gitops_core::{Finding, Key, Request, Result};
use serde::Serialize;

use super::Ended;
use super::ask::{Doer, order};
use crate::actor::actor;
use crate::app::App;
use crate::cli::ConfirmArgs;
use crate::exit::Exit;
use crate::output::style::escape;
use crate::progress;

/// Takes the state for itself, or asks the process that is at work: no plan is under way meanwhile.
pub async fn run(app: &App, args: &ConfirmArgs) -> Ended {
    let key = key(app, args).await?;
    let doer = order(app, &request(args, &key)).await?;
    let (about, finding, by) = (&args.about, &args.finding, actor());
    let document = Confirmation { key: &key, about, finding, by: &by, by_process: doer == Doer::AtWork };
    app.answer(&document, || document.human(&app.command("plan")))?;
    Ok(Exit::Ok)
}

/// The object that is meant: ours, or one that a plan lists, for it may be blocked before anything of it is ours.
async fn key(app: &App, args: &ConfirmArgs) -> Result<Key> {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let inventory = session.engine.inventory();
    let keys = inventory.entries().keys().chain(inventory.open().map(|intent| &intent.key));
    let mut keys: BTreeSet<Key> = keys.cloned().collect();
    if let Ok(key) = args.key.parse::<Key>() {
        return Ok(lookup::find(&args.key, &keys).unwrap_or(key));
    }
    match lookup::find(&args.key, &keys) {
        Err(error) if error.is_not_found() => {}
        found => return found,
    }
    session.engine.plan(&app.cx).await?;
    keys.extend(session.keys());
    lookup::find(&args.key, &keys)
}

/// What became of a change is the engine's to know, and all else the target's.
fn request(args: &ConfirmArgs, key: &Key) -> Request {
    let key = key.clone();
    match (args.about.as_str(), args.finding.as_str()) {
        ("change", "made") => Request::Confirm { key, finding: Finding::Made },
        ("change", "not-made") => Request::Confirm { key, finding: Finding::NotMade },
        (about, finding) => Request::Found { key, about: about.to_owned(), finding: finding.to_owned() },
    }
}

/// The document of `confirm`.
#[derive(Serialize)]
struct Confirmation<'a> {
    key: &'a Key,
    about: &'a str,
    finding: &'a str,
    by: &'a str,
    /// Whether a process that was at work took it.
    by_process: bool,
}

impl Document for Confirmation<'_> {
    const KIND: &'static str = "Confirmation";
}

impl Confirmation<'_> {
    fn human(&self, plan: &str) -> String {
        let Self { key, about, finding, by, by_process } = self;
        let said = escape(&format!("{key}: {about}: {finding}, by {by}"));
        let goes_on = if *by_process { "The process at work has taken it up.\n" } else { "" };
        format!("Confirmed  {said}\n{goes_on}See what is next:  {plan}\n")
    }
}
