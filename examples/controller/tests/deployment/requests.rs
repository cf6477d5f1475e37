//! Change requests on a real forge, and what they change in a real cluster: the controller that leads reviews them.

use gitops_core::AuditEvent;
use serde_json::json;

use super::forged::{Forged, SITE};
use super::{Controller, config_map};

#[tokio::test]
async fn the_leader_reviews_and_the_next_one_goes_on_with_what_was_approved() {
    let gates = "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]";
    let forged = Forged::new("requests", gates, &config_map("web", "1")).await;
    let world = &forged.world;
    let first = Controller::start(world, "first").await;
    world.until_in("requests", "web", "1");
    // It waits for the lease, and says nothing on the forge.
    let second = Controller::start(world, "second").await;

    let head = forged.push("feature", &config_map("web", "2"));
    forged.open("feature").await;
    forged.until_status(&head, "gitops/policy", "pending").await;
    // A status that turns worse is written before the comment.
    let review = forged.until("the comment", async || forged.ours("review").await.pop()).await;
    assert!(review.contains("this change 1, existing drift 0, base moved 0"), "{review}");
    let effect = review.rsplit_once("Effect `").unwrap().1[..40].to_owned();
    let approve = json!({"body": format!("/approve {effect}")});
    let said = forged.gitea.done("bob", "POST", &format!("{SITE}/issues/1/comments"), approve).await;
    forged.confirms("bob", &said).await;
    forged.until_status(&head, "gitops/policy", "success").await;
    assert_eq!(first.stop().await, Some(0));

    // The next one has another disk: what was approved is in the cluster.
    let merged = forged.merge(1).await;
    world.until_in("requests", "web", "2");
    forged.until_status(&merged, "gitops/live/requests", "success").await;
    // The first one may have been stopped before it showed its answer: the next one does, once it looks.
    let answers = forged.until("the answer", async || forged.ours("answers").await.pop()).await;
    assert!(answers.contains("- 👍 `bob`: ") && answers.contains("approved, and stored"), "{answers}");
    assert_eq!((forged.ours("review").await.len(), forged.ours("answers").await.len()), (1, 1));
    let records = world.audited(&forged.home(), "requests").await;
    let approved = records.iter().filter_map(|record| match &record.entry.what {
        AuditEvent::Approved { by, .. } => Some(by.name.as_str()),
        _ => None,
    });
    assert_eq!(approved.collect::<Vec<_>>(), ["bob"], "once, and not again by the next one");
    let metrics = second.ask("/metrics").await;
    assert!(metrics.contains(r#"gitops_leader{application="requests"} 1"#), "{metrics}");

    // Somebody else takes the lease of the repository: it ends at once, and says so.
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", forged.home());
    let found = world.admin.get(&leases).await.unwrap();
    let names =
        found["items"].as_array().unwrap().iter().map(|lease| lease["metadata"]["name"].as_str().unwrap());
    let name = names.into_iter().find(|name| name.starts_with("gitops-forge-")).unwrap();
    let stolen = json!({"spec": {"holderIdentity": "another"}});
    world.admin.merge(&format!("{leases}/{name}"), &stolen).await;
    assert_eq!(second.ended().await, Some(1));
}
