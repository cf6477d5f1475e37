//! A span for each call, and its name on each error.

use std::future::Future;
use std::sync::Arc;

use tracing::Instrument;

use super::Layer;
use super::around::{Around, Call};
use super::source::LayeredSource;
use super::target::LayeredTarget;
use crate::capability::Target;
use crate::cx::Cx;
use crate::source::Source;
use crate::value::{Error, Result};

/// Opens a `tracing` span around each call and names operation and key on every error.
///
/// The span is called `call`, at level debug, with the fields `operation` and `key`; a failed call adds one event
/// with the field `error`. Bodies are never recorded.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceLayer;

impl Layer for TraceLayer {
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        LayeredTarget::wrap(self, inner)
    }

    fn layer_source(&self, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        LayeredSource::wrap(self, inner)
    }
}

impl Around for TraceLayer {
    async fn around<T, F, Fut>(&self, cx: &Cx, call: Call<'_>, run: F) -> Result<T>
    where
        T: Send,
        F: Fn(Cx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T>> + Send,
    {
        let key = call.key.map(tracing::field::display);
        let span = tracing::debug_span!("call", operation = call.operation, key);
        async { run(cx.clone()).await.map_err(|error| named(error, call)) }.instrument(span).await
    }
}

fn named(error: Error, call: Call<'_>) -> Error {
    let error = error.during(call.operation);
    let error = match call.key {
        Some(key) => error.at(key),
        None => error,
    };
    tracing::debug!(%error, "the call failed");
    error
}
