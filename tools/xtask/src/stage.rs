//! One line when a piece of work starts, one with its time when it ends.

use std::time::Duration;

use crate::failure::Result;

/// Runs `work` and says on standard error what runs, whether it went well, and how long it took.
pub fn stage<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {name}");
    let clock = stopwatch();
    let result = work();
    let verdict = if result.is_ok() { "ok" } else { "FAILED" };
    eprintln!("<== {name}: {verdict}, {:.1} s", clock().as_secs_f64());
    result
}

/// The time since now.
#[expect(clippy::disallowed_methods, reason = "tasks measure real time; they decide nothing by it")]
pub fn stopwatch() -> impl Fn() -> Duration {
    let start = std::time::Instant::now();
    move || start.elapsed()
}
