use std::time::Duration;

/// Bounds on what a forge may make this process read, keep or wait for.
///
/// Each has an error that names it. The defaults suit a forge with large requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForgeLimits {
    /// Bytes of one answer. Default: 16 MiB.
    pub answer_bytes: usize,
    /// Pages of one list. A longer list is an error, never a shorter list. Default: 100.
    pub pages: usize,
    /// Bytes of answers that are kept, so that an unchanged one need not be sent again. Default: 16 MiB.
    pub kept_bytes: usize,
    /// Calls at one time. Default: 4.
    pub concurrency: usize,
    /// How long one call may take. Default: 30 seconds.
    pub time: Duration,
}

impl Default for ForgeLimits {
    fn default() -> Self {
        Self {
            answer_bytes: 16 << 20,
            pages: 100,
            kept_bytes: 16 << 20,
            concurrency: 4,
            time: Duration::from_secs(30),
        }
    }
}
