//! C63 and C64: what does not fit is refused before anything is written.

use super::bench::{TargetBench, sample, told};
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::value::{Change, Error, ErrorKind};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!("C63", Asked::All, too_large, "An object that is too large is refused before any write."),
    check!(
        "C64",
        Asked::All,
        illegal_names,
        "A name that is too long or illegal is refused before any write."
    ),
];

/// The error must say that the input is at fault, and that nothing was done.
fn is_clear(change: &Change, error: &Error) -> Checked {
    let is_of_input = matches!(error.kind(), ErrorKind::Limit | ErrorKind::Invalid);
    ensure!(is_of_input, "{} is refused, but not as invalid or over a limit: {error:?}", told(change));
    ensure!(!error.is_retryable(), "{} can't succeed, and is to be tried again: {error:?}", told(change));
    Ok(())
}

async fn too_large(bench: &TargetBench) -> Checked {
    let body = sample(bench.subject.samples.too_large.clone(), "body that is too large")?;
    let key = bench.key();
    let creation = bench.creation(&key, body.clone()).await;
    is_clear(&creation, &bench.refused(&creation).await?)?;
    let found = bench.see(&key).await?;
    ensure!(found.is_none(), "{} was refused and left {found:?}", told(&creation));
    let made = bench.make().await?;
    let update = bench.update(&made, body).await;
    is_clear(&update, &bench.refused(&update).await?)?;
    let now = bench.there(&made.key).await?;
    ensure!(now == made, "{} was refused and left {now:?} of {made:?}", told(&update));
    Ok(())
}

async fn illegal_names(bench: &TargetBench) -> Checked {
    let keys = &bench.subject.samples.illegal_keys;
    if keys.is_empty() {
        return Err(Stop::Skip("the samples have no key that is refused".to_owned()));
    }
    for key in keys {
        let creation = bench.creation(key, bench.body(0)).await;
        is_clear(&creation, &bench.refused(&creation).await?)?;
    }
    Ok(())
}
