//! State in a cluster: a controller works with it, and people read it from elsewhere with the same file.

use gitops_app::Backends;
use gitops_app::config::Applications;
use gitops_app::home::ClusterState;
use gitops_app::session::{Access, Session};
use gitops_core::{Cx, StateDir};
use serde_json::{Value as Json, json};
use testbed::ApiServer;
use tokio::task::JoinHandle;

use crate::{AGENT, Cluster};

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ x: \"{value}\" }}\n")
}

/// What the controller does with an application while it holds its lease.
struct Controller {
    cx: Cx,
    task: JoinHandle<gitops_core::Result<()>>,
}

impl Controller {
    /// Returns once a revision is live completely.
    async fn start(cluster: &Cluster) -> Self {
        let cx = Cx::system();
        let file = cluster.world.path("gitops.yaml");
        let mut config = Applications::load(&file, &Backends::new()).unwrap().named("shop").unwrap().clone();
        config.state = cluster.world.path("controller");
        let folder = StateDir::open(&config.state.join("grant-1"), &cx).unwrap();
        let state = ClusterState::of(&cx, &config).await.unwrap().expect("the file names a cluster");
        let home = state.held(&cx, folder).await.unwrap();
        let session = Session::builder(&config).access(Access::Write).home(home).open(&cx).await;
        let mut session = session.unwrap();
        let mut status = session.engine.handle().status();
        let inner = cx.clone();
        let task = tokio::spawn(async move { session.engine.run(&inner, config.sync.interval).await });
        status.wait_for(|status| status.complete.is_some()).await.unwrap();
        Self { cx, task }
    }

    async fn stop(self) {
        self.cx.cancel();
        self.task.await.unwrap().unwrap();
    }
}

fn state_in(namespace: &str) -> String {
    format!("  state: {{ kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {namespace} }} }}\n")
}

async fn configured() -> Cluster {
    let cluster = Cluster::new().await;
    cluster.world.configure(&format!(
        "source: {{ git: {{ url: ./repository, ref: {{ branch: main }} }} }}\nsync: {{ interval: 1s }}\n\
         applications:\n- name: shop\n  source: {{ git: {{ path: site }} }}\n{}  target:\n    kubernetes:\n      \
         kubeconfig: ./kubeconfig\n      namespace: {}\n\
         - name: pages\n  source: {{ git: {{ path: pages }} }}\n  target: {{ directory: {{ root: ./live }} }}\n",
        state_in(&cluster.namespace),
        cluster.namespace
    ));
    let web = config_map("web", "1");
    cluster.world.commit("Begin", &[("web.yaml", Some(&web)), ("../pages/index.html", Some("one"))]);
    cluster
}

#[tokio::test]
async fn who_has_the_file_reads_and_asks_while_the_controller_works() {
    let cluster = configured().await;
    cluster.run(&["-a", "shop", "history"]).await.expect(0).says("Nothing was deployed yet.");
    cluster.run(&["-a", "shop", "audit", "verify"]).await.expect(1).warns("there is no audit log");
    let controller = Controller::start(&cluster).await;

    cluster.run(&["-a", "shop", "status"]).await.expect(0).says("Synced").says("applied: 1");
    let history = cluster.json(&["-a", "shop", "history"]).await;
    let last = &history["deployments"][0];
    assert_eq!((&last["applied"], &last["summary"]), (&json!(1), &json!("Begin")), "{history}");
    let number = last["deployment"].to_string();
    let shown = cluster.run(&["-a", "shop", "history", "show", &number]).await;
    shown.expect(0).says("Begin").says("ConfigMap/");
    let trail = cluster.json(&["-a", "shop", "audit", "show", "web"]).await;
    assert_eq!(trail["entries"][0]["action"], "create", "{trail}");
    assert_eq!(trail["entries"][0]["commit"]["summary"], "Begin", "{trail}");
    let why = cluster.json(&["-a", "shop", "why", "web"]).await;
    assert_eq!(why["last_change"]["result"], "done", "{why}");
    let place = format!("in the secrets of the namespace {}, none changed", cluster.namespace);
    cluster.run(&["-a", "shop", "audit", "verify"]).await.expect(0).says(&place);

    // The state is the controller's to write, and it does what it is asked.
    let refused = cluster.run(&["-a", "shop", "apply", "--yes"]).await;
    refused.expect(1).warns("its controller works with it").warns("ask the controller");
    let asked = cluster.run(&["-a", "shop", "suspend", "--reason", "the fair"]).await;
    asked.expect(0).says("The process at work has taken it up.");
    cluster.run(&["-a", "shop", "audit", "show", "--limit", "9"]).await.expect(0).says("suspended: the fair");
    cluster.run(&["-a", "shop", "status"]).await.says("the fair");
    let nothing = cluster.run(&["-a", "shop", "confirm", "web", "change", "made"]).await;
    nothing.expect(1).warns("is unconfirmed");
    let restarted = cluster.run(&["-a", "shop", "audit", "restart", "--yes"]).await;
    restarted.expect(0).says("Verified");
    let shown = cluster.run(&["-a", "shop", "audit", "show", "--limit", "9"]).await;
    shown.expect(0).says("began a new audit log");
    controller.stop().await;
}

#[tokio::test]
async fn each_application_is_read_where_its_file_says_and_a_page_that_was_edited_is_named() {
    let cluster = configured().await;
    let controller = Controller::start(&cluster).await;
    cluster.run(&["-a", "pages", "apply", "--yes"]).await.expect(0);
    let both = cluster.json(&["history"]).await;
    let of = |name: &str| {
        let items = both["items"].as_array().unwrap();
        items.iter().find(|item| item["application"] == name).unwrap()["deployments"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((of("shop"), of("pages")), (1, 1), "{both}");

    // The same name in another namespace is another application.
    let file = std::fs::read_to_string(cluster.world.path("gitops.yaml")).unwrap();
    let elsewhere = file.replace(&state_in(&cluster.namespace), &state_in("default"));
    std::fs::write(cluster.world.path("other.yaml"), elsewhere).unwrap();
    let other = cluster.run(&["-f", "other.yaml", "-a", "shop", "history"]).await;
    other.expect(0).says("Nothing was deployed yet.");
    controller.stop().await;

    let secrets = format!("/api/v1/namespaces/{}/secrets", cluster.namespace);
    let all = cluster.admin.get(&secrets).await.unwrap();
    let is_page = |secret: &&Json| secret["metadata"]["annotations"]["gitops/document"] == "shop/audit-000";
    let page = all["items"].as_array().unwrap().iter().find(is_page).unwrap();
    let name = page["metadata"]["name"].as_str().unwrap();
    cluster.admin.merge(&format!("{secrets}/{name}"), &json!({ "data": { "document": "eA==" } })).await;
    for verb in [&["history"][..], &["audit", "show", "--limit", "9"], &["audit", "verify"], &["status"]] {
        let read = cluster.run(&[&["-a", "shop"], verb].concat()).await;
        read.expect(1).warns("the stored document is damaged").warns("audit-000").warns(name);
    }
}

/// What moves in a cluster is told to a process once, however many of its applications want to know.
#[tokio::test]
async fn applications_of_one_process_share_connections_and_watches() {
    let cluster = Cluster::new().await;
    let one = |name: &str| {
        format!(
            "- name: {name}\n  source: {{ git: {{ path: site/{name} }} }}\n  target:\n    kubernetes: {{ kubeconfig: \
             ./kubeconfig, namespace: {namespace}, namespaces: [{namespace}] }}\n",
            namespace = cluster.namespace
        )
    };
    cluster.world.configure(&format!(
        "source: {{ git: {{ url: ./repository, ref: {{ branch: main }} }} }}\nsync: {{ interval: 1s }}\napplications:\n{}{}{}",
        one("a"),
        one("b"),
        one("c")
    ));
    let maps = ["a", "b", "c"].map(|name| (format!("{name}/map.yaml"), config_map(name, "1")));
    let files: Vec<(&str, Option<&str>)> = maps.iter().map(|(path, map)| (&**path, Some(&**map))).collect();
    cluster.world.commit("Begin", &files);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    cluster.run(&["run", "--timeout", "8s"]).await;
    let of_namespace = format!("/namespaces/{}/configmaps", cluster.namespace);
    let requests = ApiServer::shared().requests(AGENT).into_iter();
    let watches: Vec<String> = requests
        .filter(|request| request.verb == "watch" && request.uri.contains(&of_namespace))
        .map(|request| request.uri)
        .collect();
    assert_eq!(watches.len(), 1, "{watches:#?}");
}
