//! What would take declared or kept objects with it.

use serde_json::Value as Json;

use crate::Cluster;

fn named(blocked: &Json, name: &str) -> Json {
    let blocked = blocked.as_array().unwrap();
    blocked
        .iter()
        .find(|blocked| blocked["key"].as_str().unwrap().ends_with(name))
        .cloned()
        .unwrap_or_default()
}

/// Met with a namespace and a definition that left the source while what is in them stayed: all of it was deleted with them, and the
/// apply said that the target is as declared.
#[tokio::test]
async fn a_namespace_or_a_definition_stays_while_its_objects_are_declared_or_to_be_kept() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let (inner, group) = (format!("{}-inner", cluster.namespace), format!("{}.example", cluster.namespace));
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {inner} }}\n");
    let within =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: within, namespace: {inner} }}\n");
    let kept = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kept\n  namespace: {inner}\n  \
         annotations: {{ argocd.argoproj.io/sync-options: Prune=false }}\n"
    );
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: things.{group} }}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{ kind: Thing, plural: things, singular: thing }}\n  versions:\n  \
         - name: v1\n    served: true\n    storage: true\n    schema: {{ openAPIV3Schema: {{ type: object }} }}\n"
    );
    let thing = format!("apiVersion: {group}/v1\nkind: Thing\nmetadata: {{ name: one }}\n");
    cluster.world.commit(
        "Begin",
        &[
            ("namespace.yaml", Some(&namespace)),
            ("within.yaml", Some(&within)),
            ("kept.yaml", Some(&kept)),
            ("definition.yaml", Some(&definition)),
            ("thing.yaml", Some(&thing)),
            // Git keeps no empty folder.
            ("other.yaml", Some("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: other }\n")),
        ],
    );
    cluster.run(&["apply", "--yes"]).await.expect(0);

    let gone = [("namespace.yaml", None), ("kept.yaml", None), ("definition.yaml", None)];
    cluster.world.commit("Take the grounds away", &gone);
    for _ in 0..2 {
        cluster.run(&["plan"]).await.expect(1).says("its deletion would delete with it what is declared");
        let plan = cluster.json(&["plan"]).await;
        assert_eq!(plan["summary"]["delete"], 0, "{plan:#}");
        let of_namespace = named(&plan["blocked"], &format!("Namespace/-/{inner}"));
        assert!(of_namespace["declared"][0].as_str().unwrap().ends_with("/within"), "{plan:#}");
        assert!(of_namespace["kept"][0].as_str().unwrap().ends_with("/kept"), "{plan:#}");
        let of_kind = named(&plan["blocked"], &format!("things.{group}"));
        assert!(of_kind["declared"][0].as_str().unwrap().ends_with("/one"), "{plan:#}");
        cluster.run(&["apply", "--yes"]).await.expect(1);
        cluster.run(&["why", &inner]).await.expect(0).says("take what is declared in it out of Git too");
        assert_eq!(named(&cluster.json(&["status"]).await["blocked"], &inner)["obstacle"], "fault");
    }
    let uri = format!("/api/v1/namespaces/{inner}/configmaps/within");
    assert!(cluster.admin.get(&uri).await.is_some());

    // Without what is declared in them, the definition may go; what is to be kept holds the namespace.
    cluster.world.commit("Take what was there away", &[("within.yaml", None), ("thing.yaml", None)]);
    let plan = cluster.json(&["plan"]).await;
    assert!(named(&plan["blocked"], &inner)["declared"].as_array().unwrap().is_empty(), "{plan:#}");
    assert!(named(&plan["blocked"], &format!("things.{group}")).is_null(), "{plan:#}");
}
