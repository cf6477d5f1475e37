//! A layer offers a power exactly if the target does, and calls reach it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gitops_core::capability::Beside;
use gitops_core::{
    Applied, Desired, Layer, Live, MetricsLayer, RateLimitLayer, RetryLayer, Target, TimeoutLayer,
    TraceLayer, Uid, Value, Version,
};

use crate::script::{Script, create, cx, key, object};

fn layers() -> [Arc<dyn Layer>; 5] {
    let second = Duration::from_secs(1);
    [
        Arc::new(MetricsLayer::new(|_| {})),
        Arc::new(TraceLayer),
        Arc::new(RetryLayer::new(2)),
        Arc::new(RateLimitLayer::new(100, second)),
        Arc::new(TimeoutLayer::new(second)),
    ]
}

fn offers(target: &dyn Target) -> [bool; 7] {
    [
        target.dry_run().is_some(),
        target.admission().is_some(),
        target.watch().is_some(),
        target.health().is_some(),
        target.import().is_some(),
        target.batch().is_some(),
        target.confirmation().is_some(),
    ]
}

fn able() -> Arc<Script> {
    Script::able([])
}

#[tokio::test(start_paused = true)]
async fn powers_and_info_come_through_every_layer() {
    for layer in layers() {
        let (plain, target) = (layer.layer(Script::new([])), layer.layer(able()));
        assert_eq!((offers(&*plain), offers(&*target)), ([false; 7], [true; 7]));
        assert_eq!((target.info().name.as_str(), target.info().concurrency), ("script", 3));
        assert_eq!(target.batch().unwrap().limit(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn every_power_is_called_through_every_layer() {
    for layer in layers() {
        let (script, cx) = (able(), cx());
        let target = layer.layer(script.clone());
        target.dry_run().unwrap().preview(&cx, &object().key, Some(&object()), None).await.unwrap();
        let beside = Beside::new(Desired::default(), None);
        target.admission().unwrap().admits(&cx, &object(), &beside).await.unwrap();
        let live = Live::new(key(), Uid::new("1"), Version::new("1"), Value::Null);
        target.admission().unwrap().refuses_deletion(&cx, &live).await.unwrap();
        target.admission().unwrap().going(&cx, &[key()], &BTreeMap::new()).await.unwrap();
        target.watch().unwrap().moved(&cx).await.unwrap();
        target.health().unwrap().ready(&cx, &key(), &Applied::Absent).await.unwrap();
        target.import().unwrap().adopt(&cx, &create()).await.unwrap();
        assert_eq!(target.batch().unwrap().apply_all(&cx, &[create(), create()]).await.len(), 2);
        let confirmation = target.confirmation().unwrap();
        confirmation.take_finding(&cx, &key(), "state", "absent", "ann").await.unwrap();
        let of_admission = ["preview", "admits", "refuses_deletion", "going"];
        let others = ["moved", "ready", "adopt", "apply_all", "take_finding"];
        assert_eq!(script.calls(), [&of_admission[..], &others].concat());
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
        history.between(&cx, &revision, &revision, 1).await.unwrap();
        history.blame(&cx, &revision, "a", 1..=1).await.unwrap();
        let of_history = ["relation", "find", "log", "describe", "between", "blame", "describe"];
        assert_eq!(script.calls(), [&["resolve", "fetch", "changed"][..], &of_history].concat());
    }
}
