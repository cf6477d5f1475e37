//! What the last plan knew, kept in a file for the next process: then a plan costs what changed, also for a process that just
//! began.
//!
//! The file says nothing that could not be found out again: it may be gone, damaged or of another time, and then the plan looks
//! at everything. What it says is believed only where it must still hold: the same set-up, the same targets, an
//! inventory that lies on the journal, and for each object a stamp that its target gives again.

mod rows;
#[cfg(all(test, feature = "simulate"))]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::base::Base;
use super::ledger::KeptInventory;
use super::stamps::{Stamp, Stamped};
use super::{Declared, Engine};
use crate::cx::Cx;
use crate::process::fs;
use crate::process::table::{At, Tables, Writer};
use crate::render::{Desired, KeptRendering, Renderer};
use crate::source::Snapshot;
use crate::state::inventory::{Head, Inventory};
use crate::state::journal::Anchor;
use crate::state::record::{Intent, Owned};
use crate::value::{
    Digest, DigestMap, Digested, Error, ErrorKind, Hasher, Key, Object, Result, Retry, Revision, SetDigest,
};
use rows::Rows;

/// The format that this version reads and writes; any other one is passed over.
const FORMAT: u32 = 1;

/// The tables of the file, in this order.
const TABLES: usize = 5;
const OBJECTS: usize = 0;
const PARTS: usize = 1;
const ENTRIES: usize = 2;
const STAMPS: usize = 3;
const SETS: usize = 4;

/// The file is written anew once more than this, and than a sixteenth of all objects, is otherwise than it says.
const WORTH: usize = 4;

/// The file, and what was found in it.
pub(super) struct Keeping {
    path: PathBuf,
    setup: Digest,
    /// What an earlier process kept, until it is known whether it is of use.
    kept: Option<Kept>,
    /// What the file says.
    saved: Option<Saved>,
}

/// What of an application is in the file: clones, which cost nothing.
#[derive(Clone)]
struct Saved {
    objects: DigestMap<Arc<Object>>,
    entries: DigestMap<Owned>,
    stamps: DigestMap<Stamp>,
    /// How often the journal was folded by then.
    folds: usize,
}

/// What an earlier process kept.
struct Kept {
    note: Note,
    rendering: Arc<KeptRendering>,
    inventory: KeptInventory,
    stamps: DigestMap<Stamp>,
}

/// The document of the file.
#[derive(Serialize, Deserialize)]
struct Note {
    format: u32,
    /// By what the file is passed over if it is otherwise now.
    engine: String,
    application: String,
    setup: Digest,
    rules: Digest,
    places: BTreeMap<SmolStr, String>,
    /// What was declared.
    revision: Revision,
    root: Digest,
    render: Digest,
    /// What the next plan looks at in any case, and what has no stamp.
    noted: Vec<SmolStr>,
    without: Vec<SmolStr>,
    /// The inventory, at this position of the journal.
    anchor: Anchor,
    head: Head,
    open: Vec<Intent>,
    unproven: Vec<SmolStr>,
}

impl Keeping {
    /// Reads the file for an application. One that can't be read, or is of something else, is as good as none.
    pub fn open(path: &Path, setup: Digest, application: &str) -> Self {
        let kept = Kept::read(path);
        let kept = kept.filter(|kept| kept.note.setup == setup && kept.note.application == application);
        Self { path: path.to_owned(), setup, kept, saved: None }
    }

    /// The inventory that was kept.
    pub fn inventory(&self) -> Option<&KeptInventory> {
        self.kept.as_ref().map(|kept| &kept.inventory)
    }

    /// The file is of no use: its inventory does not lie on the journal.
    pub fn pass_over(&mut self) {
        self.kept = None;
    }
}

impl Kept {
    fn read(path: &Path) -> Option<Self> {
        let tables = Tables::open(path, TABLES)?;
        let note: Note = serde_json::from_slice(tables.document()).ok()?;
        if note.format != FORMAT || note.engine != engine() {
            return None;
        }
        let sets = tables.table(SETS);
        let set = |name: &str| SetDigest::from_bytes(sets.row(sets.find(name)?).1);
        let rendering = KeptRendering {
            revision: note.revision.clone(),
            root: note.root,
            fingerprint: note.render,
            objects: tables.table(OBJECTS),
            parts: tables.table(PARTS),
            set: set("objects")?,
        };
        let values = tables.values();
        let entry = move |row: &[u8]| serde_json::from_slice(&values.read(At::from_bytes(row)?)?).ok();
        let entries = Rows::map(tables.table(ENTRIES), set("entries")?, entry);
        let stamps = Rows::map(tables.table(STAMPS), set("stamps")?, |_| None);
        let inventory = KeptInventory {
            inventory: Inventory::from_kept(
                note.head.clone(),
                entries,
                note.open.clone(),
                keys(&note.unproven)?,
            ),
            anchor: note.anchor.clone(),
        };
        Some(Self { note, rendering: Arc::new(rendering), inventory, stamps })
    }
}

fn engine() -> &'static str {
    concat!("gitops-core ", env!("CARGO_PKG_VERSION"))
}

fn keys(texts: &[SmolStr]) -> Option<Vec<Key>> {
    texts.iter().map(|text| Key::from_joined(text)).collect()
}

fn texts<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Option<Vec<SmolStr>> {
    keys.into_iter().map(|key| key.joined().map(SmolStr::from)).collect()
}

impl Engine {
    /// Takes a revision up from where an earlier process stood; nothing if it kept nothing that is of use.
    pub(super) async fn go_on(&mut self, cx: &Cx, snapshot: &Snapshot) -> Option<Declared> {
        let (declared, renderer) = self.stand_where_it_was_kept(cx, snapshot).await?;
        self.renderer = renderer;
        Some(declared)
    }

    /// Knows what an earlier process kept, as far as it is of use for a revision. Gives what that declares, and the renderer that
    /// stands at it: the engine's own stands where the earlier process did.
    pub(super) async fn stand_where_it_was_kept(
        &mut self,
        cx: &Cx,
        snapshot: &Snapshot,
    ) -> Option<(Declared, Renderer)> {
        let kept = self.keeping.as_mut().filter(|_| self.declared.is_none())?.kept.take()?;
        let is_same = kept.note.rules == self.rules() && Some(&kept.note.places) == self.identities.as_ref();
        if !is_same || !self.still_has(cx, &kept.note.revision).await {
            return None;
        }
        let mut start = self.renderer.clone();
        start.go_on_from(cx, &kept.rendering, snapshot);
        let mut renderer = start.clone();
        // Where this fails, everything is rendered, and what is wrong is told.
        let declared = self.read(cx, &mut renderer, snapshot.clone()).await.ok()?;
        let objects = declared.desired.objects();
        if objects.has_failed() || renderer.fingerprint() != kept.note.render {
            return None;
        }
        let noted = keys(&kept.note.noted)?;
        let without = keys(&kept.note.without)?.into_iter().collect();
        let saved = Saved {
            objects: objects.as_kept(),
            entries: kept.inventory.inventory.entries().clone(),
            stamps: kept.stamps.clone(),
            folds: self.ledger.folds(),
        };
        self.renderer = start;
        self.base = Base::go_on_from(saved.objects.clone(), saved.entries.clone(), noted);
        self.stamped = Stamped { stamps: kept.stamps, without };
        self.keeping.as_mut()?.saved = Some(saved);
        // What happened between the processes, no watch has seen.
        self.next_look.is_due = true;
        Some((declared, renderer))
    }

    /// Whether the source has the files of a revision at hand.
    async fn still_has(&self, cx: &Cx, revision: &Revision) -> bool {
        match self.source.history() {
            Some(history) => history.describe(&cx.within(self.timeouts.call), revision).await.is_ok(),
            None => true,
        }
    }

    /// The digest of all by which a plan judges, besides what it looks at.
    fn rules(&self) -> Digest {
        let basis = self.basis(Digest::of(&[]));
        let mut hasher = Hasher::new("gitops rules of a plan");
        hasher.field(&basis.source).field(basis.gates.as_bytes()).field(basis.options.as_bytes());
        hasher.finish()
    }

    /// An error if something that was kept could not be read when it was needed: then what was found out from it counts for
    /// nothing.
    pub(super) fn check_whole(&self, desired: &Desired) -> Result<()> {
        if !self.inventory().entries().has_failed() && !desired.objects().has_failed() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "what the last plan kept can't be read any more")
            .help("try again: everything is then read anew")
            .retry_when(Retry::Now))
    }

    /// The same of what is declared now; where it fails, all that was kept is let go of.
    pub(super) fn check_kept(&mut self) -> Result<()> {
        let checked = self.desired().map_or(Ok(()), |desired| self.check_whole(desired));
        if checked.is_err() {
            self.let_go_of_kept();
        }
        checked
    }

    /// Forgets all that was found out from what was kept.
    pub(super) fn let_go_of_kept(&mut self) {
        self.remove_if_damaged();
        (self.declared, self.base, self.stamped) = (None, Base::default(), Stamped::default());
        self.renderer.forget();
        self.keeping.iter_mut().for_each(|keeping| keeping.saved = None);
    }

    /// Reads anew what could not be read where it was kept.
    ///
    /// # Errors
    /// `Corrupt` if the inventory is among it and this engine writes it already: what it knows of the objects that it owns, the next
    /// process must read.
    pub(super) async fn read_anew(&mut self, cx: &Cx) -> Result<()> {
        match self.inventory().entries().has_failed() {
            true => self.ledger.read_anew(cx).await,
            false => Ok(()),
        }
    }

    /// Removes the file if something of the inventory could not be read from it: the next process then reads the documents.
    pub(super) fn remove_if_damaged(&self) {
        if self.inventory().entries().has_failed() {
            self.keeping.iter().for_each(|keeping| drop(fs::remove(&keeping.path)));
        }
    }

    /// Keeps what the last plan knew, if enough of it is otherwise than the file says. Where that fails, the next process looks
    /// at everything.
    pub(super) async fn keep(&mut self) {
        let Some(keeping) = self.keeping.as_ref().filter(|keeping| self.is_worth_keeping(keeping)) else {
            return;
        };
        let path = keeping.path.clone();
        let Some((bytes, saved)) = self.to_keep(keeping.setup) else { return };
        let write = move || fs::atomic_write(&path, &bytes, fs::PRIVATE).map_err(Error::from);
        let written = self.ledger.under_way().blocking(write).await;
        match written {
            Ok(()) => self.keeping.iter_mut().for_each(|keeping| keeping.saved = Some(saved.clone())),
            Err(error) => tracing::debug!(%error, "the next process looks at everything"),
        }
    }

    fn is_worth_keeping(&self, keeping: &Keeping) -> bool {
        let Some(desired) = self.desired() else { return false };
        let saved = keeping.saved.as_ref().filter(|saved| saved.folds == self.ledger.folds());
        let Some(saved) = saved else { return true };
        let worth = WORTH.max(desired.objects().len() / 16);
        let objects = desired.objects().changed_since(&saved.objects);
        let moved = objects.chain(self.inventory().entries().changed_since(&saved.entries));
        moved.chain(self.stamped.stamps.changed_since(&saved.stamps)).take(worth + 1).count() > worth
    }

    /// The file; nothing if what there is can't be gone on from.
    fn to_keep(&self, setup: Digest) -> Option<(Vec<u8>, Saved)> {
        let anchor = self.ledger.anchor()?;
        let declared = self.declared.as_ref()?;
        let rendering = self.renderer.to_keep()?;
        if rendering.snapshot.revision != declared.revision
            || !self.targets.values().any(|target| target.stamps().is_some())
        {
            return None;
        }
        let (inventory, stamps) = (self.inventory(), &self.stamped.stamps);
        let note = Note {
            format: FORMAT,
            engine: engine().to_owned(),
            application: self.name.clone(),
            setup,
            rules: self.rules(),
            places: self.identities.clone()?,
            revision: declared.revision.clone(),
            root: rendering.snapshot.root,
            render: rendering.fingerprint,
            noted: texts(&self.base.candidates(&declared.desired, inventory))?,
            without: texts(&self.stamped.without)?,
            anchor,
            head: inventory.head().clone(),
            open: inventory.open().cloned().collect(),
            unproven: texts(inventory.unproven())?,
        };
        let rows = rendering.rows()?;
        let mut writer = Writer::new(&serde_json::to_vec(&note).ok()?);
        writer.table(&rows.objects);
        writer.table(&rows.parts);
        let entries = entry_rows(&mut writer, inventory)?;
        writer.table(&entries);
        writer.table(&stamp_rows(stamps)?);
        let set = |map: SetDigest| map.to_bytes();
        writer.table(&[
            ("entries", set(inventory.entries().set())),
            ("objects", set(declared.desired.objects().set())),
            ("stamps", set(stamps.set())),
        ]);
        let saved = Saved {
            objects: declared.desired.objects().clone(),
            entries: inventory.entries().clone(),
            stamps: stamps.clone(),
            folds: self.ledger.folds(),
        };
        self.check_whole(&declared.desired).ok()?;
        Some((writer.finish(), saved))
    }
}

/// The digest of each entry, and where the entry is.
fn entry_rows<'a>(writer: &mut Writer, inventory: &'a Inventory) -> Option<Vec<(&'a str, Vec<u8>)>> {
    let mut row = |entry: &Owned| {
        let at = writer.value(&serde_json::to_vec(entry).ok()?);
        Some([entry.digest().as_bytes(), &at.to_bytes()[..]].concat())
    };
    inventory.entries().iter().map(|(key, entry)| Some((key.joined()?, row(entry)?))).collect()
}

fn stamp_rows(stamps: &DigestMap<Stamp>) -> Option<Vec<(&str, Vec<u8>)>> {
    stamps.digests().map(|(key, stamp)| Some((key.joined()?, stamp.as_bytes().to_vec()))).collect()
}
