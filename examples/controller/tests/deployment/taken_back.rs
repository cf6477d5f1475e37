//! A deployment that fails its health is taken back by the controller that leads, and by the next one where that was stopped.

use gitops_core::AuditEvent;
use serde_json::Value;

use super::Controller;
use super::forged::Forged;

const NAME: &str = "taken-back";

/// A Deployment. That of the image `web:bad` never comes up, and has a second to do so.
fn web(image: &str) -> String {
    let (does, within) = if image == "web:bad" { ("hang", 1) } else { ("go-on", 600) };
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: 1\n  progressDeadlineSeconds: {within}\n  \
         selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    \
         metadata: {{ labels: {{ app: web }}, annotations: {{ testbed/does: {does} }} }}\n    \
         spec: {{ containers: [{{ name: web, image: \"{image}\" }}] }}\n"
    )
}

fn uri() -> String {
    format!("/apis/apps/v1/namespaces/{NAME}/deployments/web")
}

fn image(deployment: &Value) -> &str {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

impl Forged {
    async fn until_image(&self, wanted: &str) {
        self.until(wanted, async || {
            let found = self.world.admin.get(&uri()).await?;
            (image(&found) == wanted).then_some(())
        })
        .await;
    }

    /// How often it was pinned and let go.
    async fn pins(&self) -> (usize, usize) {
        let records = self.world.audited(&self.home(), NAME).await;
        let count = |is_it: fn(&AuditEvent) -> bool| {
            records.iter().filter(|record| is_it(&record.entry.what)).count()
        };
        (
            count(|what| matches!(what, AuditEvent::Pinned { .. })),
            count(|what| matches!(what, AuditEvent::Unpinned { .. })),
        )
    }
}

#[tokio::test]
async fn what_fails_is_taken_back_once_by_whoever_leads_and_the_branch_is_followed_again() {
    let rollback = "rollback: { on: failed-health, within: 10m }";
    let forged = Forged::controlled(NAME, rollback, &web("web:1")).await;
    let first = Controller::start(&forged.world, "first").await;
    let good = forged.world.git(&["-C", "repository", "rev-parse", "main"]).trim().to_owned();
    forged.until_status(&good, &format!("gitops/live/{NAME}"), "success").await;

    forged.push("feature", &web("web:bad"));
    forged.open("feature").await;
    let bad = forged.merge(1).await;
    // It is stopped as soon as it is pinned; the next one has another disk.
    forged.until("the pin", async || (forged.pins().await.0 == 1).then_some(())).await;
    assert_eq!(first.stop().await, Some(0));
    let second = Controller::start(&forged.world, "second").await;
    forged.until_status(&bad, &format!("gitops/rollback/{NAME}"), "failure").await;
    forged.until_image("web:1").await;
    let requests = forged.get("pulls?state=all").await;
    let titles: Vec<&str> =
        requests.as_array().unwrap().iter().map(|request| request["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(titles.contains(&format!("Take {NAME} back to {}", &good[..12]).as_str()), "{titles:?}");

    let reverted = forged.merge(2).await;
    forged.until_status(&reverted, &format!("gitops/live/{NAME}"), "success").await;
    forged.until("the end of the pin", async || (forged.pins().await == (1, 1)).then_some(())).await;
    assert_eq!(second.stop().await, Some(0));
    assert_eq!(forged.get("pulls?state=all").await.as_array().unwrap().len(), 2);
}
