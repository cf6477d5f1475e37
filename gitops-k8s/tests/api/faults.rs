use std::time::Duration;

use gitops_core::{Applied, ErrorKind, Retry, Scope, Target};
use serde_json::json;
use testbed::Fault;

use crate::support::{World, create, define, definition, delete, update};

#[tokio::test]
async fn a_lost_answer_is_an_unknown_outcome_and_repeating_it_has_no_second_effect() {
    let (world, proxy) = World::behind("lost-answer").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    proxy.fail("PATCH", "/configmaps/a", 1, Fault::LoseAnswer);
    let made = create(&object, "1");
    let error = target.apply(&world.cx, &made).await.unwrap_err();
    assert!(error.is_unknown() && error.is_retryable(), "{error:?}");
    let live = world.observe(&target, &object.key).await.unwrap();
    assert_eq!(target.apply(&world.cx, &made).await.unwrap(), Applied::from(&live));
    proxy.fail("PATCH", "/configmaps/a", 1, Fault::LoseAnswer);
    let changed = update(&world.config_map("a", json!({"x": "2"})), &live, "2");
    assert!(target.apply(&world.cx, &changed).await.unwrap_err().is_unknown());
    target.apply(&world.cx, &changed).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    assert_eq!(live.op.as_deref(), Some("2"));
    proxy.fail("DELETE", "/configmaps/a", 1, Fault::LoseAnswer);
    let gone = delete(&live, "3");
    assert!(target.apply(&world.cx, &gone).await.unwrap_err().is_unknown());
    assert_eq!(target.apply(&world.cx, &gone).await.unwrap(), Applied::Absent);
    assert_eq!(proxy.pending(), 0);
}

#[tokio::test]
async fn each_failure_is_told_for_what_it_is() {
    let (world, proxy) = World::behind("told-apart").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    let cases = [
        (Fault::Answer(429, Some(7)), ErrorKind::Unavailable, false),
        (Fault::Answer(500, None), ErrorKind::Unavailable, true),
        (Fault::Answer(503, None), ErrorKind::Unavailable, true),
        (Fault::Answer(504, None), ErrorKind::Unavailable, true),
        (Fault::Answer(403, None), ErrorKind::Forbidden, false),
        (Fault::LoseRequest, ErrorKind::Unavailable, true),
        (Fault::Cut, ErrorKind::Unavailable, true),
    ];
    for (fault, kind, unknown) in cases {
        proxy.fail("PATCH", "/configmaps/a", 1, fault.clone());
        let error = target.apply(&world.cx, &create(&object, "1")).await.unwrap_err();
        assert_eq!((error.kind(), error.is_unknown()), (kind, unknown), "{fault:?}: {error:?}");
        if let Fault::Answer(429, Some(seconds)) = fault {
            assert_eq!(error.retry(), Retry::After(Duration::from_secs(seconds.into())));
        }
    }
    assert_eq!(proxy.pending(), 0);
}

#[tokio::test]
async fn a_page_that_is_cut_is_an_error_and_no_short_list() {
    let (world, proxy) = World::behind("cut-page").await;
    let target = world.target();
    let keys: Vec<_> = (0..6).map(|n| world.key("ConfigMap", &format!("a{n}"))).collect();
    for key in &keys {
        target.apply(&world.cx, &create(&world.config_map(key.name(), json!({})), key.name())).await.unwrap();
    }
    let scope: Scope = keys.into_iter().collect();
    proxy.fail("GET", "/configmaps?limit", 1, Fault::Cut);
    let error = target.observe(&world.cx, &scope).await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Unavailable, false));
    proxy.fail("GET", "/configmaps?limit", 1, Fault::Answer(503, None));
    let found = target.observe(&world.cx, &scope).await.unwrap();
    assert!(found.len() == 6 && found.iter().all(|live| live.presence != gitops_core::Presence::Present));
    assert_eq!(target.observe(&world.cx, &scope).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_stale_read_deletes_nothing() {
    let (world, proxy) = World::behind("stale-read").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    let uri = world.uri("configmaps", "a");
    let old = world.admin.get(&uri).await.unwrap();
    world.admin.merge(&uri, &json!({"data": {"x": "theirs"}})).await;
    proxy.fail("GET", "/configmaps/a", 1, Fault::Stale(old.to_string()));
    let error = target.apply(&world.cx, &delete(&live, "2")).await.unwrap_err();
    assert!(error.is_conflict() && !error.is_unknown(), "{error:?}");
    assert_eq!(world.admin.get(&uri).await.unwrap()["data"]["x"], "theirs");
}

#[tokio::test]
async fn a_deadline_leaves_a_write_unknown_and_a_read_without_effect() {
    let (world, proxy) = World::behind("slow").await;
    let target = world.target();
    let object = world.config_map("a", json!({}));
    target.observe(&world.cx, &[object.key.clone()].into_iter().collect()).await.unwrap();
    proxy.fail("PATCH", "/configmaps/a", 1, Fault::Slow(Duration::from_secs(3600)));
    let cx = world.cx.within(Duration::from_millis(500));
    let error = target.apply(&cx, &create(&object, "1")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Timeout, true));
    assert!(world.observe(&target, &object.key).await.is_some(), "it was done all the same");
    proxy.fail("GET", "/configmaps/a", 1, Fault::Slow(Duration::from_secs(3600)));
    let cx = world.cx.within(Duration::from_millis(500));
    let error = target.observe(&cx, &[object.key.clone()].into_iter().collect()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Timeout, false));
}

/// The server's version of an object moves with every status; and somebody else may be quicker to delete it.
#[tokio::test]
async fn a_deletion_goes_on_where_the_object_moved_and_is_done_where_it_went_meanwhile() {
    let (world, proxy) = World::behind("moved-meanwhile").await;
    let target = world.target();
    for (code, is_there) in [(409, false), (404, true)] {
        let object = world.config_map("a", json!({"x": "1"}));
        target.apply(&world.cx, &create(&object, "1")).await.unwrap();
        let live = world.observe(&target, &object.key).await.unwrap();
        proxy.fail("DELETE", "/configmaps/a", 1, Fault::Answer(code, None));
        let deleted = target.apply(&world.cx, &delete(&live, "2")).await;
        assert_eq!(deleted.unwrap(), Applied::Absent, "{code}");
        // The 404 is the proxy's word: nobody deleted it.
        let found = world.admin.get(&world.uri("configmaps", "a")).await;
        assert_eq!(found.is_some(), is_there, "{code}");
    }
    assert_eq!(proxy.pending(), 0);
}

/// Whether a lost creation was made can't be told by somebody who may not ask: that is told for what it is.
#[tokio::test]
async fn a_repetition_that_is_forbidden_is_no_conflict() {
    let (world, proxy) = World::behind("forbidden-again").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    proxy.fail("PATCH", "dryRun=All", 1, Fault::Answer(403, None));
    let error = target.apply(&world.cx, &create(&object, "1")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Forbidden, true), "{error:?}");
    assert_eq!(proxy.pending(), 0);
}

/// Whether a null says something, the definition of its kind tells, or else the server's schema; where neither answers, nothing is
/// written.
#[tokio::test]
async fn a_null_is_kept_without_the_right_to_read_definitions_and_not_lost_with_a_connection() {
    let (world, proxy) = World::behind("definition").await;
    let group = format!("{}.example", world.namespace);
    define(&world, definition(&group, false)).await;
    let target = world.target();
    let thing = |name: &str| {
        world.object(json!({
            "apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": name},
            "spec": {"limits": {"cpu": null}}
        }))
    };
    let name = format!("customresourcedefinitions/things.{group}");
    // The schema of a kind comes a moment after its definition.
    let has_schema = async || {
        let schema = world.admin.get(&format!("/openapi/v3/apis/{group}/v1")).await;
        schema.is_some_and(|schema| schema.to_string().contains("\"kind\":\"Thing\""))
    };
    while !has_schema().await {
        tokio::task::yield_now().await;
    }
    proxy.fail("GET", &name, 1, Fault::LoseRequest);
    let error = target.apply(&world.cx, &create(&thing("a"), "1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(world.observe(&target, &thing("a").key).await.is_none());
    proxy.fail("GET", &name, 1, Fault::Answer(403, None));
    target.apply(&world.cx, &create(&thing("b"), "1")).await.unwrap();
    let made = world.admin.get(&world.uri(&format!("things.{group}"), "b")).await.unwrap();
    assert_eq!(made["spec"], json!({"limits": {"cpu": null}}));
    assert_eq!(proxy.pending(), 0);
}
