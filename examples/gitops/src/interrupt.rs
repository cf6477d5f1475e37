//! Ctrl-C: first stop in good order, then at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gitops_core::{Cx, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::output::Screen;

/// Whether somebody pressed Ctrl-C.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. The first signal cancels the context, so that changes under way are finished and
    /// recorded; the second ends the process: what was under way is looked up by the next run.
    pub fn listen(cx: Cx, screen: Screen) -> Result<Self> {
        let (mut interrupts, mut terminations) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let interrupt = Self::default();
        let pressed = interrupt.0.clone();
        tokio::spawn(async move {
            let first = next(&mut interrupts, &mut terminations).await;
            pressed.store(first == SignalKind::interrupt(), Ordering::Relaxed);
            cx.cancel();
            say(
                screen,
                "Stopping: what is under way is finished first. Press Ctrl-C again to leave at once.",
            );
            next(&mut interrupts, &mut terminations).await;
            say(screen, "Left at once: what was under way is looked up by the next run.");
            std::process::exit(Exit::Interrupted.code().into());
        });
        Ok(interrupt)
    }

    /// Whether it was Ctrl-C, and not SIGTERM, by which service managers stop what they started.
    pub fn is_pressed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Says it in passing: a reader that is slow to read must not keep the next signal from being heard.
fn say(screen: Screen, text: &'static str) {
    std::thread::spawn(move || screen.note(text));
}

async fn next(interrupts: &mut Signal, terminations: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = interrupts.recv() => SignalKind::interrupt(),
        _ = terminations.recv() => SignalKind::terminate(),
    }
}
