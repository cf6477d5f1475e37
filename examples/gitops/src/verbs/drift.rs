//! `gitops drift`: shows what was changed behind our back.

use gitops_core::{Cause, Plan, Revision, Step, Time};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::DriftArgs;
use crate::exit::Exit;
use crate::output::Document;
use crate::output::changes;
use crate::output::plan_document::StepPart;
use crate::output::style::{self, CYAN, GREEN, YELLOW, count, escape, paint};
use crate::output::table::{Cell, Columns, draw};
use crate::progress;
use crate::session::{Access, Session};

/// Compares what is with what was last applied; writes nothing.
pub async fn run(app: &App, args: &DriftArgs) -> Ended {
    let mut session = Session::open(app, Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    session.note_pin(app).await?;
    let drifted: Vec<&Step> =
        plan.steps.iter().filter(|step| step.cause == Cause::Drift).chain(&plan.drift).collect();
    let document = DriftDocument::new(&plan, &drifted);
    app.screen.answer(&document, || human(&plan, &drifted, app.screen.columns(), &app.command("apply")))?;
    Ok(match args.detailed_exitcode && !drifted.is_empty() {
        true => Exit::Changes,
        false => Exit::Ok,
    })
}

/// The document of `drift`.
#[derive(Serialize)]
struct DriftDocument<'a> {
    application: &'a str,
    revision: &'a Revision,
    observed_at: Time,
    corrected: bool,
    objects: Vec<StepPart<'a>>,
}

impl Document for DriftDocument<'_> {
    const KIND: &'static str = "Drift";
}

impl<'a> DriftDocument<'a> {
    fn new(plan: &'a Plan, drifted: &[&'a Step]) -> Self {
        Self {
            application: &plan.application,
            revision: &plan.revision,
            observed_at: plan.observed_at,
            corrected: plan.drift.is_empty(),
            objects: drifted.iter().copied().map(StepPart::from).collect(),
        }
    }
}

fn human(plan: &Plan, drifted: &[&Step], columns: Columns, apply: &str) -> String {
    let revision = escape(&plan.revision.to_string());
    if drifted.is_empty() {
        return format!("{} nothing moved behind our back, at {revision}.\n", paint(GREEN, "No drift:"));
    }
    let rows: Vec<Vec<Cell>> = drifted.iter().copied().map(row).collect();
    let next = match plan.drift.is_empty() {
        true => format!("Put it back:  {apply}\n"),
        false => "It is left alone: `sync.drift` is `report`.\n".to_owned(),
    };
    let head = format!("{} {} at {revision}\n", paint(YELLOW, "Drift:"), count(drifted.len(), "object"));
    head + &draw(&rows, columns) + &next
}

/// What would put the object back, and from where.
fn row(step: &Step) -> Vec<Cell> {
    let style = style::of(step.action);
    vec![
        Cell::styled(style, step.action.symbol()),
        Cell::styled(style, step.action.to_string()),
        step.key.target().into(),
        changes::object(&step.key).into(),
        changes::reason(step).into(),
        Cell::styled(CYAN, changes::place(step)),
    ]
}
