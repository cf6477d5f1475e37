//! `gitops apply`: does what a plan says, after asking.

use gitops_app::documents::deployment;
use gitops_app::documents::health::Unready;
use gitops_app::documents::report::ReportDocument;
use gitops_app::forge::{Environment, Found, Named};
use gitops_app::review::note_requests;
use gitops_app::session::{Access, Session};
use gitops_app::{place, saved_plan};
use gitops_core::capability::Readiness;
use gitops_core::{ApplyOptions, Error, ErrorKind, Key, Plan, Report};

use super::{Ended, plan as plan_verb};
use crate::actor::actor;
use crate::app::App;
use crate::cli::ApplyArgs;
use crate::consent::Consent;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::style::escape;
use crate::output::{self, report};
use crate::progress;

/// Plans, or takes the saved plan; shows it; asks; applies exactly it.
pub async fn run(app: &App, args: &ApplyArgs) -> Ended {
    let consent = Consent::new(app, &args.consent, args.saved.is_some())?;
    let saved = args.saved.as_deref().map(saved_plan::load).transpose()?;
    let open = || app.open_moving(Access::Write, progress::sink(app), &args.moving);
    let mut session = open().await.map_err(|error| at_work(app, error))?;
    if let Some(many) = app.many() {
        many.company().join(&mut session.engine, session.config.needs.clone());
        session.engine.check_needs(&app.cx).await?;
    }
    app.note_orders(&session).await?;
    // What is shown and applied is what is planned now. A file only says which plan that must be.
    let plan = session.engine.plan(&app.cx).await?;
    plan_verb::note_moving(app, &args.moving, &plan);
    if let Some(moved) = saved.map(|saved| plan.moved_since(&saved)).filter(|moved| !moved.is_empty()) {
        return Err(with_next_command(app, Error::stale(moved), &plan, "apply").into());
    }
    let verb = format!("apply{}", args.moving);
    let approval = approve(app, &session, &plan, &consent).await?;
    let report = apply(app, &mut session, &plan, &approval, &verb).await?;
    let done = go_on(app, &mut session, report, &consent, &verb).await;
    let ended = answer(app, &session, &done).await;
    // An apply that is refused moves nothing: every other verb knows the state by its former name until then.
    let moves = place::destination(&session.config).map(|to| (session.config.state.clone(), to));
    drop(session);
    if let Some((from, to)) = moves {
        place::relocate(&app.cx, &from, &to)?;
    }
    match args.note_requests {
        true => note(app, ended?).await,
        false => ended,
    }
}

/// Notes the requests that came in. What was applied stands, whatever becomes of that; the command has failed if they are not noted.
async fn note(app: &App, exit: Exit) -> Ended {
    let config = app.config();
    let noted = async {
        let job = Environment::of(|name| std::env::var(name).ok())?;
        let found = Found::of(&Named::default(), config.forge.as_ref(), job.as_ref())?;
        Box::pin(note_requests(&app.cx, &found.open(&app.cx)?, found.kind, config, &progress::sink(app)))
            .await
    };
    match noted.await {
        Ok(noted) => {
            for request in &noted.requests {
                app.screen.note(&escape(&format!("Noted: who opened, reviewed and merged {request}.")));
            }
            if noted.is_cut_short {
                app.screen.note("Older commits than the newest 100 were not looked at.");
            }
            Ok(exit)
        }
        Err(error) => {
            let exit = Exit::gravest([exit, Exit::after(&error)]);
            app.screen.complain(&output::error::human(&error.into()));
            Ok(exit)
        }
    }
}

/// A process that keeps an application applied needs no apply beside it: it is asked, not stopped.
fn at_work(app: &App, error: Error) -> Error {
    let keeps = ["run)", "serve)"].iter().any(|verb| error.message().contains(&format!(" {verb}")));
    if error.kind() != ErrorKind::Locked || !keeps {
        return error;
    }
    let (sync, approve) = (app.command("sync"), app.command("approve PLAN_ID"));
    error.help(format!(
        "that process applies by itself: `{sync}` has it look now, `{approve}` approves what waits"
    ))
}

/// How many plans one call carries out at most, each for what the one before it had to leave.
const PLANS: usize = 100;

/// What came of all plans of one call.
pub struct Done {
    report: Report,
    /// Why what could be planned only afterwards is not applied.
    stopped: Option<Exit>,
}

/// Shows the plan, gets it approved, and applies it; then [goes on](go_on). `verb` is what the person typed, to be named
/// with the plan's id where a gate wants that.
pub async fn carry_out(
    app: &App,
    session: &mut Session,
    plan: &Plan,
    consent: &Consent,
    verb: &str,
) -> Result<Done, Failure> {
    let approval = approve(app, session, plan, consent).await?;
    let report = apply(app, session, plan, &approval, verb).await?;
    Ok(go_on(app, session, report, consent, verb).await)
}

/// Does the same with what could not be planned before, because it awaited what the plan made, until nothing new can be
/// planned. Nobody saw those plans: each needs a yes that was given in advance, or one of its own.
async fn go_on(app: &App, session: &mut Session, first: Report, consent: &Consent, verb: &str) -> Done {
    let mut goes_on = first.leads_on();
    let mut done = Done { report: first, stopped: None };
    let Some(consent) = consent.of_what_follows(app) else { return done };
    let (mut left, mut plans) = (usize::MAX, 1);
    // Each plan must leave less, so that an output that is never there keeps nobody busy.
    while goes_on && done.report.plan.blocked.len() < left && plans < PLANS {
        (left, plans) = (done.report.plan.blocked.len(), plans + 1);
        match follow(app, session, &consent, verb).await {
            Ok(next) => {
                goes_on = next.leads_on();
                done.report = done.report.followed_by(next);
            }
            // What was made before is told all the same.
            Err(failure) => {
                let why = escape(&failure.error.with_help());
                app.screen.complain(&format!("The rest is not applied: {why}\n"));
                // Something was written, whatever became of this plan.
                done.stopped = Some(if failure.exit == Exit::Stale { Exit::Failure } else { failure.exit });
                goes_on = false;
            }
        }
    }
    done
}

/// Carries out what can be planned now.
async fn follow(app: &App, session: &mut Session, consent: &Consent, verb: &str) -> Result<Report, Failure> {
    let plan = session.engine.plan(&app.cx).await?;
    let approval = match plan.steps.is_empty() {
        true => ApplyOptions::by(actor()),
        false => approve(app, session, &plan, consent).await?,
    };
    apply(app, session, &plan, &approval, verb).await
}

/// Shows the plan and gets it approved. A plan that does nothing needs nobody's approval.
async fn approve(
    app: &App,
    session: &Session,
    plan: &Plan,
    consent: &Consent,
) -> Result<ApplyOptions, Failure> {
    let verdict = session.engine.verdict(&app.cx, plan);
    if !app.screen.is_json() {
        let view = plan_verb::view(app, session, plan, &verdict, plan_verb::Shown::in_full(app, None));
        app.screen.data(&view.text())?;
    }
    let needs_nobody = plan.steps.is_empty() && plan.rebound.is_empty() && *consent == Consent::Ask;
    let consent = if needs_nobody { &Consent::Given } else { consent };
    consent.obtain(app, session, plan, &verdict).await
}

async fn apply(
    app: &App,
    session: &mut Session,
    plan: &Plan,
    approval: &ApplyOptions,
    verb: &str,
) -> Result<Report, Failure> {
    let applied = session.engine.apply(&app.cx, plan, approval).await;
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

/// How many deployments are looked through for one after which something was not ready.
const REMEMBERED: usize = 50;

/// What does not work, also if this call did not change it. Whoever runs the command again after a deployment that did not come up is told
/// the same as the first time. Where everything was ready after each of the last deployments, only roots are asked, which costs no process.
async fn not_well(app: &App, session: &Session) -> Vec<(Key, Readiness)> {
    let recent = deployment::last(&app.cx, session.audit(), REMEMBERED, true).await;
    match recent.is_ok_and(|recent| recent.iter().all(|deployment| deployment.not_ready == 0)) {
        true => session.failed_roots(&app.cx).await,
        false => session.unready(&app.cx).await,
    }
}

/// Writes what came of it as the answer. What was done is told also where not all of that can be found out or written: a stop must
/// not keep it back.
pub async fn answer(app: &App, session: &Session, done: &Done) -> Ended {
    let Done { report, stopped } = done;
    let pinned = session.engine.pinned(&app.cx.shielded()).await;
    let again = app.command(if report.skipped() + report.deferred() > 0 { "apply" } else { "plan" });
    let changed = |key: &Key| report.results.iter().any(|result| result.key == *key);
    let unready = not_well(app, session).await.into_iter().filter(|(key, _)| !changed(key));
    let unready: Vec<Unready> = unready.map(Unready::of).collect();
    let of_unready = (!unready.is_empty()).then_some(Exit::Degraded);
    let of_pin = pinned.as_ref().err().map(Exit::after);
    let exits = [report::exit(report)].into_iter().chain(*stopped).chain(of_unready).chain(of_pin);
    let exit = Exit::gravest(exits);
    if let Some(many) = app.many() {
        many.report(report);
    }
    let (why, each) = (app.command("why"), app.command("plan --all"));
    let human = || report::human(report, app.screen.columns(), &again, &why, &each);
    let pin = pinned.as_ref().ok().and_then(Option::as_ref);
    let written = app.answer(&ReportDocument::new(report, pin, &unready, exit.code()), human);
    if written.is_err() {
        app.screen.complain(&human());
    }
    for (label, why) in unready.iter().map(Unready::line) {
        app.screen.complain(&format!("{label}: {why}\n"));
    }
    let mut exit = exit;
    for error in [pinned.err(), written.err()].into_iter().flatten() {
        exit = Exit::gravest([exit, Exit::after(&error)]);
        app.screen.complain(&output::error::human(&error.into()));
    }
    Ok(exit)
}
