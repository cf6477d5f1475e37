//! Records that were made twice, because a creation came late: shown, removed by the next update, and never confused with
//! those of others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::*;
use serde_json::json;
use testbed::Trouble;

use support::{Server, ZONE};

fn key(name: &str) -> Key {
    Key::new("dns", GroupKind::new("", "Record"), ZONE, name)
}

fn object(name: &str, content: &str) -> Arc<Object> {
    let provenance = Provenance::new("", "", "", 0);
    Arc::new(Object::new(key(name), Value::map([("content", Value::from(content))]), provenance))
}

fn owner_label(op: &str) -> OwnerLabel {
    OwnerLabel { owner: "shop".into(), op: op.into() }
}

fn create(name: &str, content: &str, op: &str) -> Change {
    Change::Create { object: object(name, content), owner_label: owner_label(op), preview: None }
}

fn update(live: &Live, content: &str, op: &str) -> Change {
    let object = object(live.key.name(), content);
    Change::Update { object, expect: Expect::from(live), owner_label: owner_label(op), preview: None }
}

async fn see(target: &dyn Target, name: &str) -> Option<Live> {
    target.observe(&Cx::system(), &[key(name)].into_iter().collect()).await.unwrap().pop()
}

/// A record of which the first creation came after the second one.
async fn made_twice(server: &Server, target: &dyn Target, name: &str) -> Live {
    let (cx, change) = (Cx::system(), create(name, "192.0.2.1", "op-1"));
    // The list passes, the creation does not.
    server.relay.trouble_at(1, Trouble::Late);
    let error = target.apply(&cx, &change).await.unwrap_err();
    assert!(error.is_unknown(), "{error:?}");
    assert!(see(target, name).await.is_none(), "it did not land yet");
    target.apply(&cx, &change).await.unwrap();
    let before = see(target, name).await.unwrap();
    server.relay.let_go();
    assert_eq!(server.records(name).await.len(), 2);
    let after = see(target, name).await.unwrap();
    assert_eq!(after.uid, before.uid, "the one that was answered stays ours");
    after
}

#[tokio::test]
async fn a_copy_that_came_late_is_shown_and_removed_by_the_next_update() {
    let server = Server::start();
    let target = server.target();
    let live = made_twice(&server, &target, "A/www").await;
    let diff = Structural::default().diff(&Value::map([("content", "192.0.2.1".into())]), &live.body);
    assert_eq!(
        diff.fields().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["(surplus copies) (1 items) removed"]
    );
    target.apply(&Cx::system(), &update(&live, "192.0.2.1", "op-2")).await.unwrap();
    assert_eq!(server.records("A/www").await.len(), 1);
    let live = see(&target, "A/www").await.unwrap();
    assert_eq!(live.body, Value::map([("content", "192.0.2.1".into())]));
    assert!(live.is_owned_by("shop"));
}

#[tokio::test]
async fn a_deletion_takes_the_copies_along_and_nothing_of_others() {
    let server = Server::start();
    let target = server.target();
    let foreign = json!({ "name": "A/www", "content": "198.51.100.7" });
    let live = made_twice(&server, &target, "A/www").await;
    server.ask("POST", "", Some(&foreign)).await.unwrap();
    let live_now = see(&target, "A/www").await.unwrap();
    assert_eq!(live_now, live, "a record of others beside ours changes nothing");
    let (expect, preview) = (Expect::from(&live), None);
    let deletion = Change::Delete { key: key("A/www"), expect, owner_label: owner_label("op-2"), preview };
    assert_eq!(target.apply(&Cx::system(), &deletion).await.unwrap(), Applied::Absent);
    let left = server.records("A/www").await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["content"], "198.51.100.7");
}

#[tokio::test]
async fn another_process_with_the_same_ledger_knows_which_record_is_ours() {
    let (server, ledger) = (Server::start(), Arc::new(MemoryStore::new()));
    let cx = Cx::system();
    // The answer is lost, and the process ends.
    server.relay.trouble_at(1, Trouble::Lost);
    let change = create("A/www", "192.0.2.1", "op-1");
    assert!(server.target_with(ledger.clone()).apply(&cx, &change).await.unwrap_err().is_unknown());
    let target = server.target_with(ledger);
    let live = see(&target, "A/www").await.unwrap();
    assert_eq!((live.is_owned_by("shop"), live.op.as_deref()), (true, Some("op-1")));
    target.apply(&cx, &change).await.unwrap();
    assert_eq!(server.records("A/www").await.len(), 1);
    assert_eq!(see(&target, "A/www").await.unwrap(), live);
}

#[tokio::test]
async fn two_records_of_others_under_one_name_are_never_written() {
    let server = Server::start();
    let target = server.target();
    for content in ["198.51.100.7", "198.51.100.8"] {
        server.ask("POST", "", Some(&json!({ "name": "A/www", "content": content }))).await.unwrap();
    }
    let live = see(&target, "A/www").await.unwrap();
    let Presence::Unreadable(refusal) = &live.presence else { panic!("{live:?}") };
    assert!(refusal.reason.contains("ids: 1, 2"), "{}", refusal.reason);
    let error = target.apply(&Cx::system(), &create("A/www", "192.0.2.1", "op-1")).await.unwrap_err();
    assert!(error.is_conflict());
    assert_eq!(server.records("A/www").await.len(), 2);
}
