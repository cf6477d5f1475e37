//! A deployment that fails its health is taken back by the controller that leads, and by the next one where that was stopped.

use gitops_core::AuditEvent;
use serde_json::{Value, json};
use testbed::{Admin, ApiServer};

use super::Controller;
use super::forged::Forged;

const NAME: &str = "taken-back";

fn web(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: 1\n  selector: {{ matchLabels: {{ app: web }} }}\n  \
         template:\n    metadata: {{ labels: {{ app: web }} }}\n    spec: {{ containers: [{{ name: web, image: \"{image}\" }}] }}\n"
    )
}

fn uri() -> String {
    format!("/apis/apps/v1/namespaces/{NAME}/deployments/web")
}

fn image(deployment: &Value) -> &str {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

/// Plays the controller of Deployments that this server has not: the image `web:bad` never comes up.
#[expect(clippy::disallowed_methods, reason = "controllers take their time; nothing waits for this")]
async fn deployments() {
    let admin = Admin::of(ApiServer::shared()).await;
    loop {
        if let Some(object) = admin.get(&uri()).await
            && object["status"]["observedGeneration"] != object["metadata"]["generation"]
        {
            let generation = object["metadata"]["generation"].clone();
            let failed =
                json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"});
            let status = match image(&object) == "web:bad" {
                true => {
                    json!({"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "conditions": [failed]})
                }
                false => json!({
                    "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                    "availableReplicas": 1, "conditions": []
                }),
            };
            let uri = format!("{}/status", uri());
            admin.send("PATCH", &uri, "application/merge-patch+json", &json!({"status": status})).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
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
    let forged = Forged::new(NAME, rollback, &web("web:1")).await;
    let deployments = tokio::spawn(deployments());
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
    forged.until_status(&bad, "gitops/rollback", "failure").await;
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
    deployments.abort();
    assert_eq!(forged.get("pulls?state=all").await.as_array().unwrap().len(), 2);
}
