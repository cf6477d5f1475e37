//! The one place where calls are counted.

use std::time::Duration;

/// One call of a forge's API that was made: what metrics are made of. It holds no name, text or token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The kind of forge, as in [`ForgeInfo::kind`](crate::ForgeInfo::kind).
    pub forge: &'static str,
    /// `GET`, `POST` and so on.
    pub method: &'static str,
    /// The path with names in braces. There are few of them.
    pub route: &'static str,
    /// The status of the answer; `None` if none came.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: Duration,
    /// Bytes of the answer's body.
    pub bytes: usize,
    /// How many more calls the forge allows for now, if it says so.
    pub remaining: Option<u64>,
}

impl Call {
    /// Whether it may have changed something.
    pub fn is_write(&self) -> bool {
        self.method != "GET"
    }
}

/// Is told of every call; must return quickly and not fail.
pub trait CallObserver: Send + Sync {
    /// A call was made.
    fn called(&self, call: &Call);
}

impl<F: Fn(&Call) + Send + Sync> CallObserver for F {
    fn called(&self, call: &Call) {
        self(call);
    }
}
