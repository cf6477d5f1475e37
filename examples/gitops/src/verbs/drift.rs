//! `gitops drift`: shows what was changed outside of Git.

use futures::{StreamExt, stream};
use gitops_app::documents::Document;
use gitops_app::documents::blocked::{self, BlockedPart};
use gitops_app::documents::changes;
use gitops_app::documents::plan::{StepPart, Summary};
use gitops_app::session::{Access, Session};
use gitops_core::{Cause, ErrorKind, Key, Plan, Revision, Step, Time};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::DriftArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::output::style::{self, CYAN, GREEN, YELLOW, count, escape, paint};
use crate::output::table::{Cell, Columns, draw};
use crate::progress;

/// Compares what is with what was last applied; writes nothing to any target. The providers of Terraform roots are asked,
/// unless `--cached` says not to.
pub async fn run(app: &App, args: &DriftArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let (not_looked_at, of_looks) = ask_providers(app, &session, args.cached).await?;
    let plan = session.engine.plan(&app.cx).await?;
    app.note_orders(&session).await?;
    let drifted: Vec<&Step> =
        plan.steps.iter().filter(|step| step.cause == Cause::Drift).chain(&plan.drift).collect();
    if let Some(many) = app.many() {
        many.plan(&Summary::of_drift(&plan, drifted.len()));
    }
    let document = DriftDocument::new(&plan, &drifted, not_looked_at);
    app.answer(&document, || {
        let columns = app.screen.columns();
        document.human(&plan, &drifted, columns, &app.command("apply"))
            + &output::blocked::section(&document.blocked, columns, &app.command("why"))
    })?;
    let changes = args.detailed_exitcode && !drifted.is_empty();
    let of_drift = if changes { Exit::Changes } else { Exit::Ok };
    Ok(Exit::gravest([Exit::of_blocked(&plan), of_looks, of_drift]))
}

/// Asks about each root that we own, a few at once: what moved is a part of the plan that is made next. Also gives those that
/// nobody was asked about, and how the command ends because of them.
async fn ask_providers(
    app: &App,
    session: &Session,
    cached: bool,
) -> Result<(Vec<NotLookedAt>, Exit), Failure> {
    let unseen = |key: &Key, reason: &str| NotLookedAt { key: key.clone(), reason: reason.to_owned() };
    if cached {
        let roots = session.roots().map(|(key, _)| unseen(key, "its providers were not asked: `--cached`"));
        return Ok((roots.collect(), Exit::Ok));
    }
    let looks = session.roots().map(|(key, target)| async move { (key, target.drift(&app.cx, key).await) });
    let looks: Vec<_> = looks.collect();
    let answers: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let (mut missed, mut exit) = (Vec::new(), Exit::Ok);
    for (key, answer) in answers {
        match answer {
            Ok(_) => {}
            // One that was never applied has no drift; the plan says what is to be made.
            Err(error) if error.is_not_found() => {}
            Err(error) if matches!(error.kind(), ErrorKind::Cancelled) => return Err(error.into()),
            Err(error) => {
                missed.push(unseen(key, &error.with_help()));
                exit = Exit::gravest([exit, Exit::after(error.kind())]);
            }
        }
    }
    Ok((missed, exit))
}

/// How many roots are asked about at once.
const AT_ONCE: usize = 4;

/// An object of which nobody knows whether it drifted.
#[derive(Serialize)]
struct NotLookedAt {
    key: Key,
    reason: String,
}

/// The document of `drift`.
#[derive(Serialize)]
struct DriftDocument<'a> {
    application: &'a str,
    revision: &'a Revision,
    observed_at: Time,
    corrected: bool,
    objects: Vec<StepPart<'a>>,
    blocked: Vec<BlockedPart<'a>>,
    not_looked_at: Vec<NotLookedAt>,
}

impl Document for DriftDocument<'_> {
    const KIND: &'static str = "Drift";
}

impl<'a> DriftDocument<'a> {
    fn new(plan: &'a Plan, drifted: &[&'a Step], not_looked_at: Vec<NotLookedAt>) -> Self {
        Self {
            application: &plan.application,
            revision: &plan.revision,
            observed_at: plan.observed_at,
            corrected: plan.drift.is_empty(),
            objects: drifted.iter().copied().map(StepPart::from).collect(),
            blocked: blocked::all(plan),
            not_looked_at,
        }
    }

    fn human(&self, plan: &Plan, drifted: &[&Step], columns: Columns, apply: &str) -> String {
        let revision = escape(&plan.revision.to_string());
        let saw_all = self.blocked.is_empty() && self.not_looked_at.is_empty();
        let head = match (drifted.len(), saw_all) {
            (0, true) => {
                format!("{} nothing was changed outside of Git, at {revision}.\n", paint(GREEN, "No drift:"))
            }
            (0, false) => {
                let found = paint(YELLOW, "No drift was found,");
                format!("{found} but not everything was looked at, at {revision}.\n")
            }
            (n, _) => format!("{} {} at {revision}\n", paint(YELLOW, "Drift:"), count(n, "object")),
        };
        let rows: Vec<Vec<Cell>> = drifted.iter().copied().map(row).collect();
        let next = match (drifted.is_empty(), plan.drift.is_empty()) {
            (true, _) => String::new(),
            (_, true) => format!("Put it back:  {apply}\n"),
            (_, false) => "It is left alone: `sync.drift` is `report`.\n".to_owned(),
        };
        head + &draw(&rows, columns) + &next + &self.unseen(columns)
    }

    fn unseen(&self, columns: Columns) -> String {
        if self.not_looked_at.is_empty() {
            return String::new();
        }
        let row = |unseen: &NotLookedAt| -> Vec<Cell> {
            vec![
                Cell::styled(YELLOW, "?"),
                unseen.key.target().into(),
                changes::object(&unseen.key).into(),
                unseen.reason.clone().into(),
            ]
        };
        let head =
            format!("{} {}\n", paint(YELLOW, "Not looked at:"), count(self.not_looked_at.len(), "object"));
        head + &draw(&self.not_looked_at.iter().map(row).collect::<Vec<_>>(), columns)
    }
}

/// What would put the object back, and from where.
fn row(step: &Step) -> Vec<Cell> {
    let style = style::of(step.action);
    vec![
        Cell::styled(style, step.action.symbol()),
        Cell::styled(style, step.action.to_string()),
        step.key.target().into(),
        changes::object(&step.key).into(),
        changes::drift(step).into(),
        Cell::styled(CYAN, changes::place(step)),
    ]
}
