//! How many programs run at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Cx;
use crate::value::{Error, Result};

/// A limit that contexts share which came of one another.
#[derive(Clone, Default)]
pub(super) struct Programs(Option<Arc<Semaphore>>);

impl Programs {
    async fn turn(&self) -> Turn {
        match self.0.clone() {
            // It is never closed.
            Some(programs) => Turn(programs.acquire_owned().await.ok()),
            None => Turn(None),
        }
    }
}

fn nothing_started(error: &Error) -> Error {
    Error::new(error.kind(), error.message()).outcome_known()
}

/// The right to run a program, or the programs of one operation that talk to each other. It ends when it is dropped.
#[must_use = "the turn ends when it is dropped"]
pub struct Turn(#[allow(dead_code, reason = "it is held, not read")] Option<OwnedSemaphorePermit>);

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

impl Cx {
    /// The same context, under which at most so many programs run at once, and at least one: `git`, `helm`, `kustomize`,
    /// `tofu`, `terraform`. There is no limit by default. Whoever has waited longest is next.
    ///
    /// A credential plugin of a kubeconfig takes no turn: a program that holds one may wait for a state in a cluster, and so for the
    /// plugin. Nor does an external backend ([`External`](crate::backend::service::External)), which is one process for as long as
    /// its target lives.
    ///
    /// All contexts that come of this one share the limit. The program of an apply holds its turn until it ends, which may
    /// take hours: a limit well above the number of such applies keeps the others going.
    ///
    /// ```
    /// # use gitops_core::Cx;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cx = Cx::system().with_programs(1);
    /// let first = cx.program_turn().await?;
    /// assert!(cx.child().within(std::time::Duration::ZERO).program_turn().await.is_err());
    /// drop(first);
    /// let _second = cx.program_turn().await?;
    /// # Ok::<(), gitops_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn with_programs(self, at_once: usize) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        Self { programs: Programs(Some(Arc::new(Semaphore::new(at_once)))), ..self }
    }

    /// Waits until a program may be started: what a backend does before it starts one. An operation whose programs talk to each
    /// other takes one turn for all of them, and nothing takes a turn while it has one: two of that kind could wait for
    /// each other for ever. The first program of a change is waited for by [`to_begin`](Self::to_begin).
    ///
    /// # Errors
    /// `Cancelled` and `Timeout`, with the outcome *known*: nothing was started.
    ///
    /// # Cancel safety
    /// Dropping the future gives the place in the queue up.
    pub async fn program_turn(&self) -> Result<Turn> {
        let turn = self.bounded(async { Ok(self.programs.turn().await) }).await;
        turn.map_err(|error| nothing_started(&error))
    }

    /// The same for code that may block, such as a [`Render`](crate::Render) that runs a program; needs no runtime.
    ///
    /// # Errors
    /// As [`program_turn`](Self::program_turn).
    pub fn program_turn_blocking(&self) -> Result<Turn> {
        self.block_on(Duration::MAX, self.programs.turn()).map_err(|error| nothing_started(&error))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use crate::cx::Cx;
    use crate::value::{ErrorKind, Result};

    #[tokio::test]
    async fn who_has_waited_longest_is_next_and_a_turn_that_is_given_up_is_passed_on() {
        let cx = Cx::system().with_programs(1);
        let first = cx.program_turn().await.unwrap();
        let (child, other) = (cx.child(), cx.shielded());
        let mut second = Box::pin(child.program_turn());
        let mut third = Box::pin(other.program_turn());
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none(), "the second is before it");
        drop(second);
        drop(third.as_mut().now_or_never().unwrap().unwrap());
        drop(cx.program_turn_blocking().unwrap());
    }

    #[tokio::test]
    async fn a_shield_is_for_what_was_begun() {
        let cx = Cx::system();
        let change = cx.child().shielded().within(std::time::Duration::from_secs(3600)).shielded();
        change.to_begin(async { Ok(()) }).await.unwrap();
        let mut waits = Box::pin(change.to_begin(std::future::pending::<Result<()>>()));
        assert!(waits.as_mut().now_or_never().is_none());
        cx.cancel();
        let late = change.to_begin(async { Ok(()) });
        for error in [waits.await.unwrap_err(), late.await.unwrap_err()] {
            assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Cancelled, false), "{error:?}");
        }
        assert_eq!(change.bounded(async { Ok(1) }).await.unwrap(), 1, "what was begun goes on");
    }

    #[tokio::test]
    async fn whoever_is_asked_to_stop_has_started_nothing() {
        let cx = Cx::system().with_programs(0);
        let _first = cx.program_turn().await.unwrap();
        cx.cancel();
        for error in [cx.program_turn().await.unwrap_err(), cx.program_turn_blocking().unwrap_err()] {
            assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Cancelled, false), "{error:?}");
        }
    }
}
