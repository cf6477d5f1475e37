//! The same where nothing goes on: what a gate denies, what a server refuses, what is somebody else's; and what is proposed by promotion.

use super::super::promote::is_promotion;
use super::*;

const NAMESPACE: &str = "secrets-refused";

/// Objects that can't be applied, and that quote a secret where they are wrong.
fn refused(planted: &Planted) -> Vec<(&'static str, String)> {
    let Planted { word, token } = planted;
    let map = |name: &str, rest: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\n{rest}\n")
    };
    vec![
        (
            "k8s/label.yaml",
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: label, labels: {{ password: \"{word} is no label\", note: \"{token} is none\" }} }}\n"
            ),
        ),
        (
            "k8s/typed.yaml",
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: typed }}\nspec:\n  replicas: \"{token}\"\n  selector: {{ matchLabels: {{ app: web }} }}\n  \
             template:\n    metadata: {{ labels: {{ app: web }} }}\n    spec: {{ containers: [{{ name: web, image: web, env: [{{ name: PASSWORD, value: [{word}] }}] }}] }}\n"
            ),
        ),
        (
            "k8s/secret.yaml",
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{ name: broken }}\ndata: {{ a: \"{word} is not encoded\", b: \"{token}!\" }}\n"
            ),
        ),
        ("k8s/taken.yaml", map("taken", &format!("data: {{ password: {word}, note: \"{token}\" }}"))),
        ("k8s/fine.yaml", map("fine", &format!("data: {{ password: {word}, note: \"{token}\" }}"))),
        ("k8s/name.yaml", map(&format!("\"{token}\""), "data: { a: b }")),
    ]
}

/// What the verbs say of it, in each form.
async fn said(site: &Site, head: &str, more: &[&str]) -> Vec<(String, String)> {
    let review = format!("review --base main --head {head}");
    let mut all = states(site);
    for verb in
        [&review, "plan", "diff", "status", "history", "audit show --limit 50", "drift", "apply --yes"]
            .into_iter()
            .chain(more.iter().copied())
    {
        let forms: &[&str] = match verb.split(' ').next() {
            Some("review") => &["text", "json", "markdown", "junit", "sarif"],
            _ => &["text", "json"],
        };
        for form in forms {
            let words = verb.split(' ').chain(["--output", form]).map(str::to_owned).collect::<Vec<_>>();
            let ran = site.gitops_owned(words).await;
            assert_ne!(ran.code, 64, "{verb}: {}", ran.stderr);
            all.push((format!("{verb} as {form}"), format!("{}\n{}", ran.stdout, ran.stderr)));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gate_denies_and_what_is_refused_shows_no_secret() {
    let server = ApiServer::controlled();
    let admin = Admin::of(server).await;
    admin.post("/api/v1/namespaces", &json!({"metadata": {"name": NAMESPACE}})).await;
    let (one, two) = (Planted::new("one"), Planted::new("two"));
    // It is somebody else's, with a secret of theirs.
    let taken = json!({"metadata": {"name": "taken"}, "data": {"password": two.word, "note": two.token}});
    admin.post(&format!("/api/v1/namespaces/{NAMESPACE}/configmaps"), &taken).await;
    let site = Site::of(World::empty()).await;
    std::fs::write(site.world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
    let begin = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: begin }\ndata: { a: b }\n";
    site.world.commit("Begin", &[("k8s/begin.yaml", Some(begin))]);
    site.push("main");
    let configure = |gate: &str| {
        let rest = site.served("1h", gate);
        site.world.configure(&format!(
            "name: shop\nsource: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, path: site/k8s }} }}\n{rest}\
             target: {{ kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {NAMESPACE} }} }}\n",
            site.gitea.url()
        ));
    };
    configure("sync: { interval: 1h }\n");
    site.gitops(&["apply", "--yes"]).await.expect(0);
    let denies = format!(
        "gates: [{{ name: never, rule: plan.create == 0, otherwise: deny, message: \"no, with {} and password={}\" }}]\n",
        one.token, one.word
    );
    let both = [&one, &two];
    for gate in ["", &denies] {
        configure(&format!("{gate}sync: {{ interval: 1h }}\n"));
        let branch = if gate.is_empty() { "refused" } else { "denied" };
        let files = match gate {
            // What is wrong in itself keeps all the rest from being planned.
            "" => refused(&one),
            _ => refused(&one).into_iter().filter(|(path, _)| path.ends_with("fine.yaml")).collect(),
        };
        let head = site.commit_on(branch, &references(&files));
        let number = site.open("alice", branch).await;
        let mut serving = Serving::start(&site).await;
        serving.until("the review", |event| is_review(event, number, &head)).await;
        check(&everything(&site, &mut serving, number, &head).await, &both);
        check(&said(&site, &head, &[]).await, &both);
        assert_eq!(serving.stop().await, 0);
    }
    // What is refused is merged all the same.
    configure("sync: { interval: 1h }\n");
    site.merge(1).await.unwrap();
    let merged = site.merge_commit(1).await;
    let mut serving = Serving::start(&site).await;
    serving
        .sooner_or_later("what came of it", |event| event["type"] == "told" && event["commit"] == merged)
        .await;
    check(&everything(&site, &mut serving, 1, &merged).await, &both);
    check(
        &said(
            &site,
            &merged,
            &["why ConfigMap/secrets-refused/taken", "why ConfigMap/secrets-refused/label"],
        )
        .await,
        &both,
    );
    assert_eq!(serving.stop().await, 0);
}

/// What is written on the forge, and what a server tells, of one request and one commit.
async fn everything(site: &Site, serving: &mut Serving, number: u64, head: &str) -> Vec<(String, String)> {
    serving.so_far();
    let mut all = states(site);
    all.push(("events".to_owned(), format!("{:?}", serving.told)));
    all.push(("standard error".to_owned(), serving.said()));
    all.push(("metrics".to_owned(), serving.get("/metrics").await));
    for kind in ["review", "answers", "promotion"] {
        all.push((format!("our comment: {kind}"), site.ours(number, kind).await.concat()));
    }
    all.extend(of_forge(site, head).await);
    all
}

/// A version that looks like a token is the image's, and a login in an address is copied as it is: both are shown to nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_shows_no_secret() {
    let site = Site::promoted().await;
    let (one, two) = (Planted::new("one"), Planted::new("two"));
    let module = |planted: &Planted| {
        let Planted { word, token } = planted;
        format!(
            "module \"m\" {{\n  source = \"git::https://me:{word}@git.example/m.git?ref=v1\"\n  version = \"{token}\"\n}}\n"
        )
    };
    let values = |planted: &Planted, tag: &str| {
        let Planted { word, token } = planted;
        format!(
            "image: {{ repository: acme/web, tag: {tag} }}\npassword: {word}\nother: {{ repository: \"https://me:{word}@acme.example/{token}\", tag: \"{token}\" }}\n"
        )
    };
    let (ours, theirs) = (values(&one, "2"), values(&two, "1"));
    let (our_module, their_module) = (module(&one), module(&two));
    let message = format!("Stage {} with password={}", one.token, one.word);
    let files = [
        ("staging/v.yaml", Some(&*ours)),
        ("prod/v.yaml", Some(&*theirs)),
        ("staging/m.tf", Some(&*our_module)),
        ("prod/m.tf", Some(&*their_module)),
    ];
    site.world.commit(&message, &files);
    site.push("main");
    let mut serving = Serving::start(&site).await;
    serving.until("the request", |event| is_promotion(event, "proposed")).await;
    let both = [&one, &two];
    let head = site.requests().await[0]["head"]["sha"].as_str().unwrap().to_owned();
    check(&everything(&site, &mut serving, 1, &head).await, &both);
    // Other versions, which a comment tells of; by hand; and its end.
    let newer = values(&one, "3");
    site.world.commit("More", &[("staging/v.yaml", Some(&*newer))]);
    site.push("main");
    site.until("the comment", async || !site.ours(1, "promotion").await.is_empty()).await;
    check(&everything(&site, &mut serving, 1, &head).await, &both);
    for form in ["text", "json"] {
        let ran = site.gitops(&["promote", "staging", "--to", "prod", "--output", form]).await.expect(0);
        check(&[(format!("promote as {form}"), format!("{}\n{}", ran.stdout, ran.stderr))], &both);
    }
    site.world.commit("Back", &[("staging/v.yaml", Some(&*theirs)), ("staging/m.tf", Some(&*their_module))]);
    site.push("main");
    serving.until("the end of it", |event| is_promotion(event, "nothing differs any more")).await;
    check(&everything(&site, &mut serving, 1, &head).await, &both);
    assert_eq!(serving.stop().await, 0);
}
