//! A budget of calls per time.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Layer;
use super::around::{Around, Call, Effect};
use super::source::LayeredSource;
use super::target::LayeredTarget;
use crate::capability::Target;
use crate::cx::{Cx, Time};
use crate::source::Source;
use crate::value::{Error, ErrorKind, Result};

/// Lets so many calls through per time, and makes the others wait for their turn.
///
/// It is a token bucket that starts full: a burst of the whole budget goes through at once, then calls are spaced
/// evenly. All that one value of the layer (and its clones) wraps shares one budget. A batch pays for each of
/// its changes; calls that wait by their nature (a watch, readiness) pay nothing.
///
/// # Errors
/// A call whose turn does not come before its deadline, or that is asked to stop, ends with `Unavailable` or
/// `Cancelled`; it was not made.
///
/// # Cancel safety
/// A call that is dropped while it waits gives its turn back.
#[derive(Clone, Debug)]
pub struct RateLimitLayer {
    calls: u32,
    per: Duration,
    /// When the bucket will be full again, if nobody calls.
    full_at: Arc<Mutex<Time>>,
}

impl RateLimitLayer {
    /// A budget of so many calls per time; 0 calls count as 1.
    pub fn new(calls: u32, per: Duration) -> Self {
        Self { calls: calls.max(1), per, full_at: Arc::default() }
    }

    /// Takes tokens and says how long to wait before they may be used.
    fn reserve(&self, now: Time, tokens: u32) -> (Turn<'_>, Duration) {
        let cost = self.per / self.calls * tokens;
        let mut full_at = self.full_at();
        *full_at = (*full_at).max(now).after(cost);
        let wait = full_at.since(now).saturating_sub(self.per);
        drop(full_at);
        (Turn { layer: self, cost: Some(cost) }, wait)
    }

    fn full_at(&self) -> MutexGuard<'_, Time> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tokens that were taken; given back unless they are used.
struct Turn<'a> {
    layer: &'a RateLimitLayer,
    cost: Option<Duration>,
}

impl Turn<'_> {
    fn use_up(mut self) {
        self.cost = None;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(cost) = self.cost {
            let mut full_at = self.layer.full_at();
            let micros = i64::try_from(cost.as_micros()).unwrap_or(i64::MAX);
            *full_at = Time::from_micros(full_at.as_micros().saturating_sub(micros));
        }
    }
}

impl Layer for RateLimitLayer {
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        LayeredTarget::wrap(self, inner)
    }

    fn layer_source(&self, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        LayeredSource::wrap(self, inner)
    }
}

impl Around for RateLimitLayer {
    async fn around<T, F, Fut>(&self, cx: &Cx, call: Call<'_>, run: F) -> Result<T>
    where
        T: Send,
        F: Fn(Cx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T>> + Send,
    {
        if call.effect != Effect::Wait {
            let (turn, wait) = self.reserve(cx.now(), call.weight);
            if !wait.is_zero() {
                let waited = match call.effect {
                    Effect::Write => cx.to_begin(cx.sleep(wait)).await,
                    _ => cx.sleep(wait).await,
                };
                waited.map_err(|error| not_sent(&error))?;
            }
            turn.use_up();
        }
        run(cx.clone()).await
    }
}

fn not_sent(error: &Error) -> Error {
    match error.kind() {
        ErrorKind::Cancelled => Error::new(ErrorKind::Cancelled, "asked to stop before the call was made"),
        _ => Error::new(ErrorKind::Unavailable, "the rate limit left no turn before the deadline")
            .help("raise the rate limit or the deadline"),
    }
}
