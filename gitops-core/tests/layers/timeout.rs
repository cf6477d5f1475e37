//! Deadlines: what is dropped, what it means, and what is left alone (C41).

use std::time::Duration;

use gitops_core::{Cx, ErrorKind, Layer, TimeoutLayer};

use crate::script::{Do, Script, create, cx, key, scope};

const MINUTE: Duration = Duration::from_secs(60);

fn slow() -> [Do; 1] {
    [Do::Take(Duration::from_secs(3600))]
}

fn limit() -> TimeoutLayer {
    TimeoutLayer::new(MINUTE)
}

#[tokio::test(start_paused = true)]
async fn a_change_over_its_time_has_an_unknown_outcome() {
    let cx = cx();
    let error = limit().layer(Script::new(slow())).apply(&cx, &create()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Timeout && error.is_unknown(), "{error:?}");
    assert_eq!(cx.now().since(gitops_core::Time::default()).as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_time_is_not_touched() {
    let script = Script::new([Do::Take(Duration::from_secs(59))]);
    limit().layer(script).apply(&cx(), &create()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_earlier_deadline_of_the_caller_stays() {
    let cx = cx().within(Duration::from_secs(1));
    limit().layer(Script::new(slow())).observe(&cx, &scope()).await.unwrap_err();
    assert_eq!(cx.now().since(gitops_core::Time::default()).as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_to_stop_lets_the_target_finish() {
    let (cx, change): (Cx, _) = (cx(), create());
    let target = limit().layer(Script::new(slow()));
    let (result, ()) = tokio::join!(target.apply(&cx, &change), async { cx.cancel() });
    result.expect("the target heard the request and finished the change");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_readiness_and_for_moves_takes_as_long_as_it_takes() {
    let target = limit().layer(Script::able([slow(), slow()].into_iter().flatten()));
    let (health, watch) = (target.health().unwrap(), target.watch().unwrap());
    health.ready(&cx(), &key(), &gitops_core::Applied::Absent).await.unwrap();
    watch.moved(&cx()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_batch_over_its_time_leaves_every_change_unknown() {
    let target = limit().layer(Script::able(slow()));
    let results = target.batch().unwrap().apply_all(&cx(), &[create(), create()]).await;
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| result.as_ref().is_err_and(gitops_core::Error::is_unknown)));
}

#[tokio::test(start_paused = true)]
async fn a_source_has_a_deadline_too() {
    let source = limit().layer_source(Script::new(slow()));
    assert_eq!(source.resolve(&cx()).await.unwrap_err().kind(), ErrorKind::Timeout);
}
