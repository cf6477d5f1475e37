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
        target.native_plan().unwrap().preview(&cx, &object().key, Some(&object()), None).await.unwrap();
        target.watch().unwrap().moved(&cx).await.unwrap();
        target.health().unwrap().ready(&cx, &key(), &Applied::Absent).await.unwrap();
        target.import().unwrap().adopt(&cx, &create()).await.unwrap();
        assert_eq!(target.batch().unwrap().apply_all(&cx, &[create(), create()]).await.len(), 2);
        assert_eq!(script.calls(), ["preview", "moved", "ready", "adopt", "apply_all"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_powers_of_a_source_come_through_every_layer() {
    for layer in layers() {
        let plain = layer.layer_source(Script::new([]));
        assert!(plain.history().is_none() && plain.watch().is_none());

        let (script, cx) = (able(), cx());
        let source = layer.layer_source(script.clone());
        let revision = source.resolve(&cx).await.unwrap();
        source.fetch(&cx, &revision).await.unwrap();
        source.watch().unwrap().changed(&cx).await.unwrap();
        let history = source.history().unwrap();
        history.relation(&cx, &revision, &revision).await.unwrap();
        history.find(&cx, "main").await.unwrap();
        history.log(&cx, &revision, "a", 1).await.unwrap();
        history.describe(&cx, &revision).await.unwrap();
        history.blame(&cx, &revision, "a", 1).await.unwrap();
        let calls =
            ["resolve", "fetch", "changed", "relation", "find", "log", "describe", "blame", "describe"];
        assert_eq!(script.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_offers_what_writes_nothing() {
    assert_eq!(offers(&*DryRunLayer.layer(Script::new([]))), [false; 5]);
    assert_eq!(offers(&*DryRunLayer.layer(able())), [true, true, false, true, false]);
}
