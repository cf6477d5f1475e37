//! Takes over objects that others made: the owner label, and nothing else.

use async_trait::async_trait;

use super::Service;
use super::change::Job;
use super::note::Note;
use super::resolve::{Found, Seen};
use super::target::{ServiceTarget, without_secrets};
use crate::capability::Import;
use crate::cx::Cx;
use crate::value::{Applied, Change, Error, Ownership, Result, Value};

#[async_trait]
impl<S: Service> Import for ServiceTarget<S> {
    async fn adopt(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let info = self.service.info();
        let _held = self.locks.hold(change.key()).await;
        let job = Job::new(self, cx, &info, change)?;
        job.adopt().await.map_err(|error| without_secrets(error, change).at(change.key()))
    }
}

impl<S: Service> Job<'_, S> {
    async fn adopt(&self) -> Result<Applied> {
        let Seen::Object(found) = self.find().await.map_err(Error::outcome_known)? else {
            return Err(self.conflict());
        };
        if found
            .note
            .as_ref()
            .is_some_and(|note| note.op == self.owner_label().op && self.owner_label().is_of(&note.owner))
        {
            return Ok(Applied::Holds(Box::new(found.live.clone())));
        }
        let is_free = found.live.ownership == Ownership::Unlabelled;
        if !is_free || !self.change.expects().holds(Some(&found.live)) {
            return Err(self.conflict());
        }
        let note = self.adopted();
        match self.target.ledger {
            Some(_) => self.written(found.item, note).await,
            None => self.put_label(&found, note).await,
        }
    }

    /// The note of an object that we did not make. What of a secret the service has, nobody knows.
    fn adopted(&self) -> Note {
        let owner_label = self.owner_label().clone();
        Note { owner: owner_label.owner, op: owner_label.op, made: "".into(), fields: self.shape.forgotten() }
    }

    async fn put_label(&self, found: &Found, note: Note) -> Result<Applied> {
        let write = self.write(found, Value::map::<&str>([]), &note);
        match self.target.service.update(self.cx, self.key(), &found.item.id, &write).await {
            Ok(item) => self.written(item, note).await,
            Err(error) if error.is_conflict() || error.is_not_found() => Err(self.conflict().because(error)),
            Err(error) => Err(error),
        }
    }
}
