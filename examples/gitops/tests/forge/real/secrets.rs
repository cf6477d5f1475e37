//! Secrets are planted wherever one could be, and no output has one.

mod refused;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use testbed::{Admin, ApiServer, User};

use super::serve::is_review;
use super::serving::{Serving, hook};
use super::{SITE, Site, body};
use crate::support::World;

/// What is planted in one round.
struct Planted {
    /// In places that are marked as secret, and beside names that say so.
    word: String,
    /// Where nothing says it: it looks like a token.
    token: String,
}

impl Planted {
    fn new(round: &str) -> Self {
        let word = format!("planted-{round}-word");
        Self { word, token: format!("{}{}{round}", concat!("gh", "p_"), "a1B2c3".repeat(6)) }
    }

    /// The forms in which it must not be seen.
    fn forms(&self) -> Vec<String> {
        let both = [&self.word, &self.token];
        let plain = both.iter().map(|text| (*text).clone());
        let encoded = both.iter().map(|text| STANDARD_NO_PAD.encode(text)[..16].to_owned());
        plain.chain(encoded).collect()
    }

    fn files(&self) -> Vec<(&'static str, String)> {
        let Self { word, token } = self;
        let encoded = base64::engine::general_purpose::STANDARD.encode(word);
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  annotations: {{ example.org/note: \"{token}\" }}\n\
             data: {{ a: {encoded} }}\nstringData: {{ b: {word} }}\n"
        );
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: plain, labels: {{ note: \"{token}\", {token}: named }} }}\ndata:\n  note: \"use {token}\"\n  \
             url: https://me:{word}@db.example/x\n  password: {word}\n  file: |\n    a = 1\n    api_token={word}\n    b = {token}\n"
        );
        let deployment = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: 0\n  selector: {{ matchLabels: {{ app: web }} }}\n  \
             template:\n    metadata: {{ labels: {{ app: web }} }}\n    spec:\n      containers:\n      - name: web\n        image: web:1\n        \
             env: [{{ name: DB_PASSWORD, value: {word} }}, {{ name: NOTE, value: \"{token}\" }}]\n"
        );
        let root = "variable \"password\" {\n  type = string\n  sensitive = true\n}\n\
                    resource \"terraform_data\" \"x\" { input = var.password }\n\
                    output \"password\" {\n  value = terraform_data.x.output\n  sensitive = true\n}\n";
        vec![
            ("k8s/plain/secret.yaml", secret),
            ("k8s/plain/map.yaml", map),
            ("k8s/plain/web.yaml", deployment),
            ("k8s/chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n".to_owned()),
            (
                "k8s/chart/templates/map.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: chart }\ndata: { note: {{ .Values.note | quote }} }\n".to_owned(),
            ),
            ("k8s/values.yaml", format!("note: \"{token}\"\n")),
            ("net/main.tf", root.to_owned()),
            ("net/terraform.tfvars", format!("password = \"{word}\"\n")),
        ]
    }
}

fn references<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'a str, Option<&'a str>)> {
    files.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect()
}

/// Everything that a file below the states holds, but for what is documented to be in clear.
fn states(site: &Site) -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![site.world.path(".gitops")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            match entry.file_type().unwrap() {
                // A copy of the repository, what programs made of it, and the states of roots.
                kind if kind.is_dir() && matches!(name.as_str(), "~mirrors" | "terraform" | "~renders") => {}
                kind if kind.is_dir() => folders.push(entry.path()),
                _ => {
                    let bytes = std::fs::read(entry.path()).unwrap();
                    found.push((
                        entry.path().display().to_string(),
                        String::from_utf8_lossy(&bytes).into_owned(),
                    ));
                }
            }
        }
    }
    found
}

/// What we wrote beside comments: issues, requests, the commits of those, and the statuses of a commit.
async fn of_forge(site: &Site, head: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for kind in ["issues", "pulls"] {
        let path = format!("{SITE}/issues?state=all&type={kind}&created_by=gitops");
        let found = site.gitea.done("bob", "GET", &path, Value::Null).await;
        all.push((format!("our {kind}"), found.to_string()));
        for request in found.as_array().unwrap().iter().filter(|_| kind == "pulls") {
            let path = format!("{SITE}/pulls/{}/commits?files=false", request["number"]);
            let commits = site.gitea.done("bob", "GET", &path, Value::Null).await;
            let messages: Vec<&Value> =
                commits.as_array().unwrap().iter().map(|commit| &commit["commit"]["message"]).collect();
            all.push(("the commits of our requests".to_owned(), format!("{messages:?}")));
        }
    }
    let statuses = format!("{SITE}/commits/{head}/statuses?limit=50");
    let statuses = site.gitea.done("bob", "GET", &statuses, Value::Null).await;
    all.push(("statuses".to_owned(), statuses.to_string()));
    all
}

async fn outputs(site: &Site, serving: &mut Serving, number: u64, head: &str) -> Vec<(String, String)> {
    let mut all = states(site);
    serving.so_far();
    all.push(("events".to_owned(), format!("{:?}", serving.told)));
    all.push(("standard error".to_owned(), serving.said()));
    all.push(("metrics".to_owned(), serving.get("/metrics").await));
    for comment in site.comments(number).await.iter().filter(|comment| comment["user"]["login"] == "gitops") {
        let text = body(comment);
        all.push(("comment".to_owned(), text.to_owned()));
        if let Some((_, rest)) = text.split_once("(<https://plans.example") {
            let path = rest.split('>').next().unwrap();
            all.push(("page".to_owned(), serving.get(path).await));
            all.push(("document".to_owned(), serving.get(&format!("{path}.json")).await));
        }
    }
    all.extend(of_forge(site, head).await);
    let both = |output: &'static str| {
        ["--base", "main", "--head", head]
            .map(str::to_owned)
            .into_iter()
            .chain(["--output".to_owned(), output.to_owned()])
    };
    let mut commands: Vec<Vec<String>> = ["text", "json", "markdown", "junit", "sarif"]
        .into_iter()
        .map(|output| std::iter::once("review".to_owned()).chain(both(output)).collect())
        .collect();
    for verb in [
        "plan",
        "diff",
        "status",
        "history",
        "audit show --limit 50",
        "graph --all",
        "drift",
        "why ConfigMap/whole-secrets/plain",
        "why Root/net",
    ] {
        for output in ["text", "json"] {
            let words = verb.split(' ').chain(["--output", output]);
            commands.push(words.map(str::to_owned).collect());
        }
    }
    for command in commands {
        let ran = site.gitops_owned(command.clone()).await;
        assert_ne!(ran.code, 64, "{command:?}: {}", ran.stderr);
        all.push((format!("{command:?}"), format!("{}\n{}", ran.stdout, ran.stderr)));
    }
    all
}

fn check(outputs: &[(String, String)], planted: &[&Planted]) {
    let mut wrong = Vec::new();
    for (name, text) in outputs {
        for form in planted.iter().flat_map(|planted| planted.forms()) {
            if let Some(at) = text.find(&form) {
                let begin = text[..at].char_indices().rev().nth(160).map_or(0, |(at, _)| at);
                let end = text[at..].char_indices().nth(80).map_or(text.len(), |(more, _)| at + more);
                wrong.push(format!("{name}: …{}…", &text[begin..end]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} places show a secret:\n{}", wrong.len(), wrong.join("\n"));
}

/// Opens a request that can't be planned, and that quotes a secret where it is wrong: its number and its head.
async fn cannot_be_planned(site: &Site, planted: &Planted, serving: &mut Serving) -> (u64, String) {
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: broken }}\ndata: {{ note: [{}, password={}] \n",
        planted.token, planted.word
    );
    let template = format!("{{{{ fail \"{}\" }}}}\n", planted.token);
    let files = [("k8s/plain/broken.yaml", Some(&*map)), ("k8s/chart/templates/bad.yaml", Some(&*template))];
    let head = site.commit_on("broken", &files);
    site.world.git(&["checkout", "-q", "main"]);
    let number = site.open("alice", "broken").await;
    serving.until("its review", |event| is_review(event, number, &head)).await;
    (number, head)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_of_the_whole_way_has_a_secret() {
    let server = ApiServer::controlled();
    let admin = Admin::of(server).await;
    admin.post("/api/v1/namespaces", &json!({ "metadata": { "name": "whole-secrets" } })).await;
    let site = Site::of(World::empty()).await;
    std::fs::write(site.world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
    let program = |name: &str| std::env::var(name).expect("run `cargo xtask test`, which sets it");
    let (one, two, three) = (Planted::new("one"), Planted::new("two"), Planted::new("three"));
    // Whoever writes the gates pastes one into what they say.
    let gate = format!(
        "gates: [{{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: \"ask with {} and password={}\" }}]\n\
         sync: {{ interval: 1h }}\n",
        one.token, one.word
    );
    let rest = site.served("1h", &gate).replace("poll: 1h", "poll: 1h, url: \"https://plans.example\"");
    let rest = rest.replacen("gitea: { ", "gitea: { drift_issues: true, ", 1);
    site.world.configure(&format!(
        "name: shop\nsource: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, path: site }} }}\n{rest}targets:\n  \
         k8s:\n    path: k8s\n    kubernetes:\n      kubeconfig: ./kubeconfig\n      namespace: whole-secrets\n      render:\n      \
         - helm: {{ path: chart, release: c, values: [values.yaml], program: {} }}\n      - manifests: {{ path: plain }}\n  \
         tf: {{ path: net, terraform: {{ binary: {} }} }}\n",
        site.gitea.url(),
        program("GITOPS_HELM"),
        program("GITOPS_TOFU"),
    ));
    let files = one.files();
    site.world.commit(&format!("Begin with {}", one.token), &references(&files));
    site.push("main");
    site.may_push();
    site.gitops(&["apply", "--yes"]).await.expect(0);
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    serving.wait_for("told").await;
    // A request whose branch, title and message have one too.
    let branch = format!("feature-{}", two.token);
    let files = two.files();
    site.world.git(&["checkout", "-q", "-B", &branch]);
    let head =
        site.world.commit(&format!("Change to {} and password={}", two.token, two.word), &references(&files));
    site.push(&branch);
    site.world.git(&["checkout", "-q", "main"]);
    let number = site.open("alice", &branch).await;
    let title = json!({"title": format!("Use {}", two.token), "body": format!("It is {}", two.token)});
    site.gitea.done("alice", "PATCH", &format!("{SITE}/pulls/{number}"), title).await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    check(&outputs(&site, &mut serving, number, &head).await, &[&one, &two]);
    let (failed, head_of_it) = cannot_be_planned(&site, &two, &mut serving).await;
    check(&outputs(&site, &mut serving, failed, &head_of_it).await, &[&one, &two]);
    // Approved, merged and applied; by hand something else is planted meanwhile.
    let effect = site.effect(number).await;
    site.comment("bob", number, &format!("/approve {effect}")).await;
    serving.until("the approval", |event| event["type"] == "commanded" && event["done"] == true).await;
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    let is_live = |event: &Value| {
        event["type"] == "told" && event["commit"] == merged.as_str() && event["state"] == "success"
    };
    serving.until("what is live", is_live).await;
    let by_hand = json!({"data": {"note": format!("use {}", three.token), "password": three.word}});
    admin.merge("/api/v1/namespaces/whole-secrets/configmaps/plain", &by_hand).await;
    serving.until("the issue of the drift", |event| event["type"] == "drift" && event["objects"] == 1).await;
    let answered = async |serving: &mut Serving, text: &str| {
        let said = site.comment("bob", number, text).await;
        let id = said["id"].to_string();
        let answer =
            serving.until("the answer", |event| event["type"] == "commanded" && event["comment"] == id).await;
        answer["answer"].as_str().unwrap().to_owned()
    };
    let why =
        answered(&mut serving, &format!("/why ConfigMap/whole-secrets/plain\n/why {}", three.token)).await;
    assert!(why.contains("differs: "), "{why}");
    serving.until("the other answer", |event| event["type"] == "commanded").await;
    check(&outputs(&site, &mut serving, number, &merged).await, &[&one, &two, &three]);
    // The words of a tool that fails.
    site.world.git(&["fetch", "-q", &site.url(), "main"]);
    site.world.git(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    let root = format!(
        "resource \"terraform_data\" \"y\" {{\n  provisioner \"local-exec\" {{ command = \"echo the token is {} >&2; exit 1\" }}\n}}\n",
        three.token
    );
    let failing = site.world.commit("Fail", &[("net/more.tf", Some(&root))]);
    site.push("main");
    let waits = |event: &Value| event["type"] == "told" && event["commit"] == failing.as_str();
    serving.until("the wait", waits).await;
    let plan = site.world.json(&["plan"]);
    let id = plan["plan_id"].as_str().unwrap();
    site.gitops(&["approve", id]).await.expect(0);
    let fails = |event: &Value| waits(event) && event["state"] == "failure";
    serving.until("the failure", fails).await;
    check(&outputs(&site, &mut serving, number, &failing).await, &[&one, &two, &three]);
    // The way back, with its request, and what somebody pastes as a reason.
    let four = Planted::new("four");
    let back = answered(&mut serving, "/rollback shop").await;
    assert!(back.contains("is pinned to") && back.contains("Request "), "{back}");
    let reason = format!("it said {} and password={}", four.token, four.word);
    for verb in ["reject", "suspend"] {
        site.gitops(&[verb, "--reason", &reason]).await.expect(0);
        check(&outputs(&site, &mut serving, number, &failing).await, &[&one, &two, &three, &four]);
    }
    site.gitops(&["status"]).await.says("it said (sensitive)");
    assert_eq!(serving.stop().await, 0);
}
