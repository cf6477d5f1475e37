use std::sync::Arc;

use gitops_core::{Applied, Cx, Error, Expect, Object, OwnerLabel, Result};
use serde_json::Value as Json;

use super::Dry;
use crate::change::document::{Document, Pin};
use crate::change::effect::Sent;
use crate::change::negotiate;
use crate::change::{adopt, versions};
use crate::client::cluster::{Call, Failure};
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::clients::{self, Decision};
use crate::live::object::Seen;

/// How often the server's version may move on (by others' fields) before the update is given up.
const TRIES: usize = 10;

/// What a preview decided about other clients: nothing if there was no preview, and no decision if that was plain.
type Decided = Option<Option<Arc<Decision>>>;

/// Changes an object in place, if it is the incarnation and in the state that the change was planned for.
///
/// The server compares its own version, which every write of anybody moves. Where it moved, the object is read
/// again: the update goes on exactly if the fields that we own are as they were. Fields of others are taken and left
/// exactly as the preview decided.
pub(super) async fn update(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    expect: &Expect,
    owner_label: &OwnerLabel,
    decided: Decided,
) -> Result<Applied> {
    let (key, uid) = (&object.key, expect.uid.as_str());
    let place = inner.place_of(cx, object).await?;
    // What is left to others, and what they did, is known from the object alone.
    let is_plain = matches!(decided, Some(None)) && !inner.eye.ignore.concern(key);
    let mut known = inner.book.told.resource_version(key, expect, owner_label).filter(|_| is_plain);
    let mut taken: Option<TakenOver> = None;
    for _ in 0..TRIES {
        let mut write = if let Some(version) = known.take() {
            let document = Document::new(object, Some(owner_label))?;
            Write { document, uid, version, decision: Decision::default(), seen: None }
        } else {
            let seen = inner.read_as_applied(cx, &place).await?;
            let seen = seen.ok_or_else(|| Error::conflict(key))?;
            let is_done = Inner::is_done(&seen, owner_label) && seen.uid() == expect.uid;
            let decision = match &taken {
                Some(taken) => taken.decision.clone(),
                None => decide(inner, object, &seen, &decided, is_done)?,
            };
            let document = Document::among(object, Some(owner_label), &seen, &inner.eye, &decision)?;
            if is_done {
                let uri = place.object_as(document.api_version())?;
                let sent = Sent { object, document: &document, decision: &decision, uri: &uri };
                return inner.answer_again(cx, sent, &seen).await;
            }
            let expect = taken.as_ref().map_or(expect, |taken| &taken.expect);
            inner.check(key, &seen, expect, owner_label).or_else(|error| {
                let before = decision.before_scaling(&seen, &inner.eye).ok_or(error)?;
                inner.check(key, &before, expect, owner_label)
            })?;
            let mut seen = adopt::hand_over(inner, cx, &place, seen).await?;
            if taken.is_none() && decision.takes_over() {
                (seen, taken) = take_over(inner, cx, &place, seen, &decision).await?;
            }
            let version = seen.resource_version().to_owned();
            Write { document, uid, version, decision, seen: Some(seen) }
        };
        let sent = Box::pin(write.carry_out(inner, cx, object, owner_label, &place, decided.is_some()));
        let error = match sent.await {
            Ok(Ok(seen)) => {
                let Write { document, decision, .. } = &write;
                let uri = place.object_as(document.api_version())?;
                return Ok(inner.made(cx, Sent { object, document, decision, uri: &uri }, &seen).await);
            }
            Ok(Err(failure)) if failure.is_of_versions() || write.decision.was_scaled(&failure) => continue,
            Ok(Err(failure)) => failure.into(),
            Err(error) => error,
        };
        if let Some(taken) = taken.filter(|_| !error.is_unknown()) {
            give_back(inner, cx, &place, &taken).await;
        }
        return Err(error);
    }
    Err(Error::conflict(key).with("tries", TRIES))
}

/// What the preview decided, or what is decided now where there was none.
fn decide(inner: &Inner, object: &Object, seen: &Seen, decided: &Decided, is_done: bool) -> Result<Decision> {
    let now = negotiate::begin(inner, object, seen)?;
    match decided {
        None => Ok(now),
        Some(shown) => {
            let shown = shown.as_deref().cloned().unwrap_or_default();
            // What is done has its keys back.
            match is_done || shown.renamed == now.renamed {
                true => Ok(shown),
                false => Err(Error::conflict(&object.key).help(PLAN_AGAIN)),
            }
        }
    }
}

/// What to do about a write that would be another than the plan showed.
const PLAN_AGAIN: &str = "plan again: another client set a field since, which the plan did not show";

/// Edited items, and members of nobody, whose record is ours, so that the apply can remove them.
struct TakenOver {
    decision: Decision,
    /// The state in which the object is with that record.
    expect: Expect,
    /// The object in that state.
    after: Seen,
    /// The record as it was.
    before: Vec<Json>,
}

/// Takes edited items over from who edited them, and members that nobody has. No value changes.
///
/// It can't be one write with the apply: the server takes a record of owners from an update alone, and would give what
/// that update sets to a second record of ours, which keeps an item that is no longer declared.
async fn take_over(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    seen: Seen,
    decision: &Decision,
) -> Result<(Seen, Option<TakenOver>)> {
    let after = write_record(inner, cx, place, &seen, &decision.taken_over(&seen, &inner.eye)).await?;
    let expect = Expect { uid: after.uid(), version: after.version(&inner.eye) };
    let before = seen.record();
    Ok((after.clone(), Some(TakenOver { decision: decision.clone(), expect, after, before })))
}

/// Gives the record of edited items back, as the apply that was to remove them was refused. If the object moved on meanwhile
/// the items stay ours and are not declared: the next plan shows and removes them.
async fn give_back(inner: &Inner, cx: &Cx, place: &Place, taken: &TakenOver) {
    if let Err(error) = write_record(inner, cx, place, &taken.after, &taken.before).await {
        tracing::debug!(kind = ?error.kind(), "the record of edited items stays ours until the next plan");
    }
}

/// Writes the record of owners, if the object is still in this state.
async fn write_record(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    seen: &Seen,
    managed: &[Json],
) -> Result<Seen, Failure> {
    let call = Call::patch(place.object_as(seen.api_version())?, seen.hand_over(managed));
    inner.wire().json(cx, call.with_secret(seen.is_secret())).await.map(Seen::new)
}

/// One try of an update.
struct Write<'a> {
    document: Document,
    uid: &'a str,
    version: String,
    decision: Decision,
    /// The object as it was read; nothing where that was not needed.
    seen: Option<Seen>,
}

impl Write<'_> {
    /// Without force first: the server says what would be taken, and only what was decided is.
    async fn carry_out(
        &mut self,
        inner: &Inner,
        cx: &Cx,
        object: &Object,
        owner_label: &OwnerLabel,
        place: &Place,
        is_shown: bool,
    ) -> Result<Result<Seen, Failure>> {
        let uri = place.object_as(self.document.api_version())?;
        match self.send(inner, cx, &uri, false).await {
            Err(failure) if failure.is_of_record() => {
                Box::pin(self.move_record(inner, cx, place, &uri, failure)).await
            }
            Err(failure) if failure.of_managers().next().is_none() => Ok(Err(failure)),
            Err(failure) if is_shown && self.decision.allows(&failure) => {
                Ok(self.send(inner, cx, &uri, true).await)
            }
            Err(failure) if self.decision.was_scaled(&failure) => Ok(Err(failure)),
            Err(failure) if is_shown => Err(Error::from(failure).help(PLAN_AGAIN)),
            Err(failure) => {
                Box::pin(self.decide_and_send(inner, cx, object, owner_label, &uri, failure)).await
            }
            Ok(seen) => Ok(Ok(seen)),
        }
    }

    /// There was no preview: what becomes of fields of others is decided by the refusal.
    async fn decide_and_send(
        &mut self,
        inner: &Inner,
        cx: &Cx,
        object: &Object,
        owner_label: &OwnerLabel,
        uri: &str,
        failure: Failure,
    ) -> Result<Result<Seen, Failure>> {
        let Some(seen) = self.seen.take() else { return Ok(Err(failure)) };
        if !clients::judge(inner, cx, object, &seen, &failure, &mut self.decision).await? {
            return Ok(Err(failure));
        }
        self.document = Document::among(object, Some(owner_label), &seen, &inner.eye, &self.decision)?;
        Ok(self.send(inner, cx, uri, self.decision.forces()).await)
    }

    /// The server can't bring our record to the version that is declared: we say that it is of that, and try again. What
    /// is not there in that version is not ours in it.
    async fn move_record(
        &mut self,
        inner: &Inner,
        cx: &Cx,
        place: &Place,
        uri: &str,
        failure: Failure,
    ) -> Result<Result<Seen, Failure>> {
        let Some(seen) = inner.read(cx, uri.to_owned()).await? else { return Ok(Err(failure)) };
        let is_other = seen.ours(&inner.eye).is_some_and(|ours| ours.api_version != seen.api_version());
        if !is_other || seen.resource_version() != self.version {
            return Ok(Err(failure));
        }
        let managed = versions::moved(&seen, &inner.eye);
        let after = write_record(inner, cx, place, &seen, &managed).await?;
        after.resource_version().clone_into(&mut self.version);
        Ok(self.send(inner, cx, uri, self.decision.forces()).await)
    }

    async fn send(&self, inner: &Inner, cx: &Cx, uri: &str, force: bool) -> Result<Seen, Failure> {
        let pin = Pin::At(self.uid, &self.version);
        inner.write(cx, &self.document, uri, pin, (force, Dry::No)).await.map(Seen::new)
    }
}
