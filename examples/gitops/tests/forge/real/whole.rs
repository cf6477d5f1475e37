//! The whole way in one run of the server: a real forge, a real API server with its controllers, and the real tool.
// Long because one run of all servers is told in the order in which it happens.

use serde_json::{Value, json};
use testbed::{Admin, Answer, ApiServer, User, Webhook};

use super::serve::is_review;
use super::serving::{SECRET, Serving, hook};
use super::{SITE, Site};
use crate::support::World;

const ROOT: &str = "variable \"size\" { type = number }\n\
                    resource \"terraform_data\" \"net\" { input = \"10.0.0.${var.size}\" }\n";

pub(super) const GATE: &str = "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n\
                    sync: { interval: 1h }\n";

fn deployment(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: 1\n  \
         selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }} }}\n    \
         spec: {{ containers: [{{ name: web, image: \"{image}\" }}] }}\n"
    )
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ x: \"{value}\" }}\n")
}

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const TEAM: &str = "/metadata/labels/team";

/// How the targets are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    OneApplication,
    TwoApplications,
}

/// A cluster, a root and, in one application, a folder that a repository on a forge declares, applied.
pub(super) struct Whole {
    pub site: Site,
    admin: Admin,
    pub namespace: &'static str,
    shape: Shape,
}

impl Whole {
    pub(super) async fn new(shape: Shape, namespace: &'static str) -> Self {
        let server = ApiServer::controlled();
        let admin = Admin::of(server).await;
        admin.post("/api/v1/namespaces", &json!({ "metadata": { "name": namespace } })).await;
        let site = Site::of(World::empty()).await;
        std::fs::write(site.world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
        std::fs::write(site.world.path("token"), site.gitea.token()).unwrap();
        let [third, fourth] = ["third", "fourth"].map(|name| config_map(name, "1"));
        let files = [
            ("k8s/web.yaml", Some(&*deployment("web:1"))),
            ("k8s/third.yaml", Some(&*third)),
            ("k8s/fourth.yaml", Some(&*fourth)),
            ("net/main.tf", Some(ROOT)),
            ("net/terraform.tfvars", Some("size = 7\n")),
            ("files/page", Some("one\n")),
        ];
        site.world.commit("Begin", &files);
        site.push("main");
        let whole = Self { site, admin, namespace, shape };
        whole.configure("1h", GATE);
        for name in whole.applications() {
            whole.site.gitops(&["apply", "--yes", "-a", name]).await.expect(0);
        }
        whole
    }

    pub(super) fn configure(&self, poll: &str, gate: &str) {
        let tofu = std::env::var("GITOPS_TOFU").expect("run `cargo xtask test`, which sets GITOPS_TOFU");
        let source = format!(
            "git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, auth: {{ token: {{ file: ./token }} }}",
            self.site.gitea.url()
        );
        let cluster = format!("kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {} }}", self.namespace);
        let backend = "backend: { local: { path: \"./states/{root}.tfstate\" } }";
        let root = format!("terraform: {{ binary: {tofu}, {backend} }}");
        let served = self.site.served(poll, gate);
        self.site.world.configure(&match self.shape {
            Shape::OneApplication => format!(
                "name: shop\nsource: {{ {source}, path: site }} }}\n{served}targets:\n  \
                 k8s: {{ path: k8s, {cluster} }}\n  tf: {{ path: net, {root} }}\n  \
                 files: {{ path: files, directory: {{ root: ./live }} }}\n"
            ),
            Shape::TwoApplications => format!(
                "source: {{ {source} }} }}\n{served}applications:\n\
                 - {{ name: web, source: {{ git: {{ path: site/k8s }} }}, target: {{ {cluster} }} }}\n\
                 - {{ name: net, source: {{ git: {{ path: site/net }} }}, target: {{ {root} }} }}\n"
            ),
        });
    }

    fn applications(&self) -> &'static [&'static str] {
        match self.shape {
            Shape::OneApplication => &["shop"],
            Shape::TwoApplications => &["web", "net"],
        }
    }

    fn uri(&self, path: &str) -> String {
        format!("/{path}", path = path.replace("NS", self.namespace))
    }

    async fn deployment(&self) -> Value {
        self.admin.get(&self.uri("apis/apps/v1/namespaces/NS/deployments/web")).await.unwrap()
    }

    /// The image of the Deployment, and what the state of the root holds.
    pub(super) async fn image_and_size(&self) -> (Value, Value) {
        let state = std::fs::read_to_string(self.site.world.path("states/net.tfstate")).unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        let size = state["resources"][0]["instances"][0]["attributes"]["input"]["value"].clone();
        (self.deployment().await["spec"]["template"]["spec"]["containers"][0]["image"].clone(), size)
    }

    /// A change of each target, on a branch of its own.
    pub(super) fn change_all(&self, branch: &str, number: usize) -> String {
        let (size, page) = (format!("size = {number}\n"), format!("page {number}\n"));
        let files = [
            ("k8s/web.yaml", Some(&*deployment(&format!("web:{number}")))),
            ("net/terraform.tfvars", Some(&*size)),
            ("files/page", Some(&*page)),
        ];
        self.site.commit_on(branch, &files)
    }

    async fn edit_third(&self, text: &str) {
        self.admin
            .merge(&self.uri("api/v1/namespaces/NS/configmaps/third"), &json!({"data": {"x": text}}))
            .await;
    }

    async fn edit_fourth(&self, text: &str) {
        self.admin
            .merge(&self.uri("api/v1/namespaces/NS/configmaps/fourth"), &json!({"data": {"x": text}}))
            .await;
    }

    async fn edit_image(&self, image: &str) {
        let containers = json!([{"name": "web", "image": image}]);
        let body = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        self.admin.merge(&self.uri("apis/apps/v1/namespaces/NS/deployments/web"), &body).await;
    }

    /// Waits until the engine repaired what was edited by hand.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn repaired(&self) {
        for _ in 0..600 {
            if self.third().await == "1" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("it is not repaired within a minute");
    }

    /// Has a webhook give every `ConfigMap` that is written a team, and waits until it does.
    async fn hooked(&self, team: &'static str) -> Webhook {
        let webhook = Webhook::start(Answer::Set(TEAM, team)).await;
        self.admin.post(WEBHOOKS, &webhook.mutating(self.namespace, self.namespace)).await;
        while self.team().await != team {}
        webhook
    }

    /// The webhook goes.
    async fn unhooked(&self, webhook: Webhook) {
        self.admin.delete(&format!("{WEBHOOKS}/{}", self.namespace)).await;
        while self.team().await != Value::Null {}
        drop(webhook);
    }

    /// The team that a new `ConfigMap` would get.
    async fn team(&self) -> Value {
        let uri = self.uri("api/v1/namespaces/NS/configmaps?dryRun=All");
        let probe = json!({"metadata": {"name": "probe", "labels": {"a": "1"}}});
        let (_, answer) = self.admin.send("POST", &uri, "application/json", &probe).await;
        answer["metadata"]["labels"]["team"].clone()
    }

    /// Writes the state of the root anew, as somebody does who applies it by hand.
    fn edit_state(&self, edit: impl FnOnce(&mut Value)) {
        let path = self.site.world.path("states/net.tfstate");
        let mut state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        state["serial"] = json!(state["serial"].as_u64().unwrap() + 1);
        edit(&mut state["resources"][0]["instances"][0]);
        std::fs::write(path, state.to_string()).unwrap();
    }

    async fn third(&self) -> Value {
        self.admin.get(&self.uri("api/v1/namespaces/NS/configmaps/third")).await.unwrap()["data"]["x"].clone()
    }

    async fn comment(&self, number: u64) -> String {
        let found = self.site.ours(number, "review").await;
        assert_eq!(found.len(), 1, "one comment, whatever happens: {found:#?}");
        found.into_iter().next().unwrap()
    }

    /// Has Bob approve what the comment shows; gives the comment in which he did.
    async fn approved(&self, serving: &mut Serving, number: u64) -> Value {
        let (shown, effect) = (self.comment(number).await, self.site.effect(number).await);
        let said = self.site.comment("bob", number, &format!("/approve {effect}")).await;
        let id = said["id"].to_string();
        let answer = serving.until("the approval", |event| is_answer(event, &id)).await;
        let now = self.comment(number).await;
        assert_eq!(answer["done"], true, "{answer}\n\nbefore:\n{shown}\n\nnow:\n{now}");
        said
    }

    /// Waits until the forge gives what is written another time: of one second, it does not tell what was said last.
    async fn later_than(&self, number: u64, time: &Value) {
        while self.site.comment("alice", number, "Hm.").await["created_at"] == *time {
            self.site.gitea.next_second().await;
        }
    }

    /// What a review says that Bob asks for.
    async fn planned(&self, serving: &mut Serving, number: u64) -> String {
        let said = self.site.comment("bob", number, "/plan").await;
        let id = said["id"].to_string();
        let answer = serving.until("the plan", |event| is_answer(event, &id)).await;
        answer["answer"].as_str().unwrap().to_owned()
    }

    /// Waits until every application says on a commit that it is live.
    async fn live(&self, serving: &mut Serving, commit: &str) {
        let is_live = |event: &Value, name: &str| {
            event["type"] == "told"
                && event["commit"] == commit
                && event["application"] == name
                && event["state"] == "success"
        };
        for name in self.applications() {
            serving.sooner_or_later("what is live", |event| is_live(event, name)).await;
        }
    }

    /// The last change of an object, as the audit log tells it.
    async fn last_change(&self, application: &str, object: &str) -> Value {
        let arguments = ["audit", "show", object, "-a", application, "--output", "json"];
        let ran = self.site.gitops(&arguments).await.expect(0);
        let trail: Value = serde_json::from_str(&ran.stdout).unwrap();
        trail["entries"].as_array().unwrap().last().unwrap().clone()
    }
}

fn is_answer(event: &Value, comment: &str) -> bool {
    event["type"] == "commanded" && event["comment"] == comment
}

/// Alice's change: another image, another value of a `ConfigMap`, another size of the root, and another page.
fn change(whole: &Whole, image: &str) -> String {
    let files = [
        ("k8s/web.yaml", Some(&*deployment(image))),
        ("k8s/fourth.yaml", Some(&*config_map("fourth", "2"))),
        ("net/terraform.tfvars", Some("size = 8\n")),
        // Where two applications share the repository, none has the folder.
        ("files/page", Some("two\n")),
    ];
    whole.site.commit_on("feature", &files)
}

/// Alice's request of one branch.
async fn request(whole: &Whole, serving: &mut Serving) -> (u64, String) {
    let head = change(whole, "web:2");
    let number = whole.site.open("alice", "feature").await;
    let reviewed = serving.until("the review", |event| is_review(event, number, &head)).await;
    assert_eq!((&reviewed["comment"], &reviewed["statuses"]), (&json!(true), &json!(2)), "{reviewed}");
    (number, head)
}

async fn from_request_to_live(shape: Shape) {
    let namespace = match shape {
        Shape::OneApplication => "whole-one",
        Shape::TwoApplications => "whole-two",
    };
    let whole = Whole::new(shape, namespace).await;
    let site = &whole.site;
    let mut serving = Serving::start(site).await;
    hook(site, &serving).await;
    let first = site.world.git(&["rev-parse", "main"]).trim().to_owned();
    whole.live(&mut serving, &first).await;
    // Somebody edits a third object by hand. Its repair is an update, which the gate wants approved as well.
    whole.edit_third("by hand").await;
    let (number, head) = request(&whole, &mut serving).await;
    let comment = whole.comment(number).await;
    let counts = match shape {
        Shape::OneApplication => {
            ["5 to update, 0 to replace, 0 to delete", "this change 4, existing drift 1, base moved 0"]
        }
        Shape::TwoApplications => {
            ["4 to update, 0 to replace, 0 to delete", "this change 3, existing drift 1, base moved 0"]
        }
    };
    for expected in counts {
        assert!(comment.contains(expected), "{expected} is not in {comment}");
    }
    for object in ["ConfigMap/", "Deployment.apps/", "terraform_data.net"] {
        assert!(comment.contains(object), "{object} is not in {comment}");
    }
    assert_eq!(site.statuses(&head).await, ["gitops/plan success", "gitops/policy pending"]);
    if shape == Shape::OneApplication {
        webhooks_change_nothing(&whole, &mut serving, number, &head).await;
    }
    let first = whole.approved(&mut serving, number).await;
    assert_eq!(site.statuses(&head).await.last().unwrap(), "gitops/policy success");
    if shape == Shape::OneApplication {
        stands_or_is_void(&whole, &mut serving, number).await;
        serving = another_rule(&whole, serving, number).await;
    }

    // Alice pushes: the approval is void, and says why. Bob approves again.
    let head = change(&whole, "web:3");
    serving.until("the next review", |event| is_review(event, number, &head)).await;
    let comment = whole.comment(number).await;
    assert!(comment.contains("an earlier approval does not cover it"), "{comment}");
    assert_eq!(site.statuses(&head).await, ["gitops/plan success", "gitops/policy pending"]);
    let said = whole.approved(&mut serving, number).await;

    let last_head = head;

    // Merged: applied with nobody asked, and the commit says so.
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    whole.live(&mut serving, &merged).await;
    assert_eq!(
        whole.deployment().await["spec"]["template"]["spec"]["containers"][0]["image"],
        "web:3",
        "what was approved is applied"
    );
    assert_eq!(whole.third().await, "1", "the repair was a part of it");
    let statuses = site.statuses(&merged).await;
    for name in whole.applications() {
        assert!(statuses.contains(&format!("gitops/live/{name} success")), "{statuses:?}");
    }
    whole.comment(number).await;
    assert_eq!(serving.stop().await, 0);

    // One object: commit, author, who opened the request, reviewers, review, who merged it, plan, outcome.
    let deployment = format!("Deployment.apps/{}/web", whole.namespace);
    let objects = match shape {
        Shape::OneApplication => [("shop", deployment.as_str(), &said), ("shop", "Root/net", &said)],
        // What Alice pushed changes nothing of this application, so its part was not asked for again.
        Shape::TwoApplications => [("web", deployment.as_str(), &said), ("net", "Root/.", &first)],
    };
    for (application, object, said) in objects {
        let change = whole.last_change(application, object).await;
        let by = format!("bob (gitea platform/site#{number}: comment {})", said["id"]);
        assert_eq!(change["approved_by"], by, "{change}");
        assert_eq!(
            (&change["revision"]["id"], &change["result"]),
            (&json!(merged), &json!("done")),
            "{change}"
        );
        assert!(change["plan_id"].is_string(), "{change}");
        assert!(change["commit"]["author"].as_str().unwrap().contains("alice"), "{change}");
        was_brought_by_the_request(&whole, &change, number, (&last_head, &merged), &said["id"]);
        site.gitops(&["audit", "verify", "-a", application]).await.expect(0);
    }
    if shape == Shape::OneApplication {
        is_taken_back(&whole, number, &merged).await;
    }
}

/// Who opened, reviewed and merged the request that brought a change, as the audit log tells it.
fn was_brought_by_the_request(
    whole: &Whole,
    change: &Value,
    number: u64,
    (head, merged): (&str, &str),
    said: &Value,
) {
    let [request] = change["requests"].as_array().unwrap().as_slice() else { panic!("{change}") };
    assert_eq!(request["request"], format!("gitea platform/site#{number}"), "{change}");
    assert_eq!(
        (&request["opened_by"], &request["merged_by"]),
        (&json!("alice"), &json!("alice")),
        "{change}"
    );
    assert_eq!((&request["head"], &request["commit"]), (&json!(head), &json!(merged)), "{change}");
    let reviews = request["reviews"].as_array().unwrap();
    let has = |place: &str, said: &str| {
        reviews.iter().find(|review| {
            review["by"] == "bob"
                && review["said"] == said
                && review["place"].as_str().unwrap().starts_with(place)
        })
    };
    assert!(has(&format!("comment {said}"), "approved").is_some(), "{change}");
    if whole.shape == Shape::OneApplication {
        let no = has("review ", "changes requested").unwrap();
        assert_eq!(no["commit"].as_str().map(str::len), Some(40), "{change}");
    }
}

/// The approval does not hold any more, and the comment says why.
async fn is_void(whole: &Whole, serving: &mut Serving, number: u64) {
    assert_eq!(whole.planned(serving, number).await, "planned: needs approval");
    let comment = whole.comment(number).await;
    let reason = "it would now have another effect";
    assert!(
        comment.contains("an earlier approval does not cover it") && comment.contains(reason),
        "{comment}"
    );
}

/// A gate of another rule asks again, and says that it is another one.
async fn another_rule(whole: &Whole, serving: Serving, number: u64) -> Serving {
    assert_eq!(serving.stop().await, 0);
    whole.configure("1h", &GATE.replace("plan.update == 0", "plan.update < 1"));
    let mut serving = Serving::start(&whole.site).await;
    hook(&whole.site, &serving).await;
    assert_eq!(whole.planned(&mut serving, number).await, "planned: needs approval");
    let comment = whole.comment(number).await;
    assert!(comment.contains("the gate has another rule now"), "{comment}");
    whole.approved(&mut serving, number).await;
    serving
}

/// What moves beside a request voids its approval only where the effect moves with it.
async fn stands_or_is_void(whole: &Whole, serving: &mut Serving, number: u64) {
    let site = &whole.site;
    // What was approved of the repair is done by the engine at once, and is missed by nobody.
    whole.repaired().await;
    assert_eq!(whole.planned(serving, number).await, "planned: approved");
    // The target branch moves elsewhere.
    std::fs::write(site.world.path("repository/README"), "elsewhere\n").unwrap();
    site.world.commit("Elsewhere", &[]);
    site.push("main");
    assert_eq!(whole.planned(serving, number).await, "planned: approved");
    // A status, and with it the version of an object that the plan changes. It is written here: of what is at rest no
    // controller has anything to say.
    let seen = json!({"status": {"conditions": [{"type": "Noted", "status": "True"}]}});
    whole.admin.merge(&whole.uri("apis/apps/v1/namespaces/NS/deployments/web/status"), &seen).await;
    assert_eq!(whole.planned(serving, number).await, "planned: approved");
    // A live field that the plan touches.
    whole.edit_image("web:9").await;
    is_void(whole, serving, number).await;
    whole.approved(serving, number).await;
    // What a webhook would set of an object that the plan changes, although nobody declares it.
    let webhook = whole.hooked("red").await;
    is_void(whole, serving, number).await;
    let comment = whole.comment(number).await;
    assert!(comment.contains("metadata/labels/team"), "what it sets is shown: {comment}");
    whole.approved(serving, number).await;
    assert_eq!(whole.planned(serving, number).await, "planned: approved");
    webhook.answer(Answer::Set(TEAM, "blue"));
    is_void(whole, serving, number).await;
    whole.unhooked(webhook).await;
    assert_eq!(whole.planned(serving, number).await, "planned: approved", "this was approved before");
    // A state of the root that is written again as it was, and one in which the resource is another.
    whole.edit_state(|_| ());
    assert_eq!(whole.planned(serving, number).await, "planned: approved");
    whole.edit_state(|resource| resource["attributes"]["input"]["value"] = json!("10.0.0.9"));
    is_void(whole, serving, number).await;
    whole.approved(serving, number).await;
    // The same where another client has set a field that is declared: it is taken back, and what the webhook sets beside it counts.
    let webhook = whole.hooked("red").await;
    whole.edit_fourth("by hand").await;
    is_void(whole, serving, number).await;
    whole.approved(serving, number).await;
    assert_eq!(whole.planned(serving, number).await, "planned: approved");
    webhook.answer(Answer::Set(TEAM, "green"));
    is_void(whole, serving, number).await;
    let comment = whole.comment(number).await;
    assert!(comment.contains("metadata/labels/team"), "what it sets is shown: {comment}");
    whole.unhooked(webhook).await;
    assert_eq!(whole.planned(serving, number).await, "planned: approved", "this was approved before");
    // Bob takes it back by asking for changes: the latest word counts.
    let no = json!({"event": "REQUEST_CHANGES", "body": "Wait."});
    let no = site.gitea.done("bob", "POST", &format!("{SITE}/pulls/{number}/reviews"), no).await;
    assert_eq!(whole.planned(serving, number).await, "planned: needs approval");
    // Her own approval is none.
    let effect = site.effect(number).await;
    let own = site.comment("alice", number, &format!("/approve {effect}")).await["id"].to_string();
    let answer = serving.until("the answer", |event| is_answer(event, &own)).await;
    assert_eq!(answer["done"], false, "{answer}");
    whole.later_than(number, &no["submitted_at"]).await;
    whole.approved(serving, number).await;
    // The target branch changes an object of the request too.
    let noted = deployment("web:1")
        .replace("{ name: web }\nspec", "{ name: web, annotations: { note: \"1\" } }\nspec");
    site.world.commit("Note", &[("k8s/web.yaml", Some(&noted))]);
    site.push("main");
    is_void(whole, serving, number).await;
    let comment = whole.comment(number).await;
    assert!(comment.contains("**base moved**: the target branch changed it too"), "{comment}");
    whole.approved(serving, number).await;
}

/// What is forged, repeated, doubled, late or of another repository has nothing written.
async fn webhooks_change_nothing(whole: &Whole, serving: &mut Serving, number: u64, head: &str) {
    let site = &whole.site;
    let before = (whole.comment(number).await, site.statuses(head).await);
    let of = |head: &str, repository: &str| {
        json!({
            "action": "synchronized", "pull_request": {"number": number, "head": {"sha": head}},
            "repository": {"full_name": repository},
        })
    };
    let now = of(head, "platform/site");
    let late = of(site.world.git(&["rev-parse", "main"]).trim(), "platform/site");
    for (id, secret, body, answer) in [
        ("w1", "another secret", &now, 401),
        ("w2", SECRET, &now, 202),
        ("w2", SECRET, &now, 202),
        ("w3", SECRET, &now, 202),
        ("w4", SECRET, &late, 202),
        ("w5", SECRET, &of(head, "platform/other"), 202),
    ] {
        assert_eq!(serving.send("pull_request", id, secret, body).await, answer, "{id}");
    }
    let again = |event: &Value| is_review(event, number, head);
    let again = serving.until("the review again", again).await;
    assert_eq!((&again["comment"], &again["statuses"]), (&json!(false), &json!(0)), "{again}");
    assert_eq!((whole.comment(number).await, site.statuses(head).await), before);
}

/// The commit turns out to be a bad one: a comment takes all targets back, and the branch is followed again once the request landed.
async fn is_taken_back(whole: &Whole, number: u64, bad: &str) {
    let site = &whole.site;
    let page = || site.world.live("page").unwrap();
    assert_eq!(page(), "two\n");
    whole.configure("1h", "sync: { interval: 1s }\n");
    let mut serving = Serving::start(site).await;
    hook(site, &serving).await;
    let said = site.comment("bob", number, "/rollback shop").await;
    let id = said["id"].to_string();
    let answer = serving.until("the rollback", |event| is_answer(event, &id)).await;
    let text = answer["answer"].as_str().unwrap();
    assert!(answer["done"] == true && text.contains("is pinned to") && text.contains("Request "), "{text}");
    let revert: u64 = text
        .split("Request ")
        .nth(1)
        .unwrap()
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let before = (json!("web:1"), json!("10.0.0.7"));
    site.until("all targets are as before", async || {
        whole.image_and_size().await == before && page() == "one\n"
    })
    .await;
    assert!(site.statuses(bad).await.contains(&"gitops/rollback/shop failure".to_owned()));
    // It is the doing of who went back, and of no request that once brought that commit.
    let deployment = format!("Deployment.apps/{}/web", whole.namespace);
    let change = whole.last_change("shop", &deployment).await;
    assert!(change["requests"].as_array().is_none_or(Vec::is_empty), "{change}");
    assert_eq!(serving.stop().await, 0);
    stays_back(whole, &said["id"], (bad, revert)).await;
    assert_eq!((whole.image_and_size().await, page()), (before.clone(), "one\n".to_owned()));
    let mut serving = Serving::start(site).await;
    hook(site, &serving).await;
    site.merge(revert).await.unwrap();
    let landed = site.merge_commit(revert).await;
    whole.live(&mut serving, &landed).await;
    assert_eq!(site.told_status().await["pinned"], Value::Null);
    assert_eq!((whole.image_and_size().await, page()), (before, "one\n".to_owned()));
    assert_eq!(serving.stop().await, 0);
    let trail = site.gitops(&["audit", "show", "--limit", "50"]).await.expect(0);
    trail.says(&format!("comment {}", said["id"])).says("pinned to").says("unpinned");
    site.gitops(&["audit", "verify"]).await.expect(0);
}

/// Other processes leave all targets where they were taken back to, and each says by whom, and from what.
async fn stays_back(whole: &Whole, said: &Value, (bad, revert): (&str, u64)) {
    let site = &whole.site;
    let by = format!("comment {said}");
    let answer = async |arguments: &[&str]| -> Value {
        let ran = site.gitops(arguments).await.expect(0);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    site.gitops(&["apply", "--yes"]).await.expect(0).warns("Pinned");
    let again = site.gitops(&["rollback", "--revert", "--yes"]).await.expect(0);
    again.warns(&format!("Request {revert} takes"));
    site.gitops(&["plan"]).await.expect(0).warns("Pinned");
    site.gitops(&["drift"]).await.expect(0);
    let status = site.told_status().await;
    let pinned = &status["pinned"];
    assert!(
        pinned["by"].as_str().is_some_and(|who| who.starts_with("bob (") && who.contains(&by)),
        "{status:#}"
    );
    assert_ne!(pinned["revision"]["id"], *bad, "{status:#}");
    assert_eq!(status["live"]["revision"]["id"], pinned["revision"]["id"], "{status:#}");
    let history = answer(&["history", "--output", "json"]).await;
    assert_eq!(history["pinned"]["revision"], pinned["revision"], "{history:#}");
    // What is left of the way back is tried again, and counts as such.
    let all = history["deployments"].as_array().unwrap();
    let is_of_it = |deployment: &&Value| deployment["revision"]["id"] == pinned["revision"]["id"];
    let newest: Vec<&Value> = all.iter().take_while(is_of_it).collect();
    assert!(newest.iter().any(|deployment| deployment["purpose"] == "rollback"), "{history:#}");
    assert_eq!(newest[0]["result"], "succeeded", "{history:#}");
    let trail = site.gitops(&["audit", "show", "--limit", "50"]).await.expect(0);
    trail.says(&by).says("pinned to");
    site.gitops(&["audit", "verify"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_targets_of_one_application_from_a_request_to_what_is_live() {
    from_request_to_live(Shape::OneApplication).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_applications_from_one_request_to_what_is_live() {
    from_request_to_live(Shape::TwoApplications).await;
}
