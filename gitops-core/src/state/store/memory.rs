use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::format::Sealed;
use super::{Document, StateStore, Stored, check};
use crate::cx::Cx;
use crate::value::{Result, Version};

/// Documents in memory, for tests and for programs that keep nothing.
///
/// It keeps every promise of [`StateStore`] but durability.
#[derive(Debug, Default)]
pub struct MemoryStore {
    documents: Mutex<BTreeMap<String, Sealed>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn load(&self, _: &Cx, name: &str) -> Result<Option<Stored>> {
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(documents.get(name).map(|sealed| sealed.stored.clone()))
    }

    async fn swap(
        &self,
        _: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let before = documents.get(name);
        check(name, before.map(|sealed| &sealed.stored), expect, &document)?;
        let sealed = Sealed::after(before, name, document);
        let version = sealed.stored.version.clone();
        documents.insert(name.to_owned(), sealed);
        Ok(version)
    }
}
