//! What is reported of a call: which one, of what, how long it took, and why it failed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::layer::{CallReport, Layer, MetricsLayer};

use crate::script::{Do, Script, create, cx, down, scope};

#[tokio::test(start_paused = true)]
async fn each_call_is_reported_once_with_its_time_and_its_error() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let layer = MetricsLayer::new(move |call: &CallReport<'_>| {
        let key = call.key.map(ToString::to_string).unwrap_or_default();
        let error = call.error.map(ToString::to_string).unwrap_or_default();
        sink.lock().unwrap().push(format!("{} [{key}] {:?} [{error}]", call.operation, call.took));
    });
    let target = layer.layer(Script::new([Do::Take(Duration::from_secs(3)), Do::Fail(down())]));
    target.observe(&cx(), &scope()).await.unwrap();
    target.apply(&cx(), &create()).await.unwrap_err();
    let source = layer.layer_source(Script::failing([down()]));
    source.resolve(&cx()).await.unwrap_err();
    insta::assert_snapshot!(told.lock().unwrap().join("\n"), @r"
    observe [] 3s []
    apply [dir:File/-/a] 0ns [connection refused]
    resolve [] 0ns [connection refused]
    ");
}
