//! `gitops rollback`: applies an earlier revision and holds it.

use gitops_core::{ErrorKind, Pin, Plan, Report};

use super::ask::ask;
use super::{Ended, apply, plan};
use crate::actor::actor;
use crate::app::App;
use crate::cli::RollbackArgs;
use crate::consent::Consent;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::style::escape;
use crate::progress;
use crate::session::{Access, Session};

/// With a revision: pins it and applies. With `--end`: lets go of it, and applies what comes next if that is approved.
/// If another process is at work, it is asked to do so.
pub async fn run(app: &App, args: &RollbackArgs) -> Ended {
    match alone(app, args).await {
        Err(failure) if failure.error.kind() == ErrorKind::Locked => ask(app, args, failure).await,
        ended => ended,
    }
}

async fn alone(app: &App, args: &RollbackArgs) -> Ended {
    match &args.revision {
        Some(revision) => hold(app, revision, args).await,
        None if args.consent.is_given() => let_go_and_apply(app, args).await,
        None => let_go(app).await,
    }
}

async fn hold(app: &App, revision: &str, args: &RollbackArgs) -> Ended {
    let consent = Consent::new(app, &args.consent, false)?;
    let mut session = Session::open(app, Access::Write, progress::sink(app)).await?;
    let before = session.engine.pinned(&app.cx).await?;
    let pin = session.engine.pin(&app.cx, revision, &actor()).await?;
    match plan_and_apply(app, &mut session, &consent, &format!("rollback {revision}")).await {
        Ok(report) => {
            let end = app.command("rollback --end");
            app.screen.note(&format!(
                "Held to {}: newer commits wait until `{end}`.",
                escape(&pin.revision.to_string())
            ));
            apply::answer(app, &session, &report).await
        }
        Err(failure) => {
            take_back(app, &mut session, before).await?;
            Err(failure)
        }
    }
}

/// `verb` is what the person typed.
async fn plan_and_apply(
    app: &App,
    session: &mut Session,
    consent: &Consent,
    verb: &str,
) -> Result<Report, Failure> {
    let plan: Plan = session.engine.plan(&app.cx).await?;
    apply::carry_out(app, session, &plan, consent, verb).await
}

/// Nothing was written, so the pin is as it was before. A stop must not keep it from being taken back.
async fn take_back(app: &App, session: &mut Session, before: Option<Pin>) -> Result<(), Failure> {
    let cx = gitops_core::Cx::system();
    match before {
        Some(pin) => session.engine.pin(&cx, pin.revision.id(), &pin.by).await.map(drop)?,
        None => session.engine.unpin(&cx, &actor()).await.map(drop)?,
    }
    app.screen.note("The application is held to what it was before; nothing was written.");
    Ok(())
}

/// Only lets go: the plan that comes next is shown, and applied by `apply` or `run`.
async fn let_go(app: &App) -> Ended {
    let mut session = Session::open(app, Access::Write, progress::sink(app)).await?;
    unpin(app, &mut session).await?;
    let next = session.engine.plan(&app.cx).await?;
    let verdict = session.engine.verdict(&next);
    let command = app.command(&format!("apply --plan-id {}", next.id.short()));
    plan::show(app, &session.remarks(), &next, &verdict, Some(command))?;
    Ok(Exit::Ok)
}

async fn let_go_and_apply(app: &App, args: &RollbackArgs) -> Ended {
    let consent = Consent::new(app, &args.consent, false)?;
    let mut session = Session::open(app, Access::Write, progress::sink(app)).await?;
    let before = unpin(app, &mut session).await?;
    match plan_and_apply(app, &mut session, &consent, "rollback --end").await {
        Ok(report) => apply::answer(app, &session, &report).await,
        Err(failure) => {
            take_back(app, &mut session, Some(before)).await?;
            Err(failure)
        }
    }
}

async fn unpin(app: &App, session: &mut Session) -> Result<Pin, Failure> {
    let pin = session.engine.unpin(&app.cx, &actor()).await?;
    app.screen.note(&format!("No longer held to {}.", escape(&pin.revision.to_string())));
    Ok(pin)
}
