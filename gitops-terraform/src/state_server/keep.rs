use std::sync::Arc;

use gitops_core::{Cx, Digest, Document, Error, ErrorKind, Key, Result, StateStore, Version};

use super::head::{Head, Refused};
use super::recorder::Recorder;
use super::{StateLock, StateWrite};
use crate::tool::json::StateFile;

/// How often a change is made anew because somebody else was first.
const TRIES: usize = 8;

/// The states of all names, over a store.
pub(super) struct States {
    store: Arc<dyn StateStore>,
    recorder: Option<Recorder>,
}

/// Who writes a state.
pub(super) struct Writer {
    /// The root whose state it is.
    pub root: Key,
    /// The run of ours that writes.
    pub run: String,
    /// The id of the lock that it says to hold.
    pub lock: String,
}

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("States")
    }
}

/// Why something was not done: it is refused, or the store failed.
#[derive(Debug)]
pub(super) enum NotDone {
    Refused(Refused),
    Failed(Error),
}

impl From<Error> for NotDone {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<NotDone> for Error {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Failed(error) => error,
            NotDone::Refused(Refused::Locked(holder)) => {
                Self::new(ErrorKind::Conflict, "the lock is another one")
                    .with("held by", holder.who)
                    .with("id", holder.id)
            }
            NotDone::Refused(Refused::NotTheLock) => Self::new(ErrorKind::Conflict, "nobody holds the lock"),
            NotDone::Refused(Refused::NotTheNext(why)) => Self::new(ErrorKind::Conflict, why),
        }
    }
}

impl States {
    pub fn new(store: Arc<dyn StateStore>, recorder: Option<Recorder>) -> Self {
        Self { store, recorder }
    }

    /// The latest state.
    pub async fn read(&self, cx: &Cx, name: &str) -> Result<Option<Vec<u8>>> {
        let (head, _) = self.head(cx, name).await?;
        let (Some(number), Some(write)) = (head.latest(), head.writes.last()) else { return Ok(None) };
        let bytes = self.slot(cx, name, number).await?.map(|(bytes, _)| bytes);
        match bytes.filter(|bytes| Digest::of(bytes) == write.digest) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(Error::new(ErrorKind::Corrupt, "the state is not the one that was written")
                .with("state", name)
                .help("restore the store from a backup; nothing is written until then")),
        }
    }

    /// A state that was written before and is still kept.
    pub async fn version(&self, cx: &Cx, name: &str, serial: u64) -> Result<Option<Vec<u8>>> {
        let (head, _) = self.head(cx, name).await?;
        match head.number_of(serial) {
            Some(number) => Ok(self.slot(cx, name, number).await?.map(|(bytes, _)| bytes)),
            None => Ok(None),
        }
    }

    pub async fn history(&self, cx: &Cx, name: &str) -> Result<Vec<StateWrite>> {
        Ok(self.head(cx, name).await?.0.writes)
    }

    pub async fn lock_of(&self, cx: &Cx, name: &str) -> Result<Option<StateLock>> {
        Ok(self.head(cx, name).await?.0.lock)
    }

    /// Takes the lock.
    pub async fn lock(&self, cx: &Cx, name: &str, lock: &StateLock) -> Result<(), NotDone> {
        self.change(cx, name, |head| head.take(lock.clone())).await
    }

    /// Gives the lock back.
    pub async fn unlock(&self, cx: &Cx, name: &str, id: &str) -> Result<(), NotDone> {
        self.change(cx, name, |head| head.give_back(id)).await
    }

    /// Writes a state under a lock: first its bytes, then that they are the latest. What can't be recorded is not
    /// written.
    pub async fn write(&self, cx: &Cx, name: &str, writer: &Writer, bytes: Vec<u8>) -> Result<(), NotDone> {
        let state =
            StateFile::read(&bytes)?.ok_or_else(|| Error::new(ErrorKind::Invalid, "an empty state"))?;
        let (head, version) = self.head(cx, name).await?;
        let holder = head.lock.clone();
        let write = StateWrite {
            lineage: state.lineage,
            serial: state.serial,
            digest: state.digest,
            at: cx.now(),
            who: holder.as_ref().map(|lock| lock.who.clone()).unwrap_or_default(),
            operation: holder.map(|lock| lock.operation).unwrap_or_default(),
        };
        if !head.may_write(&writer.lock, &write)? {
            return Ok(());
        }
        if let Some(recorder) = &self.recorder {
            recorder.record(cx, writer, &write).await?;
        }
        self.put_slot(cx, name, head.count, bytes).await?;
        let mut head = head;
        head.wrote(write);
        // Whoever was first since has the lock: this write is none any more.
        Ok(self.swap(cx, name, version.as_ref(), &head).await?)
    }

    async fn change(
        &self,
        cx: &Cx,
        name: &str,
        change: impl Fn(&mut Head) -> Result<(), Refused>,
    ) -> Result<(), NotDone> {
        for _ in 1..TRIES {
            let (mut head, version) = self.head(cx, name).await?;
            change(&mut head)?;
            match self.swap(cx, name, version.as_ref(), &head).await {
                Err(error) if error.is_conflict() => {}
                swapped => return Ok(swapped?),
            }
        }
        Err(NotDone::Failed(Error::new(ErrorKind::Unavailable, "others were first again and again")))
    }

    async fn head(&self, cx: &Cx, name: &str) -> Result<(Head, Option<Version>)> {
        match self.store.load(cx, &head_name(name)).await? {
            Some(stored) => Ok((serde_json::from_slice(&stored.document.bytes)?, Some(stored.version))),
            None => Ok((Head::default(), None)),
        }
    }

    async fn swap(&self, cx: &Cx, name: &str, version: Option<&Version>, head: &Head) -> Result<()> {
        let document = Document { epoch: 0, bytes: serde_json::to_vec(head)? };
        self.store.swap(cx, &head_name(name), version, document).await.map(drop)
    }

    async fn slot(&self, cx: &Cx, name: &str, number: u64) -> Result<Option<(Vec<u8>, Version)>> {
        let stored = self.store.load(cx, &slot_name(name, number)).await?;
        Ok(stored.map(|stored| (stored.document.bytes, stored.version)))
    }

    async fn put_slot(&self, cx: &Cx, name: &str, number: u64, bytes: Vec<u8>) -> Result<()> {
        let before = self.slot(cx, name, number).await?.map(|(_, version)| version);
        let document = Document { epoch: 0, bytes };
        self.store.swap(cx, &slot_name(name, number), before.as_ref(), document).await.map(drop)
    }
}

fn head_name(name: &str) -> String {
    format!("state-{name}")
}

fn slot_name(name: &str, number: u64) -> String {
    format!("state-{name}.{}", Head::slot(number))
}
