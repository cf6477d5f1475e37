//! Where an engine in the world keeps its state: a journal, documents and an audit log that can fail.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use async_trait::async_trait;

use super::check;
use super::fault::Fault;
use super::state::{Handle, Inner};
use crate::audit::{AuditEntry, AuditEvent, AuditSink};
use crate::journal::{self, JournalIo, MemoryJournalIo, Record};
use crate::store::{Document, MemoryStore, StateStore, Stored};
use crate::value::Version;
use crate::{Cx, Error, Result};

/// The disk of one application.
#[derive(Default)]
pub(super) struct Disk {
    pub journal: MemoryJournalIo,
    pub store: Arc<MemoryStore>,
    /// What was written to the journal and not synced.
    pending: Vec<u8>,
    /// The undamaged journal, while the one on the disk is damaged.
    backup: Option<Vec<u8>>,
    appended: u64,
}

impl Disk {
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

    /// Flips a bit of the journal while nobody looks.
    pub fn rot(&mut self, app: usize) {
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

    fn disk_fails(&mut self, life: usize) -> bool {
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
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.world.lock().apps[self.app].disk.journal.read()
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.survives(self.life, "before a write of the journal") {
            return Err(dead());
        }
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
        world.apps[self.app].disk.journal.replace(bytes)?;
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
        if world.disk_fails(self.life) {
            return Err(ErrorKind::StorageFull.into());
        }
        world.apps[self.app].disk.journal.replace_anchor(bytes)
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        match world.is_alive(self.life) {
            true => world.apps[self.app].disk.journal.reserve(bytes),
            false => Err(dead()),
        }
    }
}

/// The documents of an application, for one life of its engine.
pub(super) struct SimStore {
    pub world: Handle,
    pub life: usize,
    pub inner: Arc<MemoryStore>,
}

#[async_trait]
impl StateStore for SimStore {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.inner.load(cx, name).await
    }

    async fn swap(&self, cx: &Cx, name: &str, expect: Option<&Version>, new: Document) -> Result<Version> {
        let survives = |point: &str| self.world.lock().survives(self.life, point);
        if !survives("before a document is replaced") {
            return std::future::pending().await;
        }
        if self.world.lock().disk_fails(self.life) {
            return Err(Error::new(crate::ErrorKind::Storage, "the disk is full").outcome_unknown());
        }
        let version = self.inner.swap(cx, name, expect, new).await?;
        match survives("after a document is replaced") {
            true => Ok(version),
            false => std::future::pending().await,
        }
    }
}

/// The audit log of an application, for one life of its engine.
pub(super) struct SimAudit {
    pub world: Handle,
    pub life: usize,
    pub app: usize,
}

#[async_trait]
impl AuditSink for SimAudit {
    async fn record(&self, _: &Cx, entries: &[AuditEntry]) -> Result<()> {
        if !self.world.lock().survives(self.life, "before an audit record") {
            return std::future::pending().await;
        }
        let mut world = self.world.lock();
        if world.faults.strikes(Fault::DiskFails) {
            return Err(Error::new(crate::ErrorKind::Storage, "the audit log is full"));
        }
        for entry in entries {
            if let AuditEvent::Intent { op, .. } = &entry.what {
                world.apps[self.app].book.audited.insert(op.clone());
            }
        }
        Ok(())
    }
}
