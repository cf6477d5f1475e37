//! The controller as it is deployed, against a real API server and a real repository.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod forged;
mod keeps;
mod promotion;
mod requests;
mod roots;
mod taken_back;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use gitops_core::{AuditEvent, AuditRecord, Cx, StoreAudit};
use gitops_k8s::{ClusterStore, Connection};
use serde_json::{Value as Json, json};
use testbed::{Admin, ApiServer, User};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;
use tokio::sync::mpsc;

const MANIFESTS: &str = include_str!("../../deploy/controller.yaml");

/// As the deployment's own, with a repository and a kubeconfig of the test, and a target of another kind, from which the
/// object in the cluster gets its value.
const CONFIG: &str = "\
sync: { interval: 1s }
source: { git: { url: ./repository, ref: { branch: main } } }
state: { kubernetes: { namespace: gitops-system } }
applications:
- name: shop
  targets:
    files: { path: files, directory: { root: ./live } }
    k8s:
      path: k8s
      kubernetes:
        kubeconfig: ./kubeconfig
        impersonate: shop-deployer
        namespace: shop
        namespaces: [shop]
        outputs: { PAGE: \"files:File/-/page#content\" }
";

/// An application that comes later.
const MORE: &str = "\
- name: more
  source: { git: { path: more } }
  target: { kubernetes: { kubeconfig: ./kubeconfig, impersonate: shop-deployer, namespace: shop, namespaces: [shop] } }
";

const CREATED: &str = r#"gitops_changes_total{application="shop",action="create",result="done"} 2"#;

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ x: \"{value}\" }}\n")
}

struct World {
    folder: tempfile::TempDir,
    admin: Admin,
}

impl World {
    /// A server with the manifests of the deployment applied, and a repository with one object.
    async fn new() -> Self {
        let world = Self::empty().await;
        std::fs::write(world.path("controller.yaml"), MANIFESTS).unwrap();
        world.kubectl(&["apply", "--server-side", "--filename", "controller.yaml"]);
        std::fs::write(world.path("gitops.yaml"), CONFIG).unwrap();
        world.commit("1");
        world
    }

    /// A server, and a repository without a commit.
    async fn empty() -> Self {
        Self::on(ApiServer::shared()).await
    }

    async fn on(server: &ApiServer) -> Self {
        let (folder, admin) = (tempfile::tempdir().unwrap(), Admin::of(server).await);
        let world = Self { folder, admin };
        std::fs::write(world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
        world.git(&["init", "-q", "-b", "main", "repository"]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a program; gives what it printed.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for name in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"] {
            command.env(name, "Alice");
        }
        for name in ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
            command.env(name, "alice@example.org");
        }
        let output = command.output().unwrap_or_else(|error| panic!("these tests need `{program}`: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.run("git", arguments)
    }

    fn kubectl(&self, arguments: &[&str]) {
        self.run("kubectl", &[&["--kubeconfig", "kubeconfig"], arguments].concat());
    }

    fn commit(&self, value: &str) {
        let files = [
            ("k8s/web.yaml", config_map("web", "${PAGE}")),
            ("more/more.yaml", config_map("more", "more")),
            ("files/page", value.to_owned()),
        ];
        for (name, content) in files {
            let path = self.path("repository").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        self.git(&["-C", "repository", "add", "-A"]);
        self.git(&["-C", "repository", "commit", "-q", "-m", value]);
    }

    /// The audit log outlives each controller and its disk: it holds what all of them did, and nothing is missing.
    async fn was_audited(&self, by: &[&str]) {
        let records = self.audited("gitops-system", "shop").await;
        let done = records.iter().filter(|record| matches!(record.entry.what, AuditEvent::Outcome { .. }));
        assert!(done.count() >= 2 * by.len(), "{records:?}");
    }

    async fn audited(&self, namespace: &str, application: &str) -> Vec<AuditRecord> {
        let cx = Cx::system();
        let cluster = Connection::kubeconfig_file(self.path("kubeconfig")).connect(&cx).await.unwrap();
        let store = ClusterStore::new(cluster, namespace, application);
        let audit = StoreAudit::open(&cx, std::sync::Arc::new(store)).await.unwrap();
        audit.verify(&cx).await.unwrap();
        audit.records(&cx).await.unwrap()
    }

    /// Returns once the object is there with a value; fails after two minutes.
    fn until(&self, value: &str) {
        self.until_of("web", value);
    }

    fn until_of(&self, name: &str, value: &str) {
        self.until_in("shop", name, value);
    }

    fn until_in(&self, namespace: &str, name: &str, value: &str) {
        let namespace = format!("--namespace={namespace}");
        let (name, has) = (format!("configmap/{name}"), format!("--for=jsonpath={{.data.x}}={value}"));
        for condition in ["--for=create", &has] {
            self.kubectl(&["wait", &namespace, &name, "--timeout=120s", condition]);
        }
    }
}

/// A controller that runs, and where it listens.
struct Controller {
    child: Child,
    address: String,
    /// What it logs.
    said: mpsc::UnboundedReceiver<String>,
}

impl Controller {
    /// As the deployment's container, but on a state folder and a kubeconfig of the test.
    async fn start(world: &World, identity: &str) -> Self {
        Self::start_of(world, "gitops.yaml", identity).await
    }

    /// The same with a file of its own.
    async fn start_of(world: &World, file: &str, identity: &str) -> Self {
        let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_controller"))
            .args(["--listen=127.0.0.1:0", "--identity", identity])
            .arg("--file")
            .arg(world.path(file))
            .arg("--state")
            .arg(world.path(identity))
            .arg("--kubeconfig")
            .arg(world.path("kubeconfig"))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first: Json = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        let address = first["fields"]["address"].as_str().unwrap().to_owned();
        let (says, said) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("{line}");
                // Most tests do not listen to the end.
                let _ = says.send(line);
            }
        });
        Self { child, address, said }
    }

    /// Reads on to the first line of its log that holds a text; fails after two minutes, or if it ends before.
    async fn until_said(&mut self, text: &str) {
        let cx = Cx::system().within(Duration::from_secs(120));
        let read = async {
            while let Some(line) = self.said.recv().await {
                if line.contains(text) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        assert!(cx.bounded(read).await.unwrap(), "it ended, and did not say {text:?}");
    }

    /// The answer to a request, head and body.
    async fn ask(&self, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(&self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: controller\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Waits for it to end by itself, and gives its exit code.
    async fn ended(mut self) -> Option<i32> {
        self.child.wait().await.unwrap().code()
    }

    /// Asks it to stop, as the kubelet does, and gives its exit code.
    async fn stop(mut self) -> Option<i32> {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().await.unwrap().code()
    }
}

#[tokio::test]
async fn one_leads_the_next_goes_on_without_its_disk_and_takes_over_what_the_file_says_later() {
    let world = World::new().await;
    let first = Controller::start(&world, "first").await;
    world.until("1");
    assert!(first.ask("/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(first.ask("/readyz").await.starts_with("HTTP/1.1 200"));
    let metrics = first.ask("/metrics").await;
    assert!(metrics.contains(r#"gitops_leader{application="shop"} 1"#), "{metrics}");
    assert!(metrics.contains(CREATED), "{metrics}");
    world.commit("2");
    world.until("2");
    assert_eq!(first.stop().await, Some(0));

    let uid =
        world.admin.get("/api/v1/namespaces/shop/configmaps/web").await.unwrap()["metadata"]["uid"].clone();
    let second = Controller::start(&world, "second").await;
    let drift = json!({ "data": { "x": "theirs" } });
    world.admin.merge("/api/v1/namespaces/shop/configmaps/web", &drift).await;
    world.until("2");
    world.commit("3");
    world.until("3");
    let now = world.admin.get("/api/v1/namespaces/shop/configmaps/web").await.unwrap();
    assert_eq!(now["metadata"]["uid"], uid, "the object was made anew");

    std::fs::write(world.path("gitops.yaml"), CONFIG.to_owned() + MORE).unwrap();
    world.until_of("more", "more");
    world.commit("4");
    world.until("4");
    let metrics = second.ask("/metrics").await;
    for application in ["shop", "more"] {
        assert!(metrics.contains(&format!("gitops_leader{{application=\"{application}\"}} 1")), "{metrics}");
    }
    assert_eq!(second.stop().await, Some(0));
    world.was_audited(&["first", "second"]).await;
}
