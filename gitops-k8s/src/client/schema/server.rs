//! The schemas of a server, one document for each group and version.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use gitops_core::{Cx, Result};
use serde_json::Value as Json;

use crate::client::cluster::{Call, Wire};

/// The documents that were asked for so far, by `apiVersion`, each with its address, which changes with its content.
#[derive(Debug, Default)]
pub(crate) struct Schemas(RwLock<BTreeMap<String, (String, Arc<Json>)>>);

impl Schemas {
    /// The document of an `apiVersion`: a small question, and a large one only if it changed. Nothing if the server has none.
    pub async fn of(&self, cx: &Cx, wire: &Wire, api_version: &str) -> Result<Option<Arc<Json>>> {
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let index = match wire.json(cx, Call::get("/openapi/v3")).await {
            Ok(index) => index,
            Err(failure) if failure.answered => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let address = index["paths"][format!("{root}/{api_version}")]["serverRelativeURL"].as_str();
        let Some(address) = address else { return Ok(None) };
        if let Some(known) = self.known(api_version, address) {
            return Ok(Some(known));
        }
        match wire.json(cx, Call::get(address)).await {
            Ok(document) => Ok(Some(self.keep(api_version, address, document))),
            Err(failure) if failure.answered => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    fn known(&self, api_version: &str, address: &str) -> Option<Arc<Json>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(api_version).filter(|(at, _)| at == address).map(|(_, document)| document.clone())
    }

    fn keep(&self, api_version: &str, address: &str, document: Json) -> Arc<Json> {
        let document = Arc::new(document);
        let entry = (address.to_owned(), document.clone());
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(api_version.to_owned(), entry);
        document
    }
}
