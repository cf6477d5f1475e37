//! The budget of calls: burst, pace, sharing, giving back (C62).

use std::time::Duration;

use futures::future::join_all;
use futures::poll;
use gitops_core::{ErrorKind, Layer, RateLimitLayer};

use crate::script::{Script, create, cx, scope};

fn ten_a_second() -> RateLimitLayer {
    RateLimitLayer::new(10, Duration::from_secs(1))
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_through_and_the_rest_is_spaced() {
    let script = Script::new([]);
    let (target, cx, change) = (ten_a_second().layer(script.clone()), cx(), create());
    let results = join_all((0..25).map(|_| target.apply(&cx, &change))).await;
    assert!(results.iter().all(Result::is_ok));
    let times = script.times();
    assert_eq!(times[..10], [0; 10]);
    for (index, time) in times[10..].iter().enumerate() {
        let turn = 100 * (index as u128 + 1);
        assert!((turn..turn + 3).contains(time), "call {} came at {time} ms", index + 10);
    }
}

#[tokio::test(start_paused = true)]
async fn time_without_calls_fills_the_bucket_and_not_more() {
    let script = Script::new([]);
    let (target, cx, change) = (ten_a_second().layer(script.clone()), cx(), create());
    join_all((0..10).map(|_| target.apply(&cx, &change))).await;
    cx.sleep(Duration::from_secs(3600)).await.unwrap();
    let from = cx.now();
    join_all((0..20).map(|_| target.apply(&cx, &change))).await;
    assert!(cx.now().since(from) >= Duration::from_secs(1), "ten at once, ten in the second after");
}

#[tokio::test(start_paused = true)]
async fn targets_under_one_layer_share_its_budget() {
    let (layer, cx, change) = (ten_a_second(), cx(), create());
    let targets: Vec<_> = (0..2).map(|_| layer.clone().layer(Script::new([]))).collect();
    join_all(targets.iter().flat_map(|target| (0..10).map(|_| target.apply(&cx, &change)))).await;
    assert!(cx.now().since(gitops_core::Time::default()) >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_batch_pays_for_each_of_its_changes() {
    let script = Script::able([]);
    let (target, cx) = (ten_a_second().layer(script.clone()), cx());
    let changes: Vec<_> = (0..10).map(|_| create()).collect();
    target.batch().unwrap().apply_all(&cx, &changes).await;
    target.observe(&cx, &scope()).await.unwrap();
    assert!(script.times()[1] >= 100, "{:?}", script.times());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_given_up_gives_its_turn_back() {
    let script = Script::new([]);
    let (target, cx, change) =
        (RateLimitLayer::new(1, Duration::from_secs(60)).layer(script.clone()), cx(), create());
    target.apply(&cx, &change).await.unwrap();
    for _ in 0..100 {
        assert!(poll!(target.apply(&cx, &change)).is_pending());
    }
    target.apply(&cx, &change).await.unwrap();
    assert!((60_000..60_010).contains(&script.times()[1]), "{:?}", script.times());
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_an_error_and_no_call() {
    let script = Script::new([]);
    let (target, cx) = (RateLimitLayer::new(1, Duration::from_secs(60)).layer(script.clone()), cx());
    target.apply(&cx, &create()).await.unwrap();
    let error = target.apply(&cx.within(Duration::from_secs(1)), &create()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unavailable && !error.is_unknown() && error.help_text().is_some());
    assert_eq!(script.calls().len(), 1);
}

/// A change that waited for its turn under a shield was sent a minute after everything was told to stop.
#[tokio::test(start_paused = true)]
async fn a_change_whose_turn_has_not_come_when_asked_to_stop_is_not_sent() {
    let script = Script::new([]);
    let (target, cx) = (RateLimitLayer::new(1, Duration::from_secs(60)).layer(script.clone()), cx());
    let (sent, change) = (cx.shielded(), create());
    target.apply(&sent, &change).await.unwrap();
    let mut waits = Box::pin(target.apply(&sent, &change));
    assert!(poll!(&mut waits).is_pending());
    cx.cancel();
    let error = waits.await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Cancelled, false));
    assert_eq!(script.calls().len(), 1);
}
