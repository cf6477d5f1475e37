//! The documented order, and what each of the wrong ones costs.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use gitops_core::{Error, ErrorKind, Layer, RateLimitLayer, Retry, RetryLayer, TimeoutLayer, TraceLayer};

use crate::script::{Do, Script, create, cx, down};

type Layers = Vec<Arc<dyn Layer>>;

fn retry() -> Arc<dyn Layer> {
    Arc::new(RetryLayer::new(5))
}

fn timeout(seconds: u64) -> Arc<dyn Layer> {
    Arc::new(TimeoutLayer::new(Duration::from_secs(seconds)))
}

fn one_a_second() -> Arc<dyn Layer> {
    Arc::new(RateLimitLayer::new(1, Duration::from_secs(1)))
}

#[tokio::test(start_paused = true)]
async fn timeout_inside_retry_is_per_attempt_and_outside_it_cuts_the_retries_off() {
    let busy = || {
        let asks = down().retry_when(Retry::After(Duration::from_secs(4)));
        Script::new([Do::Fail(asks), Do::Take(Duration::from_secs(8))])
    };
    let right: Layers = vec![retry(), timeout(10)];
    right.layer(busy()).apply(&cx(), &create()).await.unwrap();

    let wrong: Layers = vec![timeout(10), retry()];
    let error = wrong.layer(busy()).apply(&cx(), &create()).await.unwrap_err();
    assert!(error.is_unknown(), "cut off in the middle of the second attempt: {error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_read_is_dropped_and_asked_again_only_with_the_timeout_inside() {
    let hang = || Script::new([Do::Take(Duration::from_secs(3600))]);
    let scope = crate::script::scope();
    let right: Layers = vec![retry(), timeout(10)];
    right.layer(hang()).observe(&cx(), &scope).await.unwrap();

    let wrong: Layers = vec![timeout(10), retry()];
    let error = wrong.layer(hang()).observe(&cx(), &scope).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn rate_limit_inside_retry_makes_retries_pay_and_outside_it_they_are_free() {
    let four_fail = || Script::failing((0..4).map(|_| down()));
    let (script, cx) = (four_fail(), cx());
    let right: Layers = vec![retry(), one_a_second()];
    right.layer(script.clone()).apply(&cx, &create()).await.unwrap();
    let times = script.times();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 1000), "one call a second: {times:?}");

    let script = four_fail();
    let wrong: Layers = vec![one_a_second(), retry()];
    wrong.layer(script.clone()).apply(&crate::script::cx(), &create()).await.unwrap();
    assert!(*script.times().last().unwrap() < 1000, "five calls in a second: {:?}", script.times());
}

#[tokio::test(start_paused = true)]
async fn timeout_inside_rate_limit_measures_the_target_and_outside_it_the_queue() {
    async fn failures(layers: Layers) -> usize {
        let (target, cx, change) = (layers.layer(Script::new([])), cx(), create());
        let results = join_all((0..10).map(|_| target.apply(&cx, &change))).await;
        results.iter().filter(|result| result.is_err()).count()
    }
    assert_eq!(failures(vec![one_a_second(), timeout(2)]).await, 0);
    assert!(failures(vec![timeout(2), one_a_second()]).await > 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_of_a_list_is_the_outermost() {
    let script = Script::failing([down(), Error::new(ErrorKind::Forbidden, "no")]);
    let layers: Layers = vec![Arc::new(TraceLayer), retry(), one_a_second(), timeout(10)];
    let error = layers.layer(script.clone()).apply(&cx(), &create()).await.unwrap_err();
    assert_eq!(error.to_string(), "apply dir:File/-/a: no");
    assert_eq!(script.times().len(), 2);
}
