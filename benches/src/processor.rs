use std::time::Duration;

/// What Linux counts in `/proc/self/stat`: a hundredth of a second.
const TICK: Duration = Duration::from_millis(10);

/// The processor time that this process and its ended children took so far; exact over many rounds, not over one.
pub fn processor_time() -> Duration {
    processor_time_of("self")
}

/// The same of another process, by its number; nothing of one that is gone.
pub fn processor_time_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field, the program's name in parentheses, may hold spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    let ticks: u32 = fields.skip(11).take(4).filter_map(|field| field.parse::<u32>().ok()).sum();
    TICK * ticks
}
