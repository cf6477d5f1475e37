//! Where the objects of kinds of others live, as the cluster says while a revision is rendered.

use std::sync::Arc;

use gitops_core::{Cx, ErrorKind, Renderer, Result, Revision, Snapshot};
use gitops_k8s::KubernetesRender;
use serde_json::json;

use crate::support::{World, definition};

/// The keys that a thing of a group is declared under.
async fn declared(world: &World, group: &str, metadata: &str) -> Result<Vec<String>> {
    let render = KubernetesRender::new("k").namespace("shop").cluster(world.cluster.clone());
    let text = format!("apiVersion: {group}/v1\nkind: Thing\nmetadata: {metadata}\n");
    let snapshot = Snapshot::from_files("s", Revision::new("1", ""), [("a.yaml", text)])?;
    let mut all = Renderer::new(Arc::new(render));
    let rendered = all.render(&Cx::system(), &snapshot)?;
    let rendered = all.find_out(&world.cx, rendered).await?;
    Ok(rendered.desired.objects().keys().map(ToString::to_string).collect())
}

#[tokio::test]
async fn a_kind_lives_where_the_cluster_says() {
    let world = World::new("scope").await;
    let group = format!("{}.example", world.namespace);
    let named = declared(&world, &group, "{ name: t, namespace: other }").await.unwrap();
    assert_eq!(
        named,
        [format!("k:Thing.{group}/other/t")],
        "who names one is believed of a kind that nobody knows"
    );
    let nowhere = declared(&world, &group, "{ name: t }").await.unwrap();
    assert_eq!(nowhere, [format!("k:Thing.{group}/-/t")], "nobody defines the kind");
    let uri = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    world.admin.post(uri, &definition(&group, false)).await;
    let served = loop {
        match declared(&world, &group, "{ name: t }").await {
            Ok(keys) => break keys,
            Err(error) => assert!(error.to_string().contains("not served yet"), "{error}"),
        }
    };
    assert_eq!(served, [format!("k:Thing.{group}/shop/t")]);
}

/// An object may be there, in a namespace that would not be declared any more: it must not be pruned for that.
#[tokio::test]
async fn a_cluster_that_can_not_say_where_a_kind_lives_refuses_the_revision() {
    let world = World::new("unsure").await;
    let group = format!("{}.example", world.namespace);
    let services = "/apis/apiregistration.k8s.io/v1/apiservices";
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": { "name": format!("v1.{group}") },
        "spec": {
            "group": group, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 10,
            "insecureSkipTLSVerify": true, "service": { "name": "none", "namespace": world.namespace }
        }
    });
    world.admin.post(services, &service).await;
    let error = declared(&world, &group, "{ name: t }").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.help_text().unwrap().contains("metadata.namespace"), "{error}");
    let named = declared(&world, &group, "{ name: t, namespace: other }").await.unwrap();
    assert_eq!(named, [format!("k:Thing.{group}/other/t")], "who says it needs nobody");
    world.admin.delete(&format!("{services}/v1.{group}")).await;
}
