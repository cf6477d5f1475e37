//! A store that several machines share, with faults on demand; each machine has a journal of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use gitops_core::*;

/// Documents in memory that count what is written and can go away.
#[derive(Default)]
pub struct Shared {
    documents: MemoryStore,
    swaps: AtomicUsize,
    bytes: AtomicUsize,
    largest: AtomicUsize,
    /// How many calls are answered; after them none is.
    answered: AtomicUsize,
    /// The first call that is not answered has its effect all the same.
    loses_answer: AtomicBool,
}

impl Shared {
    pub fn new() -> Arc<Self> {
        let shared = Self::default();
        shared.answered.store(usize::MAX, SeqCst);
        Arc::new(shared)
    }

    /// How many documents were written since the last question, and how many bytes.
    pub fn written(&self) -> (usize, usize) {
        (self.swaps.swap(0, SeqCst), self.bytes.swap(0, SeqCst))
    }

    pub fn largest(&self) -> usize {
        self.largest.load(SeqCst)
    }

    pub fn answer(&self, calls: usize, loses_answer: bool) {
        self.answered.store(calls, SeqCst);
        self.loses_answer.store(loses_answer, SeqCst);
    }

    pub fn recover(&self) {
        self.answer(usize::MAX, false);
    }

    /// Whether this call is answered, and whether it has its effect.
    fn next(&self) -> (bool, bool) {
        let left = self.answered.load(SeqCst);
        if left > 0 {
            self.answered.store(left - usize::from(left != usize::MAX), SeqCst);
            return (true, true);
        }
        (false, self.loses_answer.swap(false, SeqCst))
    }
}

fn away() -> Error {
    Error::new(ErrorKind::Unavailable, "the store is away").outcome_unknown()
}

#[async_trait]
impl StateStore for Shared {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        tokio::task::yield_now().await;
        match self.next() {
            (true, _) => self.documents.load(cx, name).await,
            _ => Err(away()),
        }
    }

    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        tokio::task::yield_now().await;
        let (answered, done) = self.next();
        let size = document.bytes.len();
        let swapped = match done {
            true => self.documents.swap(cx, name, expect, document).await,
            false => return Err(away()),
        };
        self.swaps.fetch_add(1, SeqCst);
        self.bytes.fetch_add(size, SeqCst);
        self.largest.fetch_max(size, SeqCst);
        tokio::task::yield_now().await;
        if answered { swapped } else { Err(away()) }
    }

    fn is_shared(&self) -> bool {
        true
    }
}
