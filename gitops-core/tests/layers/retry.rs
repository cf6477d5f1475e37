//! Retries: which calls, how often, how long between them (C44, C45).

use std::time::Duration;

use gitops_core::{Error, ErrorKind, Layer, Retry, RetryLayer, Source};

use crate::script::{Script, create, cx, cx_with, down, lost, scope};

#[tokio::test(start_paused = true)]
async fn what_can_succeed_later_is_tried_again() {
    let script = Script::failing([down(), down()]);
    let target = RetryLayer::new(5).layer(script.clone());
    target.apply(&cx(), &create()).await.unwrap();
    assert_eq!(script.calls(), ["apply"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_been_done_is_not_repeated_but_a_read_is() {
    let script = Script::failing([lost()]);
    let target = RetryLayer::new(5).layer(script.clone());
    assert!(target.apply(&cx(), &create()).await.unwrap_err().is_unknown());
    assert_eq!(script.calls(), ["apply"]);

    let script = Script::failing([lost()]);
    RetryLayer::new(5).layer(script.clone()).observe(&cx(), &scope()).await.unwrap();
    assert_eq!(script.calls(), ["observe"; 2]);
}

#[tokio::test(start_paused = true)]
async fn what_can_never_succeed_is_not_tried_again() {
    let script = Script::failing([Error::new(ErrorKind::Forbidden, "no")]);
    let target = RetryLayer::new(5).layer(script.clone());
    assert_eq!(target.observe(&cx(), &scope()).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(script.calls(), ["observe"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_returned_when_the_attempts_are_used_up() {
    for (attempts, calls) in [(0, 1), (1, 1), (3, 3)] {
        let script = Script::failing((0..9).map(|n| down().with("attempt", n)));
        let error =
            RetryLayer::new(attempts).layer(script.clone()).apply(&cx(), &create()).await.unwrap_err();
        assert_eq!(script.calls().len(), calls);
        assert!(error.to_string().contains(&format!("attempt: {}", calls - 1)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_that_the_target_asks_for_is_waited() {
    let asks = down().retry_when(Retry::After(Duration::from_secs(30)));
    let script = Script::failing([asks]);
    RetryLayer::new(2).layer(script.clone()).apply(&cx(), &create()).await.unwrap();
    assert_eq!(script.times(), [0, 30_000]);
}

#[tokio::test(start_paused = true)]
async fn a_longer_time_than_five_minutes_is_the_callers_to_wait() {
    let asks = down().retry_when(Retry::After(Duration::from_secs(3600)));
    let script = Script::failing([asks]);
    let error = RetryLayer::new(9).layer(script.clone()).apply(&cx(), &create()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(3600)));
    assert_eq!(script.times(), [0]);
}

#[tokio::test(start_paused = true)]
async fn waits_are_random_below_a_bound_that_doubles_up_to_five_minutes() {
    let mut times = Vec::new();
    for byte in [0x00, 0x3b, 0xa7, 0xff] {
        let script = Script::failing((0..14).map(|_| down()));
        RetryLayer::new(15).layer(script.clone()).apply(&cx_with(byte), &create()).await.unwrap();
        let waits: Vec<_> = script.times().windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (failures, wait) in waits.iter().enumerate() {
            assert!(*wait <= (200 << failures).min(300_000) + 2, "wait {failures} was {wait} ms");
        }
        times.push(waits);
    }
    times.dedup();
    assert_eq!(times.len(), 4, "other entropy, other waits");
}

#[tokio::test(start_paused = true)]
async fn no_wait_goes_past_the_deadline_or_a_request_to_stop() {
    let asks = || down().retry_when(Retry::After(Duration::from_secs(30)));
    let script = Script::failing([asks()]);
    let cx = cx().within(Duration::from_secs(10));
    let target = RetryLayer::new(5).layer(script.clone());
    let error = target.apply(&cx, &create()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unavailable && !error.is_unknown());
    assert!(cx.now() < cx.deadline().unwrap(), "it was known at once");

    let script = Script::failing([asks()]);
    let target = RetryLayer::new(5).layer(script.clone());
    let (cx, change) = (crate::script::cx(), create());
    let (result, ()) = tokio::join!(target.apply(&cx, &change), async { cx.cancel() });
    assert!(!result.unwrap_err().is_unknown(), "the change is known not to have been made");
    assert_eq!(script.calls(), ["apply"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_is_asked_again() {
    let script = Script::failing([down(), lost()]);
    let source = RetryLayer::new(5).layer_source(script.clone());
    let revision = source.resolve(&cx()).await.unwrap();
    source.fetch(&cx(), &revision).await.unwrap();
    assert_eq!(script.calls(), ["resolve", "resolve", "resolve", "fetch"]);
    assert_eq!(Source::info(&*source).name, "script");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_not_tried_again_once_somebody_asked_to_stop() {
    let script = Script::failing([down().retry_when(Retry::After(Duration::from_secs(30)))]);
    let (target, cx, change) = (RetryLayer::new(2).layer(script.clone()), cx(), create());
    let sent = cx.shielded();
    let mut tries = Box::pin(target.apply(&sent, &change));
    assert!(futures::poll!(&mut tries).is_pending());
    cx.cancel();
    assert_eq!(tries.await.unwrap_err().kind(), down().kind());
    assert_eq!(script.calls(), ["apply"]);
}
