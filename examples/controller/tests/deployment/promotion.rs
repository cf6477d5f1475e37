//! A promotion by rule: the controller that leads proposes it, and the next one keeps the same request current.

use serde_json::{Value, json};

use super::forged::{Forged, SITE};
use super::{Controller, config_map};

fn values(tag: &str) -> String {
    format!("image: {{ repository: acme/web, tag: {tag} }}\n")
}

impl Forged {
    /// Commits the version of each application to the branch that they follow.
    fn versions(&self, staging: &str, prod: &str) {
        for (name, tag) in [("staging", staging), ("prod", prod)] {
            let folder = self.world.path("repository").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("v.yaml"), values(tag)).unwrap();
        }
        self.push("main", &config_map("web", staging));
    }

    /// The heads of all requests, once there are some.
    async fn heads(&self) -> Option<Vec<String>> {
        let path = format!("{SITE}/pulls?state=all");
        let (status, found) = self.gitea.call("bob", "GET", &path, Value::Null).await;
        let head = |request: &Value| request["head"]["sha"].as_str().unwrap_or_default().to_owned();
        let heads: Vec<String> = found.as_array()?.iter().map(head).collect();
        (status == 200 && !heads.is_empty()).then_some(heads)
    }
}

#[tokio::test]
async fn the_next_one_keeps_the_request_that_the_last_one_opened() {
    let forged = Forged::new("promoted", "", &config_map("web", "0")).await;
    let (url, home) = (forged.gitea.url(), forged.home());
    let auth = "auth: { token: { file: ./token } }";
    let of = |name: &str, more: &str| {
        format!(
            "- {{ name: {name}, source: {{ git: {{ path: {name} }} }}, target: {{ directory: {{ root: ./live-{name} }} }}{more} }}\n"
        )
    };
    let config = format!(
        "source: {{ git: {{ url: \"{url}/platform/site.git\", ref: {{ branch: main }}, {auth} }} }}\n\
         forge: {{ gitea: {{ url: \"{url}\", repository: platform/site, {auth} }} }}\n\
         state: {{ kubernetes: {{ namespace: {home} }} }}\n\
         serve: {{ poll: 1s }}\n\
         sync: {{ interval: 1s }}\n\
         applications:\n{}{}",
        of("staging", ""),
        of("prod", ", promote: { from: staging, after: 1s }")
    );
    std::fs::write(forged.world.path("gitops.yaml"), config).unwrap();
    forged.versions("1.5.0", "1.4.0");
    let first = Controller::start(&forged.world, "first").await;
    let second = Controller::start(&forged.world, "second").await;
    let opened = forged.until("the request", async || forged.heads().await).await;
    assert_eq!(opened.len(), 1);
    assert_eq!(first.stop().await, Some(0));

    forged.versions("1.6.0", "1.4.0");
    let moved = async || forged.heads().await.filter(|heads| *heads != opened);
    assert_eq!(forged.until("the newer versions", moved).await.len(), 1);
    let request = forged.get("pulls/1").await;
    assert_eq!(
        (&request["title"], &request["head"]["ref"]),
        (&json!("Promote staging to prod"), &json!("gitops/promote-staging-to-prod"))
    );
    assert_eq!(second.stop().await, Some(0));
}
