//! A context and an application get other names: what was said under the old ones is ended.

use serde_json::{Value, json};

use super::serve::{GATED, is_review};
use super::serving::Serving;
use super::{Site, body};

impl Site {
    /// Replaces a part of the configuration, which must be there.
    pub(super) fn rewrite(&self, from: &str, to: &str) {
        let path = self.world.path("gitops.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
}

#[tokio::test]
async fn a_context_and_an_application_that_are_renamed_leave_nothing_that_waits_or_is_green() {
    let site = Site::new().await;
    site.serve("1h", GATED);
    site.rewrite("repository: platform/site,", "repository: platform/site, drift_issues: true,");
    // One file differs, one commit waits, and one request is open.
    site.world.edit_live("conf/app.toml", "by hand\n");
    let waiting = site.world.commit("Change", &[("index.html", Some("new\n"))]).trim().to_owned();
    site.push("main");
    let head = site.commit_on("feature", &[("more", Some("m\n"))]);
    let number = site.open("alice", "feature").await;
    let mut serving = Serving::start(&site).await;
    let of = |kind: &'static str, commit: String, state: &'static str| {
        move |event: &Value| {
            event["type"] == kind && event["commit"] == commit.as_str() && event["state"] == state
        }
    };
    serving.sooner_or_later("the review", |event| is_review(event, number, &head)).await;
    serving.sooner_or_later("the wait", of("told", waiting.clone(), "pending")).await;
    serving.sooner_or_later("the drift", |event| event["type"] == "drift" && event["objects"] == 1).await;
    assert_eq!(serving.stop().await, 0);
    assert_eq!(site.statuses(&waiting).await, ["gitops/live/site pending"]);
    let before = site.statuses(&head).await;
    assert_eq!((before.len(), before[0].as_str()), (2, "gitops/plan success"));

    site.rewrite("name: site\n", "name: shop\n");
    site.rewrite("drift_issues: true,", "drift_issues: true, context: team,");
    let mut serving = Serving::start(&site).await;
    let ended = serving.sooner_or_later("the end", |event| event["type"] == "superseded").await;
    let text = "nobody says anything under `gitops` any more: see `team`";
    assert_eq!(
        (&ended["request"], &ended["commit"], &ended["statuses"], &ended["description"]),
        (&json!(number), &json!(head), &json!(2), &json!(text))
    );
    serving.sooner_or_later("the end of the wait", of("told", waiting.clone(), "failure")).await;
    serving
        .sooner_or_later("the closed issue", |event| event["type"] == "drift" && event["objects"] == 0)
        .await;
    serving.sooner_or_later("the review", |event| is_review(event, number, &head)).await;
    let latest = site.latest_statuses(&head).await;
    let of_old: Vec<&(String, String)> =
        latest.iter().filter(|(name, _)| name.starts_with("gitops/")).collect();
    assert!(of_old.len() == 2 && of_old.iter().all(|(_, state)| state == "error"), "{latest:?}");
    assert!(latest.iter().any(|(name, _)| name == "team/plan"), "{latest:?}");
    let live = site.latest_statuses(&waiting).await;
    assert!(live.contains(&("gitops/live/site".to_owned(), "error".to_owned())), "{live:?}");
    let old = site.ours(number, "review/gitops").await;
    assert!(old.len() == 1 && old[0].contains("Nobody says anything under `gitops`"), "{old:?}");
    let issues = site.issues().await;
    let of_site: Vec<&Value> = issues.iter().filter(|issue| issue["title"] == "Drift in site").collect();
    assert!(of_site.len() == 1 && of_site[0]["state"] == "closed", "{of_site:?} {}", body(of_site[0]));

    // The next process writes nothing of it.
    assert_eq!(serving.stop().await, 0);
    let (count, live) = (site.statuses(&head).await, site.statuses(&waiting).await);
    let mut serving = Serving::start(&site).await;
    serving.sooner_or_later("the review", |event| is_review(event, number, &head)).await;
    assert_eq!(serving.stop().await, 0);
    assert_eq!((site.statuses(&head).await, site.statuses(&waiting).await), (count, live));
}
