//! `gitops plan`: shows what would be done.

use gitops_app::documents::plan::{PlanDocument, Summary, TargetPart};
use gitops_app::saved_plan;
use gitops_app::session::{Access, Session};
use gitops_core::{Plan, Result, Verdict};

use super::Ended;
use crate::app::{App, quoted};
use crate::cli::{MovingArgs, PlanArgs};
use crate::exit::Exit;
use crate::output::plan::{Brought, PlanView};
use crate::output::style::escape;
use crate::progress;

/// Writes nothing to the target; saves the plan if asked to.
pub async fn run(app: &App, args: &PlanArgs) -> Ended {
    let mut session = app.open_moving(Access::Look, progress::sink(app), &args.moving).await?;
    let plan = match args.changed {
        true => session.engine.plan_changed(&app.cx).await?,
        false => session.engine.plan(&app.cx).await?,
    };
    let verdict = session.engine.verdict(&app.cx, &plan);
    app.note_orders(&session).await?;
    note_moving(app, &args.moving, &plan);
    let suspended = session.engine.suspended(&app.cx).await?.is_some();
    if let Some(path) = &args.out {
        saved_plan::save(&app.cx, path, &plan)?;
    }
    // An apply of a suspended application is refused, so there is none to type.
    let next = (!suspended).then(|| next(app, args, &plan, &verdict));
    if let Some(many) = app.many() {
        many.plan(&Summary::of(&plan));
    }
    let all = (!args.commits).then(|| app.command("plan --commits"));
    let each = (!args.all).then(|| app.command("plan --all"));
    let shown = Shown { next, all, each, drift_looked_for: !args.changed };
    show(app, &session, &plan, &verdict, shown).await?;
    let changes = args.detailed_exitcode && !is_nothing(&plan);
    let of_changes = if changes { Exit::Changes } else { Exit::Ok };
    let of_suspension = if suspended && !plan.is_empty() { Exit::Denied } else { Exit::Ok };
    Ok(Exit::gravest([Exit::of_verdict(&verdict), of_suspension, Exit::of_blocked(&plan), of_changes]))
}

/// Says so where nothing goes on from the name that was given: the state is the application's own already, or never was the other's.
pub fn note_moving(app: &App, moving: &MovingArgs, plan: &Plan) {
    if let Some(former) = moving.renamed_from.as_ref().filter(|_| plan.rebound.is_empty()) {
        let own = escape(&app.config().name);
        app.screen.note(&format!(
            "`--renamed-from {}` moves nothing: the state is that of `{own}`.",
            escape(former)
        ));
    }
}

/// The command that applies what is shown.
fn next(app: &App, args: &PlanArgs, plan: &Plan, verdict: &Verdict) -> String {
    let Some(path) = &args.out else {
        return app.command(&format!("apply{} --plan-id {}", args.moving, plan.id.short()));
    };
    // A saved plan is approval enough unless a gate wants it named. A name that begins like an option is none.
    let id = match verdict {
        Verdict::NeedsApproval { .. } => format!(" --plan-id {}", plan.id.short()),
        _ => String::new(),
    };
    let dot = if path.to_string_lossy().starts_with('-') { "./" } else { "" };
    let file = quoted(&format!("{dot}{}", path.to_string_lossy()));
    app.command(&format!("apply{} {file}{id}", args.moving))
}

/// Whether there is neither a change, nor drift, nor something in the way.
fn is_nothing(plan: &Plan) -> bool {
    plan.is_empty() && plan.drift.is_empty()
}

/// What is said beside a plan.
pub struct Shown {
    /// The command that applies it, if there is one to show.
    pub next: Option<String>,
    /// The command that lists all commits; nothing to list them here.
    pub all: Option<String>,
    /// The command that lists each object, where the same is said of many; nothing to list each here.
    pub each: Option<String>,
    /// Whether drift was looked for.
    pub drift_looked_for: bool,
}

impl Shown {
    /// Of a plan that looked at everything, with the command that applies it.
    pub fn in_full(app: &App, next: Option<String>) -> Self {
        let (all, each) = (Some(app.command("plan --commits")), Some(app.command("plan --all")));
        Self { next, all, each, drift_looked_for: true }
    }
}

/// Writes the plan as the answer, with the commits that it brings: the newest of them, if a command lists all. People were told
/// the warnings about its revision already.
pub async fn show(app: &App, session: &Session, plan: &Plan, verdict: &Verdict, shown: Shown) -> Result<()> {
    let commits = session.engine.commits();
    let warnings = session.warnings();
    let document = PlanDocument::new(plan, verdict, commits, &warnings);
    let document = document
        .suspended(session.engine.suspended(&app.cx).await?)
        .drift_looked_for(shown.drift_looked_for)
        .targets(TargetPart::all(&session.config));
    app.answer(&document, || view(app, session, plan, verdict, shown).text())
}

/// The plan as people read it.
pub fn view<'a>(
    app: &App,
    session: &'a Session,
    plan: &'a Plan,
    verdict: &'a Verdict,
    Shown { next, all, each, drift_looked_for }: Shown,
) -> PlanView<'a> {
    let commits = session.engine.commits();
    PlanView {
        plan,
        verdict,
        target: TargetPart::line(&session.config),
        commits: commits.map(|commits| Brought { commits, now: app.cx.now(), all }),
        columns: app.screen.columns(),
        next,
        why: app.command("why"),
        each,
        drift_looked_for,
    }
}
