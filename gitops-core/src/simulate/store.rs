//! Where an engine in the world keeps its documents and its audit log: a disk that can fail, or a service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::fault::Fault;
use super::state::Handle;
use crate::cx::Cx;
use crate::engine::stored;
use crate::state::audit::{AuditEntry, AuditEvent, AuditSink};
use crate::state::store::{Document, MemoryStore, StateStore, StoreWatch, Stored};
use crate::value::{Error, Result, Version};

/// The document that stands for an inventory.
const INDEX: &str = crate::state::inventory::Index::DOCUMENT;

/// The documents of an application, for one life of its engine.
pub(super) struct SimStore {
    pub world: Handle,
    pub life: usize,
    pub app: usize,
    pub inner: Arc<MemoryStore>,
}

impl SimStore {
    /// A disk that is full ends an engine; a service that can't be reached is asked again.
    fn fails(&self) -> Result<()> {
        let mut world = self.world.lock();
        let (kind, fails) = match world.is_shared {
            true => (crate::value::ErrorKind::Unavailable, world.faults.strikes(Fault::DiskFails)),
            false => (crate::value::ErrorKind::Storage, world.disk_fails(self.life)),
        };
        match fails {
            true => Err(Error::new(kind, "the store can't be written").outcome_unknown()),
            false => Ok(()),
        }
    }

    /// The index is in the store: perhaps it was another machine's before.
    async fn took_over(&self, cx: &Cx) -> Result<()> {
        self.world.lock().looked(self.life);
        if !self.world.lock().has_rivals(self.app) {
            return Ok(());
        }
        let journal = self.world.lock().apps[self.app].disk.journal.clone();
        let store = Arc::new(Bystander(self.inner.clone()));
        let stored = stored(cx, store, journal).await?.expect("the index was written just now");
        self.world.lock().takes_office(self.app, stored);
        Ok(())
    }

    /// A store that machines share answers after a while.
    async fn is_far(&self, cx: &Cx) -> Result<()> {
        let latency = {
            let mut world = self.world.lock();
            world.has_rivals(self.app).then(|| world.random.between(1, 200))
        };
        match latency {
            Some(millis) => cx.sleep(Duration::from_millis(millis)).await,
            None => Ok(()),
        }
    }

    /// Seeded bug B53: a document is cut to nothing and written then, and nothing is taken for new.
    async fn truncates(&self, point: &str) {
        if !self.world.lock().has_bug(53) {
            return;
        }
        self.world.lock().apps[self.app].disk.blank = true;
        if !self.world.lock().survives(self.life, point) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl StateStore for SimStore {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        let blank = self.world.lock().apps[self.app].disk.blank;
        let stored = if blank { None } else { self.inner.load(cx, name).await? };
        if name == INDEX {
            self.world.lock().looked(self.life);
        }
        self.is_far(cx).await?;
        Ok(stored)
    }

    fn is_shared(&self) -> bool {
        self.world.lock().is_shared
    }

    async fn swap(&self, cx: &Cx, name: &str, expect: Option<&Version>, new: Document) -> Result<Version> {
        let survives = |point: &str| self.world.lock().survives(self.life, point);
        if !survives("before a document is replaced") {
            return std::future::pending().await;
        }
        self.fails()?;
        self.truncates("while a document is cut to nothing").await;
        let version = self.inner.swap(cx, name, expect, new).await?;
        self.world.lock().apps[self.app].disk.blank = false;
        if name == INDEX {
            self.took_over(cx).await?;
        }
        self.is_far(cx).await?;
        match survives("after a document is replaced") {
            true => Ok(version),
            false => std::future::pending().await,
        }
    }

    fn watch(&self) -> Option<&dyn StoreWatch> {
        Some(self)
    }
}

#[async_trait]
impl StoreWatch for SimStore {
    /// Nobody asks an engine for anything in this world.
    async fn changed(&self, cx: &Cx, _: &str) -> Result<()> {
        cx.bounded(std::future::pending()).await
    }
}

/// The documents of an application, as the world itself reads them.
struct Bystander(Arc<MemoryStore>);

#[async_trait]
impl StateStore for Bystander {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.0.load(cx, name).await
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn swap(&self, _: &Cx, name: &str, _: Option<&Version>, _: Document) -> Result<Version> {
        Err(Error::new(crate::value::ErrorKind::Unsupported, format!("who looks on does not write `{name}`")))
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
            return Err(Error::new(crate::value::ErrorKind::Storage, "the audit log is full"));
        }
        for entry in entries {
            match &entry.what {
                AuditEvent::Intent { op, .. } => {
                    world.apps[self.app].book.audited.insert(op.clone());
                }
                AuditEvent::SyncEnded { .. } => world.flush(self.app),
                _ => {}
            }
        }
        Ok(())
    }
}
