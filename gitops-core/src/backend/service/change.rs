//! One change, carried out: look, compare, write down what is about to happen, write, write down what happened.

use smol_str::SmolStr;

use super::Service;
use super::info::ServiceInfo;
use super::item::{Item, Write};
use super::ledger::{Attempt, Pending, want};
use super::note::Note;
use super::resolve::{Found, Seen, version_before};
use super::shape::{Shape, overlay};
use super::target::{ServiceTarget, refuse_plain_secrets};
use crate::cx::Cx;
use crate::value::{Applied, Change, Error, ErrorKind, Key, OwnerLabel, Presence, Result, Value};

/// A change, and all that it is carried out with.
pub(super) struct Job<'a, S> {
    pub(super) target: &'a ServiceTarget<S>,
    pub(super) cx: &'a Cx,
    pub(super) info: &'a ServiceInfo,
    pub(super) change: &'a Change,
    pub(super) shape: Shape,
}

impl<'a, S: Service> Job<'a, S> {
    /// # Errors
    /// `Invalid` and `Limit` of a declaration that can't be written: nothing was asked yet.
    pub(super) fn new(
        target: &'a ServiceTarget<S>,
        cx: &'a Cx,
        info: &'a ServiceInfo,
        change: &'a Change,
    ) -> Result<Self> {
        let invalid = |reason: &str| Error::new(ErrorKind::Invalid, reason).at(change.key());
        let Some(body) = change.body() else {
            return Ok(Self { target, cx, info, change, shape: Shape::Plain(()) });
        };
        if !matches!(body, Value::Map(_)) {
            return Err(invalid("the body of an object of this target is a mapping of fields"));
        }
        let name = change.key().name();
        if name.len() > info.max_name || name.chars().any(char::is_control) {
            let error =
                Error::new(ErrorKind::Invalid, "the name is longer than the service takes, or not printable");
            return Err(error.with("bytes", name.len()).with("limit", info.max_name).at(change.key()));
        }
        let bytes = body.to_string().len();
        if bytes > info.max_bytes {
            let error = Error::new(ErrorKind::Limit, "the object is larger than the service takes");
            return Err(error.with("bytes", bytes).with("limit", info.max_bytes).at(change.key()));
        }
        refuse_plain_secrets(info, body).map_err(|error| error.at(change.key()))?;
        Ok(Self { target, cx, info, change, shape: Shape::of(body).map_err(invalid)? })
    }

    pub(super) async fn run(&self) -> Result<Applied> {
        let seen = self.find().await.map_err(Error::outcome_known)?;
        if let Some(answer) = self.was_done(&seen).await? {
            return Ok(answer);
        }
        match (self.change, seen) {
            (Change::Delete { .. }, Seen::Nothing) => self.is_gone().await,
            (Change::Create { .. }, Seen::Nothing) => self.create().await,
            (_, Seen::Object(found)) if self.is_going(&found) => Ok(Applied::Deleting),
            (_, Seen::Object(found)) if self.may_write(&found) => match self.change {
                Change::Update { .. } => self.update(&found).await,
                Change::Replace { .. } => self.replace(&found).await,
                _ => self.delete(&found).await,
            },
            _ => Err(self.conflict()),
        }
    }

    pub(super) fn key(&self) -> &Key {
        self.change.key()
    }

    pub(super) fn owner_label(&self) -> &OwnerLabel {
        self.change.owner_label()
    }

    pub(super) fn body(&self) -> &Value {
        self.change.body().unwrap_or(&Value::Null)
    }

    pub(super) fn conflict(&self) -> Error {
        Error::conflict(self.key())
    }

    pub(super) async fn find(&self) -> Result<Seen> {
        self.target.find(self.cx, self.key()).await
    }

    fn may_write(&self, found: &Found) -> bool {
        self.change.expects().holds(Some(&found.live)) && found.live.is_owned_by(&self.owner_label().owner)
    }

    /// Whether the deletion was accepted before.
    fn is_going(&self, found: &Found) -> bool {
        let is_expected = match self.change {
            Change::Delete { expect, .. } => expect.uid == found.live.uid,
            _ => false,
        };
        is_expected
            && found.live.presence == Presence::Deleting
            && found.live.is_owned_by(&self.owner_label().owner)
    }

    /// The answer, if this very operation was carried out before.
    async fn was_done(&self, seen: &Seen) -> Result<Option<Applied>> {
        match (seen, self.change.body()) {
            (Seen::Object(found), Some(body)) if found.is_left_by(self.owner_label(), body) => {
                let note = found.note.as_ref().ok_or_else(|| self.conflict())?;
                self.record(&found.item, note).await?;
                Ok(Some(Applied::Holds(Box::new(found.live.clone()))))
            }
            _ => Ok(None),
        }
    }

    async fn create(&self) -> Result<Applied> {
        let note = Note::made_by(self.owner_label(), self.shape.clone());
        self.sending().await?;
        let fields = Shape::Map([].into()).patch(self.body(), &[].into());
        let fields = overlay(&Value::map::<SmolStr>([]), &fields);
        let write = Write { whole: fields.clone(), fields, label: self.label(&note), expect: None };
        match self.target.service.create(self.cx, self.key(), &write).await {
            Ok(item) if item.name != self.key().name() => Err(self.renamed(&item).await),
            Ok(item) => self.written(item, note).await,
            Err(error) => self.refused(error).await,
        }
    }

    /// The answer to a write that the service refused: what this very operation did before, or the error.
    async fn refused(&self, error: Error) -> Result<Applied> {
        if error.is_unknown() {
            return Err(error);
        }
        if let Some(answer) = self.done_by_ourselves(&error).await? {
            return Ok(answer);
        }
        let is_update = matches!(self.change, Change::Update { .. });
        if let Some(ledger) = &self.target.ledger {
            // What a failure leaves in the ledger is looked for and not found.
            let _ = match is_update {
                true => ledger.not_updated(self.cx, self.key()).await,
                false => ledger.refused(self.cx, self.key(), &self.owner_label().op).await,
            };
        }
        let is_moved = error.is_conflict() || is_update && error.is_not_found();
        Err(if is_moved { self.conflict().because(error) } else { error })
    }

    /// A client that sends a request again by itself is refused because of what it did itself.
    async fn done_by_ourselves(&self, error: &Error) -> Result<Option<Applied>> {
        if !error.is_conflict() {
            return Ok(None);
        }
        let seen = self.find().await.map_err(Error::outcome_unknown)?;
        self.was_done(&seen).await
    }

    async fn update(&self, found: &Found) -> Result<Applied> {
        let (Some(note), Ok(fields)) = (&found.note, &found.item.fields) else { return Err(self.conflict()) };
        let next = note.written_by(self.owner_label(), self.shape.clone());
        if let Some(ledger) = &self.target.ledger {
            let before = version_before(&found.item, note, fields);
            let (owner, op) = (next.owner.clone(), next.op.clone());
            let want = want(&self.shape, self.body());
            let update = Pending { owner, op, fields: self.shape.clone(), want, before };
            ledger
                .updating(self.cx, self.key(), &found.item.id, note, update)
                .await
                .map_err(Error::outcome_known)?;
        }
        self.remove_copies(found).await?;
        let write = self.write(found, note.fields.patch(self.body(), &self.info.defaults), &next);
        match self.target.service.update(self.cx, self.key(), &found.item.id, &write).await {
            Ok(item) => match kept(&write.fields, self.body(), fields, &item) {
                Some(field) => Err(self.still_there(found, item, note, &field).await),
                None => self.written(item, next).await,
            },
            Err(error) => self.refused(error).await,
        }
    }

    /// A field that left the declaration is in the object still: it stays among the declared ones, so that the next plan
    /// sees it too.
    async fn still_there(&self, found: &Found, item: Item, note: &Note, field: &str) -> Error {
        // What fails of this shows the field as undeclared; the error tells of it once at least.
        let _ = if let Some(ledger) = &self.target.ledger {
            ledger.not_updated(self.cx, self.key()).await
        } else {
            let (id, live) = (item.id.clone(), found.live.clone());
            let found = Found { live, item, note: None, copies: Vec::new() };
            let write = self.write(&found, Value::map::<SmolStr>([]), note);
            self.target.service.update(self.cx, self.key(), &id, &write).await.map(drop)
        };
        let message = "a field is no longer declared, was written as null, and the service kept it";
        Error::new(ErrorKind::Internal, message)
            .with("field", field)
            .help("let `update` remove fields that are null, or name the field's default by `ServiceInfo::defaults`")
            .outcome_unknown()
    }

    /// What an update writes over an object.
    pub(super) fn write(&self, found: &Found, fields: Value, note: &Note) -> Write {
        let shown = found.item.fields.as_ref().ok();
        let whole = match shown {
            Some(Value::Map(members)) => {
                let clear = members.iter().filter(|(name, _)| !self.info.secrets.contains(*name));
                overlay(&Value::map(clear.map(|(name, value)| (name, value.clone()))), &fields)
            }
            _ => fields.clone(),
        };
        Write { fields, whole, label: self.label(note), expect: found.item.version.clone() }
    }

    async fn replace(&self, found: &Found) -> Result<Applied> {
        self.sending().await?;
        if self.remove(found).await? != Applied::Absent {
            let message = "the object is still going, and is made again once it is gone";
            return Err(Error::new(ErrorKind::Unavailable, message).outcome_unknown());
        }
        let note = Note::made_by(self.owner_label(), self.shape.clone());
        let fields = overlay(&Value::map::<SmolStr>([]), self.body());
        let write = Write { whole: fields.clone(), fields, label: self.label(&note), expect: None };
        let made = self.target.service.create(self.cx, self.key(), &write).await;
        self.written(made.map_err(Error::outcome_unknown)?, note).await
    }

    async fn delete(&self, found: &Found) -> Result<Applied> {
        match self.remove(found).await? {
            Applied::Absent => self.is_gone().await,
            answer => Ok(answer),
        }
    }

    /// Removes an object and its copies, and looks whether it is gone.
    async fn remove(&self, found: &Found) -> Result<Applied> {
        self.remove_copies(found).await?;
        self.remove_item(&found.item).await?;
        match self.target.service.get(self.cx, self.key(), &found.item.id).await {
            Ok(None) => Ok(Applied::Absent),
            // It was accepted; whoever looks next sees more.
            Ok(Some(_)) | Err(_) => Ok(Applied::Deleting),
        }
    }

    async fn remove_copies(&self, found: &Found) -> Result<()> {
        for copy in &found.copies {
            self.remove_item(copy).await?;
            if let (Some(ledger), Ok(fields)) = (&self.target.ledger, &copy.fields) {
                ledger.dropped(self.cx, self.key(), fields).await.map_err(Error::outcome_unknown)?;
            }
        }
        Ok(())
    }

    async fn remove_item(&self, item: &Item) -> Result<()> {
        match self.target.service.delete(self.cx, self.key(), &item.id, item.version.as_ref()).await {
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) if error.is_conflict() && !error.is_unknown() => Err(self.conflict().because(error)),
            answer => answer,
        }
    }

    /// The service calls the object otherwise, so nobody would find it again: it goes.
    async fn renamed(&self, item: &Item) -> Error {
        let message = "the service gives the object another name than was declared";
        let error = Error::new(ErrorKind::Invalid, message)
            .with("name", &item.name)
            .help("declare the name as the service spells it");
        match self.remove_item(item).await {
            Ok(()) => error,
            Err(_) => error.outcome_unknown(),
        }
    }

    /// The answer to a write that the service answered.
    pub(super) async fn written(&self, item: Item, note: Note) -> Result<Applied> {
        if self.target.ledger.is_none() && item.label.as_deref() != Some(&note.label()) {
            let message = "the service did not keep the owner label of what it made";
            return Err(Error::new(ErrorKind::Internal, message)
                .help("store `Write::label` with the object and give it back, or use a ledger")
                .outcome_unknown());
        }
        self.record(&item, &note).await?;
        Ok(Applied::Holds(Box::new(self.target.view(self.info).live(self.key(), &item, Some(&note), &[]))))
    }

    async fn record(&self, item: &Item, note: &Note) -> Result<()> {
        let Some(ledger) = &self.target.ledger else { return Ok(()) };
        let since = self.target.landed_before(self.cx);
        let recorded = ledger.holds(self.cx, self.key(), &item.id, note, since).await;
        recorded.map_err(Error::outcome_unknown)
    }

    async fn is_gone(&self) -> Result<Applied> {
        if let Some(ledger) = &self.target.ledger {
            let since = self.target.landed_before(self.cx);
            ledger.forget(self.cx, self.key(), since).await.map_err(Error::outcome_unknown)?;
        }
        Ok(Applied::Absent)
    }

    /// Writes down that an object is about to be made.
    async fn sending(&self) -> Result<()> {
        let Some(ledger) = &self.target.ledger else { return Ok(()) };
        let attempt = Attempt::new(self.owner_label(), &self.shape, self.body(), self.cx.now());
        ledger.sending(self.cx, self.key(), attempt).await.map_err(Error::outcome_known)
    }

    fn label(&self, note: &Note) -> String {
        if self.target.ledger.is_none() { note.label() } else { String::new() }
    }
}

/// A field that no longer is declared, was to go by a null, and is there as before.
fn kept(written: &Value, declared: &Value, before: &Value, after: &Item) -> Option<SmolStr> {
    let (Value::Map(written), Ok(after)) = (written, &after.fields) else { return None };
    let is_kept = |(name, value): &(&str, &Value)| {
        let now = after.get(name).filter(|now| **now != Value::Null);
        **value == Value::Null && declared.get(name).is_none() && now.is_some() && now == before.get(name)
    };
    written.iter().find(is_kept).map(|(name, _)| name.into())
}
