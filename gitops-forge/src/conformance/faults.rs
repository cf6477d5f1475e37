//! Checks of what happens when something goes wrong.

use std::time::Duration;

use gitops_core::{ErrorKind, Retry};

use super::check::{Bench, Check, Checked, check, ensure, given, refused};
use super::subject::Fault;
use crate::ext::ForgeExt;
use crate::value::{CommentWrite, CommitStatus, Marker, Merge, RequestState, StatusState};

pub(super) const CHECKS: &[Check] = &[
    check!("F51", lost_comment, "A comment whose answer was lost is looked up, and there is one."),
    check!("F52", lost_request, "A comment that was lost in transit is written, once."),
    check!("F53", unknown, "A write whose answer was lost has an unknown outcome."),
    check!("F54", patience, "Too many calls: try again, not before the time that was asked for."),
    check!("F55", broken, "A forge that fails is tried again; what only reads has a known outcome."),
    check!("F56", half, "Half an answer is an error, never a shorter list."),
    check!("F57", lost_status, "A status whose answer was lost is looked up."),
    check!("F58", lost_merge, "A merge whose answer was lost is looked up, and merges once."),
    check!("F59", silence, "A forge that never answers is given up at the deadline."),
    check!("F60", cancelled, "What is cancelled is not begun."),
];

fn fail(bench: &Bench, fault: Fault, is_write: bool) -> Checked {
    given(bench.subject.others.fail_next(fault, is_write))
}

fn marker() -> Marker {
    Marker::new("kit/faults").expect("the name is plain")
}

async fn comment_despite(bench: &Bench, fault: Fault) -> Checked {
    let number = bench.request().await?;
    for text in ["one", "two"] {
        fail(bench, fault, true)?;
        let kept = bench.forge().upsert_comment(&bench.cx, number, &marker(), text).await?;
        ensure!(kept.is_written && kept.value.body.ends_with(text), "{text:?} became {kept:?}");
        let comments = bench.comments(number).await?;
        let is_one = comments.len() == 1 && comments[0].body.ends_with(text);
        ensure!(is_one, "after {fault:?} there is {comments:?}");
    }
    Ok(())
}

async fn lost_comment(bench: &Bench) -> Checked {
    comment_despite(bench, Fault::LoseAnswer).await?;
    comment_despite(bench, Fault::Half).await
}

async fn lost_request(bench: &Bench) -> Checked {
    comment_despite(bench, Fault::LoseRequest).await
}

async fn unknown(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    fail(bench, Fault::LoseAnswer, true)?;
    let create = CommentWrite::Create { body: "lost".to_owned() };
    let error =
        refused(bench.forge().write_comment(&bench.cx, number, &create).await, "a write without an answer")?;
    ensure!(error.is_unknown() && error.is_retryable(), "its outcome is taken for known: {error:?}");
    Ok(())
}

async fn patience(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    fail(bench, Fault::Patience(2), true)?;
    let create = CommentWrite::Create { body: "patience".to_owned() };
    let error = refused(bench.forge().write_comment(&bench.cx, number, &create).await, "a call too many")?;
    let waits = matches!(error.retry(), Retry::After(wait) if wait >= Duration::from_secs(1));
    ensure!(waits && !error.is_unknown(), "two seconds were asked for: {error:?}");
    ensure!(error.kind() == ErrorKind::Unavailable, "it is {:?}", error.kind());
    if let Retry::After(wait) = error.retry() {
        bench.cx.sleep(wait).await?;
    }
    bench.forge().write_comment(&bench.cx, number, &create).await?;
    let comments = bench.comments(number).await?;
    ensure!(comments.len() == 1, "one comment was written in the end, and there is {comments:?}");
    Ok(())
}

async fn broken(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    fail(bench, Fault::Broken, false)?;
    let error =
        refused(bench.forge().change_request(&bench.cx, number).await, "a read of a forge that fails")?;
    ensure!(error.is_retryable() && !error.is_unknown(), "a read that failed: {error:?}");
    bench.forge().change_request(&bench.cx, number).await?;
    Ok(())
}

async fn half(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    bench.forge().upsert_comment(&bench.cx, number, &marker(), "one").await?;
    fail(bench, Fault::Half, false)?;
    let error = refused(bench.comments(number).await.map_err(|_| cut()), "to read half a list")?;
    ensure!(!error.is_unknown(), "what only reads has an unknown outcome: {error:?}");
    ensure!(bench.comments(number).await?.len() == 1, "the comment is gone");
    Ok(())
}

fn cut() -> gitops_core::Error {
    gitops_core::Error::new(ErrorKind::Unavailable, "the list was cut")
}

async fn lost_status(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let commit = bench.forge().change_request(&bench.cx, number).await?.head.commit;
    let status = CommitStatus::new("gitops/plan", StatusState::Success, "no changes");
    fail(bench, Fault::LoseAnswer, true)?;
    let before = bench.subject.others.writes();
    ensure!(bench.forge().ensure_status(&bench.cx, &commit, &status).await?, "it was not written");
    let made = bench.subject.others.writes().zip(before).map(|(after, before)| after - before);
    ensure!(made.is_none_or(|made| made == 1), "one status made {made:?} writes");
    ensure!(bench.forge().statuses(&bench.cx, &commit).await? == [status], "it is not there");
    Ok(())
}

async fn lost_merge(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let merge = Merge::of(bench.forge().change_request(&bench.cx, number).await?.head.commit);
    fail(bench, Fault::LoseAnswer, true)?;
    let merged = bench.forge().ensure_merged(&bench.cx, number, &merge).await?;
    let request = bench.forge().change_request(&bench.cx, number).await?;
    ensure!(request.state == RequestState::Merged, "it is not merged: {request:?}");
    ensure!(merged.commit == request.merge_commit, "it was merged as {request:?}, and {merged:?} is told");
    Ok(())
}

async fn silence(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    fail(bench, Fault::Silence, true)?;
    let cx = bench.cx.within(Duration::from_millis(300));
    let create = CommentWrite::Create { body: "silence".to_owned() };
    let error =
        refused(bench.forge().write_comment(&cx, number, &create).await, "a write without an answer")?;
    ensure!(error.kind() == ErrorKind::Timeout && error.is_unknown(), "a write that was given up: {error:?}");
    fail(bench, Fault::Silence, false)?;
    let cx = bench.cx.within(Duration::from_millis(300));
    let error = refused(bench.forge().change_request(&cx, number).await, "a read without an answer")?;
    ensure!(error.kind() == ErrorKind::Timeout && !error.is_unknown(), "a read that was given up: {error:?}");
    Ok(())
}

async fn cancelled(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let cx = bench.cx.child();
    cx.cancel();
    let create = CommentWrite::Create { body: "cancelled".to_owned() };
    let error =
        refused(bench.forge().write_comment(&cx, number, &create).await, "a write that was cancelled")?;
    ensure!(error.kind() == ErrorKind::Cancelled && !error.is_unknown(), "it was not begun: {error:?}");
    ensure!(bench.comments(number).await?.is_empty(), "it was written");
    Ok(())
}
