//! A layer offers a power exactly if the target does, and calls reach it.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::{
    Applied, DryRunLayer, Layer, RateLimitLayer, RetryLayer, Target, TimeoutLayer, TraceLayer,
};

use crate::script::{Script, create, cx, key, object};

fn layers() -> [Arc<dyn Layer>; 4] {
    let second = Duration::from_secs(1);
    [
        Arc::new(TraceLayer),
        Arc::new(RetryLayer::new(2)),
        Arc::new(RateLimitLayer::new(100, second)),
        Arc::new(TimeoutLayer::new(second)),
    ]
}

fn offers(target: &dyn Target) -> [bool; 5] {
    [
        target.native_plan().is_some(),
        target.watch().is_some(),
        target.health().is_some(),
        target.import().is_some(),
        target.batch().is_some(),
    ]
}

fn able() -> Arc<Script> {
    Script::able([])
}

#[tokio::test(start_paused = true)]
async fn powers_and_info_come_through_every_layer() {
    for layer in layers() {
        let (plain, target) = (layer.layer(Script::new([])), layer.layer(able()));
        assert_eq!((offers(&*plain), offers(&*target)), ([false; 5], [true; 5]));
        assert_eq!((target.info().name.as_str(), target.info().concurrency), ("script", 3));
        assert_eq!(target.batch().unwrap().limit(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn every_power_is_called_through_every_layer() {
    for layer in layers() {
        let (script, cx) = (able(), cx());
        let target = layer.layer(script.clone());
        target.native_plan().unwrap().preview(&cx, &object(), None).await.unwrap();
        target.watch().unwrap().moved(&cx).await.unwrap();
        target.health().unwrap().ready(&cx, &key(), &Applied::Absent).await.unwrap();
        target.import().unwrap().adopt(&cx, &create()).await.unwrap();
        assert_eq!(target.batch().unwrap().apply_all(&cx, &[create(), create()]).await.len(), 2);
        assert_eq!(script.calls(), ["preview", "moved", "ready", "adopt", "apply_all"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_offers_what_writes_nothing() {
    assert_eq!(offers(&*DryRunLayer.layer(Script::new([]))), [false; 5]);
    assert_eq!(offers(&*DryRunLayer.layer(able())), [true, true, false, true, false]);
}
