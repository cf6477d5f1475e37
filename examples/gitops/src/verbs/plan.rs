//! `gitops plan`: shows what would be done.

use gitops_app::documents::plan::{PlanDocument, Summary};
use gitops_app::saved_plan;
use gitops_app::session::{Access, Session};
use gitops_core::{Plan, Result, Verdict};

use super::Ended;
use crate::app::{App, quoted};
use crate::cli::PlanArgs;
use crate::exit::Exit;
use crate::output::plan::{Brought, PlanView};
use crate::progress;

/// Writes nothing to the target; saves the plan if asked to.
pub async fn run(app: &App, args: &PlanArgs) -> Ended {
    let mut session = app.open_moving(Access::Look, progress::sink(app), &args.moving).await?;
    let plan = session.engine.plan(&app.cx).await?;
    let verdict = session.engine.verdict(&app.cx, &plan);
    app.note_pin(&session).await?;
    let next = match &args.out {
        None => app.command(&format!("apply{} --plan-id {}", args.moving, plan.id.short())),
        Some(path) => {
            saved_plan::save(&app.cx, path, &plan)?;
            // A saved plan is approval enough unless a gate wants it named. A name that begins like an option is none.
            let id = match verdict {
                Verdict::NeedsApproval { .. } => format!(" --plan-id {}", plan.id.short()),
                _ => String::new(),
            };
            let dot = if path.to_string_lossy().starts_with('-') { "./" } else { "" };
            let file = quoted(&format!("{dot}{}", path.to_string_lossy()));
            app.command(&format!("apply{} {file}{id}", args.moving))
        }
    };
    if let Some(many) = app.many() {
        many.plan(&Summary::of(&plan));
    }
    let all = (!args.commits).then(|| app.command("plan --commits"));
    show(app, &session, &plan, &verdict, Some(next), all)?;
    let changes = args.detailed_exitcode && !is_nothing(&plan);
    Ok(Exit::gravest([Exit::of_blocked(&plan), if changes { Exit::Changes } else { Exit::Ok }]))
}

/// Whether there is neither a change, nor drift, nor something in the way.
fn is_nothing(plan: &Plan) -> bool {
    plan.is_empty() && plan.drift.is_empty()
}

/// Writes the plan as the answer, with the commits that it brings: the newest of them, if a command lists all. People were told
/// the warnings about its revision already.
pub fn show(
    app: &App,
    session: &Session,
    plan: &Plan,
    verdict: &Verdict,
    next: Option<String>,
    all: Option<String>,
) -> Result<()> {
    let commits = session.engine.commits();
    let view = PlanView {
        plan,
        verdict,
        commits: commits.map(|commits| Brought { commits, now: app.cx.now(), all }),
        columns: app.screen.columns(),
        next,
        why: app.command("why"),
    };
    app.answer(&PlanDocument::new(plan, verdict, commits, &session.warnings()), || view.text())
}
