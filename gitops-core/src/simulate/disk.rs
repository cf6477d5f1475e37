//! Where an engine in the world keeps its journal, on a disk that can fail.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::check;
use super::fault::Fault;
use super::state::{Handle, Inner, SECOND};
use crate::cx::Bug;
use crate::state::journal::{self, Journal, JournalIo, MemoryJournalIo};
use crate::state::record::Record;
use crate::state::store::MemoryStore;

/// The disk of one application.
#[derive(Default)]
pub(super) struct Disk {
    pub journal: MemoryJournalIo,
    pub store: Arc<MemoryStore>,
    /// What was written to the journal and not synced.
    pending: Vec<u8>,
    /// What a seeded bug keeps in memory and calls durable, and when it was last written.
    held: Vec<u8>,
    flushed: i64,
    /// A seeded bug cut a document to nothing before it writes it.
    pub blank: bool,
    /// The undamaged journal, while the one on the disk is damaged.
    backup: Option<Vec<u8>>,
    /// The journal as it was when its anchor was renewed: last time, and the time before.
    copies: [Vec<u8>; 2],
    appended: u64,
}

impl Disk {
    /// The disk of another machine that shares a store.
    pub fn beside(store: Arc<MemoryStore>) -> Self {
        Self { store, ..Self::default() }
    }

    /// How many bytes were ever appended to the journal.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// The records that can be read and would not outlive a crash.
    pub fn unsynced(&self) -> Vec<Record> {
        journal::records_of(&self.pending)
    }

    pub fn is_damaged(&self) -> bool {
        self.backup.is_some()
    }

    /// A person puts the undamaged journal back.
    pub fn restore(&mut self) {
        if let Some(bytes) = self.backup.take() {
            self.put(bytes);
        }
    }

    /// Somebody copies the journal when its anchor was renewed.
    fn copy(&mut self) {
        let now = self.journal.bytes().unwrap_or_default();
        self.copies.swap(0, 1);
        self.copies[0] = now;
    }

    /// A copy of the journal that ends before its anchor. One of an older lineage is what a deposed machine has, and
    /// counts as none.
    fn old_copy(&self) -> Option<Vec<u8>> {
        let [anchored, old] = &self.copies;
        let (end, old_end) = (Journal::end_of(anchored).ok()?, Journal::end_of(old).ok()?);
        (old_end.lineage == end.lineage && old_end.sequence < end.sequence).then(|| old.clone())
    }

    /// An engine read the journal and found nothing wrong that matters: it goes on from there.
    pub fn accepted(&mut self) {
        self.backup = None;
    }

    /// Puts another journal in the place of the one that is there; the anchor beside it stays.
    fn put(&mut self, bytes: Vec<u8>) {
        let anchor = self.journal.read_anchor().ok().flatten();
        self.journal = MemoryJournalIo::with_bytes(bytes);
        if let Some(anchor) = anchor {
            self.journal.replace_anchor(&anchor).expect("a disk in memory does not fail by itself");
        }
    }
}

impl Inner {
    /// What a crash leaves on the disk of an application.
    pub fn lose_power(&mut self, app: usize) {
        self.apps[app].disk.held.clear();
        let pending = std::mem::take(&mut self.apps[app].disk.pending);
        let unsynced = pending.len() as u64;
        let kept = self.faults.strength(Fault::TornWrite, unsynced + 1).unwrap_or_default();
        let loses_sectors = kept > 0 && self.random.chance(3000);
        let mut random = self.random.clone();
        let mut lost = false;
        self.apps[app].disk.journal.crash(usize::try_from(kept).expect("it fits"), |_| {
            let loses = loses_sectors && random.chance(5000);
            lost |= loses;
            loses
        });
        if kept == unsynced && kept > 0 && !lost {
            self.folded(app, &pending);
        }
    }

    /// What becomes of the journal while nobody looks.
    pub fn decay(&mut self, app: usize) {
        self.put_back(app);
        if !self.apps[app].disk.is_damaged() {
            self.rot(app);
        }
    }

    /// Somebody puts an old copy of the journal back.
    fn put_back(&mut self, app: usize) {
        if !self.faults.strikes(Fault::OldCopy) {
            return;
        }
        let disk = &mut self.apps[app].disk;
        let Some((old, now)) = disk.old_copy().zip(disk.journal.bytes()) else { return };
        disk.backup = Some(now);
        disk.put(old);
        self.say(format_args!("a{app} an old copy of the journal is put back"));
    }

    fn rot(&mut self, app: usize) {
        let Some(mut bytes) = self.apps[app].disk.journal.bytes().filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        let Some(bit) = self.faults.strength(Fault::BitRot, bytes.len() as u64 * 8) else { return };
        self.say(format_args!("a{app} bit {bit} of the journal flips"));
        let disk = &mut self.apps[app].disk;
        disk.backup = Some(bytes.clone());
        bytes[usize::try_from(bit / 8).expect("it is within the journal")] ^= 1 << (bit % 8);
        disk.put(bytes);
    }

    /// Frames became durable.
    fn folded(&mut self, app: usize, frames: &[u8]) {
        let records = journal::records_of(frames);
        self.say(format_args!("a{app} {} records are durable", records.len()));
        check::durable(self, app, &records);
    }

    /// Seeded bugs: B01 keeps intents back until the next write, B08 and B47 everything until the reconciliation ends, B54 for
    /// twenty seconds.
    fn holds_back(&mut self, app: usize, frame: &[u8]) -> bool {
        let intends = |record: &Record| matches!(record, Record::Intent(_));
        match self.bug.map(Bug::number) {
            Some(1) => self.apps[app].disk.held.is_empty() && journal::records_of(frame).iter().any(intends),
            Some(8) => true,
            Some(54) if self.now - self.apps[app].disk.flushed < 20 * SECOND => true,
            Some(54) => {
                self.apps[app].disk.flushed = self.now;
                false
            }
            _ => false,
        }
    }

    pub(super) fn flush(&mut self, app: usize) {
        let held = std::mem::take(&mut self.apps[app].disk.held);
        if !held.is_empty() && self.apps[app].disk.journal.append(&held).is_ok() {
            self.apps[app].disk.pending.extend(held);
        }
    }

    /// Seeded bugs: B02 syncs nothing, B09 no outcomes.
    fn skips_sync(&self, app: usize) -> bool {
        let tells = |record: &Record| matches!(record, Record::Outcome { .. });
        let pending = &self.apps[app].disk.pending;
        match self.bug.map(Bug::number) {
            Some(2) => true,
            Some(9) => !pending.is_empty() && journal::records_of(pending).iter().all(tells),
            _ => false,
        }
    }

    pub(super) fn disk_fails(&mut self, life: usize) -> bool {
        let fails = self.faults.strikes(Fault::DiskFails);
        if fails {
            self.say(format_args!("e{life} its disk fails"));
            self.lives[life].storage_failed = true;
        }
        fails
    }
}

fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

/// The journal of an application, for one life of its engine.
pub(super) struct SimJournal {
    pub world: Handle,
    pub life: usize,
    pub app: usize,
}

impl JournalIo for SimJournal {
    fn waits(&self) -> bool {
        false
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut world = self.world.lock();
        let disk = &mut world.apps[self.app].disk;
        if disk.blank { Ok(None) } else { disk.journal.read() }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.survives(self.life, "before a write of the journal") {
            return Err(dead());
        }
        if world.holds_back(self.app, bytes) {
            world.apps[self.app].disk.held.extend_from_slice(bytes);
            return Ok(());
        }
        let mut whole = std::mem::take(&mut world.apps[self.app].disk.held);
        whole.extend_from_slice(bytes);
        let bytes = &whole[..];
        let fails = world.disk_fails(self.life);
        let part = if fails { world.random.below(bytes.len() as u64) as usize } else { bytes.len() };
        let disk = &mut world.apps[self.app].disk;
        disk.appended += part as u64;
        disk.pending.extend_from_slice(&bytes[..part]);
        disk.journal.append(&bytes[..part])?;
        if fails {
            return Err(ErrorKind::StorageFull.into());
        }
        world.survives(self.life, "after a write of the journal").then_some(()).ok_or_else(dead)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.survives(self.life, "before a sync of the journal") {
            return Err(dead());
        }
        if world.skips_sync(self.app) {
            return Ok(());
        }
        if world.disk_fails(self.life) {
            world.apps[self.app].disk.journal.fail_syncs(1);
            return world.apps[self.app].disk.journal.sync();
        }
        world.apps[self.app].disk.journal.sync()?;
        let pending = std::mem::take(&mut world.apps[self.app].disk.pending);
        if !pending.is_empty() {
            world.folded(self.app, &pending);
        }
        world.survives(self.life, "after a sync of the journal").then_some(()).ok_or_else(dead)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.survives(self.life, "before the journal is cut") {
            return Err(dead());
        }
        let disk = &mut world.apps[self.app].disk;
        disk.pending.clear();
        disk.journal.truncate(length)
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.survives(self.life, "before the journal is replaced") {
            return Err(dead());
        }
        if world.disk_fails(self.life) {
            return Err(ErrorKind::StorageFull.into());
        }
        let disk = &mut world.apps[self.app].disk;
        disk.pending.clear();
        disk.journal.replace(bytes)?;
        world.survives(self.life, "after the journal is replaced").then_some(()).ok_or_else(dead)
    }

    fn read_anchor(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.world.lock().apps[self.app].disk.journal.read_anchor()
    }

    fn replace_anchor(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.survives(self.life, "before the anchor is replaced") {
            return Err(dead());
        }
        // An old anchor stands for less of the journal, and for nothing wrong: the engine may go on.
        if world.faults.strikes(Fault::DiskFails) {
            return Err(ErrorKind::StorageFull.into());
        }
        let disk = &mut world.apps[self.app].disk;
        disk.journal.replace_anchor(bytes)?;
        disk.copy();
        Ok(())
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        match world.is_alive(self.life) {
            true => world.apps[self.app].disk.journal.reserve(bytes),
            false => Err(dead()),
        }
    }
}
