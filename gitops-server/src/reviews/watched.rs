//! A store of which it is known whether it can be written.

use std::sync::Arc;

use gitops_core::{Cx, Document, Error, Result, StateStore, StoreWatch, Stored, Version, async_trait};
use tokio::sync::watch;

use super::Shared;
use super::poll::AGAIN;
use crate::board::{Ails, Board};

/// A store that tells whether its last write worked.
pub(super) struct Watched {
    store: Arc<dyn StateStore>,
    board: Board,
    /// Of whom it has something.
    applications: Vec<String>,
    is_failing: watch::Sender<bool>,
}

impl Watched {
    /// Tells it of these applications.
    pub fn new(store: Arc<dyn StateStore>, board: Board, applications: Vec<String>) -> Self {
        Self { store, board, applications, is_failing: watch::Sender::new(false) }
    }

    fn note(&self, cx: &Cx, error: Option<&Error>) {
        self.is_failing
            .send_if_modified(|is_failing| std::mem::replace(is_failing, error.is_some()) != error.is_some());
        for name in &self.applications {
            self.board.note(name, Ails::Memory, error.map(|error| (cx.now(), error.kind())));
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl StateStore for Watched {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.store.load(cx, name).await
    }

    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        let written = self.store.swap(cx, name, expect, document).await;
        match &written {
            Ok(_) => self.note(cx, None),
            // Nothing was tried.
            Err(error) if error.is_conflict() || cx.is_cancelled() => {}
            Err(error) => self.note(cx, Some(error)),
        }
        written
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn watch(&self) -> Option<&dyn StoreWatch> {
        self.store.watch()
    }
}

impl Shared {
    /// Writes again what could not be written, so that it is known when that works; nobody may have anything to write then.
    pub(super) async fn keep_written(&self, cx: &Cx) {
        let mut is_failing = self.store.is_failing.subscribe();
        loop {
            tokio::select! {
                biased;
                () = cx.cancelled() => return,
                _ = is_failing.wait_for(|is_failing| *is_failing) => {}
            }
            if cx.sleep(AGAIN).await.is_err() {
                return;
            }
            // What comes of it is noted.
            let _ = self.memory.write_again(cx).await;
        }
    }
}
