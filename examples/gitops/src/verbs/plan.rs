//! `gitops plan`: shows what would be done.

use gitops_core::{Diagnostic, Plan, Result, Verdict};

use super::Ended;
use crate::app::{App, quoted};
use crate::cli::PlanArgs;
use crate::exit::Exit;
use crate::output::plan::PlanView;
use crate::output::plan_document::PlanDocument;
use crate::session::{Access, Session};
use crate::{progress, saved_plan};

/// Writes nothing to the target; saves the plan if asked to.
pub async fn run(app: &App, args: &PlanArgs) -> Ended {
    let mut session = Session::open(app, Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    let verdict = session.engine.verdict(&plan);
    session.note_pin(app).await?;
    let next = match &args.out {
        None => app.command(&format!("apply --plan-id {}", plan.id.short())),
        Some(path) => {
            saved_plan::save(&app.cx, path, &plan)?;
            app.command(&format!("apply {}", quoted(&path.to_string_lossy())))
        }
    };
    show(app, &session.remarks(), &plan, &verdict, Some(next))?;
    Ok(match args.detailed_exitcode && !is_nothing(&plan) {
        true => Exit::Changes,
        false => Exit::Ok,
    })
}

/// Whether there is neither a change, nor drift, nor something in the way.
fn is_nothing(plan: &Plan) -> bool {
    plan.is_empty() && plan.drift.is_empty()
}

/// Writes the plan as the answer. What was remarked about its revision has been told to people already.
pub fn show(
    app: &App,
    remarks: &[Diagnostic],
    plan: &Plan,
    verdict: &Verdict,
    next: Option<String>,
) -> Result<()> {
    let view = PlanView { plan, verdict, columns: app.screen.columns(), next };
    app.screen.answer(&PlanDocument::new(plan, verdict, remarks), || view.text())
}
