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

/// Met with a hook whose end nobody had seen, and without which a person went on: `status` said Degraded, "it is gone", for good.
#[tokio::test]
async fn a_hook_that_is_gone_and_was_released_is_believed_to_be_done() {
    let cluster = Cluster::on(ApiServer::controlled()).await;
    cluster.configure("shop", "sync: { ready_timeout: 1s }\n");
    let hook = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: once\n  annotations: { helm.sh/hook: post-install }\nspec:\n  \
        template:\n    metadata: { annotations: { testbed/does: go-on } }\n    spec: { restartPolicy: Never, \
        containers: [{ name: a, image: a }] }\n";
    let world = &cluster.world;
    world.commit("Begin", &[("job.yaml", Some(hook))]);
    world.gitops(&["apply", "--yes"]);
    let uri = format!("/apis/batch/v1/namespaces/{}/jobs/once", cluster.namespace);
    cluster.admin.delete(&uri).await;
    while cluster.admin.get(&uri).await.is_some() {}
    world.gitops(&["status"]).expect(0).says("nobody saw how it ended");
    world.gitops(&["release", "once"]).expect(0);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    world.gitops(&["status", "--exit-code"]).expect(0).says("Synced  Healthy");
}
