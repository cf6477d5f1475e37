//! A deadline for each call.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Layer;
use super::around::{Around, Call, Effect};
use super::source::LayeredSource;
use super::target::LayeredTarget;
use crate::capability::Target;
use crate::cx::Cx;
use crate::source::Source;
use crate::value::Result;

/// Gives each call at most so long.
///
/// A call that is over its time is dropped and ends with the error `Timeout`; a change that was timed out has an
/// unknown outcome. A request to stop reaches the target, which finishes or undoes what it is at; the layer
/// drops nothing for it. Calls that wait by their nature (a watch, readiness) are left alone.
#[derive(Clone, Debug)]
pub struct TimeoutLayer {
    limit: Duration,
}

impl TimeoutLayer {
    /// A limit for each call.
    pub fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl Layer for TimeoutLayer {
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        LayeredTarget::wrap(self, inner)
    }

    fn layer_source(&self, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        LayeredSource::wrap(self, inner)
    }
}

impl Around for TimeoutLayer {
    async fn around<T, F, Fut>(&self, cx: &Cx, call: Call<'_>, run: F) -> Result<T>
    where
        T: Send,
        F: Fn(Cx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T>> + Send,
    {
        if call.effect == Effect::Wait {
            return run(cx.clone()).await;
        }
        let limited = cx.within(self.limit);
        limited.shielded().bounded(run(limited)).await
    }
}
