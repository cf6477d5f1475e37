use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::AuditSink;
use super::entry::{AuditEntry, AuditRecord};
use super::log::Log;
use super::verify::{self, AuditReport};
use crate::cx::Cx;
use crate::process::fs;
use crate::process::under_way::UnderWay;
use crate::state::record::AuditPosition;
use crate::value::Result;

/// An audit log in a file: one JSON line for each entry, each with the hash of the line before and its own.
///
/// A changed, missing, moved or doubled line breaks the chain of hashes. A log that was cut short is found out by
/// the checkpoint beside it (`<name>.checkpoint`), which is renewed when the log is opened and closed and before the next
/// change once 512 entries were written since; before a change, there is also room for what will come of it. Both files are readable and writable by their owner alone. Who can write both of them
/// can forge both: note [`AuditReport::hash`] elsewhere where that matters.
///
/// # Errors
/// `Corrupt` if the log is not as it was written, naming the line; `Storage` if the disk fails, after which every
/// call fails until the log is opened again.
#[derive(Clone, Debug)]
pub struct FileAudit {
    log: Arc<Mutex<Log>>,
    under_way: UnderWay,
}

impl FileAudit {
    /// Opens the log at a path, or begins one, and checks what comes after its checkpoint.
    ///
    /// A last write that never became durable is cut off. One process at a time may open it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let log = Arc::new(Mutex::new(Log::open(path.as_ref())?));
        Ok(Self { log, under_way: UnderWay::default() })
    }

    /// Its writes count with others.
    pub(crate) fn counted_with(self, under_way: &UnderWay) -> Self {
        Self { under_way: under_way.clone(), ..self }
    }

    /// Checks every line of a log and its checkpoint; changes nothing.
    ///
    /// # Errors
    /// `Corrupt`, naming the line and what is wrong with it; `NotFound` if there is no log and never was one.
    pub fn verify(path: impl AsRef<Path>) -> Result<AuditReport> {
        verify::verify(path.as_ref(), None)
    }

    /// The same, and that the log still holds what it held at a position that was noted elsewhere.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_beyond(path: impl AsRef<Path>, position: &AuditPosition) -> Result<AuditReport> {
        verify::verify(path.as_ref(), Some(position))
    }

    /// The newest entries, at most `limit` of them, the newest last; changes nothing.
    ///
    /// Those that are given follow one another; [`verify`](Self::verify) checks the others too.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn read(path: impl AsRef<Path>, limit: usize) -> Result<Vec<AuditRecord>> {
        verify::newest(path.as_ref(), limit)
    }
}

#[async_trait]
impl AuditSink for FileAudit {
    /// # Cancel safety
    /// A dropped call that has begun to write goes on by itself; the next call waits for it.
    async fn record(&self, _: &Cx, entries: &[AuditEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let entries = entries.to_vec();
        let mut log = self.log.clone().lock_owned().await;
        self.under_way.blocking(move || log.append(&entries)).await
    }

    async fn position(&self) -> Option<AuditPosition> {
        Some(self.log.lock().await.position())
    }

    async fn holds(&self, _: &Cx, position: &AuditPosition) -> Result<()> {
        let (log, position) = (self.log.clone().lock_owned().await, position.clone());
        fs::blocking(move || log.holds(&position)).await
    }
}
