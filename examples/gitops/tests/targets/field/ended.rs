//! What ran once and is gone.

use testbed::ApiServer;

use crate::Cluster;

/// Met with a `Job` that its time to live removed after it had completed: `status` said Degraded, "it is gone", for good, while
/// `plan`, `apply` and `drift` had nothing to say.
#[tokio::test]
async fn a_job_that_completed_and_was_removed_after_its_time_to_live_is_healthy() {
    let cluster = Cluster::on(ApiServer::controlled()).await;
    cluster.configure("shop", "");
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: { name: once }\nspec:\n  ttlSecondsAfterFinished: 1\n  \
        template: { spec: { restartPolicy: Never, containers: [{ name: a, image: a }] } }\n";
    let world = &cluster.world;
    world.commit("Begin", &[("job.yaml", Some(job))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let uri = format!("/apis/batch/v1/namespaces/{}/jobs/once", cluster.namespace);
    while cluster.admin.get(&uri).await.is_some() {}
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    world.gitops(&["status", "--exit-code"]).expect(0).says("Synced  Healthy");
}
