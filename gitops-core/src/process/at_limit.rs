use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

/// The limit at which a limited program ended, by what the system or a library did to it.
///
/// ```
/// use gitops_core::process::AtLimit;
/// let ended = std::process::Command::new("sh").args(["-c", "kill -XCPU $$"]).status()?;
/// assert_eq!(AtLimit::of(ended), Some(AtLimit::Processor));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// It was killed or crashed, as programs do that get no more memory.
    Memory,
    /// It used a processor for too long.
    Processor,
    /// It wrote a file that is too large.
    File,
}

impl AtLimit {
    /// The limit by which a program ended that nobody else killed; nothing if it ended by itself.
    ///
    /// A shell gives the signal that ended its child as a code above 128.
    pub fn of(ended: ExitStatus) -> Option<Self> {
        let signal = ended.signal().or_else(|| ended.code()?.checked_sub(128));
        match signal.and_then(Signal::from_named_raw)? {
            Signal::KILL | Signal::SEGV | Signal::BUS | Signal::ABORT => Some(Self::Memory),
            Signal::XCPU => Some(Self::Processor),
            Signal::XFSZ => Some(Self::File),
            _ => None,
        }
    }
}
