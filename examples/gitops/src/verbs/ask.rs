//! What a person orders: done here, or by the process at work if there is one.

pub use gitops_app::order::Doer;
use gitops_app::order::{self, Pending};
use gitops_core::{Error, ErrorKind, Request};

use crate::actor::actor;
use crate::app::App;
use crate::failure::Failure;
use crate::progress;

/// Takes the state and does it; if another process has the state, that one is asked to do it.
pub async fn order(app: &App, request: &Request) -> Result<Doer, Failure> {
    Ok(Box::pin(order::order(&app.cx, app.config(), &progress::sink(app), &actor(), request)).await?)
}

/// Asks the process that has the state, if another one has it, and waits for nothing.
pub async fn begin(app: &App, request: &Request) -> Result<Option<Pending>, Failure> {
    Ok(Box::pin(order::begin(&app.cx, app.config(), &actor(), request)).await?)
}

/// Has the process at work do what it alone can; `verb` names that, and `instead` the way out where none is at work.
pub async fn have_done(app: &App, request: &Request, verb: &str, instead: &str) -> Result<(), Failure> {
    if let Some(pending) = begin(app, request).await? {
        pending.answered(&app.cx).await?;
        return Ok(());
    }
    let message = format!("no process is at work that could {verb}");
    let help = format!("{instead}: `{}`", app.command("apply"));
    Err(Error::new(ErrorKind::NotFound, message).help(help).into())
}
