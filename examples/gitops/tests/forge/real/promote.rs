//! A promotion is a request of one commit, and the same one however often it is asked for.

use serde_json::{Value, json};
use testbed::{Admin, ApiServer, User};

use super::serving::Serving;
use super::{SITE, Site};

#[tokio::test]
async fn the_request_has_the_versions_and_is_there_once() {
    let site = Site::new().await;
    let values = |tag: &str| format!("image: {{ repository: acme/web, tag: {tag} }} # kept\n");
    // A login in an address is copied as it is, and shown to nobody.
    let module = |version: &str| {
        format!(
            "module \"m\" {{ source = \"git::https://me:planted-word@git.example/m.git?ref=v{version}\" }}\n"
        )
    };
    site.world.commit(
        "Both",
        &[
            ("staging/v.yaml", Some(&values("1.5.0"))),
            ("prod/v.yaml", Some(&values("1.4.0"))),
            ("staging/m.tf", Some(&module("2"))),
            ("prod/m.tf", Some(&module("1"))),
        ],
    );
    site.push("main");
    let url = format!("{}/platform/site.git", site.gitea.url());
    let of = |name: &str| {
        format!(
            "- {{ name: {name}, source: {{ git: {{ path: site/{name} }} }}, target: {{ directory: {{ root: ./live-{name} }} }} }}\n"
        )
    };
    site.world.configure(&format!(
        "source: {{ git: {{ url: \"{url}\", ref: {{ branch: main }} }} }}\n{}applications:\n{}{}",
        site.forge(),
        of("staging"),
        of("prod")
    ));
    site.may_push();
    let promote = || site.gitops(&["promote", "staging", "--to", "prod"]);
    promote()
        .await
        .expect(0)
        .says("request 1:")
        .says("site/prod/v.yaml:1  image, tag of acme/web: 1.4.0 -> 1.5.0");
    let again = promote().await.expect(0).says("request 1:");
    assert!(!again.stdout.contains("planted-word"), "{again:?}");
    let path = format!("{SITE}/pulls?state=all");
    let requests = site.gitea.done("bob", "GET", &path, Value::Null).await;
    assert_eq!(requests.as_array().unwrap().len(), 1);
    assert_eq!(requests[0]["title"], "Promote staging to prod");
    let text = requests[0]["body"].as_str().unwrap();
    assert!(text.contains("prod/m.tf") && !text.contains("planted-word"), "{text}");
    let commits = site.gitea.done("bob", "GET", &format!("{SITE}/pulls/1/commits"), Value::Null).await;
    let message = commits[0]["commit"]["message"].as_str().unwrap();
    assert!(message.contains("prod/m.tf") && !message.contains("planted-word"), "{message}");
    site.merge(1).await.unwrap();
    promote().await.expect(0).says("Nothing to promote");
    site.world.git(&["pull", "-q", &site.url(), "main"]);
    let text = std::fs::read_to_string(site.world.path("repository/site/prod/v.yaml")).unwrap();
    assert_eq!(text, values("1.5.0"));
    let text = std::fs::read_to_string(site.world.path("repository/site/prod/m.tf")).unwrap();
    assert_eq!(text, module("2"));
}

pub(super) fn values(tag: &str) -> String {
    format!("image: {{ repository: acme/web, tag: {tag} }}\n")
}

/// The branch of the rule's request.
const BRANCH: &str = "gitops/promote-staging-to-prod";

impl Site {
    /// Two applications in one repository, the second one promoted from the first by rule.
    pub(super) async fn promoted() -> Self {
        let site = Self::new().await;
        let (staging, prod) = (values("1.5.0"), values("1.4.0"));
        site.world.commit("Both", &[("staging/v.yaml", Some(&staging)), ("prod/v.yaml", Some(&prod))]);
        site.push("main");
        let of = |name: &str, more: &str| {
            format!(
                "- {{ name: {name}, source: {{ git: {{ path: site/{name} }} }}, target: {{ directory: {{ root: ./live-{name} }} }}{more} }}\n"
            )
        };
        site.world.configure(&format!(
            "source: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }} }} }}\nsync: {{ interval: 1s }}\n\
             serve: {{ poll: 1s }}\n{}applications:\n{}{}",
            site.gitea.url(),
            site.forge(),
            of("staging", ""),
            of("prod", ", promote: { from: staging, after: 1s }")
        ));
        site.may_push();
        site
    }

    /// A commit that gives staging another version.
    pub(super) fn stage(&self, tag: &str) {
        self.world.commit(tag, &[("staging/v.yaml", Some(&values(tag)))]);
        self.push("main");
    }

    /// What the branch of the promotion has for production.
    fn proposed_file(&self) -> String {
        self.world.git(&["fetch", "-q", &self.url(), BRANCH]);
        self.world.git(&["show", "FETCH_HEAD:site/prod/v.yaml"])
    }
}

pub(super) fn is_promotion(event: &Value, said: &str) -> bool {
    let description = event["description"].as_str().unwrap_or_default();
    event["type"] == "promotion" && event["application"] == "prod" && description.contains(said)
}

#[tokio::test]
async fn what_is_live_in_staging_is_proposed_for_prod_by_rule_in_one_request_that_is_kept_current() {
    let site = Site::promoted().await;
    // A login in an address is copied as it is, and shown to nobody.
    let module = |version: &str| {
        format!(
            "module \"m\" {{ source = \"git::https://me:planted-word@git.example/m.git?ref=v{version}\" }}\n"
        )
    };
    let (newer, older) = (module("2"), module("1"));
    site.world.commit("Modules", &[("staging/m.tf", Some(&newer)), ("prod/m.tf", Some(&older))]);
    site.push("main");
    let count = async || site.requests().await.len();
    let serving = Serving::start(&site).await;
    site.until("the request", async || count().await == 1).await;
    // In the middle of it, perhaps before it is remembered that the request is open.
    serving.kill();
    let request = site.requests().await.remove(0);
    assert_eq!(
        (&request["title"], &request["head"]["ref"]),
        (&json!("Promote staging to prod"), &json!(BRANCH))
    );
    assert_eq!(site.proposed_file(), values("1.5.0"));

    // The versions move: the same request, by the next server.
    site.stage("1.6.0");
    let mut serving = Serving::start(&site).await;
    site.until("the newer versions", async || site.proposed_file() == values("1.6.0")).await;
    serving.sooner_or_later("what it did", |event| is_promotion(event, "proposed")).await;
    site.until("what the request says", async || {
        let said = site.ours(1, "promotion").await;
        said.len() == 1 && said[0].contains("1.4.0 -> 1.6.0")
    })
    .await;
    let commits = site.gitea.done("bob", "GET", &format!("{SITE}/pulls/1/commits"), Value::Null).await;
    let messages: Vec<&Value> =
        commits.as_array().unwrap().iter().map(|commit| &commit["commit"]["message"]).collect();
    let shown = format!("{:?}{messages:?}{:?}{}", site.requests().await, serving.told, serving.said())
        + &site.ours(1, "promotion").await.concat();
    assert!(shown.contains("prod/m.tf") && !shown.contains("planted-word"), "{shown}");

    // The file moves on the target branch meanwhile: the request goes on from there, and brings the same versions.
    let moved = |tag: &str| format!("replicas: 3\n{}", values(tag));
    site.world.commit("More", &[("prod/v.yaml", Some(&moved("1.4.0")))]);
    site.push("main");
    site.until("the file", async || site.proposed_file() == moved("1.6.0")).await;
    assert_eq!(site.ours(1, "promotion").await.len(), 1);
    // By hand it is the same request.
    site.gitops(&["promote", "staging", "--to", "prod"]).await.expect(0).says("request 1:");
    assert_eq!(count().await, 1);
    serving.kill();

    // A person closes it: these versions are not proposed again, also by another server; others are.
    site.gitea.done("alice", "PATCH", &format!("{SITE}/issues/1"), json!({"state": "closed"})).await;
    for _ in 0..2 {
        let mut serving = Serving::start(&site).await;
        serving.until("that it is over", |event| is_promotion(event, "not proposed again")).await;
        serving.kill();
    }
    assert_eq!(count().await, 1);
    site.stage("1.7.0");
    let serving = Serving::start(&site).await;
    site.until("the second request", async || count().await == 2).await;
    site.merge(2).await.unwrap();
    site.until("what is live in prod", async || {
        std::fs::read_to_string(site.world.path("live-prod/v.yaml")).is_ok_and(|text| text == moved("1.7.0"))
    })
    .await;
    let merged = site.merge_commit(2).await;
    let is_live = async || site.status_of("prod").await["live"]["revision"]["id"] == merged.as_str();
    site.until("the merge commit", is_live).await;
    assert_eq!(serving.stop().await, 0);
    assert_eq!(count().await, 2);
    // What came by a promotion is told as such, by the verbs of another process.
    for verb in [&["history"][..], &["audit", "show", "v.yaml"]] {
        site.gitops(&[verb, &["-a", "prod"]].concat()).await.expect(0).says(&merged[..12]);
    }
    // The line was changed by the commit of the promotion, and not by that of the merge.
    site.gitops(&["why", "v.yaml", "-a", "prod"]).await.expect(0).says("Promote staging to prod");
    site.gitops(&["status", "-a", "prod"]).await.expect(0).says("Synced").says(&merged[..12]);
    site.gitops(&["plan", "-a", "prod", "--detailed-exitcode"]).await.expect(0);
}

#[tokio::test]
async fn a_branch_of_a_promotion_to_which_somebody_pushed_is_left_alone() {
    let site = Site::promoted().await;
    let mut serving = Serving::start(&site).await;
    serving.until("the request", |event| is_promotion(event, "proposed")).await;
    site.world.git(&["fetch", "-q", &site.url(), BRANCH]);
    site.world.git(&["checkout", "-q", "-B", BRANCH, "FETCH_HEAD"]);
    let theirs = site.world.commit("Promote staging to prod", &[("prod/more", Some("theirs\n"))]);
    site.push(BRANCH);
    site.world.git(&["checkout", "-q", "main"]);
    site.stage("1.6.0");
    let held = serving.until("what is in the way", |event| is_promotion(event, "somebody else pushed")).await;
    assert!(held["description"].as_str().unwrap().contains("delete the branch"), "{held}");
    let requests = site.requests().await;
    assert_eq!((requests.len(), &requests[0]["head"]["sha"]), (1, &json!(theirs.trim())));
    assert_eq!(serving.stop().await, 0);
}

#[tokio::test]
async fn the_request_is_closed_when_nothing_differs_and_may_come_back() {
    let site = Site::promoted().await;
    let mut serving = Serving::start(&site).await;
    serving.until("the request", |event| is_promotion(event, "proposed")).await;
    let state = async |number: u64| {
        let request = site.gitea.done("bob", "GET", &format!("{SITE}/pulls/{number}"), Value::Null).await;
        request["state"].clone()
    };
    site.stage("1.4.0");
    serving.until("the end of it", |event| is_promotion(event, "nothing differs any more")).await;
    assert_eq!(state(1).await, "closed");
    assert!(site.ours(1, "promotion").await[0].contains("there is nothing to promote"));
    // Nobody closed it but the server: the same versions may be proposed again.
    site.stage("1.5.0");
    site.until("the next request", async || site.requests().await.len() == 2).await;
    assert_eq!(state(2).await, "open");
    assert_eq!(serving.stop().await, 0);
}

/// A Deployment whose pods do that: they go on, or hang.
fn web(tag: &str, does: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: 1\n  progressDeadlineSeconds: 600\n  \
         selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }}, annotations: {{ testbed/does: {does} }} }}\n    \
         spec: {{ containers: [{{ name: web, image: \"acme/web:{tag}\" }}] }}\n"
    )
}

/// Has the pods of a namespace that hang go on.
async fn go_on(admin: &Admin, namespace: &str) {
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let found = admin.get(&pods).await.unwrap();
    let annotation = "/metadata/annotations/testbed~1does";
    for pod in found["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pod| pod.pointer(annotation) == Some(&json!("hang")))
    {
        let uri = format!("{pods}/{}", pod["metadata"]["name"].as_str().unwrap());
        admin.merge(&uri, &json!({"metadata": {"annotations": {"testbed/does": "go-on"}}})).await;
    }
}

#[tokio::test]
async fn what_does_not_work_in_staging_is_not_proposed_before_it_works() {
    let site = Site::new().await;
    let server = ApiServer::controlled();
    let admin = Admin::of(server).await;
    std::fs::write(site.world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
    let of = |name: &str, more: &str| {
        let kubernetes = format!(
            "kubernetes: {{ kubeconfig: ./kubeconfig, namespace: promote-{name}, namespaces: [promote-{name}] }}"
        );
        format!(
            "- {{ name: {name}, source: {{ git: {{ path: site/{name} }} }}, target: {{ {kubernetes} }}{more} }}\n"
        )
    };
    for name in ["promote-staging", "promote-prod"] {
        admin.post("/api/v1/namespaces", &json!({"metadata": {"name": name}})).await;
    }
    let begin = web("1", "go-on");
    site.world.commit("Both", &[("staging/web.yaml", Some(&begin)), ("prod/web.yaml", Some(&begin))]);
    site.push("main");
    site.world.configure(&format!(
        "source: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }} }} }}\nsync: {{ interval: 1s }}\n\
         serve: {{ poll: 1s }}\n{}applications:\n{}{}",
        site.gitea.url(),
        site.forge(),
        of("staging", ""),
        of("prod", ", promote: { from: staging, after: 1s }")
    ));
    site.may_push();
    let image = async |namespace: &str| {
        let uri = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
        let found = admin.get(&uri).await?;
        found["spec"]["template"]["spec"]["containers"][0]["image"].as_str().map(str::to_owned)
    };
    let mut serving = Serving::start(&site).await;
    for namespace in ["promote-staging", "promote-prod"] {
        site.until("the first one", async || image(namespace).await.is_some()).await;
    }
    site.world.commit("Two", &[("staging/web.yaml", Some(&web("2", "hang")))]);
    site.push("main");
    site.until("the second one", async || image("promote-staging").await.as_deref() == Some("acme/web:2"))
        .await;
    serving.until("what is in the way", |event| is_promotion(event, "`staging` is not healthy")).await;
    assert_eq!(site.requests().await, Vec::<Value>::new());
    // The next server does not take it for well either.
    serving.kill();
    let mut serving = Serving::start(&site).await;
    serving.until("what is in the way", |event| is_promotion(event, "`staging` is not healthy")).await;
    go_on(&admin, "promote-staging").await;
    serving.until("the request", |event| is_promotion(event, "proposed")).await;
    assert_eq!(site.requests().await.len(), 1);
    site.world.git(&["fetch", "-q", &site.url(), BRANCH]);
    assert_eq!(site.world.git(&["show", "FETCH_HEAD:site/prod/web.yaml"]), web("2", "go-on"));
    assert_eq!(serving.stop().await, 0);
}
