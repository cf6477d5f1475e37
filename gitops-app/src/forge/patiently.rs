//! Calls of a forge that may go well the next time.

use std::time::Duration;

use gitops_core::{Cx, Result, Retry};

/// How often a call is made that may go well the next time, and how long one is waited for at most.
const TRIES: u32 = 4;
const LONGEST: Duration = Duration::from_secs(120);

/// Makes a call again that may go well the next time, four times in all, and not before the forge asks for it.
///
/// # Errors
/// Those of the call; a wait that is longer than two minutes is left to the caller.
///
/// # Cancel safety
/// That of the call.
pub async fn patiently<T, F>(cx: &Cx, mut call: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut tries = 1;
    loop {
        let error = match call().await {
            Err(error) if tries < TRIES => error,
            done => return done,
        };
        let wait = match error.retry() {
            Retry::Never => return Err(error),
            Retry::Now => Duration::from_secs(1 << tries),
            Retry::After(wait) => wait,
        };
        if wait > LONGEST {
            return Err(error);
        }
        cx.sleep(wait).await?;
        tries += 1;
    }
}
