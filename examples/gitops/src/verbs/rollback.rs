//! `gitops rollback`: applies an earlier revision and holds it.

use gitops_app::config::GitRef;
use gitops_app::documents::deployment::{self, Attempt};
use gitops_app::rollback::last_good;
use gitops_app::session::{Access, Session};
use gitops_core::{Error, ErrorKind, Pin, Plan, Request, Result, Revision};

use super::apply::Done;
use super::ask::begin;
use super::{Ended, apply, plan, revert, status};
use crate::actor::actor;
use crate::app::App;
use crate::cli::{RollbackArgs, StatusArgs};
use crate::consent::Consent;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::style::escape;
use crate::output::when;
use crate::progress;

/// Which application and revision the words mean. Where no `-a` chooses one, the first word is the application that is called so.
///
/// # Errors
/// `Usage` for a word too many; what keeps the configuration from being read.
pub fn named(app: &App, args: &RollbackArgs) -> Result<(App, RollbackArgs), Failure> {
    let Some(first) = args.name.clone() else { return Ok((app.clone(), args.clone())) };
    let applications = app.applications()?;
    let is_name = app.chosen.is_none() && applications.all.iter().any(|config| config.name == first);
    let (chosen, revision) = match (is_name, &args.revision) {
        (true, revision) => (Some(first), revision.clone()),
        (false, None) => (app.chosen.clone(), Some(first)),
        (false, Some(_)) => {
            let names: Vec<&str> = applications.all.iter().map(|config| config.name.as_str()).collect();
            let message = match &app.chosen {
                Some(chosen) => {
                    format!("`-a` chooses `{chosen}`, and `{first}` is another word before the revision")
                }
                None => format!("no application is called `{first}`"),
            };
            return Err(Failure::usage(message, format!("there are {}", names.join(", "))));
        }
    };
    if let (true, Some(revision)) = (args.end, &revision) {
        let message = format!("`--end` goes back to nothing, and `{revision}` is a revision");
        return Err(Failure::usage(message, "leave out one of them"));
    }
    Ok((app.choosing(chosen), RollbackArgs { name: None, revision, ..args.clone() }))
}

/// With a revision: pins it and applies. Without one: the last good one, and by a request where there is a forge. With `--end`:
/// lets go of it, and applies what comes next if that is approved.
pub async fn run(app: &App, args: &RollbackArgs) -> Ended {
    let is_open = args.revision.is_none() && !args.end;
    if args.revert || (is_open && app.config().forge.is_some()) {
        return Box::pin(revert::run(app, args)).await;
    }
    if !is_open {
        let exit = Box::pin(once(app, args)).await?;
        note_branch(app, args);
        return Ok(exit);
    }
    // Who can't be asked is told so before anything is looked for.
    Consent::new(app, &args.consent, false)?;
    let session = app.open(Access::Look, progress::sink(app)).await?;
    let good = last_good(&app.cx, session.audit(), session.engine.inventory()).await?;
    drop(session);
    let back = RollbackArgs { revision: Some(good.id().to_owned()), ..args.clone() };
    Box::pin(once(app, &back)).await
}

/// Only the pin was moved: what the branch has is to be mended too.
fn note_branch(app: &App, args: &RollbackArgs) {
    let config = app.config();
    if args.revision.is_some()
        && config.forge.is_some()
        && matches!(config.source.reference, GitRef::Branch(_))
    {
        let revert = app.command("rollback --revert");
        app.screen.note(&format!("To open the request that takes the branch back too:  {revert}"));
    }
}

/// Moves the pin, and applies what comes of it. If another process is at work, it is asked to do so.
pub async fn once(app: &App, args: &RollbackArgs) -> Ended {
    match Box::pin(alone(app, args)).await {
        Err(failure) if failure.error.kind() == ErrorKind::Locked => {
            Box::pin(by_process(app, args, failure)).await
        }
        ended => ended,
    }
}

async fn alone(app: &App, args: &RollbackArgs) -> Ended {
    match &args.revision {
        Some(revision) => Box::pin(hold(app, revision, args)).await,
        None if args.consent.is_given() => Box::pin(let_go_and_apply(app, args)).await,
        None => let_go(app, args).await,
    }
}

/// Asks the process that has the state; `locked` names it.
async fn by_process(app: &App, args: &RollbackArgs, locked: Failure) -> Ended {
    if !args.consent.yes {
        let help = "give `--yes` to ask that process to do it: it makes and applies its own plan";
        return Err(Failure { error: locked.error.help(help), ..locked });
    }
    let (request, done) = match &args.revision {
        Some(name) => {
            let session = app.open(Access::Look, progress::sink(app)).await?;
            let revision = find(app, &session, name).await?;
            let done = format!("The process at work is pinned to {} now.", escape(&revision.to_string()));
            (Request::pin(revision), done)
        }
        None => (Request::unpin(), "The process at work follows the source again.".to_owned()),
    };
    match begin(app, &request).await? {
        Some(pending) => drop(pending.answered(&app.cx).await?),
        // It has ended meanwhile.
        None => return Box::pin(alone(app, args)).await,
    }
    app.screen.note(&done);
    status::run(app, &StatusArgs::default()).await
}

/// The revision of a name, or of the number of a deployment, which is told: the number is not taken for another one unseen.
///
/// # Errors
/// `Invalid` if the name is a number that may mean either: nobody goes back to what was not meant.
pub async fn find(app: &App, session: &Session, name: &str) -> Result<Revision> {
    let unsupported = || Error::new(ErrorKind::Unsupported, "the source has no history to go back in");
    let found = session.engine.source().history().ok_or_else(unsupported)?.find(&app.cx, name).await;
    let Ok(number) = name.parse() else { return found };
    match (found, deployment::find(&app.cx, session.audit(), number).await) {
        (Err(error), Ok(Attempt { deployment, .. })) if error.kind() == ErrorKind::NotFound => {
            let when = when::both(app.cx.now(), deployment.last_started_at);
            let revision = escape(&deployment.revision.to_string());
            app.screen.note(&format!("Deployment {number} was {revision}, {when}"));
            Ok(deployment.revision)
        }
        (Ok(found), Ok(attempt)) if found.id() != attempt.deployment.revision.id() => {
            let both = format!("{found}, or deployment {number} at {}", attempt.deployment.revision);
            Err(Error::new(ErrorKind::Invalid, format!("`{name}` may mean {both}"))
                .help("write the id of the commit"))
        }
        (Err(found), Err(error)) if error.kind() == ErrorKind::NotFound && found.is_not_found() => {
            let of_number = format!("{}: {}", error.message(), error.help_text().unwrap_or_default());
            let help = found.help_text().map_or(of_number.clone(), |help| format!("{help}; {of_number}"));
            Err(found.help(help))
        }
        (found, Err(error)) if error.kind() == ErrorKind::NotFound => found,
        (found, Ok(_)) => found,
        (_, Err(error)) => Err(error),
    }
}

/// The name by which the engine finds a revision: the one that was typed, unless that is a number of ours.
fn pinned_as(revision: &Revision, typed: &str) -> String {
    if typed.parse::<u64>().is_ok() { revision.id().to_owned() } else { typed.to_owned() }
}

async fn hold(app: &App, revision: &str, args: &RollbackArgs) -> Ended {
    let consent = Consent::new(app, &args.consent, false)?;
    let mut session = app.open_moving(Access::Write, progress::sink(app), &args.moving()).await?;
    let before = Before::of(app, &session).await?;
    let named = find(app, &session, revision).await?;
    let pin = session.engine.pin(&app.cx, &pinned_as(&named, revision), &actor()).await?;
    match plan_and_apply(app, &mut session, &consent, &format!("rollback {revision}{}", args.moving())).await
    {
        Ok(done) => {
            let end = app.command("rollback --end");
            app.screen.note(&format!(
                "Pinned to {}: newer commits wait until `{end}`.",
                escape(&pin.revision.to_string())
            ));
            apply::answer(app, &session, &done).await
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
) -> Result<Done, Failure> {
    let plan: Plan = session.engine.plan(&app.cx).await?;
    apply::carry_out(app, session, &plan, consent, verb).await
}

/// What held before a pin was moved.
struct Before {
    pin: Option<Pin>,
    has_approvals: bool,
}

impl Before {
    async fn of(app: &App, session: &Session) -> Result<Self> {
        let has_approvals = !session.engine.inventory().approvals().is_empty();
        Ok(Self { pin: session.engine.pinned(&app.cx).await?, has_approvals })
    }
}

/// Nothing was written, so the pin is as it was before. A stop must not keep it from being taken back.
async fn take_back(app: &App, session: &mut Session, before: Before) -> Result<(), Failure> {
    let cx = gitops_core::Cx::system();
    match before.pin {
        Some(pin) => session.engine.pin_again(&cx, &pin, &actor()).await?,
        None => session.engine.unpin(&cx, &actor()).await.map(drop)?,
    }
    app.screen.note("The application is pinned to what it was before; nothing was written.");
    if before.has_approvals {
        app.screen.note("What was approved before has to be approved again: each move of a pin ends it.");
    }
    Ok(())
}

/// Only lets go: the plan that comes next is shown, and applied by `apply` or `run`.
async fn let_go(app: &App, args: &RollbackArgs) -> Ended {
    let mut session = app.open_moving(Access::Write, progress::sink(app), &args.moving()).await?;
    unpin(app, &mut session).await?;
    let next = session.engine.plan(&app.cx).await?;
    let verdict = session.engine.verdict(&app.cx, &next);
    let command = app.command(&format!("apply --plan-id {}", next.id.short()));
    plan::show(app, &session, &next, &verdict, plan::Shown::in_full(app, Some(command))).await?;
    Ok(Exit::of_blocked(&next))
}

async fn let_go_and_apply(app: &App, args: &RollbackArgs) -> Ended {
    let consent = Consent::new(app, &args.consent, false)?;
    let mut session = app.open_moving(Access::Write, progress::sink(app), &args.moving()).await?;
    let before = Before::of(app, &session).await?;
    unpin(app, &mut session).await?;
    match plan_and_apply(app, &mut session, &consent, "rollback --end").await {
        Ok(done) => apply::answer(app, &session, &done).await,
        Err(failure) => {
            take_back(app, &mut session, before).await?;
            Err(failure)
        }
    }
}

async fn unpin(app: &App, session: &mut Session) -> Result<Pin, Failure> {
    let pin = session.engine.unpin(&app.cx, &actor()).await?;
    app.screen.note(&format!("No longer pinned to {}.", escape(&pin.revision.to_string())));
    Ok(pin)
}
