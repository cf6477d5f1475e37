//! Work that waits for the disk, counted, so that what guards the disk is not given up before the work's end.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use super::fs;
use crate::value::Result;

/// How much work is under way that nobody can stop. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    number: Mutex<usize>,
    ended: Condvar,
}

impl UnderWay {
    /// Runs work as [`fs::blocking`] does.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop work that has begun. It counts until its end.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let counted = self.counted(work);
        fs::blocking(move || counted.run()).await
    }

    /// Begins work whose end is seen by whoever has the handle.
    pub fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let counted = self.counted(work);
        tokio::task::spawn_blocking(move || counted.run())
    }

    /// Waits, without a runtime, until nothing is under way.
    pub fn wait(&self) {
        let mut number = self.0.lock();
        while *number > 0 {
            number = self.0.ended.wait(number).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn counted<F>(&self, work: F) -> Counted<F> {
        *self.0.lock() += 1;
        Counted { work, _one: One(self.0.clone()) }
    }
}

impl Count {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work, with all that it holds on to: it counts until that is let go of too, be it run or not.
struct Counted<F> {
    work: F,
    _one: One,
}

impl<F> Counted<F> {
    fn run<T>(self) -> T
    where
        F: FnOnce() -> T,
    {
        let Self { work, _one } = self;
        work()
    }
}

struct One(Arc<Count>);

impl Drop for One {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn work_whose_caller_is_gone_counts_until_its_end() {
        let under_way = UnderWay::default();
        let (release, released) = mpsc::channel::<()>();
        let (end, ended) = mpsc::channel();
        let mut call = Box::pin(under_way.blocking(move || {
            let _ = released.recv();
            end.send(()).unwrap();
            Ok(())
        }));
        assert!((&mut call).now_or_never().is_none());
        drop(call);
        assert_eq!(*under_way.0.lock(), 1);
        release.send(()).unwrap();
        under_way.wait();
        ended.try_recv().unwrap();
    }

    #[test]
    fn work_that_a_runtime_never_began_counts_no_more_once_it_is_gone() {
        let under_way = UnderWay::default();
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (release, released) = mpsc::channel::<()>();
        let began = runtime.block_on(async {
            let first = under_way.spawn(move || {
                let _ = released.recv();
            });
            (first, under_way.spawn(|| panic!("nobody begins it")))
        });
        runtime.shutdown_background();
        release.send(()).unwrap();
        under_way.wait();
        drop(began);
    }
}
