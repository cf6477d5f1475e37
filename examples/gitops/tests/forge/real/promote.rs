//! A promotion is a request of one commit, and the same one however often it is asked for.

use serde_json::Value;

use super::{SITE, Site};

#[tokio::test]
async fn the_request_has_the_versions_and_is_there_once() {
    let site = Site::new().await;
    let values = |tag: &str| format!("image: {{ repository: acme/web, tag: {tag} }} # kept\n");
    site.world.commit(
        "Both",
        &[("staging/v.yaml", Some(&values("1.5.0"))), ("prod/v.yaml", Some(&values("1.4.0")))],
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
    promote().await.expect(0).says("request 1:");
    let path = format!("{SITE}/pulls?state=all");
    let requests = site.gitea.done("bob", "GET", &path, Value::Null).await;
    assert_eq!(requests.as_array().unwrap().len(), 1);
    assert_eq!(requests[0]["title"], "Promote staging to prod");
    site.merge(1).await.unwrap();
    promote().await.expect(0).says("Nothing to promote");
    site.world.git(&["pull", "-q", &site.url(), "main"]);
    let text = std::fs::read_to_string(site.world.path("repository/site/prod/v.yaml")).unwrap();
    assert_eq!(text, values("1.5.0"));
}
