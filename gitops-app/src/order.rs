//! What a person orders: done by this process, or by the one that is at work.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use gitops_core::{Cx, Error, ErrorKind, EventSink, Request, Requests, Result, StateDir, StateStore, Ticket};

use crate::config::Config;
use crate::home::{ClusterState, locked};
use crate::place;
use crate::session::{Access, Session};

/// How long the process at work has to take a request up, unless the context has less.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked whether the process at work has ended.
const LOOK: Duration = Duration::from_secs(1);

/// Who did what was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doer {
    /// This process.
    Us,
    /// The process that is at work.
    AtWork,
    /// Nobody yet: the process at work was asked, and has not answered. It was asked to [stop](Request::only_stops), so it begins
    /// nothing new before it has taken that up, and neither does the next one.
    Asked,
}

/// A request that the process at work was asked, and has not answered yet.
#[must_use]
pub struct Pending {
    requests: Requests,
    ticket: Ticket,
    only_stops: bool,
    /// What is said of who has the state, if it does not answer.
    locked: Error,
}

impl Pending {
    /// Waits for the answer. What is not answered in time is taken back, but for what [only stops](Request::only_stops): a change
    /// that was sent takes its time, and nothing may be begun after it.
    ///
    /// # Errors
    /// `Locked` if the process does not take it up in time; why it could not be done.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the request, which the process at work still takes up.
    pub async fn answered(self, cx: &Cx) -> Result<Doer> {
        match self.requests.answered(&cx.within(PATIENCE), &self.ticket).await {
            Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled) => {
                if self.only_stops {
                    return Ok(Doer::Asked);
                }
                self.give_up(error).await
            }
            answered => answered.map(|()| Doer::AtWork),
        }
    }

    /// The same for as long as the process is at work: one that applies once ends and takes up nothing. Nothing if it has ended so, and
    /// nobody will take the request up.
    async fn answered_at_work(self, cx: &Cx, config: &Config) -> Result<Option<Doer>> {
        let (requests, ticket) = (self.requests.clone(), self.ticket.clone());
        match select(pin!(self.answered(cx)), pin!(ended(cx, config))).await {
            Either::Left((answered, _)) => return answered.map(Some),
            Either::Right((ended, _)) => ended?,
        }
        match requests.withdraw(cx, &ticket).await? {
            true => Ok(None),
            // It was taken up last, and the answer says what came of it.
            false => requests.answered(&cx.within(PATIENCE), &ticket).await.map(|()| Some(Doer::AtWork)),
        }
    }

    /// Nobody answered in time: the request is taken back, unless it was taken up just now.
    async fn give_up(self, error: Error) -> Result<Doer> {
        match self.requests.withdraw(&Cx::system(), &self.ticket).await? {
            false => Ok(Doer::AtWork),
            true if error.kind() == ErrorKind::Cancelled => Err(error),
            true => Err(self.locked),
        }
    }

    /// Asks for something.
    async fn of(cx: &Cx, requests: Requests, by: &str, request: &Request, locked: Error) -> Result<Self> {
        let ticket = requests.ask(cx, by, request.clone()).await?;
        Ok(Self { requests, ticket, only_stops: request.only_stops(), locked })
    }
}

/// Asks the process that has the state of an application, if another one has it, and waits for nothing. Neither source nor
/// targets are opened, and no credential of theirs is read: an emergency stop needs the state alone.
///
/// # Errors
/// Whatever keeps the state from being found or written.
///
/// # Cancel safety
/// Dropping the future may leave a request that the process at work takes up.
pub async fn begin(cx: &Cx, config: &Config, by: &str, request: &Request) -> Result<Option<Pending>> {
    let of_cluster = ClusterState::of(cx, config).await?.map(|cluster| (cluster.store(), locked(config)));
    let found = if of_cluster.is_some() { of_cluster } else { of_folder(cx, config).await? };
    let Some((store, locked)) = found else { return Ok(None) };
    Pending::of(cx, Requests::new(store, &config.name), by, request, locked).await.map(Some)
}

/// Whether a request is a word in the state, and none to a target.
fn needs_no_target(request: &Request) -> bool {
    matches!(
        request,
        Request::Approve { .. }
            | Request::Reject { .. }
            | Request::Withdraw { .. }
            | Request::Suspend { .. }
            | Request::Resume
    )
}

/// Returns once nobody has the state folder. Who works with a state in a cluster is the controller, which takes requests up.
async fn ended(cx: &Cx, config: &Config) -> Result<()> {
    if config.home.is_some() {
        return std::future::pending().await;
    }
    loop {
        let found = of_folder(cx, config).await;
        if found.as_ref().is_ok_and(Option::is_none) {
            return Ok(());
        }
        if cx.sleep(LOOK).await.is_err() {
            // That the time is over is for who waits for the answer: it takes the request back.
            return std::future::pending().await;
        }
        found?;
    }
}

/// The documents in the state folder, if another process has its lock, and the error that names that one.
async fn of_folder(cx: &Cx, config: &Config) -> Result<Option<(Arc<dyn StateStore>, Error)>> {
    let state = place::checked(cx, config.clone(), None).await?.state;
    let peek = match StateDir::peek(&state) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        peek => peek?,
    };
    match StateDir::open(&state, cx) {
        Err(locked) if locked.kind() == ErrorKind::Locked => {
            Ok(Some((Arc::new(peek.store_to_ask()?), locked)))
        }
        opened => opened.map(|_| None),
    }
}

/// Takes the state of an application and does it; if another process has the state, that one is asked to do it, as by
/// [`begin`], or it is done once that one has ended.
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
    if let Some(pending) = Box::pin(begin(cx, config, by, request)).await?
        && let Some(doer) = Box::pin(pending.answered_at_work(cx, config)).await?
    {
        return Ok(doer);
    }
    let session = Session::builder(config).access(Access::Write).events(Arc::clone(events));
    let session = if needs_no_target(request) { session.only_orders() } else { session };
    match session.open(cx).await {
        Ok(mut session) => {
            session.engine.fulfil(cx, by, request).await?;
            Ok(Doer::Us)
        }
        // One has begun to work meanwhile.
        Err(locked) if locked.kind() == ErrorKind::Locked => {
            let pending = Box::pin(begin(cx, config, by, request)).await?.ok_or(locked)?;
            pending.answered(cx).await
        }
        Err(error) => Err(error),
    }
}
