//! Kubernetes as the only target, from the first plan to a rollback.

use serde_json::json;
use testbed::ApiServer;

use crate::{AGENT, Cluster};

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ x: \"{value}\" }}\n")
}

async fn applied() -> Cluster {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let (web, db) = (config_map("web", "1"), config_map("db", "1"));
    cluster.world.commit("Begin", &[("web.yaml", Some(&web)), ("db.yaml", Some(&db))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 2 changes");
    cluster
}

#[tokio::test]
async fn a_commit_becomes_objects_and_a_second_apply_writes_nothing() {
    let cluster = applied().await;
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
    let of_namespace = format!("/namespaces/{}/", cluster.namespace);
    let writes = || {
        let requests = ApiServer::shared().requests(AGENT).into_iter();
        requests.filter(|request| request.writes() && request.uri.contains(&of_namespace)).count()
    };
    assert_eq!(writes(), 2);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("No changes: 2 objects are as declared.");
    assert_eq!(writes(), 2, "a second apply wrote to the server");
    cluster.world.commit("Change", &[("web.yaml", Some(&config_map("web", "2")))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    assert_eq!((writes(), cluster.value("web", "x").await.as_deref()), (3, Some("2")));
}

#[tokio::test]
async fn drift_is_told_and_undone_and_what_left_the_source_is_deleted() {
    let cluster = applied().await;
    let world = &cluster.world;
    cluster.admin.merge(&cluster.config_map("web"), &json!({ "data": { "x": "theirs", "y": "2" } })).await;
    world.gitops(&["drift"]).says("ConfigMap/").says("web");
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
    assert_eq!(
        cluster.value("web", "y").await.as_deref(),
        Some("2"),
        "a field that we do not own is not touched"
    );
    cluster.admin.post(&cluster.config_map(""), &json!({ "metadata": { "name": "foreign" } })).await;
    world.commit("Remove", &[("db.yaml", None)]);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    assert_eq!(cluster.admin.get(&cluster.config_map("db")).await, None);
    assert!(cluster.admin.get(&cluster.config_map("foreign")).await.is_some());
}

/// A commit is pending for the object too: then drift is told by comparison with what was applied last. What nobody declared, and
/// a version that moved, are none.
#[tokio::test]
async fn drift_beside_a_pending_commit_is_of_declared_fields_alone() {
    let cluster = applied().await;
    let world = &cluster.world;
    world.commit("Change", &[("web.yaml", Some(&config_map("web", "2")))]);
    let theirs = json!({ "metadata": { "annotations": { "note": "theirs" } }, "data": { "y": "2" } });
    cluster.admin.merge(&cluster.config_map("web"), &theirs).await;
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
    assert_eq!(cluster.json(&["plan"]).await["beside"], json!([]));
    cluster.admin.merge(&cluster.config_map("web"), &json!({ "data": { "x": "7" } })).await;
    for _ in 0..2 {
        let drift = world.gitops(&["drift", "--detailed-exitcode"]);
        assert_ne!(drift.code, 0, "{drift:?}");
        drift.says("Drift: 1 object").says("update pending").says("data/x: live \"7\", applied \"1\"");
    }
    world.gitops(&["plan"]).says("changed outside of Git too: data/x");
    world.gitops(&["why", "web"]).expect(0).says("applied \"1\"");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("7"), "nothing is written by a look");
}

#[tokio::test]
async fn what_people_ask_is_answered() {
    let cluster = applied().await;
    let world = &cluster.world;
    world.gitops(&["status"]).expect(0);
    world.gitops(&["graph"]).expect(0).says("ConfigMap/");
    world.gitops(&["why", "web"]).expect(0).says("web.yaml:").says("Begin").says("Alice");
    world.commit("Change", &[("web.yaml", Some(&config_map("web", "2")))]);
    world.gitops(&["diff"]).expect(0).says("-  x: \"1\"\n+  x: \"2\"\n");
    world.gitops(&["diff", "--fields"]).expect(0).says("data/x");
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["rollback", "HEAD~1", "--yes"]).expect(0);
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
    world.gitops(&["audit", "verify"]).expect(0);
}

#[tokio::test]
async fn faults_of_manifests_are_shown_where_they_are() {
    let cluster = applied().await;
    cluster.world.commit("Break", &[("web.yaml", Some("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"))]);
    cluster.world.gitops(&["plan"]).expect(1).warns("web.yaml:").warns("metadata.name");
    assert!(cluster.value("web", "x").await.is_some(), "nothing is pruned from a revision with a fault");
}

#[tokio::test]
async fn an_idle_run_asks_about_each_object_once() {
    let cluster = applied().await;
    let config = std::fs::read_to_string(cluster.world.path("gitops.yaml")).unwrap();
    cluster.world.configure(&format!("{config}sync: {{ interval: 1s }}\n"));
    let of_namespace = format!("/namespaces/{}/", cluster.namespace);
    let asked = || {
        let requests = ApiServer::shared().requests(AGENT).into_iter();
        requests.filter(|request| request.uri.contains(&of_namespace)).map(|request| request.verb).collect()
    };
    let before: Vec<String> = asked();
    cluster.world.gitops(&["run", "--timeout", "5s"]);
    let after: Vec<String> = asked();
    assert_eq!(
        after[before.len()..],
        ["get", "get"],
        "the first pass looks, and the others rely on the watch"
    );
}

#[tokio::test]
async fn a_rule_without_effect_is_warned_of_and_one_with_effect_leaves_the_field() {
    let cluster = applied().await;
    let rules = "ignore: [{ kind: ConfigMap, name: web, pointers: [/data/x] }, { kind: Secret, pointers: [/data/x] }]";
    cluster.configure("shop", &format!("    {rules}\n"));
    cluster.admin.merge(&cluster.config_map("web"), &json!({ "data": { "x": "theirs" } })).await;
    let planned = cluster.world.gitops(&["plan"]).expect(0).warns("GO0116").warns("gitops.yaml:8");
    assert_eq!(planned.stderr.matches("has no effect").count(), 1, "{}", planned.stderr);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("No changes");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("theirs"));
}

/// Where a pinned program is.
pub fn program(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run `cargo xtask test`"))
}

#[tokio::test]
async fn kustomizations_and_charts_are_rendered_and_variables_filled_in() {
    let cluster = Cluster::new().await;
    let (kustomize, helm) = (program("GITOPS_KUSTOMIZE"), program("GITOPS_HELM"));
    cluster.world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target:\n  kubernetes:\n    kubeconfig: ./kubeconfig\n    namespace: {}\n    substitute: {{ DOMAIN: example.org, SIZE: 3 }}\n    \
         render:\n      - kustomize: {{ path: overlays/prod, program: {kustomize} }}\n      \
         - helm: {{ path: chart, release: cache, values: [prod.yaml], program: {helm} }}\n      - manifests: {{ path: plain }}\n",
        cluster.namespace
    ));
    let plain = config_map("plain", "${DOMAIN}");
    let kustomization = "resources: [../../base]\nnamePrefix: prod-\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }} }\ndata: { x: {{ .Values.size | quote }} }\n";
    let files = [
        ("base/web.yaml", config_map("web", "1")),
        ("base/kustomization.yaml", "resources: [web.yaml]\n".to_owned()),
        ("overlays/prod/kustomization.yaml", kustomization.to_owned()),
        ("chart/Chart.yaml", "apiVersion: v2\nname: cache\nversion: 1.0.0\n".to_owned()),
        ("chart/templates/map.yaml", template.to_owned()),
        ("prod.yaml", "size: ${SIZE}\n".to_owned()),
        ("plain/plain.yaml", plain),
    ];
    let files: Vec<(&str, Option<&str>)> = files.iter().map(|(path, text)| (*path, Some(&**text))).collect();
    cluster.world.commit("Begin", &files);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 3 changes");
    assert_eq!(cluster.value("prod-web", "x").await.as_deref(), Some("1"));
    assert_eq!(cluster.value("cache", "x").await.as_deref(), Some("3"));
    assert_eq!(cluster.value("plain", "x").await.as_deref(), Some("example.org"));
    assert_eq!(cluster.value("web", "x").await, None, "a base is no object of its own");
    cluster.world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}

#[tokio::test]
async fn status_tells_apart_what_is_on_its_way_what_is_stuck_and_what_has_failed() {
    let cluster = Cluster::on(ApiServer::controlled()).await;
    cluster.configure("shop", "");
    let deployment = |more: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: shop }}\nspec:\n  replicas: 1\n{more}  \
            selector: {{ matchLabels: {{ app: shop }} }}\n  template:\n    \
            metadata: {{ labels: {{ app: shop }}, annotations: {{ testbed/does: hang }} }}\n    \
            spec: {{ containers: [{{ name: web, image: nginx }}] }}\n"
        )
    };
    cluster.world.commit("Add", &[("shop.yaml", Some(&deployment("")))]);
    cluster.world.gitops(&["apply", "--yes", "--timeout", "3s"]);
    cluster.world.gitops(&["status"]).expect(0).says("progressing").says("shop: 0 of 1 replicas are");
    cluster.configure("shop", "    ready_timeout: 1s\n");
    let unready = || cluster.world.json(&["status"])["unready"].clone();
    while unready()[0]["state"] != "stuck" {}
    assert!(unready()[0]["since"].is_string(), "{}", unready());
    cluster.world.gitops(&["status"]).says("stuck").says("; nothing happened since 20");
    let short = deployment("  progressDeadlineSeconds: 1\n");
    cluster.world.commit("Hurry", &[("shop.yaml", Some(&short))]);
    cluster.world.gitops(&["apply", "--yes", "--timeout", "3s"]);
    while unready()[0]["state"] != "failed" {}
    assert_eq!(unready().as_array().map(Vec::len), Some(1), "{}", unready());
    assert!(unready()[0]["reason"].as_str().unwrap().contains("ProgressDeadlineExceeded"), "{}", unready());
}

#[tokio::test]
async fn what_is_odd_in_manifests_and_rules_is_warned_of_and_stops_nothing() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "    ignore: [{ kind: Secret, pointers: [/data/x] }]\n");
    let odd = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\nimmutable: no\n";
    cluster.world.commit("Begin", &[("web.yaml", Some(odd)), ("empty.yaml", Some("# none\n"))]);
    let planned = cluster.world.gitops(&["plan"]).expect(0);
    planned.warns("warning[GO0415]").warns("web.yaml:4:12").warns("warning[GO0416]").warns("warning[GO0116]");
    let warnings = cluster.world.json(&["plan"])["warnings"].clone();
    let codes: Vec<&str> =
        warnings.as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["GO0416", "GO0415", "GO0116"], "{warnings:#}");
    assert_eq!((&warnings[1]["span"]["line"], &warnings[1]["severity"]), (&json!(4), &json!("warning")));
    let ran = cluster.world.gitops(&["run", "--output", "json", "--timeout", "3s"]);
    let told = ran.stdout.matches("\"warned\"").count();
    assert_eq!(told, 3, "each once: {}", ran.stdout);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).warns("GO0415");
}

#[tokio::test]
async fn what_the_server_warns_of_is_told_where_it_is_declared() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let pod = "apiVersion: v1\nkind: PodTemplate\nmetadata: { name: web }\ntemplate:\n  spec:\n    \
        nodeSelector: { beta.kubernetes.io/os: linux }\n    containers: [{ name: web, image: \"nginx:1\" }]\n";
    cluster.world.commit("Begin", &[("web.yaml", Some(pod))]);
    let ran = cluster.world.gitops(&["apply", "--yes"]).expect(0);
    ran.warns("warning[GO0419]").warns("web.yaml:1").warns("use \"kubernetes.io/os\" instead");
    cluster.world.commit("Change", &[("web.yaml", Some(&pod.replace("nginx:1", "nginx:2")))]);
    let plan = cluster.world.json(&["plan"]);
    let codes: Vec<&str> =
        plan["warnings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["GO0417", "GO0419"], "{plan:#}");
}

/// Whether something of a kind of others is there; the server needs a moment for a kind that was just defined.
async fn is_there(cluster: &Cluster, uri: &str) -> bool {
    loop {
        match cluster.admin.send("GET", uri, "application/json", &json!(null)).await {
            (200, _) => return true,
            (404, _) => return false,
            (429, _) => {}
            (code, answer) => panic!("{uri}: {code} {answer}"),
        }
    }
}

#[tokio::test]
async fn objects_of_kinds_of_others_get_the_namespace_as_the_cluster_or_the_commit_defines_them() {
    let cluster = applied().await;
    let (world, name) = (&cluster.world, &cluster.namespace);
    let definition = |group: &str| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("things.{group}") },
            "spec": {
                "group": group, "scope": "Namespaced", "names": { "kind": "Thing", "plural": "things", "singular": "thing" },
                "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } }]
            }
        })
    };
    let [theirs, ours] = ["theirs", "ours"].map(|which| format!("{which}.{name}.example"));
    let thing = |group: &str| format!("apiVersion: {group}/v1\nkind: Thing\nmetadata: {{ name: t }}\n");
    cluster.admin.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition(&theirs)).await;
    let at = |group: &str| format!("/apis/{group}/v1/namespaces/{name}/things/t");
    while !is_there(&cluster, at(&theirs).trim_end_matches("/t")).await {}
    let (a, b, z) = (thing(&theirs), thing(&ours), definition(&ours).to_string());
    world.commit("Things", &[("a.yaml", Some(&a)), ("b.yaml", Some(&b)), ("z.json", Some(&z))]);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 3 changes");
    for group in [&theirs, &ours] {
        assert!(is_there(&cluster, &at(group)).await, "{group}");
    }
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    let named = a.replace("name: t", &format!("name: t, namespace: {name}"));
    world.commit("Name it", &[("a.yaml", Some(&named)), ("b.yaml", None)]);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    assert!(is_there(&cluster, &at(&theirs)).await, "it is the same object");
    assert!(!is_there(&cluster, &at(&ours)).await);
}
