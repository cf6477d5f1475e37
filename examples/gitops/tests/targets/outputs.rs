//! What one target makes, others use: outputs of roots in manifests and files, secrets and files in variables.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::World;
use crate::{Cluster, tofu};

const CANARY: &str = "canary-5c1e7";

const ROOT: &str = r#"
variable "size" { type = string }
variable "password" { type = string }
resource "terraform_data" "net" { input = "10.0.0.${trimspace(var.size)}" }
resource "terraform_data" "login" { input = "user:${var.password}" }
output "address" { value = terraform_data.net.output }
output "token" {
  value     = "token-${var.password}"
  sensitive = true
}
"#;

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData: { password: canary-5c1e7 }\n";
const MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { url: \"http://${ADDRESS}/\" }\n";

fn configure(cluster: &Cluster) {
    let namespace = &cluster.namespace;
    cluster.world.configure(&format!(
        "name: shop
source:
  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}
targets:
  infra:
    path: infra
    terraform:
      binary: {tofu}
      backend: managed
      vars:
        size: {{ output: \"files:File/-/size.txt#content\" }}
        password: {{ output: \"cluster:Secret/{namespace}/db#password\" }}
  cluster:
    path: k8s
    kubernetes:
      kubeconfig: ./kubeconfig
      namespace: {namespace}
      outputs: {{ ADDRESS: \"infra:Root/-/infra#address\", TOKEN: \"infra:Root/-/infra#token\" }}
  files:
    path: files
    directory:
      root: ./live
      outputs: {{ ADDRESS: \"infra:Root/-/infra#address\", TOKEN: \"infra:Root/-/infra#token\" }}
",
        tofu = tofu().display(),
    ));
}

/// The secret in clear, and the token that is made of it as a Secret holds it.
fn forms() -> [String; 2] {
    [CANARY.to_owned(), STANDARD.encode(format!("https://token-{CANARY}@host"))]
}

/// What was said by the command so far must not hold the secret.
fn run(world: &World, arguments: &[&str], code: i32) -> String {
    let ran = world.gitops(arguments);
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    assert!(!forms().iter().any(|form| said.contains(form)), "{said}");
    assert_eq!(ran.code, code, "{said}");
    said
}

/// Applies all at once: what uses an output is applied by the same command, after its object.
fn converge(world: &World) {
    run(world, &["apply", "--yes"], 0);
}

/// Files of ours that hold the secret in clear, outside of the tool's own states and plans.
fn leaks(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(if name == "states" { Vec::new() } else { leaks(&path) });
        } else if !name.ends_with(".tfplan") {
            let bytes = std::fs::read(&path).unwrap();
            if forms().iter().any(|form| bytes.windows(form.len()).any(|part| part == form.as_bytes())) {
                found.push(path);
            }
        }
    }
    found
}

async fn applied() -> Cluster {
    let cluster = Cluster::new().await;
    configure(&cluster);
    let files = [
        ("infra/main.tf", Some(ROOT)),
        ("k8s/db.yaml", Some(SECRET)),
        ("k8s/web.yaml", Some(MAP)),
        ("files/size.txt", Some("7\n")),
        ("files/conf", Some("address = ${ADDRESS}\nhome = ${HOME}\n")),
    ];
    cluster.world.commit("Begin", &files);
    converge(&cluster.world);
    cluster
}

#[tokio::test]
async fn what_a_root_makes_goes_into_the_cluster_and_into_files_and_the_other_way() {
    let cluster = applied().await;
    let world = &cluster.world;
    assert_eq!(cluster.value("web", "url").await.as_deref(), Some("http://10.0.0.7/"));
    assert_eq!(world.live("conf").as_deref(), Some("address = 10.0.0.7\nhome = ${HOME}\n"));
    let said = run(world, &["apply", "--yes"], 0);
    assert!(said.contains("No changes: 5 objects are as declared."), "{said}");
    for question in [&["graph"][..], &["status"], &["why", "infra:Root/-/infra"], &["audit", "verify"]] {
        run(world, question, 0);
    }

    world.commit("Grow", &[("files/size.txt", Some("8\n"))]);
    converge(world);
    assert_eq!(cluster.value("web", "url").await.as_deref(), Some("http://10.0.0.8/"));
    assert_eq!(world.live("conf").as_deref(), Some("address = 10.0.0.8\nhome = ${HOME}\n"));
    assert_eq!(leaks(&world.path(".gitops")), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_sensitive_output_goes_nowhere_where_it_could_be_read() {
    let cluster = applied().await;
    let world = &cluster.world;
    let map = MAP.replace("name: web", "name: open").replace("http://${ADDRESS}/", "${TOKEN}");
    world.commit("Leak", &[("k8s/open.yaml", Some(&map)), ("files/open", Some("${TOKEN}"))]);
    let said = run(world, &["plan"], 1);
    assert!(said.contains("a ConfigMap is no place for a secret"), "{said}");
    let said = run(world, &["apply", "--yes"], 1);
    assert!(said.contains("a file can't hold a secret"), "{said}");
    assert_eq!(cluster.value("open", "url").await, None);
    assert_eq!(world.live("open"), None);

    world.commit("Withdraw", &[("k8s/open.yaml", None), ("files/open", None)]);
    assert_eq!(leaks(&world.path(".gitops")), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_sensitive_output_goes_into_a_secret_and_is_shown_nowhere() {
    let cluster = applied().await;
    let world = &cluster.world;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: login }\n\
                  stringData: { url: \"https://${TOKEN}@host\", open: plain }\n";
    world.commit("Hand on", &[("k8s/login.yaml", Some(secret))]);
    run(world, &["plan"], 0);
    run(world, &["diff"], 0);
    converge(world);
    let (url, plain) = (value_of(&cluster, "url").await, value_of(&cluster, "open").await);
    assert_eq!(url.as_deref(), Some("https://token-canary-5c1e7@host"));
    assert_eq!(plain.as_deref(), Some("plain"));
    let said = run(world, &["apply", "--yes"], 0);
    assert!(said.contains("No changes: 6 objects are as declared."), "{said}");

    let changed = SECRET.replace("canary-5c1e7", "another-canary-5c1e7");
    world.commit("Change", &[("k8s/db.yaml", Some(&changed))]);
    converge(world);
    assert_eq!(value_of(&cluster, "url").await.as_deref(), Some("https://token-another-canary-5c1e7@host"));
    for question in [&["status"][..], &["history"], &["why", "login"], &["graph"], &["audit", "verify"]] {
        run(world, question, 0);
    }
    assert_eq!(leaks(&world.path(".gitops")), Vec::<PathBuf>::new());
}

/// What the Secret of the cluster that gets outputs holds under a name, in clear.
async fn value_of(cluster: &Cluster, name: &str) -> Option<String> {
    let path = format!("/api/v1/namespaces/{}/secrets/login", cluster.namespace);
    let text = cluster.admin.get(&path).await?["data"][name].as_str()?.to_owned();
    Some(String::from_utf8(STANDARD.decode(text).unwrap()).unwrap())
}

#[tokio::test]
async fn an_output_that_is_not_there_holds_who_needs_it_and_nobody_else() {
    let cluster = applied().await;
    let world = &cluster.world;
    let gone = ROOT.replace("output \"address\"", "output \"renamed\"");
    world.commit("Rename", &[("infra/main.tf", Some(&gone)), ("files/other", Some("goes on\n"))]);
    run(world, &["apply", "--yes"], 1);
    let plan = world.json(&["plan"]);
    let blocked: Vec<&str> =
        plan["blocked"].as_array().unwrap().iter().filter_map(|blocked| blocked["key"].as_str()).collect();
    let map = format!("cluster:ConfigMap/{}/web", cluster.namespace);
    assert_eq!(blocked, [map.as_str(), "files:File/-/conf"]);
    assert!(plan["blocked"][0]["text"].as_str().unwrap().contains("which has: renamed"), "{plan}");
    assert_eq!(world.live("other").as_deref(), Some("goes on\n"));
    assert_eq!(
        world.live("conf").as_deref(),
        Some("address = 10.0.0.7\nhome = ${HOME}\n"),
        "nothing is taken away"
    );
}
