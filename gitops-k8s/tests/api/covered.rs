//! What a plan costs while the watches are up to date, and what it is worth while they only seem to be
//! (met with load balancers in front of API servers that drop a quiet connection without a word).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gitops_core::*;
use gitops_k8s::Kubernetes;
use serde_json::json;
use testbed::Fault;

use crate::engine::{App, builder, config_map};
use crate::support::{Files, World};

/// Waits until the watches cover all that the engine owns.
async fn until_covered(cx: &Cx, engine: &Engine, target: &Kubernetes) {
    let cx = cx.within(Duration::from_secs(60));
    while !engine.inventory().entries().keys().all(|key| target.watch().unwrap().covers(key)) {
        cx.sleep(Duration::from_millis(10)).await.expect("the watches cover everything within a minute");
    }
}

/// Declares so many objects of three kinds.
fn declare(files: &Files, objects: usize) {
    let names: Vec<String> = (0..objects).map(|n| format!("o-{n}")).collect();
    let object = |(n, name): (usize, &String)| {
        let kind = ["ConfigMap", "ServiceAccount", "Secret"][n % 3];
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
    };
    files.declare(names.iter().enumerate().map(|(n, name)| (name.as_str(), object((n, name)))));
}

#[tokio::test]
async fn a_plan_and_an_apply_of_what_is_watched_and_unchanged_ask_nothing() {
    let world = World::new("covered").await;
    let mut app = App::new(&world, world.target()).await;
    declare(&app.files, 60);
    assert_eq!(app.apply(&world.cx).await.applied(), 60);
    let before = world.requests().len();
    app.engine.reconcile(&world.cx).await.unwrap();
    until_covered(&world.cx, &app.engine, &app.target).await;
    let begun = world.requests()[before..].to_vec();
    let begun = begun.iter().filter(|request| request.uri.contains("labelSelector"));
    let begun: Vec<&str> = begun.map(|request| &*request.verb).collect();
    assert_eq!(begun, ["watch"; 3], "one request for each kind, which shows all there is");
    let before = world.requests().len();
    let report = app.apply(&world.cx).await;
    assert_eq!((report.plan.steps.len(), report.plan.blocked.len(), report.plan.unchanged), (0, 0, 60));
    assert_eq!(world.requests()[before..], [], "the watches have told of everything");

    declare(&app.files, 59);
    assert_eq!(app.apply(&world.cx).await.applied(), 1);
    let asked: Vec<_> = world.requests()[before..]
        .iter()
        .map(|request| (request.verb.clone(), request.is_dry_run()))
        .collect();
    let read = ("get".to_owned(), false);
    let deleted = |is_dry_run| ("delete".to_owned(), is_dry_run);
    let expected = [read.clone(), deleted(true), read.clone(), read, deleted(false)];
    assert_eq!(asked, expected, "the object itself is asked about, before all else");
}

#[tokio::test]
async fn an_idle_run_asks_the_server_nothing() {
    let world = World::new("idle").await;
    let (files, target) = (Files::default(), Arc::new(world.target()));
    declare(&files, 60);
    let passes = Arc::new(AtomicUsize::new(0));
    let counted = passes.clone();
    let sink = move |event: &Event| {
        counted.fetch_add(usize::from(matches!(event, Event::Planned { .. })), Ordering::SeqCst);
    };
    let builder = builder(&world, &files, &target, Duration::from_secs(60)).events(Arc::new(sink));
    let mut engine = builder.open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    until_covered(&world.cx, &engine, &target).await;
    let (before, begun) = (world.requests().len(), passes.load(Ordering::SeqCst));
    let cx = world.cx.child().within(Duration::from_secs(60));
    let watcher = async {
        while passes.load(Ordering::SeqCst) < begun + 25 {
            cx.sleep(Duration::from_millis(10)).await.expect("25 passes take less than a minute");
        }
        cx.cancel();
    };
    let (ran, ()) = tokio::join!(engine.run(&cx, Duration::from_millis(1)), watcher);
    ran.unwrap();
    assert_eq!(world.requests()[before..], [], "25 passes over 60 unchanged objects");
}

/// The watch is connected, nothing comes of it, and nobody has noticed yet.
#[tokio::test]
async fn a_watch_that_went_silent_hides_drift_and_leads_to_no_wrong_write() {
    let (world, proxy) = World::behind("silent").await;
    let mut app = App::new(&world, world.target()).await;
    let declared = |a: &str| config_map("a", a);
    app.files.declare([("a", declared("1")), ("b", config_map("b", "1")), ("c", config_map("c", "1"))]);
    assert_eq!(app.apply(&world.cx).await.applied(), 3);
    proxy.fail("GET", "sendInitialEvents", usize::MAX, Fault::Answer(422, None));
    proxy.fail("GET", "watch=1", usize::MAX, Fault::Silence);
    app.engine.reconcile(&world.cx).await.unwrap();
    until_covered(&world.cx, &app.engine, &app.target).await;

    let [a, b, c] = ["a", "b", "c"].map(|name| world.uri("configmaps", name));
    world.admin.merge(&a, &json!({"data": {"theirs": "1"}})).await;
    world.admin.delete(&b).await;
    let namesake = json!({"metadata": {"name": "b"}, "data": {"precious": "1"}});
    world.admin.post(&world.uri("configmaps", ""), &namesake).await;
    world.admin.merge(&c, &json!({"data": {"x": "theirs"}})).await;
    let plan = app.engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps, [], "nobody told of it yet");

    app.files.declare([("a", declared("2")), ("c", config_map("c", "1"))]);
    let report = app.apply(&world.cx).await;
    assert_eq!((report.applied(), report.failed()), (1, 0), "{report:?}");
    assert_eq!(world.admin.get(&a).await.unwrap()["data"], json!({"theirs": "1", "x": "2"}));
    assert_eq!(world.admin.get(&b).await.unwrap()["data"], json!({"precious": "1"}), "not the one we made");

    app.files.declare([("a", declared("2"))]);
    let report = app.apply(&world.cx).await;
    assert_eq!(
        (report.applied(), report.failed()),
        (1, 0),
        "c is ours, and deleted as it is now: {report:?}"
    );
    assert!(world.admin.get(&c).await.is_none());
}
