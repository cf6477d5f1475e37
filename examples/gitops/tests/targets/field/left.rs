//! A declared field that is left to another client is asked about again: what left it to that one may end.

use serde_json::{Value as Json, json};

use crate::Cluster;

fn web(replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: {replicas}\n  \
         selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }} }}\n    \
         spec: {{ containers: [{{ name: web, image: nginx }}] }}\n"
    )
}

fn scaler() -> Json {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 9
        }
    })
}

async fn scale(cluster: &Cluster, by: &str, replicas: u32) {
    let uri =
        format!("/apis/apps/v1/namespaces/{}/deployments/web/scale?fieldManager={by}", cluster.namespace);
    cluster.admin.merge(&uri, &json!({"spec": {"replicas": replicas}})).await;
}

async fn replicas(cluster: &Cluster) -> Json {
    let uri = format!("/apis/apps/v1/namespaces/{}/deployments/web", cluster.namespace);
    cluster.admin.get(&uri).await.unwrap()["spec"]["replicas"].clone()
}

/// Met with an autoscaler that was taken away after a commit: its last number stayed for ever, and every verb was green.
#[tokio::test]
async fn what_an_autoscaler_held_is_as_declared_again_once_it_is_gone() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "sync: { ready_timeout: 1s }\n");
    let scalers = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers", cluster.namespace);
    cluster.world.commit("Begin", &[("web.yaml", Some(&web(2)))]);
    cluster.world.gitops(&["apply", "--yes"]);
    cluster.admin.post(&scalers, &scaler()).await;
    scale(&cluster, "kube-controller-manager", 4).await;
    cluster.world.commit("Another number", &[("web.yaml", Some(&web(3)))]);
    cluster.world.gitops(&["apply", "--yes"]).warns("HorizontalPodAutoscaler/web");
    assert_eq!(replicas(&cluster).await, 4, "it is left to the autoscaler");
    cluster.world.gitops(&["drift", "--detailed-exitcode"]).expect(0);
    cluster.admin.delete(&format!("{scalers}/web")).await;
    cluster.world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("replicas");
    cluster.world.gitops(&["plan", "--detailed-exitcode"]).expect(2).says("replicas");
    cluster.world.gitops(&["apply", "--yes"]);
    assert_eq!(replicas(&cluster).await, 3);
    scale(&cluster, "kubectl", 5).await;
    cluster.world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("replicas");
    cluster.world.gitops(&["apply", "--yes"]);
    assert_eq!(replicas(&cluster).await, 3);
}

/// Met with an autoscaler that the commit itself took away: the number was left to it, and all was said to be as declared.
#[tokio::test]
async fn what_an_autoscaler_held_is_as_declared_at_the_end_of_the_apply_that_takes_it_away() {
    let hpa = |more: &str| {
        format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{ name: web }}\nspec:\n  maxReplicas: 9\n  \
             scaleTargetRef: {{ apiVersion: apps/v1, kind: Deployment, name: web }}\n{more}"
        )
    };
    // The number comes with the commit, or was there before and left to the autoscaler.
    for before in [web(2).replace("  replicas: 2\n", ""), web(2)] {
        let cluster = Cluster::new().await;
        cluster.configure("shop", "sync: { ready_timeout: 1s }\n");
        let first = [("web.yaml", Some(&*before)), ("hpa.yaml", Some(&*hpa("")))];
        cluster.world.commit("Begin", &first);
        cluster.world.gitops(&["apply", "--yes"]);
        for by in ["kube-controller-manager", "kubectl"] {
            cluster.world.commit("With an autoscaler", &first);
            cluster.world.gitops(&["apply", "--yes"]);
            scale(&cluster, by, 4).await;
            cluster.world.commit("Without one", &[("web.yaml", Some(&web(2))), ("hpa.yaml", None)]);
            cluster
                .world
                .gitops(&["plan"])
                .expect(0)
                .says("a declared field of it is left to k8s:HorizontalPodAutoscaler")
                .says("goes on once that is gone");
            cluster.world.gitops(&["apply", "--yes"]);
            assert_eq!(replicas(&cluster).await, 2, "{by}: {before}");
            cluster.world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
        }
    }
}

/// Met with a rule for a robot's fields: after the next commit, hand edits of these fields were no drift any more.
#[tokio::test]
async fn what_a_rule_leaves_to_a_manager_is_restored_when_somebody_else_takes_it() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "    ignore: [{ kind: ConfigMap, managers: [robot] }]\n");
    let map = |z: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: web }}\ndata: {{ x: \"1\", z: \"{z}\" }}\n"
        )
    };
    let set = |value: &str| json!([{"op": "replace", "path": "/data/x", "value": value}]);
    let by = |manager: &str| format!("{}?fieldManager={manager}", cluster.config_map("web"));
    cluster.world.commit("Begin", &[("web.yaml", Some(&map("1")))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    cluster.admin.send("PATCH", &by("robot"), "application/json-patch+json", &set("auto")).await;
    cluster.world.commit("Another field", &[("web.yaml", Some(&map("2")))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    let values = [cluster.value("web", "x").await, cluster.value("web", "z").await];
    assert_eq!(values, [Some("auto".to_owned()), Some("2".to_owned())]);
    for verb in [&["drift", "--detailed-exitcode"][..], &["plan", "--detailed-exitcode"]] {
        cluster.world.gitops(verb).expect(0);
    }
    cluster.admin.send("PATCH", &by("kubectl-edit"), "application/json-patch+json", &set("byhand")).await;
    cluster.world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("byhand");
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
}
