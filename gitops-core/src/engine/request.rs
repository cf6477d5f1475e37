//! What people ask of the engine that is at work, without taking its place.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{Finding, PinExpect};
use crate::cx::{Cx, Time};
use crate::state::approval::Approval;
use crate::state::audit::MergedRequest;
use crate::state::store::{Document, StateStore};
use crate::value::text::shown;
use crate::value::{Error, ErrorKind, Key, PlanId, Result, Revision, Version};

/// How many requests may wait, and of how many the answer is kept.
pub(super) const KEPT: usize = 64;

/// How often a store that can't be watched is looked at for requests, while changes are sent and while there is nothing to do: an
/// emergency stop is heard within a second.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// How often a document is written again that somebody else wrote meanwhile.
const TRIES: usize = 16;

/// What somebody asks of an engine at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Request {
    /// Hold the application to a revision.
    Pin {
        /// Which one.
        revision: Revision,
        /// What it goes by.
        #[serde(default, skip_serializing_if = "PinExpect::is_anything")]
        expect: PinExpect,
    },
    /// Follow the source again.
    Unpin {
        /// What it goes by.
        #[serde(default, skip_serializing_if = "PinExpect::is_anything")]
        expect: PinExpect,
    },
    /// Apply the head of a request before it is merged.
    GoAhead {
        /// The head.
        revision: Revision,
        /// The request, as people write it.
        request: String,
    },
    /// Follow the source again after that.
    EndAhead {
        /// The request.
        request: String,
        /// Whether it was merged. If not, the application goes back to what its source has.
        merged: bool,
    },
    /// Keep an approval.
    Approve {
        /// What is approved, by whom.
        approval: Box<Approval>,
    },
    /// Take back all approvals.
    Reject {
        /// The plan that was shown, if one is meant.
        plan: Option<PlanId>,
        /// Why.
        reason: String,
    },
    /// Take back the approvals that were given on one request; those of others hold.
    Withdraw {
        /// The request, as approvals name it: `gitea platform/site#7`.
        review: String,
        /// Why.
        reason: String,
    },
    /// Write nothing until somebody says otherwise.
    Suspend {
        /// Why.
        reason: String,
    },
    /// Go on.
    Resume,
    /// Reconcile at once.
    Sync,
    /// What a person found out about a change whose outcome nobody knows.
    Confirm {
        /// The object.
        key: Key,
        /// What was found.
        finding: Finding,
    },
    /// What a person found out about a part of an object, in the words of its target.
    Found {
        /// The object.
        key: Key,
        /// The part.
        about: String,
        /// What was found.
        finding: String,
    },
    /// Let what needs an object go on although it is not ready.
    Release {
        /// The object.
        key: Key,
    },
    /// Let the deletion of what is no longer declared go on, whatever it waits for.
    ReleaseDeletion {
        /// The object.
        key: Key,
    },
    /// Record that a request was merged, who opened and reviewed it, and who merged it. To ask twice records it twice.
    NoteMerged {
        /// What the forge says of it.
        merged: Box<MergedRequest>,
    },
    /// Begin a new audit log, because the old one is lost.
    RestartAudit,
}

impl Request {
    /// Hold the application to a revision, whatever it is pinned to by then.
    pub fn pin(revision: Revision) -> Self {
        Self::Pin { revision, expect: PinExpect::Anything }
    }

    /// Follow the source again, whatever the application is pinned to by then.
    pub fn unpin() -> Self {
        Self::Unpin { expect: PinExpect::Anything }
    }

    /// Whether it only keeps the engine from writing. An engine at work begins nothing new once such a request waits, even
    /// where it can't answer yet, because a change that it sent takes its time.
    pub fn only_stops(&self) -> bool {
        matches!(self, Self::Suspend { .. } | Self::Reject { .. } | Self::Withdraw { .. })
    }
}

/// A request that nobody has taken up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingRequest {
    /// What is asked, in one word: `suspend`, `approve`.
    pub ask: String,
    /// Who asks.
    pub by: String,
    /// Since when.
    pub at: Time,
}

/// A request that was made; its answer is asked for with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// The requests to the engine of one application, in the document through which they travel.
///
/// Every process that can write the application's store can ask; the engine at work, or the next one, takes each request up
/// before its next reconciliation or apply, in the order in which they were made, records it in its audit log on behalf of who asked, and answers. Nobody needs the lock of the state.
#[derive(Clone)]
pub struct Requests {
    store: Arc<dyn StateStore>,
    application: String,
}

/// A request as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub ticket: u64,
    pub application: String,
    pub by: String,
    pub at: Time,
    #[serde(flatten)]
    pub request: Asked,
}

/// What is asked, as far as this version knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Asked {
    Known(Request),
    /// Of a newer version. Who asks may be newer than who is at work, and is told so.
    Unknown(serde_json::Map<String, serde_json::Value>),
}

impl Asked {
    pub fn only_stops(&self) -> bool {
        matches!(self, Self::Known(request) if request.only_stops())
    }

    /// Whether it changes nothing of what is to be done: it can wait until a reconciliation has ended.
    fn only_notes(&self) -> bool {
        matches!(self, Self::Known(Request::NoteMerged { .. }))
    }

    /// What is asked, in one word.
    pub fn word(&self) -> String {
        let written = serde_json::to_value(self).unwrap_or_default();
        shown(written.get("ask").and_then(serde_json::Value::as_str).unwrap_or_default(), 60)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub ticket: u64,
    /// Why it could not be done; nothing if it was.
    pub refused: Option<String>,
}

/// The document.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Queue {
    /// The number of the next request.
    pub next: u64,
    pub waiting: Vec<Waiting>,
    pub answered: Vec<Answered>,
}

impl Requests {
    /// The document's name.
    pub const DOCUMENT: &'static str = "requests";

    /// The requests to the engine of an application that keeps its state in this store.
    pub fn new(store: Arc<dyn StateStore>, application: impl Into<String>) -> Self {
        Self { store, application: application.into() }
    }

    /// Asks for something, on behalf of somebody.
    ///
    /// # Errors
    /// `Unavailable` if 64 requests wait already: then no engine is at work. What [only stops](Request::only_stops) the engine
    /// is not counted against those, and finds room for as many again.
    ///
    /// # Cancel safety
    /// A dropped call has asked or not.
    pub async fn ask(&self, cx: &Cx, by: &str, request: Request) -> Result<Ticket> {
        let (application, by, at) = (&self.application, by.to_owned(), cx.now());
        change(cx, &*self.store, |queue| {
            let room = if request.only_stops() { 2 * KEPT } else { KEPT };
            if queue.waiting.len() >= room {
                let message = format!("{room} requests wait already, and no engine takes them up");
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
            let ticket = queue.next;
            queue.next += 1;
            let (application, by) = (application.clone(), by.clone());
            let request = Asked::Known(request.clone());
            queue.waiting.push(Waiting { ticket, application, by, at, request });
            Ok(Ticket(ticket))
        })
        .await
    }

    /// What came of it: nothing while it waits.
    ///
    /// # Errors
    /// `Denied` with the engine's reason if it could not be done; `NotFound` if the answer is no longer kept.
    pub async fn answer(&self, cx: &Cx, ticket: &Ticket) -> Result<Option<()>> {
        let (queue, _) = load(cx, &*self.store).await?;
        if queue.waiting.iter().any(|waiting| waiting.ticket == ticket.0) {
            return Ok(None);
        }
        match queue.answered.into_iter().find(|answered| answered.ticket == ticket.0) {
            Some(Answered { refused: None, .. }) => Ok(Some(())),
            Some(Answered { refused: Some(why), .. }) => Err(Error::new(ErrorKind::Denied, why)),
            None => Err(Error::new(ErrorKind::NotFound, "the answer to the request is no longer kept")),
        }
    }

    /// What nobody has taken up yet, in the order in which it was asked.
    ///
    /// # Errors
    /// Whatever keeps the document from being read.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn pending(&self, cx: &Cx) -> Result<Vec<PendingRequest>> {
        let (queue, _) = load(cx, &*self.store).await?;
        let pending =
            |Waiting { by, at, request, .. }: Waiting| PendingRequest { ask: request.word(), by, at };
        Ok(queue.waiting.into_iter().map(pending).collect())
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// As [`answer`](Self::answer); `Timeout` or `Cancelled` as the context ends, and then the request still waits.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn answered(&self, cx: &Cx, ticket: &Ticket) -> Result<()> {
        while self.answer(cx, ticket).await?.is_none() {
            self.changed(cx).await?;
        }
        Ok(())
    }

    /// Waits until a request or an answer may have been written.
    pub(super) async fn changed(&self, cx: &Cx) -> Result<()> {
        match self.store.watch() {
            Some(watch) => watch.changed(cx, Self::DOCUMENT).await,
            None => cx.sleep(LOOK).await,
        }
    }

    /// Takes a request back, if nobody took it up: says whether it was so.
    pub async fn withdraw(&self, cx: &Cx, ticket: &Ticket) -> Result<bool> {
        change(cx, &*self.store, |queue| {
            let before = queue.waiting.len();
            queue.waiting.retain(|waiting| waiting.ticket != ticket.0);
            Ok(queue.waiting.len() < before)
        })
        .await
    }

    /// Whether a request of these waits.
    pub(super) async fn any_waits(&self, cx: &Cx, which: Which) -> Result<bool> {
        let (queue, _) = load(cx, &*self.store).await?;
        Ok(queue.waiting.iter().any(|waiting| match which {
            Which::Any => true,
            Which::Acts => !waiting.request.only_notes(),
            Which::Stops => waiting.request.only_stops(),
        }))
    }

    /// Returns once a request waits. `asked` is told of those of this process: who asks waits for the answer by the same watch of
    /// the store, and a watch tells one of two who wait. A store that can't be watched, or can't be read at the moment, is looked
    /// at `every` so often: a request to stop is not lost by a hiccup.
    pub(super) async fn waits(&self, cx: &Cx, asked: &Notify, which: Which, every: Duration) {
        loop {
            let watch = match self.any_waits(cx, which).await {
                Ok(true) => return,
                Ok(false) => self.store.watch(),
                Err(_) => None,
            };
            let changed = async {
                let is_watched = match watch {
                    Some(watch) => watch.changed(cx, Self::DOCUMENT).await.is_ok(),
                    None => false,
                };
                if !is_watched && cx.sleep(every).await.is_err() {
                    // The context is over, and whoever waits here hears of that by it.
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = asked.notified() => {}
                () = changed => {}
            }
        }
    }
}

/// Which requests are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All.
    Any,
    /// Those that may change what is to be done: what is only noted cuts no reconciliation short.
    Acts,
    /// Those that only stop the engine.
    Stops,
}

/// The document with what it takes to replace it.
pub(super) async fn load(cx: &Cx, store: &dyn StateStore) -> Result<(Queue, Option<(Version, u64)>)> {
    let Some(stored) = store.load(cx, Requests::DOCUMENT).await.map_err(Error::of_state)? else {
        return Ok((Queue::default(), None));
    };
    let queue = serde_json::from_slice(&stored.document.bytes);
    let queue = queue.map_err(|error| Error::from(error).of_state())?;
    Ok((queue, Some((stored.version, stored.document.epoch))))
}

/// Changes the document, again if somebody else wrote it meanwhile. Who asks has no epoch: the document keeps the one that
/// it has.
pub(super) async fn change<T>(
    cx: &Cx,
    store: &dyn StateStore,
    mut change: impl FnMut(&mut Queue) -> Result<T>,
) -> Result<T> {
    for _ in 0..TRIES {
        let (mut queue, before) = load(cx, store).await?;
        let changed = change(&mut queue)?;
        let (version, epoch) = before.map_or((None, 0), |(version, epoch)| (Some(version), epoch));
        let document = Document { epoch, bytes: serde_json::to_vec(&queue)? };
        match store.swap(cx, Requests::DOCUMENT, version.as_ref(), document).await {
            Err(error) if error.is_conflict() => {}
            written => return written.map(|_| changed),
        }
    }
    Err(Error::new(ErrorKind::Unavailable, "the requests are written by others all the time"))
}
