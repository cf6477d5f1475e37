use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Document, StateStore, Stored, refuse_older};
use crate::value::Version;
use crate::{Cx, Error, ErrorKind, Result};

/// Documents in memory: for tests, and for engines whose state may end with the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, (Document, u64)>>);

#[async_trait]
impl StateStore for MemoryStore {
    async fn load(&self, _: &Cx, name: &str) -> Result<Option<Stored>> {
        let documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = |(document, version): &(Document, u64)| Stored {
            document: document.clone(),
            version: Version::new(version.to_string()),
        };
        Ok(documents.get(name).map(stored))
    }

    async fn swap(
        &self,
        _: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = documents.get(name).map(|(document, version)| (document.epoch, *version));
        if current.map(|(_, version)| version.to_string()).as_deref() != expect.map(Version::as_str) {
            return Err(Error::new(ErrorKind::Conflict, format!("the document `{name}` moved")));
        }
        refuse_older(name, current.map(|(epoch, _)| epoch), document.epoch)?;
        let next = current.map_or(0, |(_, version)| version) + 1;
        documents.insert(name.to_owned(), (document, next));
        Ok(Version::new(next.to_string()))
    }
}
