//! `gitops apply`: does what a plan says, after asking.

use gitops_core::{Error, ErrorKind, Plan, Report};

use super::Ended;
use crate::app::App;
use crate::cli::ApplyArgs;
use crate::consent::Consent;
use crate::failure::Failure;
use crate::output::plan::PlanView;
use crate::output::report::{self, ReportDocument};
use crate::session::{Access, Session};
use crate::{progress, saved_plan};

/// Plans, or takes the saved plan; shows it; asks; applies exactly it.
pub async fn run(app: &App, args: &ApplyArgs) -> Ended {
    let consent = Consent::new(app, &args.consent, args.saved.is_some())?;
    let saved = args.saved.as_deref().map(saved_plan::load).transpose()?;
    let mut session = Session::open(app, Access::Write, progress::sink(app)).await?;
    session.note_pin(app).await?;
    let plan = match saved {
        Some(plan) => plan,
        None => session.engine.plan(&app.cx).await?,
    };
    let report = carry_out(app, &mut session, &plan, &consent, "apply").await?;
    answer(app, &session, &report).await
}

/// Shows the plan, gets it approved, and applies it. A plan without steps needs nobody's approval. `verb` is what
/// the person typed, to be named with the plan's id where a gate wants that.
pub async fn carry_out(
    app: &App,
    session: &mut Session,
    plan: &Plan,
    consent: &Consent,
    verb: &str,
) -> Result<Report, Failure> {
    let verdict = session.engine.verdict(plan);
    if !app.screen.is_json() {
        let view = PlanView { plan, verdict: &verdict, columns: app.screen.columns(), next: None };
        app.screen.data(&view.text())?;
    }
    let needs_nobody = plan.steps.is_empty() && *consent == Consent::Ask;
    let consent = if needs_nobody { &Consent::Given } else { consent };
    let approval = consent.obtain(app, plan, &verdict).await?;
    let applied = session.engine.apply(&app.cx, plan, &approval).await;
    applied.map_err(|error| with_next_command(app, error, plan, verb).into())
}

/// The error with the command that leads on.
fn with_next_command(app: &App, error: Error, plan: &Plan, verb: &str) -> Error {
    match error.kind() {
        ErrorKind::Stale => error.help(format!("look at what it would be now: `{}`", app.command("plan"))),
        ErrorKind::NeedsApproval => {
            let command = app.command(&format!("{verb} --plan-id {}", plan.id.short()));
            error.help(format!("`--yes` does not lift this; review the plan, then name it: `{command}`"))
        }
        _ => error,
    }
}

/// Writes what came of it as the answer.
pub async fn answer(app: &App, session: &Session, report: &Report) -> Ended {
    let pinned = session.engine.pinned(&app.cx).await?;
    let again = app.command(if report.skipped() + report.deferred() > 0 { "apply" } else { "plan" });
    app.screen.answer(&ReportDocument::new(report, pinned.as_ref()), || {
        report::human(report, app.screen.columns(), &again)
    })?;
    Ok(report::exit(report))
}
