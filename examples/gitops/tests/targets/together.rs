//! Three targets in one application: one plan, one id, outputs of one as inputs of the others.

use crate::{Cluster, tofu};

const ROOT: &str = r#"
variable "size" { type = number }
resource "terraform_data" "net" { input = "10.0.0.${var.size}" }
output "address" { value = terraform_data.net.output }
"#;

fn configure(cluster: &Cluster, size: u32) {
    cluster.world.configure(&format!(
        "name: shop
source:
  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}
targets:
  infra: {{ path: infra, terraform: {{ binary: {tofu}, vars: {{ size: {size} }} }} }}
  cluster:
    path: k8s
    kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {namespace} }}
  files: {{ path: files, directory: {{ root: ./live }} }}
",
        tofu = tofu().display(),
        namespace = cluster.namespace,
    ));
}

#[tokio::test]
async fn one_plan_covers_root_cluster_and_folder() {
    let cluster = Cluster::new().await;
    let world = &cluster.world;
    configure(&cluster, 7);
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n";
    let files = [("infra/main.tf", Some(ROOT)), ("k8s/web.yaml", Some(map)), ("files/a.txt", Some("a\n"))];
    world.commit("Begin", &files);
    world
        .gitops(&["plan"])
        .expect(0)
        .says("Root/infra")
        .says("ConfigMap/")
        .says("File/a.txt")
        .says("Plan: 3 to create");
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 3 changes");
    assert_eq!(world.live("a.txt").as_deref(), Some("a\n"));
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
    world.gitops(&["apply", "--yes"]).expect(0).says("No changes: 3 objects are as declared.");
    configure(&cluster, 8);
    world.gitops(&["plan"]).expect(0).says("terraform_data.net").says("Plan: 0 to create, 1 to update");
}
