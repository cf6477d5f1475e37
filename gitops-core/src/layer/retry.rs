//! Trying again what can succeed later.

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
use crate::value::{Error, Result, Retry};

/// Tries a call again when that can help and can't do harm.
///
/// A call is tried again if its error is retryable and it either only reads, or is known not to have been done:
/// a write with an unknown outcome is the caller's to look into. Between two attempts it waits a random time
/// between nothing and a bound that doubles from 0.2 s up to 5 min, so that many callers spread out; or longer,
/// if the target asked for that. When the target asks for more than 5 min, or the deadline comes first, the
/// error is returned at once and the caller decides.
///
/// The failures of single changes within a batch are returned, not tried again.
#[derive(Clone, Debug)]
pub struct RetryLayer {
    attempts: u32,
}

impl RetryLayer {
    /// The bound of the first wait.
    pub const FIRST_WAIT: Duration = Duration::from_millis(200);
    /// The longest wait.
    pub const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

    /// Makes a call at most so many times; 0 counts as 1.
    pub fn new(attempts: u32) -> Self {
        Self { attempts: attempts.max(1) }
    }
}

impl Layer for RetryLayer {
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        LayeredTarget::wrap(self, inner)
    }

    fn layer_source(&self, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        LayeredSource::wrap(self, inner)
    }
}

impl Around for RetryLayer {
    async fn around<T, F, Fut>(&self, cx: &Cx, call: Call<'_>, run: F) -> Result<T>
    where
        T: Send,
        F: Fn(Cx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T>> + Send,
    {
        for failures in 0.. {
            let error = match run(cx.clone()).await {
                Err(error) if failures + 1 < self.attempts && is_safe(&error, call) => error,
                result => return result,
            };
            let Some(wait) = wait(cx, &error, failures) else { return Err(error) };
            let waited = match call.effect {
                Effect::Write => cx.to_begin(cx.sleep(wait)).await,
                _ => cx.sleep(wait).await,
            };
            if waited.is_err() {
                return Err(error);
            }
        }
        unreachable!("the last attempt returns")
    }
}

/// Whether another attempt can help and can't do the same thing twice.
fn is_safe(error: &Error, call: Call<'_>) -> bool {
    error.is_retryable() && (call.effect != Effect::Write || !error.is_unknown())
}

/// How long to wait after so many failures; `None` if that is longer than can be waited here.
fn wait(cx: &Cx, error: &Error, failures: u32) -> Option<Duration> {
    let jitter = cx.up_to(bound(failures));
    let wait = match error.retry() {
        Retry::After(least) if least > RetryLayer::LONGEST_WAIT => return None,
        Retry::After(least) => least + jitter,
        Retry::Now | Retry::Never => jitter,
    };
    let in_time = cx.deadline().is_none_or(|deadline| cx.now().after(wait) < deadline);
    in_time.then_some(wait)
}

fn bound(failures: u32) -> Duration {
    let factor = 2u32.saturating_pow(failures);
    RetryLayer::FIRST_WAIT.saturating_mul(factor).min(RetryLayer::LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_longest_wait() {
        let millis = |failures| bound(failures).as_millis();
        assert_eq!([millis(0), millis(1), millis(4), millis(11)], [200, 400, 3_200, 300_000]);
        assert_eq!(bound(u32::MAX), RetryLayer::LONGEST_WAIT);
    }
}
