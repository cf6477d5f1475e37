//! `gitops rollback --revert`: goes back, and opens the request that takes the bad revision back.

use gitops_app::forge::{Environment, Found, Named};
use gitops_app::rollback::{Progress, Revert, bad_and_good};
use gitops_app::session::Access;
use gitops_core::{Error, ErrorKind, Revision};

use super::{Ended, rollback, status};
use crate::app::App;
use crate::cli::{RollbackArgs, StatusArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::style::escape;
use crate::progress;

/// Does what is left of it: pins to the good revision and applies it, pushes the commit that takes the bad one back, opens the
/// request; and once that is merged, lets the application follow its source again.
pub async fn run(app: &App, args: &RollbackArgs) -> Ended {
    let job = Environment::of(|name| std::env::var(name).ok())?;
    let found = Found::of(&Named::default(), app.config().forge.as_ref(), job.as_ref())?;
    let forge = found.open(&app.cx)?;
    let session = app.open(Access::Look, progress::sink(app)).await?;
    let pinned = session.engine.pinned(&app.cx).await?.map(|pin| pin.revision);
    let named = match &args.revision {
        Some(name) => Some(rollback::find(app, &session, name).await?),
        None => None,
    };
    let (bad, good) = bad_and_good(&app.cx, session.audit(), named, pinned.clone()).await?;
    // What can't be taken back is said before anything is done.
    let revert = Revert::of(&app.cx, &session, &*forge, &bad, &good).await?;
    let is_held = pinned.is_some_and(|pinned| pinned.id() == good.id());
    let said = |text: &str| app.screen.note(&escape(text));
    match revert.progress(&app.cx, &session, &*forge, found.context()).await? {
        Progress::Landed if is_held => {
            drop(session);
            said(&format!("{} takes {} back: following it again.", revert.target, bad.short()));
            Box::pin(rollback::once(app, &ended(args))).await
        }
        Progress::Landed => {
            said(&format!("{} was reverted, and the application follows {}.", bad.short(), revert.target));
            status::run(app, &StatusArgs::default()).await
        }
        Progress::Closed(request) => Err(closed(app, &revert, &request.web_url)),
        _ => {
            drop(session);
            let exit = Box::pin(hold(app, args, &good, is_held)).await?;
            let session = app.open(Access::Look, progress::sink(app)).await?;
            let request = revert.open(&app.cx, &session, &*forge, found.context()).await?;
            let again = app.command("rollback --revert");
            said(&format!("Request {} takes {} back: {}", request.number, bad.short(), request.web_url));
            said(&format!("Once it is merged, follow {} again:  {again}", revert.target));
            Ok(exit)
        }
    }
}

/// Pins and applies, unless that was done before.
async fn hold(app: &App, args: &RollbackArgs, good: &Revision, is_held: bool) -> Result<Exit, Failure> {
    if is_held {
        return status::run(app, &StatusArgs::default()).await;
    }
    let back = RollbackArgs { revision: Some(good.id().to_owned()), revert: false, ..args.clone() };
    Box::pin(rollback::once(app, &back)).await
}

fn ended(args: &RollbackArgs) -> RollbackArgs {
    RollbackArgs { revision: None, revert: false, end: true, ..args.clone() }
}

fn closed(app: &App, revert: &Revert, url: &str) -> Failure {
    let message =
        format!("the request that takes {} back is closed, or what it brought is gone", revert.bad.short());
    let end = app.command("rollback --end");
    Error::new(ErrorKind::Conflict, message)
        .with("request", url)
        .help(format!(
            "open it again; or mend {} in another way, and follow it again: `{end}`",
            revert.target
        ))
        .into()
}
