//! What benchmarks and their tests share: repositories of any size, engines over them, counters.

mod applied;
mod counted;
mod repository;

pub use applied::{Applied, engine};
pub use counted::{CountedTarget, CountedTree};
pub use repository::Repository;

/// The resident memory of this process, in bytes.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
