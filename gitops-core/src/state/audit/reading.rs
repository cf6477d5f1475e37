//! The read side of an audit log.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::entry::AuditRecord;
use super::verify::{self, AuditReport};
use crate::cx::Cx;
use crate::process::fs;
use crate::state::record::AuditPosition;
use crate::value::Result;

/// An audit log that is read, wherever it is kept.
///
/// | Required | Signature |
/// | --- | --- |
/// | `place` | `fn place(&self) -> String` |
/// | `each` | `async fn each(&self, cx: &Cx, take: &mut (dyn FnMut(AuditRecord) -> Result<()> + Send)) -> Result<()>` |
/// | `newest` | `async fn newest(&self, cx: &Cx, limit: usize) -> Result<Vec<AuditRecord>>` |
/// | `verify` | `async fn verify(&self, cx: &Cx) -> Result<AuditReport>` |
///
/// # Guarantees asked of an implementation
/// - Nothing is changed, nothing is locked: it is read while an engine writes it.
/// - It is read in pages, of which one is held at a time.
/// - Each entry that is given follows the one that was given before it, by their hashes.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Where it is, for people.
    fn place(&self) -> String;

    /// Gives every entry that is there, the oldest first; none if there is no log.
    ///
    /// # Errors
    /// `Corrupt` if the entries do not follow one another, naming the place; whatever `take` gives: then nothing more is read.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn each(&self, cx: &Cx, take: &mut (dyn FnMut(AuditRecord) -> Result<()> + Send)) -> Result<()>;

    /// The newest entries, at most so many, the newest last; none if there is no log.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn newest(&self, cx: &Cx, limit: usize) -> Result<Vec<AuditRecord>>;

    /// Checks every entry that is there.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn verify(&self, cx: &Cx) -> Result<AuditReport>;
}

/// The log of a [`FileAudit`](crate::FileAudit), to be read.
#[derive(Clone, Debug)]
pub struct FileAuditLog {
    path: PathBuf,
}

impl FileAuditLog {
    /// The log at a path, be there one or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Does something with the log where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.path.clone();
        fs::blocking(move || work(&path)).await
    }
}

#[async_trait]
impl AuditLog for FileAuditLog {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    async fn each(&self, cx: &Cx, take: &mut (dyn FnMut(AuditRecord) -> Result<()> + Send)) -> Result<()> {
        let mut at = AuditPosition::beginning();
        while self.path.exists() {
            cx.check()?;
            let from = at.clone();
            let (records, end) = self.blocking(move |path| verify::page(path, &from)).await?;
            if records.is_empty() {
                break;
            }
            records.into_iter().try_for_each(&mut *take)?;
            at = end;
        }
        Ok(())
    }

    async fn newest(&self, _: &Cx, limit: usize) -> Result<Vec<AuditRecord>> {
        match self.path.exists() {
            true => self.blocking(move |path| verify::newest(path, limit)).await,
            false => Ok(Vec::new()),
        }
    }

    async fn verify(&self, _: &Cx) -> Result<AuditReport> {
        self.blocking(|path| verify::verify(path, None)).await
    }
}
