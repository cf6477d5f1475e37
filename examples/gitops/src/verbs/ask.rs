//! What a person orders: done here, or by the process at work if there is one.

use gitops_app::order;
pub use gitops_app::order::Doer;
use gitops_app::session::Session;
use gitops_core::Request;

use crate::actor::actor;
use crate::app::App;
use crate::failure::Failure;
use crate::progress;

/// Takes the state and does it; if another process has the state, that one is asked to do it.
pub async fn order(app: &App, request: &Request) -> Result<Doer, Failure> {
    Ok(Box::pin(order::order(&app.cx, app.config(), &progress::sink(app), &actor(), request)).await?)
}

/// Asks the process that has the state, and waits for its answer; `locked` names it.
pub async fn ask(app: &App, session: &Session, request: &Request, locked: Failure) -> Result<Doer, Failure> {
    Ok(order::ask(&app.cx, session, &actor(), request, locked.error).await?)
}
