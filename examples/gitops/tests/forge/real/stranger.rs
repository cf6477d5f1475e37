//! A fork's request over a cluster and a root: what of it is planned and by whom, and that nothing of it runs.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use testbed::{Admin, ApiServer, User, collection_of};

use super::serving::{Serving, hook};
use super::{SITE, Site};
use crate::support::World;

/// Every request of the command, as the server recorded it.
const AGENT: &str = concat!("gitops/", env!("CARGO_PKG_VERSION"));

const NAMESPACE: &str = "strangers";

const APPLICATIONS: [&str; 5] = ["web", "bare", "kust", "chart", "net"];

/// What the target branch has.
const FILES: [(&str, &str); 8] = [
    ("web/web.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n"),
    ("web/third.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: third }\ndata: { x: \"1\" }\n"),
    ("bare/bare.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bare }\ndata: { x: \"1\" }\n"),
    ("kust/kustomization.yaml", "resources: [map.yaml]\n"),
    ("kust/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: kust }\ndata: { x: \"1\" }\n"),
    ("chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
    (
        "chart/templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: chart }\ndata: { x: \"1\" }\n",
    ),
    ("net/main.tf", "resource \"terraform_data\" \"net\" { input = \"1\" }\n"),
];

struct Strangers {
    site: Site,
    admin: Admin,
    user: String,
    /// Where whatever a kustomization loads would be asked for.
    remote: TcpListener,
}

impl Strangers {
    /// Five applications, applied, of which one has an identity for plans.
    async fn new() -> Self {
        let server = ApiServer::shared();
        let admin = Admin::of(server).await;
        admin.post("/api/v1/namespaces", &json!({"metadata": {"name": NAMESPACE}})).await;
        let site = Site::of(World::empty()).await;
        std::fs::write(site.world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
        let identity = site.world.json(&["planner-identity", "--namespace", NAMESPACE, "--in", NAMESPACE]);
        for object in identity["objects"].as_array().unwrap() {
            admin.post(&collection_of(object), object).await;
        }
        let user = identity["user"].as_str().unwrap().to_owned();
        let account = format!(
            "/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{}/token",
            user.rsplit(':').next().unwrap()
        );
        let token = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let token = admin.post(&account, &token).await["status"]["token"].as_str().unwrap().to_owned();
        let of_admin = server.kubeconfig(User::Admin);
        let line = of_admin.lines().find(|line| line.trim_start().starts_with("token:")).unwrap();
        let of_planner = of_admin.replace(line, &format!("    token: {token}"));
        std::fs::write(site.world.path("planner.kubeconfig"), of_planner).unwrap();
        site.world.commit("Begin", &FILES.map(|(path, text)| (path, Some(text))));
        site.push("main");
        let remote = TcpListener::bind("127.0.0.1:0").unwrap();
        remote.set_nonblocking(true).unwrap();
        let strangers = Self { site, admin, user, remote };
        strangers.configure();
        for name in APPLICATIONS {
            strangers.site.gitops(&["apply", "--yes", "-a", name]).await.expect(0);
        }
        assert!(strangers.ran().contains("tofu"), "a program that runs leaves a trace: {}", strangers.ran());
        std::fs::remove_file(strangers.site.world.path("ran")).unwrap();
        strangers
    }

    /// Each program leaves a trace when it runs.
    fn program(&self, variable: &str) -> String {
        let program = std::env::var(variable).expect("run `cargo xtask test`, which sets it");
        let path = self.site.world.path(variable);
        let ran = self.site.world.path("ran");
        let script = format!(
            "#!/bin/sh\necho {program} \"$@\" >> {} 2> /dev/null\nexec {program} \"$@\"\n",
            ran.display()
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    fn configure(&self) {
        let gate = "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n\
                    sync: { drift: report, interval: 1h }\n";
        let source = format!(
            "git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }} }}",
            self.site.gitea.url()
        );
        let mut text = format!("source: {{ {source} }}\n{}applications:\n", self.site.served("1h", gate));
        let cluster =
            |more: &str| format!("kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {NAMESPACE}{more} }}");
        let kustomize =
            format!(", render: [{{ kustomize: {{ program: {} }} }}]", self.program("GITOPS_KUSTOMIZE"));
        let helm =
            format!(", render: [{{ helm: {{ release: c, program: {} }} }}]", self.program("GITOPS_HELM"));
        let targets = [
            ("web", cluster(", planner: { kubeconfig: ./planner.kubeconfig }")),
            ("bare", cluster("")),
            ("kust", cluster(&kustomize)),
            ("chart", cluster(&helm)),
            ("net", format!("terraform: {{ binary: {} }}", self.program("GITOPS_TOFU"))),
        ];
        for (name, target) in targets {
            let source = format!("{{ git: {{ path: site/{name} }} }}");
            let _ = writeln!(text, "- {{ name: {name}, source: {source}, target: {{ {target} }} }}");
        }
        self.site.world.configure(&text);
    }

    /// The programs that ran.
    fn ran(&self) -> String {
        std::fs::read_to_string(self.site.world.path("ran")).unwrap_or_default()
    }

    /// Has Dave open a request of a branch of his fork.
    async fn request(&self, branch: &str, files: &[(&str, &str)]) -> u64 {
        let site = &self.site;
        let fork = site.url().replace("/platform/site.git", "/dave/site.git");
        site.world.git(&["checkout", "-q", "-B", branch, "main"]);
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, Some(*text))).collect();
        site.world.commit("Theirs", &files);
        site.world.git(&["push", "-q", "--force", &fork, branch]);
        site.world.git(&["checkout", "-q", "main"]);
        site.open("dave", &format!("dave:{branch}")).await
    }

    /// Waits until each engine said what is live: by then it has opened its targets, which asks programs for their versions.
    async fn rests(&self, serving: &mut Serving) {
        let first = self.site.world.git(&["rev-parse", "main"]).trim().to_owned();
        for name in APPLICATIONS {
            let says = |event: &Value| {
                event["type"] == "told" && event["commit"] == first && event["application"] == name
            };
            serving.sooner_or_later("what is live", says).await;
        }
    }

    async fn reviewed(&self, serving: &mut Serving, number: u64) -> (Value, String) {
        let is_it = |event: &Value| event["type"] == "reviewed" && event["request"] == number;
        let reviewed = serving.sooner_or_later("the review", is_it).await;
        (reviewed, self.site.ours(number, "review").await.concat())
    }

    async fn approves(&self, serving: &mut Serving, number: u64) -> Value {
        let effect = self.site.effect(number).await;
        let said = self.site.comment("bob", number, &format!("/approve {effect}")).await;
        let id = said["id"].to_string();
        serving.until("the answer", |event| event["type"] == "commanded" && event["comment"] == id).await
    }

    /// What was asked with the identity, and whether all of it was a look or a dry run.
    fn asked(&self) -> (usize, bool) {
        let requests = ApiServer::shared().requests(AGENT).into_iter();
        let of_identity: Vec<_> = requests.filter(|request| request.user == self.user).collect();
        (of_identity.len(), of_identity.iter().all(|request| !request.writes()))
    }

    async fn value(&self, name: &str) -> Value {
        let uri = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{name}");
        self.admin.get(&uri).await.unwrap()["data"]["x"].clone()
    }

    /// Whether nobody asked for what is elsewhere.
    fn is_unasked(&self) -> bool {
        self.remote.accept().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_request_is_planned_by_who_may_not_write_and_nothing_of_it_runs() {
    let strangers = Strangers::new().await;
    let site = &strangers.site;
    site.gitea.done("dave", "POST", &format!("{SITE}/forks"), json!({})).await;
    // Somebody edits an object by hand: only who asks the cluster sees it.
    let third = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/third");
    strangers.admin.merge(&third, &json!({"data": {"x": "by hand"}})).await;
    let mut serving = Serving::start(site).await;
    hook(site, &serving).await;
    let trace = site.world.path("trace").display().to_string();
    let address = strangers.remote.local_addr().unwrap();
    let changed = |text: &str| text.replace("\"1\"", "\"2\"");
    let remote = format!("resources: [map.yaml, \"http://{address}/base.yaml\"]\n");
    let root = format!(
        "resource \"terraform_data\" \"x\" {{\n  provisioner \"local-exec\" {{ command = \"touch {trace}\" }}\n}}\n"
    );
    let files = [
        ("web/web.yaml", changed(FILES[0].1)),
        ("bare/bare.yaml", changed(FILES[2].1)),
        ("kust/kustomization.yaml", remote),
        ("chart/templates/map.yaml", changed(FILES[6].1)),
        ("net/more.tf", root),
    ];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    strangers.rests(&mut serving).await;
    let before = strangers.ran();
    let number = strangers.request("theirs", &files).await;
    let (reviewed, comment) = strangers.reviewed(&mut serving, number).await;
    assert_eq!(reviewed["outcome"], "failed", "{comment}");
    for program in ["kustomize", "helm", "GITOPS_TOFU"] {
        let said = comment
            .lines()
            .any(|line| line.contains("the request is untrusted, and a plan runs") && line.contains(program));
        assert!(said, "{program} is not named in {comment}");
    }
    assert!(
        comment.contains("drift only reported 1") && comment.contains("Git is compared with Git"),
        "{comment}"
    );
    assert_eq!(strangers.ran(), before, "a program ran");
    assert!(strangers.is_unasked() && !site.world.path("trace").exists(), "something of it ran");

    // A maintainer vouches for it: it is planned, and what it declares is not done. Nothing is fetched.
    let ran = site.gitops(&["review", "--request", &number.to_string(), "--trusted"]).await.expect(3);
    ran.says("is no file or folder of the repository").says("Root/.").says("ConfigMap/strangers/chart");
    assert!(strangers.ran().len() > before.len(), "the programs ran this time");
    assert!(strangers.is_unasked() && !site.world.path("trace").exists(), "something of it ran");
    for name in ["web", "bare", "kust", "chart"] {
        assert_eq!(strangers.value(name).await, "1", "{name}");
    }

    // Without an identity nothing can be approved, and it is said.
    let number = strangers.request("bare", &[("bare/bare.yaml", &changed(FILES[2].1))]).await;
    let (_, comment) = strangers.reviewed(&mut serving, number).await;
    assert!(
        comment.contains("no cluster is asked about it") && comment.contains("nothing of it can be approved"),
        "{comment}"
    );
    let answer = strangers.approves(&mut serving, number).await;
    assert_eq!(answer["done"], false, "{answer}");

    // With one it is planned as any other request, can be approved, and is applied by the engine's own identity once it is merged.
    let number = strangers.request("web", &[("web/web.yaml", &changed(FILES[0].1))]).await;
    let (_, comment) = strangers.reviewed(&mut serving, number).await;
    assert!(comment.contains("drift only reported 1"), "{comment}");
    assert!(comment.contains("this change 1"), "{comment}");
    let (asked, only_looks) = strangers.asked();
    assert!(asked > 2 && only_looks, "{asked} requests of the identity");
    assert_eq!(strangers.value("web").await, "1");
    let answer = strangers.approves(&mut serving, number).await;
    assert_eq!(answer["done"], true, "{answer}");
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    let is_live = |event: &Value| {
        event["type"] == "told"
            && event["commit"] == merged
            && event["application"] == "web"
            && event["state"] == "success"
    };
    serving.sooner_or_later("what is live", is_live).await;
    assert_eq!(strangers.value("web").await, "2");
    let (_, only_looks) = strangers.asked();
    assert!(only_looks, "the identity writes nothing");
    assert_eq!(serving.stop().await, 0);
}
