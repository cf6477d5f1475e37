//! C40 to C47: an error says what it was, whether to try again, and whether anything happened.

use std::time::Duration;

use super::bench::{TargetBench, given, sample, told};
use super::outside::Fault;
use super::read::is_unreadable;
use crate::conformance::check::{Asked, Check, Checked, check, ensure};
use crate::value::{Change, Error, ErrorKind, Key, Retry};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C40",
        Asked::All,
        throttled,
        "Too many requests: try again, not before the time that was asked for."
    ),
    check!("C41", Asked::All, lost_answer, "An answer that does not come leaves the outcome unknown."),
    check!("C42", Asked::All, refused_before, "What was never sent is known not to be done."),
    check!(
        "C43",
        Asked::Keyed,
        conflict,
        "A precondition that does not hold is a conflict, and not to be tried again."
    ),
    check!("C44", Asked::All, terminal, "What is wrong in itself is not to be tried again."),
    check!("C45", Asked::All, transient, "What passes is to be tried again."),
    check!("C46", Asked::All, who_and_what, "Who we are and what we may do are told apart."),
    check!("C47", Asked::All, undecodable, "An object that can't be decoded is unreadable alone."),
];

/// The error of a creation while requests fail, after which nothing may be there.
async fn error_of_creation(bench: &TargetBench, fault: Fault) -> Checked<(Change, Error)> {
    let key = bench.key();
    let change = bench.creation(&key, bench.body(0)).await;
    let error = bench.refused_by(fault, &change).await?;
    let found = bench.see(&key).await?;
    ensure!(found.is_none(), "under {fault:?}, {} made {found:?}", told(&change));
    ensure!(!error.is_unknown(), "{fault:?} is known to do nothing, and the error says unknown: {error:?}");
    Ok((change, error))
}

async fn throttled(bench: &TargetBench) -> Checked {
    let (_, error) = error_of_creation(bench, Fault::Throttled(Duration::from_secs(7))).await?;
    ensure!(
        error.retry() == Retry::After(Duration::from_secs(7)),
        "asked to wait 7 s, the error is {error:?}"
    );
    Ok(())
}

async fn lost_answer(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    let creation = bench.creation(&bench.key(), bench.body(0)).await;
    is_told_as_unknown(bench, &creation).await?;
    is_told_as_unknown(bench, &bench.update(&made, bench.body(1)).await).await?;
    let now = bench.there(&made.key).await?;
    is_told_as_unknown(bench, &bench.deletion(&now).await).await
}

/// A target that reads before it writes may say that nothing was done, if that is true.
async fn is_told_as_unknown(bench: &TargetBench, change: &Change) -> Checked {
    let before = bench.see(change.key()).await?;
    let error = bench.refused_by(Fault::LostAnswer, change).await?;
    let after = bench.see(change.key()).await?;
    ensure!(
        error.is_unknown() || after == before,
        "the answer to {} was lost, it was carried out, and its outcome is known: {error:?}",
        told(change)
    );
    Ok(())
}

async fn refused_before(bench: &TargetBench) -> Checked {
    let (change, _) = error_of_creation(bench, Fault::Unreachable).await?;
    bench.done(&change).await?;
    Ok(())
}

async fn conflict(bench: &TargetBench) -> Checked {
    let old = bench.make().await?;
    bench.rewrite(&old, bench.body(1)).await?;
    for change in [bench.creation(&old.key, bench.body(2)).await, bench.update(&old, bench.body(2)).await] {
        let error = bench.refused(&change).await?;
        ensure!(error.is_conflict(), "{} is no conflict: {error:?}", told(&change));
        ensure!(
            !error.is_retryable(),
            "{} as it is can't succeed, and is to be tried again: {error:?}",
            told(&change)
        );
    }
    Ok(())
}

async fn terminal(bench: &TargetBench) -> Checked {
    let body = sample(bench.subject.samples.invalid.clone(), "body that is refused")?;
    let key = bench.key();
    let error = bench.refused(&bench.creation(&key, body).await).await?;
    ensure!(!error.is_retryable(), "a body that is wrong is to be tried again: {error:?}");
    let found = bench.see(&key).await?;
    ensure!(found.is_none(), "a body that was refused made {found:?}");
    Ok(())
}

async fn transient(bench: &TargetBench) -> Checked {
    let (change, error) = error_of_creation(bench, Fault::Overloaded).await?;
    ensure!(error.is_retryable(), "an overloaded server is not to be tried again: {error:?}");
    bench.done(&change).await?;
    Ok(())
}

async fn who_and_what(bench: &TargetBench) -> Checked {
    for (fault, kind) in
        [(Fault::Unauthenticated, ErrorKind::Unauthenticated), (Fault::Forbidden, ErrorKind::Forbidden)]
    {
        let (_, error) = error_of_creation(bench, fault).await?;
        ensure!(error.kind() == kind, "{fault:?} is the error {error:?}");
        ensure!(!error.is_retryable(), "{fault:?} is to be tried again: {error:?}");
    }
    Ok(())
}

async fn undecodable(bench: &TargetBench) -> Checked {
    let (good, bad) = (bench.make().await?, bench.make().await?);
    given(bench.outside().damage(&bad.key).await)?;
    let found = bench.look(&[good.key.clone(), bad.key.clone()]).await?;
    let of = |key: &Key| found.iter().find(|live| live.key == *key);
    let beside = of(&good.key).map(|live| &live.body);
    ensure!(beside == Some(&good.body), "beside an undecodable object, {good:?} is {beside:?}");
    ensure!(of(&bad.key).is_some_and(is_unreadable), "the undecodable object is {:?}", of(&bad.key));
    Ok(())
}
