use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::io::JournalIo;
use super::tail::SECTOR;

/// A journal in memory, on a disk that can be full, fail and lose power.
///
/// Clones are handles of one disk. A failed sync behaves as on Linux: what it should have written stays readable,
/// and a later sync succeeds without writing it.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournalIo(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    /// What a process reads.
    cached: Option<Vec<u8>>,
    /// What is there after a crash.
    durable: Option<Vec<u8>>,
    /// What a failed sync took for written.
    dropped: Vec<Range<usize>>,
    anchor: Option<Vec<u8>>,
    capacity: Option<usize>,
    /// Up to where there is room whatever the capacity.
    reserved: usize,
    failing_syncs: usize,
}

impl MemoryJournalIo {
    /// A disk without a journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk with this durable content.
    pub fn with_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let disk = Disk { cached: Some(bytes.clone()), durable: Some(bytes), ..Disk::default() };
        Self(Arc::new(Mutex::new(disk)))
    }

    /// What a process reads.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        self.disk().cached.clone()
    }

    /// Lets the disk hold so many bytes and no more.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.disk().capacity = bytes;
    }

    /// Lets the next syncs fail.
    pub fn fail_syncs(&self, count: usize) {
        self.disk().failing_syncs = count;
    }

    /// Cuts the power. Of the bytes that were not synced the file keeps `kept`; among these the sectors of 512
    /// bytes for which `is_lost` says so, counted from the file's beginning, read as zeros.
    pub fn crash(&self, kept: usize, mut is_lost: impl FnMut(usize) -> bool) {
        let mut disk = self.disk();
        let Some(cached) = disk.cached.clone() else { return };
        let mut after = disk.durable.clone().unwrap_or_default();
        let synced = after.len();
        after.extend(cached.iter().skip(synced).take(kept));
        let unsynced = synced..after.len();
        let sectors = unsynced.start / SECTOR..unsynced.end.div_ceil(SECTOR);
        for sector in sectors.filter(|sector| is_lost(*sector)) {
            let start = unsynced.start.max(sector * SECTOR);
            after[start..unsynced.end.min((sector + 1) * SECTOR)].fill(0);
        }
        let after = disk.durable.is_some().then_some(after);
        let anchor = disk.anchor.take();
        *disk = Disk { cached: after.clone(), durable: after, anchor, ..Disk::default() };
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JournalIo for MemoryJournalIo {
    fn waits(&self) -> bool {
        false
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.bytes())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let mut disk = self.disk();
        let capacity = disk.capacity.unwrap_or(usize::MAX).max(disk.reserved);
        let cached = disk.cached.as_mut().ok_or(ErrorKind::NotFound)?;
        let room = capacity.saturating_sub(cached.len()).min(bytes.len());
        cached.extend_from_slice(&bytes[..room]);
        if room < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<()> {
        let mut disk = self.disk();
        let Disk { cached, durable, dropped, failing_syncs, .. } = &mut *disk;
        if *failing_syncs > 0 {
            *failing_syncs -= 1;
            dropped.push(length(durable.as_deref())..length(cached.as_deref()));
            return Err(Error::other("the disk failed"));
        }
        let synced = length(durable.as_deref());
        match (&*cached, &mut *durable) {
            (Some(cached), Some(durable)) if synced <= cached.len() => durable.extend(&cached[synced..]),
            _ => durable.clone_from(cached),
        }
        if let Some(durable) = durable {
            dropped.iter().for_each(|range| durable[range.clone()].fill(0));
        }
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> Result<()> {
        let mut disk = self.disk();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        disk.cached.as_mut().ok_or(ErrorKind::NotFound)?.truncate(size);
        disk.dropped.retain(|range| range.end <= size);
        disk.reserved = 0;
        drop(disk);
        self.sync()
    }

    fn replace(&mut self, bytes: &[u8]) -> Result<()> {
        let mut disk = self.disk();
        if disk.capacity.is_some_and(|capacity| bytes.len() > capacity) {
            return Err(ErrorKind::StorageFull.into());
        }
        disk.cached = Some(bytes.to_vec());
        disk.durable = Some(bytes.to_vec());
        disk.dropped.clear();
        disk.reserved = 0;
        Ok(())
    }

    fn read_anchor(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.disk().anchor.clone())
    }

    fn replace_anchor(&mut self, bytes: &[u8]) -> Result<()> {
        self.disk().anchor = Some(bytes.to_vec());
        Ok(())
    }

    fn reserve(&mut self, bytes: u64) -> Result<()> {
        let mut disk = self.disk();
        let end = length(disk.cached.as_deref()) + usize::try_from(bytes).unwrap_or(usize::MAX);
        if disk.capacity.is_some_and(|capacity| end > capacity.max(disk.reserved)) {
            return Err(ErrorKind::StorageFull.into());
        }
        disk.reserved = disk.reserved.max(end);
        Ok(())
    }
}

fn length(content: Option<&[u8]>) -> usize {
    content.map_or(0, <[u8]>::len)
}
