//! What the adapter remembers of objects that carry no label: in documents of a state store, written before each effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::note::Note;
use super::shape::Shape;
use crate::cx::{Cx, Time};
use crate::state::store::{Document, StateStore};
use crate::value::{Digest, Error, ErrorKind, Key, OwnerLabel, Result, Value, Version};

/// How many documents there are, so that none of them grows too large.
const SHARDS: u8 = 64;

/// How often a document is loaded again because another process changed it.
const TRIES: usize = 32;

/// How many creations of one object may be without a known outcome.
const MAX_SENT: usize = 16;

const FORMAT: u32 = 1;

/// The ledger of one service.
pub(super) struct Ledger {
    store: Arc<dyn StateStore>,
    name: String,
    /// Blocked while a document is replaced, so that changes of one process do not undo each other's tries.
    writing: tokio::sync::Mutex<()>,
}

/// What is known of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// The object that is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<Note>,
    /// Creations of which nobody knows whether they landed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sent: Vec<Attempt>,
    /// The update that was begun last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) update: Option<Pending>,
}

/// A creation that was sent, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) note: Note,
    /// The digest of the declared values.
    pub(super) want: Digest,
    pub(super) at: Time,
}

/// An update that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) owner: SmolStr,
    pub(super) op: SmolStr,
    pub(super) fields: Shape,
    /// The digest of the declared values.
    pub(super) want: Digest,
    /// The version that the object had before.
    pub(super) before: Version,
}

#[derive(Serialize, Deserialize)]
struct Shard {
    format: u32,
    entries: Vec<Entry>,
}

impl Entry {
    fn new(key: &Key) -> Self {
        Self { key: key.clone(), id: None, note: None, sent: Vec::new(), update: None }
    }

    /// The creation that would have made an object with these fields.
    pub(super) fn attempt(&self, fields: &Value) -> Option<&Attempt> {
        self.sent.iter().find(|attempt| attempt.want == want(&attempt.note.fields, fields))
    }
}

/// The digest of the values that a shape covers, without secrets.
pub(super) fn want(shape: &Shape, fields: &Value) -> Digest {
    shape.forgotten().show(Some(fields)).unwrap_or(Value::Null).digest()
}

impl Ledger {
    pub(super) fn new(store: Arc<dyn StateStore>, name: impl Into<String>) -> Self {
        Self { store, name: name.into(), writing: tokio::sync::Mutex::default() }
    }

    /// What is known of these objects.
    pub(super) async fn read(
        &self,
        cx: &Cx,
        keys: impl Iterator<Item = &Key>,
    ) -> Result<BTreeMap<Key, Entry>> {
        let mut wanted: BTreeMap<String, Vec<&Key>> = BTreeMap::new();
        keys.for_each(|key| wanted.entry(self.document(key)).or_default().push(key));
        let mut found = BTreeMap::new();
        for (document, keys) in wanted {
            let (mut entries, _) = self.load(cx, &document).await?;
            let of = |key: &Key| entries.remove(key).map(|entry| (key.clone(), entry));
            found.extend(keys.into_iter().filter_map(of));
        }
        Ok(found)
    }

    /// Writes down that a creation is about to be sent.
    pub(super) async fn sending(&self, cx: &Cx, key: &Key, attempt: Attempt) -> Result<()> {
        self.edit(cx, key, |entry| {
            if entry.sent.len() >= MAX_SENT {
                let message = format!("of {MAX_SENT} creations nobody knows whether they landed");
                return Err(Error::new(ErrorKind::Limit, message)
                    .help("look for the object in the service, and confirm what became of it"));
            }
            entry.sent.push(attempt.clone());
            Ok(())
        })
        .await
    }

    /// Writes down that a creation was refused.
    pub(super) async fn refused(&self, cx: &Cx, key: &Key, op: &str) -> Result<()> {
        self.edit(cx, key, |entry| {
            entry.forget_attempt(op);
            Ok(())
        })
        .await
    }

    /// Writes down that an update is about to be sent, and what is known of the object before it.
    pub(super) async fn updating(
        &self,
        cx: &Cx,
        key: &Key,
        id: &str,
        note: &Note,
        next: Pending,
    ) -> Result<()> {
        self.edit(cx, key, |entry| {
            (entry.id, entry.note) = (Some(id.to_owned()), Some(note.clone()));
            entry.update = Some(next.clone());
            Ok(())
        })
        .await
    }

    /// Writes down that an update was refused.
    pub(super) async fn not_updated(&self, cx: &Cx, key: &Key) -> Result<()> {
        self.edit(cx, key, |entry| {
            entry.update = None;
            Ok(())
        })
        .await
    }

    /// Writes down which object is ours and what was written last. Creations that can't land any more are forgotten.
    pub(super) async fn holds(&self, cx: &Cx, key: &Key, id: &str, note: &Note, since: Time) -> Result<()> {
        self.edit(cx, key, |entry| {
            entry.forget_attempt(&note.op);
            entry.sent.retain(|attempt| attempt.at >= since);
            (entry.id, entry.note, entry.update) = (Some(id.to_owned()), Some(note.clone()), None);
            Ok(())
        })
        .await
    }

    /// Writes down that a surplus copy is gone.
    pub(super) async fn dropped(&self, cx: &Cx, key: &Key, fields: &Value) -> Result<()> {
        self.edit(cx, key, |entry| {
            let op = entry.attempt(fields).map(|attempt| attempt.note.op.clone());
            op.iter().for_each(|op| entry.forget_attempt(op));
            Ok(())
        })
        .await
    }

    /// Forgets an object that is gone; creations that may still land stay.
    pub(super) async fn forget(&self, cx: &Cx, key: &Key, since: Time) -> Result<()> {
        self.edit(cx, key, |entry| {
            let sent = std::mem::take(&mut entry.sent);
            *entry = Entry { sent, ..Entry::new(key) };
            entry.sent.retain(|attempt| attempt.at >= since);
            Ok(())
        })
        .await
    }

    async fn edit(&self, cx: &Cx, key: &Key, change: impl Fn(&mut Entry) -> Result<()>) -> Result<()> {
        let _writing = self.writing.lock().await;
        let document = self.document(key);
        for _ in 0..TRIES {
            let (mut entries, version) = self.load(cx, &document).await?;
            let before = entries.get(key).cloned();
            let mut entry = before.clone().unwrap_or_else(|| Entry::new(key));
            change(&mut entry)?;
            let after = Some(entry).filter(|entry| *entry != Entry::new(key));
            if after == before {
                return Ok(());
            }
            match after {
                Some(entry) => entries.insert(key.clone(), entry),
                None => entries.remove(key),
            };
            match self.store.swap(cx, &document, version.as_ref(), shard(entries)?).await {
                Err(error) if error.is_conflict() => {}
                answer => return answer.map(drop),
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "other processes keep changing the ledger")
            .with("document", document))
    }

    async fn load(&self, cx: &Cx, document: &str) -> Result<(BTreeMap<Key, Entry>, Option<Version>)> {
        let Some(stored) = self.store.load(cx, document).await? else {
            return Ok((BTreeMap::new(), None));
        };
        let shard: Shard = serde_json::from_slice(&stored.document.bytes)
            .map_err(|error| Error::from(error).with("document", document))?;
        if shard.format != FORMAT {
            let message =
                format!("the ledger has the format {}, and this version reads {FORMAT}", shard.format);
            return Err(Error::new(ErrorKind::Unsupported, message).with("document", document));
        }
        let entries = shard.entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
        Ok((entries, Some(stored.version)))
    }

    fn document(&self, key: &Key) -> String {
        let shard = Digest::of(key.to_string().as_bytes()).as_bytes()[0] % SHARDS;
        format!("{}-{shard:02}", self.name)
    }
}

impl Entry {
    /// One creation of this operation has a known outcome.
    fn forget_attempt(&mut self, op: &str) {
        if let Some(place) = self.sent.iter().position(|attempt| attempt.note.op == op) {
            self.sent.remove(place);
        }
    }
}

impl Attempt {
    pub(super) fn new(owner_label: &OwnerLabel, fields: &Shape, declared: &Value, at: Time) -> Self {
        Self { note: Note::made_by(owner_label, fields.clone()), want: want(fields, declared), at }
    }
}

fn shard(entries: BTreeMap<Key, Entry>) -> Result<Document> {
    let shard = Shard { format: FORMAT, entries: entries.into_values().collect() };
    Ok(Document { epoch: 0, bytes: serde_json::to_vec(&shard)? })
}
