//! A rollback while another process is at work: that process is asked to do it.

use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind, FileStore, PinRequest, Result, Revision, StateDir, StateStore};

use super::{Ended, status};
use crate::actor::actor;
use crate::app::App;
use crate::cli::RollbackArgs;
use crate::failure::Failure;
use crate::output::style::escape;
use crate::progress;
use crate::session::{Access, Session};

/// How long the process at work has to take the wish up, unless `--timeout` says less.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks the process that has the state, and waits for its answer; `locked` names it.
pub async fn ask(app: &App, args: &RollbackArgs, locked: Failure) -> Ended {
    if !args.consent.yes {
        let help = "give `--yes` to ask that process to do it: it makes and applies its own plan";
        return Err(Failure { error: locked.error.help(help), ..locked });
    }
    let session = Session::open(app, Access::Look, progress::sink(app)).await?;
    let revision = match &args.revision {
        Some(name) => Some(find(app, &session, name).await?),
        None => None,
    };
    let store = StateDir::peek(&session.config.state)?.store_to_ask()?;
    let request = PinRequest { revision, by: actor(), at: app.cx.now() };
    request.ask(&app.cx, &store).await?;
    match answer(&app.cx.within(PATIENCE), &store, &request).await {
        Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled) => {
            give_up(&store, &request, error, locked).await?;
        }
        answered => answered?,
    }
    app.screen.note(&match &request.revision {
        Some(revision) => format!("The process at work holds to {} now.", escape(&revision.to_string())),
        None => "The process at work follows the source again.".to_owned(),
    });
    status::run(app).await
}

async fn find(app: &App, session: &Session, name: &str) -> Result<Revision> {
    let unsupported = || Error::new(ErrorKind::Unsupported, "the source has no history to go back in");
    session.engine.source().history().ok_or_else(unsupported)?.find(&app.cx, name).await
}

async fn answer(cx: &Cx, store: &FileStore, request: &PinRequest) -> Result<()> {
    while request.answer(cx, store).await?.is_none() {
        match store.watch() {
            Some(watch) => watch.changed(cx, PinRequest::DOCUMENT).await?,
            None => cx.sleep(Duration::from_secs(1)).await?,
        }
    }
    Ok(())
}

/// Nobody answered in time: the wish is taken back, unless it was taken up just now.
async fn give_up(
    store: &FileStore,
    request: &PinRequest,
    error: Error,
    locked: Failure,
) -> Result<(), Failure> {
    match request.withdraw(&Cx::system(), store).await? {
        false => Ok(()),
        true if error.kind() == ErrorKind::Cancelled => Err(error.into()),
        true => Err(locked),
    }
}
