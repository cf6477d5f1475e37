//! What is put around a target or a source without its knowledge: retries, limits, deadlines, traces, metrics.
//!
//! # Order
//! From the outside in: **metrics, trace, retry, rate limit, timeout**. Whoever lists layers lists them in this order:
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use gitops_core::layer::{CallReport, Layer, MetricsLayer, RateLimitLayer, RetryLayer, TimeoutLayer, TraceLayer};
//! # use gitops_core::Target;
//! # fn target() -> Arc<dyn Target> { Arc::new(gitops_core::Memory::new()) }
//! let layers: Vec<Arc<dyn Layer>> = vec![
//!     Arc::new(MetricsLayer::new(|call: &CallReport<'_>| println!("{} took {:?}", call.operation, call.took))),
//!     Arc::new(TraceLayer),
//!     Arc::new(RetryLayer::new(5)),
//!     Arc::new(RateLimitLayer::new(50, Duration::from_secs(1))),
//!     Arc::new(TimeoutLayer::new(Duration::from_secs(30))),
//! ];
//! let target = layers.layer(target());
//! # assert_eq!(target.info().name, "memory");
//! ```
//!
//! | The other way round | What goes wrong |
//! | --- | --- |
//! | timeout outside retry | one deadline covers all attempts and the waits between them: the retries are cut off, and a change in the middle of one becomes unknown |
//! | rate limit outside retry | a retry costs nothing: a failing target gets more calls than the limit, just when it has trouble |
//! | timeout outside rate limit | waiting for one's turn counts as the target's time, and calls that were never sent time out |
//! | metrics or trace inside retry | each attempt looks like a call of its own; how long the caller waited is not seen |

mod around;
mod metrics;
mod rate_limit;
mod retry;
mod source;
mod target;
mod timeout;
mod trace;

use std::sync::Arc;

use crate::capability::Target;
use crate::source::Source;

pub use self::metrics::{CallReport, MetricsLayer};
pub use self::rate_limit::RateLimitLayer;
pub use self::retry::RetryLayer;
pub use self::timeout::TimeoutLayer;
pub use self::trace::TraceLayer;

/// Wraps a target or a source.
///
/// # Guarantees asked of an implementation
/// What it returns offers a power (health, watch, and so on) only if the inner one does, and passes `info`
/// through. What it keeps between calls (a budget of calls, a count) lives in the layer, so that all that one
/// value of it wraps shares it.
pub trait Layer: Send + Sync {
    /// The target with the layer around it.
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target>;

    /// The source with the layer around it; the source itself if the layer has no meaning for sources.
    fn layer_source(&self, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        inner
    }
}

/// Several layers as one; the first is the outermost.
impl Layer for Vec<Arc<dyn Layer>> {
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        self.iter().rev().fold(inner, |inner, layer| layer.layer(inner))
    }

    fn layer_source(&self, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        self.iter().rev().fold(inner, |inner, layer| layer.layer_source(inner))
    }
}
