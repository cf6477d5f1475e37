//! A deployment that fails its health is taken back by itself: a real forge, a real cluster, and nobody asked.

use serde_json::{Value, json};
use testbed::{Admin, ApiServer, User};

use super::serve::is_review;
use super::serving::Serving;
use super::{SITE, Site, body};
use crate::support::World;

const NAMESPACE: &str = "taken-back";

/// The image `web:bad` never comes up: its pods hang, and the controller gives up after two seconds.
fn web(image: &str) -> String {
    let does = if image == "web:bad" { "hang" } else { "go-on" };
    annotated(image, &format!(", annotations: {{ testbed/does: {does} }}"))
}

fn annotated(image: &str, annotations: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: 1\n  progressDeadlineSeconds: 2\n  \
         selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }}{annotations} }}\n    \
         spec: {{ containers: [{{ name: web, image: \"{image}\" }}] }}\n"
    )
}

fn uri(namespace: &str) -> String {
    format!("/apis/apps/v1/namespaces/{namespace}/deployments/web")
}

fn image(deployment: &Value) -> &str {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

impl Site {
    /// Asks until something is so; fails after two minutes.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    pub(super) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        for _ in 0..600 {
            if is_so().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        panic!("{what} is not so within two minutes");
    }

    /// The status as JSON, however the application is.
    pub(super) async fn told_status(&self) -> Value {
        let ran = self.gitops(&["status", "--output", "json"]).await;
        serde_json::from_str(&ran.stdout).unwrap_or_default()
    }

    async fn has_status(&self, commit: &str, line: &str) -> bool {
        self.statuses(commit).await.contains(&line.to_owned())
    }
}

#[tokio::test]
async fn a_deployment_that_fails_its_health_is_taken_back_once_and_the_branch_is_followed_again() {
    let site = Site::new().await;
    let server = ApiServer::controlled();
    let admin = Admin::of(server).await;
    admin.post("/api/v1/namespaces", &json!({"metadata": {"name": NAMESPACE}})).await;
    std::fs::write(site.world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
    let good = site.world.commit("Begin", &[("k8s/web.yaml", Some(&web("web:1")))]).trim().to_owned();
    site.push("main");
    site.world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, path: site/k8s }}\n{}\
         serve: {{ poll: 1s }}\nsync: {{ interval: 1s }}\nrollback: {{ on: failed-health, within: 10m }}\n\
         target:\n  kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {NAMESPACE}, namespaces: [{NAMESPACE}] }}\n",
        site.gitea.url(),
        site.forge()
    ));
    site.may_push();
    let serving = Serving::start(&site).await;
    site.until("the good one is live", async || site.has_status(&good, "gitops/live/shop success").await)
        .await;

    // A change that nobody sees to be bad is merged; the server is killed as soon as it is pinned.
    site.commit_on("feature", &[("k8s/web.yaml", Some(&web("web:bad")))]);
    let number = site.open("alice", "feature").await;
    site.merge(number).await.unwrap();
    let bad = site.merge_commit(number).await;
    site.until("the pin", async || site.told_status().await["pinned"]["revision"]["id"] == good.as_str())
        .await;
    serving.kill();
    let by = site.told_status().await["pinned"]["by"].clone();
    assert_eq!(by, format!("automatic rollback of {bad}"));

    // The next one goes on: one request, and the bad commit and its own request say so.
    let serving = Serving::start(&site).await;
    site.until("what the bad commit says", async || {
        site.has_status(&bad, "gitops/rollback/shop failure").await
            && site.has_status(&bad, "gitops/live/shop failure").await
    })
    .await;
    let requests = site.requests().await;
    assert_eq!(requests.len(), 2, "{requests:#?}");
    let revert = requests.iter().find(|request| request["number"] != number).unwrap();
    assert_eq!(revert["title"], format!("Take shop back to {}", &good[..12]));
    site.until("what its own request says", async || {
        let comments = site.comments(number).await;
        comments.iter().any(|comment| body(comment).contains("it failed its health: rolled back to"))
    })
    .await;
    site.until("the good one is live again", async || {
        admin.get(&uri(NAMESPACE)).await.is_some_and(|object| image(&object) == "web:1")
    })
    .await;
    for verb in [&["why", "web"][..], &["history"]] {
        site.gitops(verb).await.warns("automatic rollback of");
    }

    // Merged: it follows the branch again, and goes back no more.
    let revert = revert["number"].as_u64().unwrap();
    site.merge(revert).await.unwrap();
    let merged = site.merge_commit(revert).await;
    site.until("the branch is followed", async || {
        site.told_status().await["pinned"].is_null()
            && site.has_status(&merged, "gitops/live/shop success").await
    })
    .await;
    assert_eq!(serving.stop().await, 0);
    assert_eq!(site.requests().await.len(), 2);
    let log = std::fs::read_to_string(site.world.path(".gitops/shop/audit.jsonl")).unwrap();
    let events =
        |event: &str| log.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).count();
    assert_eq!((events("pinned"), events("unpinned")), (1, 1));
    site.gitops(&["audit", "verify"]).await.expect(0);
}

impl Site {
    /// The latest status of an application on a commit: its state, and what it says.
    async fn live(&self, commit: &str, application: &str) -> (String, String) {
        let path = format!("{SITE}/commits/{commit}/status");
        let found = self.gitea.done("bob", "GET", &path, Value::Null).await;
        let context = format!("gitops/live/{application}");
        let mut all = found["statuses"].as_array().into_iter().flatten();
        let status = all.find(|status| status["context"] == context).cloned().unwrap_or_default();
        let text = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("description"))
    }

    /// Waits until that is so.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn is_told(&self, commit: &str, application: &str, state: &str, text: &str) {
        for _ in 0..600 {
            if self.live(commit, application).await == (state.to_owned(), text.to_owned()) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        let (status, said) = (self.told_status().await, self.live(commit, application).await);
        panic!("it is not {text} within two minutes, but {said:?}:\n{status:#}");
    }
}

/// The forge has no records of deployments: each application has a status on the commit that is live, which follows its health.
#[tokio::test]
async fn the_commit_that_is_live_says_how_healthy_each_application_is_also_when_that_changes_later() {
    const NAMESPACE: &str = "told-health";
    let site = Site::of(World::empty()).await;
    let server = ApiServer::controlled();
    let admin = Admin::of(server).await;
    admin.post("/api/v1/namespaces", &json!({"metadata": {"name": NAMESPACE}})).await;
    std::fs::write(site.world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
    let one = annotated("web:1", "");
    let older = site.world.commit("Begin", &[("k8s/web.yaml", Some(&one)), ("files/page", Some("one\n"))]);
    site.push("main");
    site.world.configure(&format!(
        "source: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }} }} }}\n{}\
         serve: {{ poll: 1s }}\nsync: {{ interval: 1s }}\napplications:\n\
         - {{ name: shop, source: {{ git: {{ path: site/k8s }} }}, target: {{ kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {NAMESPACE} }} }} }}\n\
         - {{ name: pages, source: {{ git: {{ path: site/files }} }}, target: {{ directory: {{ root: ./live }} }} }}\n",
        site.gitea.url(),
        site.forge()
    ));
    let serving = Serving::start(&site).await;
    site.is_told(older.trim(), "shop", "success", "live").await;
    let two = annotated("web:2", "");
    let commit = site.world.commit("Two", &[("k8s/web.yaml", Some(&two))]).trim().to_owned();
    site.push("main");
    site.is_told(&commit, "shop", "success", "live").await;
    site.is_told(&commit, "pages", "success", "live: Healthy").await;

    // Nothing of what is declared changes, and nobody pushes: its pods come up no more.
    let hang =
        |does: Value| json!({"spec": {"template": {"metadata": {"annotations": {"testbed/does": does}}}}});
    admin.merge(&uri(NAMESPACE), &hang(json!("hang"))).await;
    site.is_told(&commit, "shop", "failure", "live: Degraded").await;
    assert_eq!(site.live(&commit, "pages").await.0, "success", "of this one only");
    assert_eq!(site.live(older.trim(), "shop").await.0, "success", "it was healthy while it was live");

    // The next server says the same, and writes nothing; what is well again is said as well.
    assert_eq!(serving.stop().await, 0);
    let before = site.statuses(&commit).await;
    let mut serving = Serving::start(&site).await;
    let request = site.commit_on("feature", &[("files/page", Some("two\n"))]);
    let number = site.open("alice", "feature").await;
    serving.until("a review", |event| is_review(event, number, &request)).await;
    assert_eq!(site.statuses(&commit).await, before);
    admin.merge(&uri(NAMESPACE), &hang(json!("go-on"))).await;
    site.is_told(&commit, "shop", "success", "live").await;
    assert_eq!(serving.stop().await, 0);
}
