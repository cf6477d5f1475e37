//! A report of each call, for whoever counts and measures.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Layer;
use super::around::{Around, Call};
use super::source::LayeredSource;
use super::target::LayeredTarget;
use crate::capability::Target;
use crate::cx::Cx;
use crate::source::Source;
use crate::value::{Error, Key, Result};

/// Reports each call after its end, with the time that it took: for counters, histograms and logs of your own.
///
/// A call that is dropped before its end is not reported. Reports come from the calls' own tasks: they must return quickly.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use gitops_core::layer::{CallReport, Layer, MetricsLayer};
/// # use gitops_core::Memory;
/// let failures = Arc::new(AtomicU64::new(0));
/// let counted = failures.clone();
/// let layer = MetricsLayer::new(move |call: &CallReport<'_>| {
///     counted.fetch_add(u64::from(call.error.is_some()), Relaxed);
/// });
/// let target = layer.layer(Arc::new(Memory::new()));
/// # let _ = target;
/// assert_eq!(failures.load(Relaxed), 0);
/// ```
#[derive(Clone)]
pub struct MetricsLayer(Arc<dyn Fn(&CallReport<'_>) + Send + Sync>);

/// A call of a target or a source that has ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallReport<'a> {
    /// The method: `observe`, `apply`, `preview`, `resolve` and so on.
    pub operation: &'static str,
    /// The object, where the call is about one.
    pub key: Option<&'a Key>,
    /// How long the caller waited.
    pub took: Duration,
    /// Why it failed; nothing if it did not.
    pub error: Option<&'a Error>,
}

impl MetricsLayer {
    /// A layer that reports to a function.
    pub fn new(report: impl Fn(&CallReport<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }
}

impl fmt::Debug for MetricsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsLayer")
    }
}

impl Layer for MetricsLayer {
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        LayeredTarget::wrap(self, inner)
    }

    fn layer_source(&self, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        LayeredSource::wrap(self, inner)
    }
}

impl Around for MetricsLayer {
    async fn around<T, F, Fut>(&self, cx: &Cx, call: Call<'_>, run: F) -> Result<T>
    where
        T: Send,
        F: Fn(Cx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T>> + Send,
    {
        let began = cx.now();
        let answer = run(cx.clone()).await;
        let (took, error) = (cx.now().since(began), answer.as_ref().err());
        (self.0)(&CallReport { operation: call.operation, key: call.key, took, error });
        answer
    }
}
