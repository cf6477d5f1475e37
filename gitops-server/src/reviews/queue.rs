//! Which requests are due: each once, however often somebody says so.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::Cx;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How many requests wait at most; whoever says more is told that there is no room.
const ROOM: usize = 1_000;

/// Requests that are due, in the order in which they became so. One that is worked on is not given again before that has
/// ended; if it becomes due meanwhile, it is given again then.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    woken: Notify,
}

#[derive(Default)]
struct State {
    due: VecDeque<u64>,
    busy: BTreeSet<u64>,
}

/// The right to work on a request; dropped when that has ended, however it did.
pub(super) struct Turn {
    queue: Queue,
    /// The request.
    pub number: u64,
}

impl Queue {
    /// A request is due; gives whether there was room to remember it.
    pub fn push(&self, number: u64) -> bool {
        let mut state = self.state();
        if state.due.contains(&number) {
            return true;
        }
        if state.due.len() >= ROOM {
            return false;
        }
        state.due.push_back(number);
        drop(state);
        self.0.woken.notify_one();
        true
    }

    /// Waits for a request that is due and not worked on. Only one may wait.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&self) -> Turn {
        loop {
            if let Some(number) = self.take() {
                return Turn { queue: self.clone(), number };
            }
            self.0.woken.notified().await;
        }
    }

    /// Works on what is due, on at most so many requests at once, until the context ends; then waits for what was begun, which
    /// hears of the end by its own context.
    pub async fn work<F>(&self, cx: &Cx, at_once: usize, work: impl Fn(u64) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = cx.cancelled() => break,
                Some(_) = running.join_next() => {}
                turn = self.next(), if running.len() < at_once => {
                    let work = work(turn.number);
                    running.spawn(async move {
                        work.await;
                        drop(turn);
                    });
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    fn take(&self) -> Option<u64> {
        let mut state = self.state();
        let at = state.due.iter().position(|number| !state.busy.contains(number))?;
        let number = state.due.remove(at)?;
        state.busy.insert(number);
        Some(number)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.queue.state().busy.remove(&self.number);
        self.queue.0.woken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn what_is_due_twice_is_worked_on_once_and_what_becomes_due_meanwhile_again() {
        let queue = Queue::default();
        assert!(queue.push(7) && queue.push(7) && queue.push(3));
        let seven = queue.next().now_or_never().expect("it is due");
        let three = queue.next().now_or_never().expect("it is due too");
        assert_eq!((seven.number, three.number), (7, 3));
        assert!(queue.next().now_or_never().is_none());
        queue.push(7);
        assert!(queue.next().now_or_never().is_none(), "it is worked on");
        drop(seven);
        assert_eq!(queue.next().now_or_never().map(|turn| turn.number), Some(7));
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let queue = Queue::default();
        assert!((0..ROOM as u64).all(|number| queue.push(number)));
        assert!(!queue.push(u64::MAX));
        assert!(queue.push(5), "that one is remembered already");
    }

    #[tokio::test]
    async fn a_slow_one_blocks_no_other() {
        let (queue, cx) = (Queue::default(), Cx::system());
        let (sender, mut done) = tokio::sync::mpsc::unbounded_channel();
        queue.push(1);
        queue.push(2);
        let work = queue.work(&cx, 2, |number| {
            let (sender, cx) = (sender.clone(), cx.clone());
            async move {
                if number == 1 {
                    cx.cancelled().await;
                }
                let _ = sender.send(number);
            }
        });
        let watch = async {
            assert_eq!(done.recv().await, Some(2));
            cx.cancel();
            assert_eq!(done.recv().await, Some(1));
        };
        tokio::join!(work, watch);
    }
}
