//! What every call is given: cancellation, deadline, clock, entropy.

#[cfg(feature = "simulate")]
mod bug;

mod time;
mod turn;

#[cfg(feature = "simulate")]
pub use bug::{Bug, ParseBugError};
pub use time::Time;
pub use turn::Turn;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{Either, select};
use tokio_util::sync::CancellationToken;

use crate::value::{Error, ErrorKind, Result};

/// Tells the time and waits. The one source of time in everything that decides.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Time;

    /// Waits until a time.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait and has no other effect.
    async fn wait_until(&self, time: Time);
}

/// Gives random bytes. The one source of chance in everything that decides.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The clock and the entropy of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

#[async_trait]
impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "this is where the machine's clock comes in")]
    fn now(&self) -> Time {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Time::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is where the machine's clock comes in")]
    async fn wait_until(&self, time: Time) {
        tokio::time::sleep(time.since(self.now())).await;
    }
}

impl Entropy for System {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

/// The context of a call: whether to go on, until when, and where time and chance come from.
///
/// It is the first argument of every call that may wait. Clones share everything; [`child`](Self::child) can
/// be cancelled alone, and [`within`](Self::within) narrows the deadline.
#[derive(Clone)]
pub struct Cx {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    cancel: CancellationToken,
    /// Whoever is asked to stop before what is shielded from it is begun.
    before: Option<CancellationToken>,
    deadline: Option<Time>,
    /// Whether there is only this thread, as where another clock must see everything happen in one order.
    is_alone: bool,
    programs: turn::Programs,
    #[cfg(feature = "simulate")]
    bug: Option<Bug>,
}

#[cfg(feature = "simulate")]
impl Cx {
    /// The same context, in which a mistake of the past is back.
    pub(crate) fn with_bug(self, bug: Option<Bug>) -> Self {
        Self { bug, ..self }
    }

    /// Whether this mistake of the past is back.
    pub(crate) fn has_bug(&self, number: u8) -> bool {
        self.bug == Some(Bug::new(number))
    }
}

impl Cx {
    /// The machine's clock and entropy, no deadline, not cancelled.
    pub fn system() -> Self {
        Self { is_alone: false, ..Self::new(Arc::new(System), Arc::new(System)) }
    }

    /// A context of another clock and other entropy, as simulations need it. What [may block a thread](Self::off_thread)
    /// runs in it where it is asked for, so that everything happens in one order.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            clock,
            entropy,
            cancel: CancellationToken::new(),
            before: None,
            deadline: None,
            is_alone: true,
            programs: turn::Programs::default(),
            #[cfg(feature = "simulate")]
            bug: None,
        }
    }

    /// A context that ends with this one and can be cancelled without it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { cancel: self.cancel.child_token(), ..self.clone() }
    }

    /// The same context, out of reach of a request to stop: for what must be finished once it was begun. What is not begun yet
    /// still hears of it by [`to_begin`](Self::to_begin).
    #[must_use]
    pub fn shielded(&self) -> Self {
        let before = self.before.clone().unwrap_or_else(|| self.cancel.clone());
        Self { cancel: CancellationToken::new(), before: Some(before), ..self.clone() }
    }

    /// The same context with a deadline at most so far away.
    #[must_use]
    pub fn within(&self, duration: Duration) -> Self {
        let deadline = self.now().after(duration);
        Self { deadline: Some(self.deadline.map_or(deadline, |own| own.min(deadline))), ..self.clone() }
    }

    /// Asks everything under this context to stop at its next safe point.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Waits until somebody asks to stop.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether the call may go on: what a loop without an await asks now and then.
    ///
    /// # Errors
    /// `Cancelled` if somebody asked to stop, `Timeout` if the deadline has passed.
    pub fn check(&self) -> Result<()> {
        match (self.is_cancelled(), self.deadline) {
            (true, _) => Err(asked_to_stop()),
            (false, Some(deadline)) if self.now() >= deadline => Err(deadline_passed().outcome_known()),
            _ => Ok(()),
        }
    }

    /// Waits on this thread until a future ends. For code that may block, such as a [`Render`](crate::Render) that runs a
    /// program; needs no runtime.
    ///
    /// # Errors
    /// `Cancelled` as soon as somebody asks to stop; `Timeout` at the deadline, or after `at_most`. Both with the outcome
    /// *unknown*: the future was dropped in the middle.
    pub fn block_on<T>(&self, at_most: Duration, future: impl Future<Output = T>) -> Result<T> {
        let until = self.now().after(at_most);
        let until = self.deadline.map_or(until, |deadline| deadline.min(until));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let (future, cancelled) = (std::pin::pin!(future), std::pin::pin!(self.cancel.cancelled()));
        let mut first = select(future, cancelled);
        loop {
            match first.poll_unpin(&mut Context::from_waker(&waker)) {
                Poll::Ready(Either::Left((found, _))) => return Ok(found),
                Poll::Ready(Either::Right(_)) => return Err(asked_to_stop().outcome_unknown()),
                Poll::Pending if self.now() >= until => return Err(deadline_passed()),
                Poll::Pending => thread::park_timeout(until.since(self.now())),
            }
        }
    }

    /// Runs what may block a thread apart from those that drive futures. It is given a context that ends with this one, and
    /// when nobody waits for it any more.
    ///
    /// # Errors
    /// `Cancelled` and `Timeout` at once, while the work hears of it by its own context.
    ///
    /// # Panics
    /// If the work panics.
    ///
    /// # Cancel safety
    /// Dropping the future asks the work to stop. Until it looks at its context, it goes on.
    pub async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T> {
        let inner = self.child();
        let _stop = inner.cancel.clone().drop_guard();
        if self.is_alone {
            return Ok(work(&inner));
        }
        let done = tokio::task::spawn_blocking(move || work(&inner));
        self.bounded(async {
            done.await.map_err(|gone| match gone.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(gone) => Error::new(ErrorKind::Cancelled, "the program ends").because(gone),
            })
        })
        .await
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// When the call must be over.
    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Sixteen random bytes as a number.
    pub fn random(&self) -> u128 {
        u128::from_le_bytes(self.random_bytes())
    }

    /// Random bytes.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A random time from nothing to a bound, to the microsecond.
    pub(crate) fn up_to(&self, bound: Duration) -> Duration {
        let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX).saturating_add(1);
        Duration::from_micros(u64::from_le_bytes(self.random_bytes()) % micros)
    }

    /// Waits for so long.
    ///
    /// # Errors
    /// `Cancelled` as soon as somebody asks to stop, `Timeout` at the deadline.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait and has no other effect.
    pub async fn sleep(&self, duration: Duration) -> Result<()> {
        let until = self.now().after(duration);
        self.bounded(async {
            self.clock.wait_until(until).await;
            Ok(())
        })
        .await
        .map_err(|error| Error::new(error.kind(), error.message()).outcome_known())
    }

    /// Runs a future until it ends, the deadline passes or somebody asks to stop, whatever is first.
    ///
    /// # Errors
    /// `Timeout` or `Cancelled`, both with the outcome *unknown*: the future was dropped in the middle.
    pub async fn bounded<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        let deadline = async {
            match self.deadline {
                Some(time) => self.clock.wait_until(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            result = future => result,
            () = self.cancel.cancelled() => {
                Err(asked_to_stop().outcome_unknown())
            }
            () = deadline => Err(deadline_passed()),
        }
    }
}

impl Cx {
    /// Waits for what has to be there before something is begun: a turn, a lock. A [shielded](Self::shielded) context lets what
    /// was begun come to its end; what was not begun when somebody asked to stop is not begun any more, however soon the
    /// wait would be over.
    ///
    /// ```
    /// # use gitops_core::{Cx, ErrorKind};
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cx = Cx::system();
    /// let change = cx.shielded();
    /// let _turn = change.to_begin(change.program_turn()).await?;
    /// cx.cancel();
    /// assert!(change.check().is_ok(), "what was begun goes on");
    /// let error = change.to_begin(change.program_turn()).await.unwrap_err();
    /// assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Cancelled, false));
    /// # Ok::<(), gitops_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `Cancelled` and `Timeout`, with the outcome *known*: nothing was begun. Whatever the wait ends with.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait.
    pub async fn to_begin<T>(&self, wait: impl Future<Output = Result<T>>) -> Result<T> {
        let stopped = async {
            match &self.before {
                Some(before) => before.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(asked_to_stop().outcome_known()),
            () = self.cancelled() => Err(asked_to_stop().outcome_known()),
            waited = self.bounded(async { Ok(wait.await) }) => waited.map_err(Error::outcome_known)?,
        }
    }
}

/// Wakes a thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn asked_to_stop() -> Error {
    Error::new(ErrorKind::Cancelled, "asked to stop")
}

/// What the error says of a call that took longer than it may.
pub(crate) const DEADLINE_PASSED: &str = "the deadline passed";

fn deadline_passed() -> Error {
    Error::new(ErrorKind::Timeout, DEADLINE_PASSED).outcome_unknown()
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("cancelled", &self.is_cancelled())
            .field("deadline", &self.deadline)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_gives_an_unknown_outcome() {
        let cx = Cx::system().within(Duration::from_millis(1));
        let error = cx.bounded(std::future::pending::<Result<()>>()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Timeout, true));
    }

    #[tokio::test]
    async fn cancelling_a_child_leaves_the_parent() {
        let parent = Cx::system();
        let child = parent.child();
        child.cancel();
        assert!(child.sleep(Duration::from_secs(3600)).await.is_err() && !parent.is_cancelled());
    }
}
