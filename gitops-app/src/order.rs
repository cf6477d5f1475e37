//! What a person orders: done by this process, or by the one that is at work.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind, EventSink, Request, Requests, Result, Ticket};

use crate::config::Config;
use crate::session::{Access, Session};

/// How long the process at work has to take a request up, unless the context has less.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who did what was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doer {
    /// This process.
    Us,
    /// The process that is at work.
    AtWork,
    /// Nobody yet: the process at work was asked, and has not answered. It was asked to [stop](Request::only_stops), so it begins
    /// nothing new before it has taken that up, and neither does the next one.
    Asked,
}

/// Takes the state of an application and does it; if another process has the state, that one is asked to do it.
///
/// # Errors
/// `Locked` if the other process does not take it up in time; whatever keeps it from being done.
///
/// # Cancel safety
/// Dropping the future may leave a request that the process at work still takes up.
pub async fn order(
    cx: &Cx,
    config: &Config,
    events: &Arc<dyn EventSink>,
    by: &str,
    request: &Request,
) -> Result<Doer> {
    let open = |access| Session::builder(config).access(access).events(Arc::clone(events)).open(cx);
    match open(Access::Write).await {
        Ok(mut session) => {
            session.engine.fulfil(cx, by, request).await?;
            Ok(Doer::Us)
        }
        Err(locked) if locked.kind() == ErrorKind::Locked => {
            let session = open(Access::Look).await?;
            ask(cx, &session, by, request, locked).await
        }
        Err(error) => Err(error),
    }
}

/// Asks the process that has the state, and waits for its answer; `locked` names it. What is not answered in time is taken back,
/// but for what only stops: a change that was sent takes its time, and nothing may be begun after it.
///
/// # Errors
/// As [`order`].
///
/// # Cancel safety
/// As [`order`].
pub async fn ask(cx: &Cx, session: &Session, by: &str, request: &Request, locked: Error) -> Result<Doer> {
    let requests = Requests::new(session.store_to_ask()?, &session.config.name);
    let ticket = requests.ask(cx, by, request.clone()).await?;
    match requests.answered(&cx.within(PATIENCE), &ticket).await {
        Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled) => {
            if request.only_stops() {
                return Ok(Doer::Asked);
            }
            give_up(&requests, &ticket, error, locked).await?;
            Ok(Doer::AtWork)
        }
        answered => answered.map(|()| Doer::AtWork),
    }
}

/// Nobody answered in time: the request is taken back, unless it was taken up just now.
async fn give_up(requests: &Requests, ticket: &Ticket, error: Error, locked: Error) -> Result<()> {
    match requests.withdraw(&Cx::system(), ticket).await? {
        false => Ok(()),
        true if error.kind() == ErrorKind::Cancelled => Err(error),
        true => Err(locked),
    }
}
