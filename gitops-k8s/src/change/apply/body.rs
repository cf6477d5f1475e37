//! What of a document is sent to the server that takes it.

use gitops_core::Cx;
use serde_json::Value as Json;

use crate::change::document::{Document, Pin};
use crate::client::cluster::{Call, Failure};
use crate::client::kinds::Known;
use crate::client::schema::Schema;
use crate::live::application::Inner;

impl Inner {
    /// The bytes of a document. A member that is null says nothing, but where its kind keeps whatever it is given: only for that
    /// the server's definition is asked for.
    pub(super) async fn body(&self, cx: &Cx, document: &Document, pin: Pin<'_>) -> Result<Vec<u8>, Failure> {
        if !document.has_null {
            return Ok(document.pinned(pin, None));
        }
        let version = document.api_version().rsplit('/').next().unwrap_or_default();
        if let Some(definition) = self.definition(cx, document).await? {
            return Ok(document.pinned(pin, Schema::of_definition(&definition, version)));
        }
        let schemas = self.cluster.schemas().of(cx, self.wire(), document.api_version()).await?;
        let kind = document.key.kind();
        let schema =
            schemas.as_deref().and_then(|all| Schema::of_kind(all, kind.group(), version, kind.kind()));
        Ok(document.pinned(pin, schema))
    }

    /// The definition of a document's kind, if it has one that we may read: it is there before the schema that is made of it.
    async fn definition(&self, cx: &Cx, document: &Document) -> Result<Option<Json>, Failure> {
        let kind = document.key.kind();
        let Known::Served(served) = self.cluster.kinds().known(cx, self.wire(), kind).await? else {
            return Ok(None);
        };
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        match self
            .wire()
            .json(cx, Call::get(format!("{definitions}/{}.{}", served.plural, served.group)))
            .await
        {
            Ok(definition) => Ok(Some(definition)),
            Err(failure) if failure.answered => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
