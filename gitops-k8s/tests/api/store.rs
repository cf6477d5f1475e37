use gitops_core::{Document, ErrorKind, StateStore};
use gitops_k8s::ClusterStore;
use serde_json::json;
use testbed::Fault;

use crate::support::World;

fn document(epoch: u64, text: &[u8]) -> Document {
    Document { epoch, bytes: text.to_vec() }
}

#[tokio::test]
async fn a_document_is_replaced_only_by_who_has_seen_it() {
    let world = World::new("store").await;
    let cx = &world.cx;
    let store = ClusterStore::new(world.cluster.clone(), &world.namespace, "shop");
    assert!(store.load(cx, "inventory.0").await.unwrap().is_none());
    let first = store.swap(cx, "inventory.0", None, document(1, b"one\xff")).await.unwrap();
    let stored = store.load(cx, "inventory.0").await.unwrap().unwrap();
    assert_eq!((stored.document, &stored.version), (document(1, b"one\xff"), &first));
    assert!(store.swap(cx, "inventory.0", None, document(1, b"x")).await.unwrap_err().is_conflict());
    let second = store.swap(cx, "inventory.0", Some(&first), document(2, b"two")).await.unwrap();
    assert!(store.swap(cx, "inventory.0", Some(&first), document(2, b"x")).await.unwrap_err().is_conflict());
    let error = store.swap(cx, "inventory.0", Some(&second), document(1, b"x")).await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("newer engine"), "{error}");
    let other = ClusterStore::new(world.cluster.clone(), &world.namespace, "other");
    assert!(other.load(cx, "inventory.0").await.unwrap().is_none());
}

#[tokio::test]
async fn of_two_writers_one_is_refused() {
    let world = World::new("race").await;
    let store = ClusterStore::new(world.cluster.clone(), &world.namespace, "shop");
    let first = store.swap(&world.cx, "d", None, document(1, b"0")).await.unwrap();
    let writes =
        (0..8u8).map(|n| store.swap(&world.cx, "d", Some(&first), document(1, &[n; 4])).into_future());
    let answers = futures::future::join_all(writes).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_document_that_somebody_edited_is_damaged_and_not_missing() {
    let world = World::new("edited").await;
    let store = ClusterStore::new(world.cluster.clone(), &world.namespace, "shop");
    store.swap(&world.cx, "d", None, document(1, b"0")).await.unwrap();
    let list = world.admin.get(world.uri("secrets", "").trim_end_matches('/')).await.unwrap();
    let name = list["items"][0]["metadata"]["name"].as_str().unwrap();
    world.admin.merge(&world.uri("secrets", name), &json!({"data": {"document": "YWJj"}})).await;
    assert_eq!(store.load(&world.cx, "d").await.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_unknown() {
    let (world, proxy) = World::behind("lost-swap").await;
    let store = ClusterStore::new(world.cluster.clone(), &world.namespace, "shop");
    proxy.fail("POST", "/secrets", 1, Fault::LoseAnswer);
    assert!(store.swap(&world.cx, "d", None, document(1, b"0")).await.unwrap_err().is_unknown());
    assert_eq!(store.load(&world.cx, "d").await.unwrap().unwrap().document, document(1, b"0"));
}
