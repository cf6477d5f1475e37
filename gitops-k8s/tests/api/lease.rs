use std::sync::Arc;
use std::time::Duration;

use gitops_core::Lease;
use gitops_core::conformance::{self, LeaseSubject, StoreSubject};
use gitops_k8s::{ClusterLease, ClusterStore};

use crate::support::World;

#[tokio::test]
async fn a_lease_in_a_cluster_keeps_the_contract() {
    conformance::lease(|| async {
        let world = World::new("lease-kit").await;
        let lease = ClusterLease::new(world.cluster.clone(), &world.namespace, "leader");
        Ok(LeaseSubject::new("cluster lease", Arc::new(lease)))
    })
    .run()
    .await
    .assert_passed();
}

#[tokio::test]
async fn a_store_in_a_cluster_keeps_the_contract() {
    conformance::store(|| async {
        let world = World::new("store-kit").await;
        let store = || Arc::new(ClusterStore::new(world.cluster.clone(), &world.namespace, "shop"));
        Ok(StoreSubject::new("cluster store", store()).beside(store()))
    })
    .run()
    .await
    .assert_passed();
}

#[tokio::test]
async fn of_two_engines_one_leads_and_the_other_follows_after_it() {
    let world = World::new("leaders").await;
    let lease = || ClusterLease::new(world.cluster.clone(), &world.namespace, "leader");
    let (first, second, cx) = (lease(), lease(), &world.cx);
    let term = Duration::from_secs(1);
    let held = first.acquire(cx, "a", term).await.unwrap().unwrap();
    assert!(second.acquire(cx, "b", term).await.unwrap().is_none());
    let renewed = first.renew(cx, &held, Duration::from_secs(30)).await.unwrap();
    assert!(renewed.until > held.until && renewed.epoch == held.epoch);
    assert!(second.acquire(cx, "b", term).await.unwrap().is_none(), "a renewal is seen");
    first.release(cx, &renewed).await.unwrap();
    let next = second.acquire(cx, "b", term).await.unwrap().unwrap();
    assert!(next.epoch > held.epoch);
    assert!(first.renew(cx, &renewed, term).await.unwrap_err().is_conflict(), "the deposed does not renew");
    let ten = (0..10).map(|n| (lease(), format!("c{n}"))).collect::<Vec<_>>();
    second.release(cx, &next).await.unwrap();
    let tries = ten.iter().map(|(lease, name)| lease.acquire(cx, name, Duration::from_secs(30)));
    let got = futures::future::join_all(tries).await;
    assert_eq!(got.iter().filter(|held| held.as_ref().is_ok_and(Option::is_some)).count(), 1, "{got:?}");
}
