//! Ctrl-C: first stop in good order, then at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gitops_core::{Cx, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::output::Screen;

/// Who asked to stop, and how.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    terminated: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on. The first signal cancels the context, so that changes under way are finished and
    /// recorded; the second ends the process: what was under way is looked up by the next run.
    pub fn listen(cx: Cx, screen: Screen) -> Result<Self> {
        let (mut interrupts, mut terminations) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let interrupt = Self::default();
        let terminated = interrupt.terminated.clone();
        tokio::spawn(async move {
            if next(&mut interrupts, &mut terminations).await == SignalKind::terminate() {
                terminated.store(true, Ordering::Relaxed);
            }
            screen
                .note("Stopping: what is under way is finished first. Press Ctrl-C again to leave at once.");
            cx.cancel();
            next(&mut interrupts, &mut terminations).await;
            screen.note("Left at once: what was under way is looked up by the next run.");
            std::process::exit(Exit::Interrupted.code().into());
        });
        Ok(interrupt)
    }

    /// Whether it was SIGTERM, by which service managers stop what they started.
    pub fn is_termination(&self) -> bool {
        self.terminated.load(Ordering::Relaxed)
    }
}

async fn next(interrupts: &mut Signal, terminations: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = interrupts.recv() => SignalKind::interrupt(),
        _ = terminations.recv() => SignalKind::terminate(),
    }
}
