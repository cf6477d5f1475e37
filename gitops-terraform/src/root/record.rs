use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::{Action, Cx, Digest, Document, Error, Key, OwnerLabel, Result, StateStore, Time, Version};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Place;
use super::folder::name_of;
use crate::tool::json::StateFile;

/// How many secrets of a root are remembered.
const SECRETS: usize = 1000;

/// How many lines of states of a root are remembered.
const LINES: usize = 100;

/// What is durable of one root: whose it is, what is under way, what is in doubt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Where its state is: where it was applied last. A plan never moves it.
    pub place: Option<Place>,
    /// Where its state was when it was given up.
    #[serde(default)]
    pub given_up: Option<Place>,
    /// The lines of states that are or were this root's, the latest last: those that it left behind, and those that a
    /// person said are its own.
    #[serde(default)]
    pub lines: Vec<String>,
    /// The id of the inventory that owns it.
    pub owner: Option<SmolStr>,
    /// The operation that made it ours: with the state's lineage, its incarnation.
    pub born: SmolStr,
    /// The operation that was carried out last.
    pub done: Option<SmolStr>,
    /// The state as we last saw it.
    pub seen: Option<Stamp>,
    /// The apply that is under way.
    pub running: Option<Running>,
    /// Resources of which nobody knows whether they were made.
    pub doubts: Vec<Doubt>,
    /// The digests, under our key, of the secrets that it was given, the latest 1,000: an old one may still stand in
    /// its state.
    #[serde(default)]
    pub secrets: Vec<Digest>,
    /// The doubts that a person ended.
    #[serde(default)]
    pub settled: Vec<Settled>,
    /// What persons found out otherwise.
    #[serde(default)]
    pub confirmed: Vec<Confirmed>,
    /// The checks that did not hold when the providers were asked last; nothing if they were not asked since the last
    /// apply: then the state says which.
    #[serde(default)]
    pub failed_checks: Option<Vec<String>>,
    /// The digest of the drift that was found last and not yet dealt with.
    pub drift: Option<Digest>,
}

/// One state of a root: which line of states, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub lineage: String,
    pub serial: u64,
    /// The digest of its bytes: an edit at an equal serial shows.
    pub digest: Digest,
}

impl From<&StateFile> for Stamp {
    fn from(state: &StateFile) -> Self {
        Self { lineage: state.lineage.clone(), serial: state.serial, digest: state.digest }
    }
}

/// An apply that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// The operation. The name in the record is of version 0.1.
    #[serde(rename = "mark")]
    pub owner_label: OwnerLabel,
    /// What is done to the root.
    pub action: Action,
    /// Where.
    pub place: Place,
    /// The id in the environment of the tool and of all that it starts.
    pub run: String,
    /// When it began.
    pub since: Time,
    /// The instances that were in the state before, with their identities.
    pub before: BTreeMap<String, Option<String>>,
    /// What its plan makes, or makes anew: where its report is cut, any of that may be there.
    #[serde(default)]
    pub creates: Vec<String>,
    /// Whether provisioners may run.
    #[serde(default)]
    pub provisions: bool,
    /// The bytes for which its report had room from the beginning; nothing where none could be taken.
    #[serde(default)]
    pub room: Option<u64>,
    /// The boot of the machine that it began in; nothing of version 0.1.
    #[serde(default)]
    pub boot: Option<String>,
    /// The work folder that it began in, where records outlive that: its report lies there and nowhere else.
    #[serde(default)]
    pub work: Option<String>,
}

/// What a person found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Confirmed {
    /// In words.
    pub what: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Time,
}

/// A doubt that a person ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settled {
    /// What was in doubt.
    pub doubt: Doubt,
    /// Who ended it.
    pub by: String,
    /// When.
    pub at: Time,
}

impl Doubt {
    /// Whether a state proves that the resource is there and known: it holds it, and not its predecessor.
    fn is_settled_by(&self, state: &StateFile) -> bool {
        let known = state.instances.get(&self.address);
        self.kind != DoubtKind::HalfProvisioned
            && known.is_some_and(|id| self.was.is_none() || *id != self.was)
    }
}

impl Record {
    /// Remembers secrets by their digests.
    pub fn remember_secrets(&mut self, digests: Vec<Digest>) {
        for digest in digests {
            if !self.secrets.contains(&digest) {
                self.secrets.push(digest);
            }
        }
        let surplus = self.secrets.len().saturating_sub(SECRETS);
        self.secrets.drain(..surplus);
    }

    /// Gives up the doubts that a state settles.
    pub fn settle_doubts(&mut self, state: &StateFile) {
        self.doubts.retain(|doubt| !doubt.is_settled_by(state));
    }

    /// The doubts that a state leaves.
    pub fn doubts_after<'a>(&'a self, state: Option<&'a StateFile>) -> impl Iterator<Item = &'a Doubt> {
        self.doubts.iter().filter(move |doubt| state.is_none_or(|state| !doubt.is_settled_by(state)))
    }

    /// Remembers that a line of states is this root's.
    pub fn remember_line(&mut self, lineage: &str) {
        self.lines.retain(|known| known != lineage);
        self.lines.push(lineage.to_owned());
        let surplus = self.lines.len().saturating_sub(LINES);
        self.lines.drain(..surplus);
    }
}

/// A resource of which nobody knows whether it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Doubt {
    /// The address.
    pub address: String,
    /// What is in doubt.
    pub kind: DoubtKind,
    /// The identity that the provider gave it, if it said so.
    pub id: Option<String>,
    /// The identity of its predecessor, if it was to replace one.
    pub was: Option<String>,
    /// When the apply began.
    pub since: Time,
    /// Whether a provisioner of it began to run.
    #[serde(default)]
    pub provisioned: bool,
}

/// What is in doubt about a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DoubtKind {
    /// Its creation began, and nobody heard of its end.
    MayExist,
    /// It was created, and the state does not hold it.
    NotInState,
    /// It is in the state, and its provisioners did not run to their end.
    HalfProvisioned,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, since, .. } = self;
        self.what(f, address, *since)?;
        match self.provisioned && self.kind != DoubtKind::HalfProvisioned {
            true => f.write_str("; a provisioner of it ran, or began to, and runs again if it is made again"),
            false => Ok(()),
        }
    }
}

impl Doubt {
    fn what(&self, f: &mut fmt::Formatter<'_>, address: &str, since: Time) -> fmt::Result {
        match (self.kind, &self.id) {
            (DoubtKind::MayExist, _) => {
                write!(f, "{address} may have been created at {since}, and is not in the state")
            }
            (DoubtKind::NotInState, Some(id)) => {
                write!(f, "{address} was created at {since} with the id `{id}`, and is not in the state")
            }
            (DoubtKind::NotInState, None) => {
                write!(f, "{address} was created at {since}, and is not in the state")
            }
            (DoubtKind::HalfProvisioned, _) => {
                write!(f, "{address} was created at {since}, and its provisioners did not run to their end")
            }
        }
    }
}

/// Keeps the records of roots, durably.
pub(crate) struct Records {
    store: Arc<dyn StateStore>,
    /// The records that lie in the work folder since before they had a store of their own.
    former: Option<Arc<dyn StateStore>>,
    /// The work folder, if it may be another one each time.
    work: Option<String>,
    /// What was noted by who only looks, and is never written.
    looked: Option<Mutex<BTreeMap<String, Document>>>,
}

/// A record with the version that the next change of it must name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub record: Record,
    version: Option<Version>,
}

/// The most bytes of what is kept in a store of its own beside a record: a cluster keeps no document that is much larger.
const BESIDE: usize = 700 << 10;

impl Records {
    /// Records that last as long as the work folder.
    pub fn new(store: Arc<dyn StateStore>) -> Self {
        Self { store, former: None, work: None, looked: None }
    }

    /// Records that outlive the work folder, which has this id.
    pub fn shared(
        store: Arc<dyn StateStore>,
        former: Option<Arc<dyn StateStore>>,
        work: String,
        only_looks: bool,
    ) -> Self {
        Self { store, former, work: Some(work), looked: only_looks.then(Mutex::default) }
    }

    /// The id of the work folder, if records outlive it.
    pub fn work(&self) -> Option<&str> {
        self.work.as_deref()
    }

    /// Whether another process works with the records.
    pub fn only_looks(&self) -> bool {
        self.looked.is_some()
    }

    /// Whether what an apply reported is in this work folder, if it is anywhere.
    pub fn has_the_report_of(&self, running: &Running) -> bool {
        self.work.is_none() || running.work.is_none() || running.work == self.work
    }

    /// The record of a root; an empty one if nothing is known of it.
    pub async fn load(&self, cx: &Cx, key: &Key) -> Result<Entry> {
        let Some((document, version)) = self.find(cx, &document(key)).await? else {
            return Ok(Entry::default());
        };
        let record = serde_json::from_slice(&document.bytes).map_err(Error::from)?;
        Ok(Entry { record, version })
    }

    /// Makes a record durable.
    pub async fn save(&self, cx: &Cx, key: &Key, entry: &mut Entry) -> Result<()> {
        let bytes = serde_json::to_vec(&entry.record)?;
        entry.version = self.write(cx, &document(key), entry.version.as_ref(), bytes).await?;
        Ok(())
    }

    /// What is kept beside the record of a root, where records outlive the work folder: nothing if it was too large, or was never
    /// kept. The folder has it then, if it has the same.
    pub async fn beside(&self, cx: &Cx, key: &Key, in_folder: Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        if self.work.is_none() {
            return Ok(in_folder);
        }
        let Some((kept, _)) = self.find(cx, &beside(key)).await? else { return Ok(in_folder) };
        Ok(match kept.bytes.first() {
            Some(b'{') => Some(kept.bytes),
            _ => in_folder.filter(|bytes| Digest::of(bytes).to_string().as_bytes() == kept.bytes),
        })
    }

    /// Keeps something beside the record of a root: its digest only, if it is too large.
    pub async fn keep_beside(&self, cx: &Cx, key: &Key, bytes: Vec<u8>) -> Result<()> {
        if self.work.is_none() {
            return Ok(());
        }
        let bytes = if bytes.len() > BESIDE { Digest::of(&bytes).to_string().into_bytes() } else { bytes };
        let found = self.find(cx, &beside(key)).await?;
        let (before, version) = found.map_or((None, None), |(kept, version)| (Some(kept.bytes), version));
        if before.as_deref() != Some(&*bytes) {
            self.write(cx, &beside(key), version.as_ref(), bytes).await?;
        }
        Ok(())
    }

    async fn find(&self, cx: &Cx, name: &str) -> Result<Option<(Document, Option<Version>)>> {
        let looked = self
            .looked
            .as_ref()
            .and_then(|looked| looked.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned());
        if let Some(document) = looked {
            return Ok(Some((document, None)));
        }
        if let Some(stored) = self.store.load(cx, name).await? {
            return Ok(Some((stored.document, Some(stored.version))));
        }
        let Some(former) = &self.former else { return Ok(None) };
        Ok(former.load(cx, name).await?.map(|stored| (stored.document, None)))
    }

    async fn write(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        bytes: Vec<u8>,
    ) -> Result<Option<Version>> {
        let document = Document { epoch: 0, bytes };
        if let Some(looked) = &self.looked {
            looked.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), document);
            return Ok(None);
        }
        self.store.swap(cx, name, expect, document).await.map(Some)
    }
}

fn beside(key: &Key) -> String {
    format!("declared-{}", name_of(key))
}

fn document(key: &Key) -> String {
    format!("root-{}", name_of(key))
}
