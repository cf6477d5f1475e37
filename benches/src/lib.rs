//! What benchmarks and their tests share: repositories of any size, engines over them, counters.

mod applied;
mod counted;
mod figures;
mod files;
mod processor;
mod repository;

pub use applied::{Applied, engine};
pub use counted::CountedTree;
pub use figures::{Wanted, outcome, quantile, row, timed};
pub use files::Files;
pub use processor::{processor_time, processor_time_of};
pub use repository::{Layout, Repository};

/// The memory that this process has for itself, in bytes: without mapped files.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
