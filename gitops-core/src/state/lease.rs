//! Who may act, where several could.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use crate::cx::{Cx, Time};
use crate::value::{Error, ErrorKind, Result};

/// A right that one holder has at a time.
///
/// | Required | Signature |
/// | --- | --- |
/// | `acquire` | `async fn acquire(&self, cx: &Cx, holder: &str, term: Duration) -> Result<Option<LeaseGrant>>` |
/// | `renew` | `async fn renew(&self, cx: &Cx, held: &LeaseGrant, term: Duration) -> Result<LeaseGrant>` |
/// | `release` | `async fn release(&self, cx: &Cx, held: &LeaseGrant) -> Result<()>` |
///
/// # Guarantees asked of an implementation
/// - Nobody else gets the lease before the end of the term that the holder was told.
/// - The epoch grows each time the lease is acquired, also by the same holder again: who has an older epoch is
///   deposed, and neither renews nor releases.
///
/// # Assumptions
/// A lease alone stops nobody: a holder that was paused may wake after its end. What is written under it must also be
/// fenced, as a [`StateStore`](crate::StateStore) fences by its epoch.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Takes the lease for so long; nothing if somebody else has it.
    ///
    /// # Cancel safety
    /// A dropped call has taken the lease or not; it is free again at the end of the term.
    async fn acquire(&self, cx: &Cx, holder: &str, term: Duration) -> Result<Option<LeaseGrant>>;

    /// Keeps the lease for so long from now.
    ///
    /// # Errors
    /// `Conflict` if it was lost meanwhile.
    async fn renew(&self, cx: &Cx, held: &LeaseGrant, term: Duration) -> Result<LeaseGrant>;

    /// Gives the lease up; without effect if it was lost meanwhile.
    async fn release(&self, cx: &Cx, held: &LeaseGrant) -> Result<()>;
}

/// A lease as its holder has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseGrant {
    /// Who has it.
    pub holder: SmolStr,
    /// Which time it was acquired: grows each time.
    pub epoch: u64,
    /// When it ends unless it is renewed.
    pub until: Time,
}

impl LeaseGrant {
    /// A lease of a holder.
    pub fn new(holder: impl Into<SmolStr>, epoch: u64, until: Time) -> Self {
        Self { holder: holder.into(), epoch, until }
    }
}

/// A lease in memory, for several engines of one process and for tests.
#[derive(Debug, Default)]
pub struct MemoryLease {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    held: Option<LeaseGrant>,
    epoch: u64,
}

impl MemoryLease {
    /// A lease that nobody has.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, run: impl FnOnce(&mut Inner) -> T) -> T {
        run(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Lease for MemoryLease {
    async fn acquire(&self, cx: &Cx, holder: &str, term: Duration) -> Result<Option<LeaseGrant>> {
        let now = cx.now();
        Ok(self.with(|inner| {
            if inner.held.as_ref().is_some_and(|held| held.holder != holder && held.until > now) {
                return None;
            }
            inner.epoch += 1;
            inner.held = Some(LeaseGrant::new(holder, inner.epoch, now.after(term)));
            inner.held.clone()
        }))
    }

    async fn renew(&self, cx: &Cx, held: &LeaseGrant, term: Duration) -> Result<LeaseGrant> {
        let until = cx.now().after(term);
        self.with(|inner| match &mut inner.held {
            Some(own) if own.epoch == held.epoch => {
                own.until = until;
                Ok(own.clone())
            }
            _ => Err(Error::new(ErrorKind::Conflict, format!("`{}` has lost the lease", held.holder))
                .help("stop what was done under it; another engine may be at work")),
        })
    }

    async fn release(&self, _: &Cx, held: &LeaseGrant) -> Result<()> {
        self.with(|inner| inner.held.take_if(|own| own.epoch == held.epoch));
        Ok(())
    }
}
