//! Reviews of requests that change objects of a cluster and root modules.

use serde_json::{Value, json};

use crate::support::World;
use crate::{Cluster, tofu};

/// In every secret.
const SECRET: &str = "s3cret";

fn secret(name: &str, text: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name} }}\nstringData:\n  {name}-password: {SECRET}-{text}\n  \
         config.yaml: |\n    password: {SECRET}-{text}\n"
    )
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n";
const ROOT: &str = "resource \"terraform_data\" \"x\" {\n  input = sensitive(\"s3cret-before\")\n}\n\
                    output \"x\" {\n  value = terraform_data.x.output\n  sensitive = true\n}\n";

/// Each output of a review of `feature` into `main`, which is written twice with the same bytes.
fn outputs(world: &World) -> Vec<(&'static str, String)> {
    let review = |output| {
        let ran = world.gitops(&["review", "--base", "main", "--head", "feature", "--output", output]);
        assert!(matches!(ran.code, 0 | 3), "{ran:?}");
        assert!(!ran.stderr.contains(SECRET), "{}", ran.stderr);
        ran.stdout
    };
    let once = |output| {
        let text = review(output);
        assert_eq!(text, review(output), "{output}");
        (output, text)
    };
    ["text", "json", "markdown", "junit", "sarif"].map(once).to_vec()
}

fn request(world: &World, files: &[(&str, Option<&str>)]) {
    world.git(&["checkout", "-q", "-B", "feature"]);
    world.commit("Request", files);
    world.git(&["checkout", "-q", "main"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_of_a_review_has_a_secret() {
    let cluster = Cluster::new().await;
    let world = &cluster.world;
    world.configure(&format!(
        "name: shop\nsource: {{ git: {{ url: ./repository, ref: {{ branch: main }}, path: site }} }}\ntargets:\n  \
         k8s: {{ path: k8s, kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {} }} }}\n  \
         tf: {{ path: tf, terraform: {{ binary: {} }} }}\n",
        cluster.namespace,
        tofu().display()
    ));
    let (before, after, new) = (secret("db", "before"), secret("db", "after"), secret("new", "new"));
    let begin =
        [("k8s/db.yaml", Some(&*before)), ("k8s/map.yaml", Some(MAP)), ("tf/net/main.tf", Some(ROOT))];
    world.commit("Begin", &begin);
    let root = ROOT.replace("s3cret-before", "s3cret-after");
    let change =
        [("k8s/db.yaml", Some(&*after)), ("k8s/new.yaml", Some(&*new)), ("tf/net/main.tf", Some(&*root))];
    request(world, &change);
    let base64 = ["czNjcmV0", "MzY3JldA", "zY3JldA", "M2NyZX"];
    let check = |outputs: Vec<(&str, String)>| {
        for (output, text) in outputs {
            // A log of findings has what is risky alone.
            assert!(text.contains("Secret/") || output == "sarif", "{output}: {text}");
            assert!(text.contains("Root/") || output == "sarif", "{output}: {text}");
            assert!(!text.contains(SECRET), "{output}: {text}");
            assert!(!base64.iter().any(|form| text.contains(form)), "{output}: {text}");
        }
    };
    check(outputs(world));
    world.gitops(&["apply", "--yes"]).expect(0);
    check(outputs(world));
    // One that was changed by hand, and one that goes.
    let hand = json!({"metadata": {"name": "db"}, "stringData": {"db-password": "s3cret-by-hand"}});
    let path = format!("/api/v1/namespaces/{}/secrets/db", cluster.namespace);
    cluster.admin.merge(&path, &hand).await;
    check(outputs(world));
    request(world, &[("k8s/db.yaml", None)]);
    let review = world.json(&["review", "--base", "main", "--head", "feature"]);
    let steps = review["parts"][0]["steps"].as_array().unwrap();
    let of_secret = |step: &&Value| step["key"].as_str().unwrap().contains("Secret/");
    let secret = steps.iter().find(of_secret).unwrap();
    assert_eq!((&secret["action"], &secret["attribution"]), (&"delete".into(), &"this_change".into()));
    assert!(!review.to_string().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_in_a_cluster_stands_apart_from_the_request_and_no_write_is_made() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let world = &cluster.world;
    let other = MAP.replace("web", "other");
    world.commit("Begin", &[("web.yaml", Some(MAP)), ("other.yaml", Some(&other))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    cluster.admin.merge(&cluster.config_map("other"), &json!({"data": {"x": "by hand"}})).await;
    request(world, &[("web.yaml", Some(&MAP.replace("\"1\"", "\"2\"")))]);
    let review = world.json(&["review", "--base", "main", "--head", "feature"]);
    let steps = review["parts"][0]["steps"].as_array().unwrap();
    let mut found: Vec<(&str, &str)> = steps
        .iter()
        .map(|step| {
            (step["key"].as_str().unwrap().rsplit('/').next().unwrap(), step["attribution"].as_str().unwrap())
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("other", "existing_drift"), ("web", "this_change")]);
    assert_eq!(cluster.value("other", "x").await.as_deref(), Some("by hand"));
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
}
