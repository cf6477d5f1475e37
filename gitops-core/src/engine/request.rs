//! What somebody asks of the engine that is at work, without taking its place.

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::cx::Time;
use crate::store::{Document, StateStore};
use crate::value::{Revision, Version};
use crate::{Cx, Error, ErrorKind, Result};

/// A wish to hold an application to a revision, or to let it go: a document beside the inventory. The engine that is
/// at work takes it up before its next pass, and records it in its audit log on behalf of who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinRequest {
    /// The revision to hold to; nothing to follow the source again.
    pub revision: Option<Revision>,
    /// Who asks.
    pub by: String,
    /// When.
    pub at: Time,
}

/// The document: a wish, or what came of the last one.
#[derive(Default, Serialize, Deserialize)]
struct StoredRequest {
    request: Option<PinRequest>,
    refused: Option<String>,
}

impl PinRequest {
    /// The document's name.
    pub const DOCUMENT: &'static str = "pin-request";

    /// Asks the engine that works with this store.
    ///
    /// # Errors
    /// `Conflict` if another wish waits already.
    ///
    /// # Cancel safety
    /// A dropped call has asked or not; [`withdraw`](Self::withdraw) takes it back.
    pub async fn ask(&self, cx: &Cx, store: &dyn StateStore) -> Result<()> {
        let (stored, version) = load(cx, store).await?;
        if let Some(other) = stored.request.filter(|other| other != self) {
            let message = format!("{} has asked for another revision, and is not answered yet", other.by);
            return Err(Error::new(ErrorKind::Conflict, message).help("wait for the engine to take that up"));
        }
        let stored = StoredRequest { request: Some(self.clone()), refused: None };
        swap(cx, store, version, &stored).await
    }

    /// What came of it: nothing while it waits.
    ///
    /// # Errors
    /// `Denied` with the engine's reason if the engine could not do it.
    pub async fn answer(&self, cx: &Cx, store: &dyn StateStore) -> Result<Option<()>> {
        let (stored, _) = load(cx, store).await?;
        match (stored.request.as_ref() == Some(self), stored.refused) {
            (true, _) => Ok(None),
            (false, None) => Ok(Some(())),
            (false, Some(why)) => Err(Error::new(ErrorKind::Denied, why)),
        }
    }

    /// Whether somebody's wish waits.
    pub(super) async fn waits(cx: &Cx, store: &dyn StateStore) -> bool {
        load(cx, store).await.is_ok_and(|(stored, _)| stored.request.is_some())
    }

    /// Takes it back, if nobody took it up: says whether it was so.
    pub async fn withdraw(&self, cx: &Cx, store: &dyn StateStore) -> Result<bool> {
        let (stored, version) = load(cx, store).await?;
        if stored.request.as_ref() != Some(self) {
            return Ok(false);
        }
        swap(cx, store, version, &StoredRequest::default()).await.map(|()| true)
    }
}

impl Engine {
    /// Does what somebody asks of the engine that is at work. A wish that can't be fulfilled is answered with the
    /// reason; one that was fulfilled just before a crash is fulfilled again, which changes nothing.
    pub(super) async fn take_up_request(&mut self, cx: &Cx) -> Result<()> {
        let store = self.ledger.store().clone();
        let (stored, version) = load(cx, &*store).await?;
        let Some(request) = stored.request else { return Ok(()) };
        let done = match &request.revision {
            Some(revision) => self.pin(cx, revision.id(), &request.by).await.map(drop),
            None => self.unpin(cx, &request.by).await.map(drop),
        };
        let refused = match done {
            Err(error) if self.ledger.is_lost() => return Err(error),
            Err(error) => Some(error.to_string()),
            Ok(()) => None,
        };
        swap(cx, &*store, version, &StoredRequest { request: None, refused }).await
    }
}

/// The document with what it takes to replace it.
async fn load(cx: &Cx, store: &dyn StateStore) -> Result<(StoredRequest, Option<(Version, u64)>)> {
    let Some(stored) = store.load(cx, PinRequest::DOCUMENT).await? else {
        return Ok((StoredRequest::default(), None));
    };
    let request = serde_json::from_slice(&stored.document.bytes)?;
    Ok((request, Some((stored.version, stored.document.epoch))))
}

/// Who asks has no epoch: the document keeps the one that it has.
async fn swap(
    cx: &Cx,
    store: &dyn StateStore,
    before: Option<(Version, u64)>,
    request: &StoredRequest,
) -> Result<()> {
    let (version, epoch) = before.map_or((None, 0), |(version, epoch)| (Some(version), epoch));
    let document = Document { epoch, bytes: serde_json::to_vec(request)? };
    store.swap(cx, PinRequest::DOCUMENT, version.as_ref(), document).await.map(drop)
}
