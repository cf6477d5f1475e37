//! A plan that is too long for a comment: what is gravest stands first, and all of it is one link away.

use std::fmt::Write;

use gitops_core::Digest;
use serde_json::{Value, json};
use testbed::{Admin, ApiServer, User};

use super::Site;
use super::serve::is_review;
use super::serving::{Serving, hook};
use crate::support::World;

const OBJECTS: usize = 399;
const RESOURCES: usize = 5_000;
const URL: &str = "https://plans.example";

fn root(count: usize) -> String {
    format!(
        "resource \"terraform_data\" \"x\" {{\n  count = {count}\n  input = \"value ${{count.index}}\"\n}}\n"
    )
}

fn maps(x: &str) -> String {
    let mut text = String::new();
    for n in 0..OBJECTS {
        let more = "a text that makes a plan long ".repeat(8);
        let name = format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: map-{n} }}\n");
        let _ = writeln!(text, "{name}data: {{ x: \"{x}\", more: \"{more}{x}\" }}");
    }
    text
}

/// The address of the full plan, below that of all plans, and its digest.
fn link(comment: &str) -> (String, String) {
    let (_, rest) = comment.split_once(&format!("[Full plan](<{URL}")).expect(comment);
    let (path, rest) = rest.split_once(">), BLAKE3 `").unwrap();
    (path.to_owned(), rest.split('`').next().unwrap().to_owned())
}

fn content(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_thousands_fits_into_a_comment_and_is_whole_behind_its_link() {
    let server = ApiServer::controlled();
    let admin = Admin::of(server).await;
    admin.post("/api/v1/namespaces", &json!({ "metadata": { "name": "long" } })).await;
    let site = Site::of(World::empty()).await;
    std::fs::write(site.world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
    let tofu = std::env::var("GITOPS_TOFU").expect("run `cargo xtask test`, which sets GITOPS_TOFU");
    let rest = site
        .served("1h", "sync: { interval: 1h }\n")
        .replace("poll: 1h", &format!("poll: 1h, url: \"{URL}\""));
    site.world.configure(&format!(
        "name: shop\nsource: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }}, path: site }} }}\n{rest}targets:\n  \
         k8s: {{ path: k8s, kubernetes: {{ kubeconfig: ./kubeconfig, namespace: long, cluster_kinds: [Namespace] }} }}\n  \
         tf: {{ path: net, terraform: {{ binary: {tofu} }} }}\n",
        site.gitea.url()
    ));
    let legacy = "apiVersion: v1\nkind: Namespace\nmetadata: { name: long-legacy }\n";
    let files = [
        ("k8s/maps.yaml", Some(&*maps("1"))),
        ("k8s/legacy.yaml", Some(legacy)),
        ("net/main.tf", Some(&*root(1))),
    ];
    site.world.commit("Begin", &files);
    site.push("main");
    site.gitops(&["apply", "--yes"]).await.expect(0);
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    serving.wait_for("told").await;
    let files = [
        ("k8s/maps.yaml", Some(&*maps("2"))),
        ("k8s/legacy.yaml", None),
        ("net/main.tf", Some(&*root(RESOURCES))),
    ];
    let head = site.commit_on("feature", &files);
    let number = site.open("alice", "feature").await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    let comment = site.ours(number, "review").await.remove(0);
    assert!(comment.len() <= 60_000, "{} bytes", comment.len());
    let at = |text: &str| comment.find(text).unwrap_or_else(|| panic!("{text} is not in {comment}"));
    assert!(at("Namespace/") < at("ConfigMap/"), "the deletion stands first");
    assert!(comment.contains("1 to delete"), "{comment}");

    // The whole, one link away: a page for people, and the bytes of the digest.
    let (path, digest) = link(&comment);
    assert_eq!(path, format!("/plans/{digest}"));
    let page = serving.get(&path).await;
    assert!(page.starts_with("HTTP/1.1 200"), "{}", &page[..200]);
    for header in [
        "content-security-policy: default-src 'none'",
        "referrer-policy: no-referrer",
        "cache-control: private, no-store",
    ] {
        assert!(page.contains(header), "{header}");
    }
    for name in ["long-legacy", "map-0", "map-398", "terraform_data.x[4999]"] {
        assert!(content(&page).contains(name), "{name}");
    }
    assert!(!page.contains("<script") && page.find("long-legacy") < page.find("map-0"));
    let document = serving.get(&format!("{path}.json")).await;
    let document = content(&document);
    assert_eq!(Digest::of(document.as_bytes()).to_string(), digest);
    let document: Value = serde_json::from_str(document).unwrap();
    let steps = document["parts"][0]["steps"].as_array().unwrap();
    let components = steps.iter().filter_map(|step| step["components"].as_array()).flatten().count();
    assert_eq!((steps.len(), components), (OBJECTS + 2, RESOURCES - 1));
    // Another name tells nothing, and what is there is no secret of this process: it outlives it.
    let other = format!("/plans/{}", Digest::of(b"another"));
    assert!(serving.get(&other).await.starts_with("HTTP/1.1 404"));
    assert_eq!(serving.stop().await, 0);
    let mut serving = Serving::start(&site).await;
    let again = serving.until("the review again", |event| is_review(event, number, &head)).await;
    assert_eq!((&again["comment"], &again["statuses"]), (&json!(false), &json!(0)), "{again}");
    assert!(serving.get(&path).await.starts_with("HTTP/1.1 200"));
    assert_eq!(serving.stop().await, 0);
}
