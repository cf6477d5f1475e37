//! An application: what the configuration says of it, and its memory in the cluster.

use std::path::Path;
use std::sync::Arc;

use gitops_app::Clusters;
use gitops_app::config::Config;
use gitops_app::home::ClusterState;
use gitops_app::review::OnForge;
use gitops_app::session::{Access, Session};
use gitops_core::{Cx, Error, Event, EventSink, Result, StateDir};
use gitops_k8s::Cluster;
use gitops_server::ServerEvent;

/// Opens an application for one grant of its lease, with the folder of that grant.
///
/// The journal is a new one in each grant: what an earlier one left, on this machine or another, is taken up from the
/// store in the cluster, and each change whose outcome is not known is looked up there. The audit log, what is known of Terraform
/// roots, and states of those that name no backend of their own, are in the cluster too.
///
/// # Errors
/// Whatever keeps source, targets or state from being opened.
pub async fn open(
    cx: &Cx,
    namespace: &str,
    config: &Config,
    (cluster, clusters): (&Cluster, &Clusters),
    metrics: Arc<dyn EventSink>,
    folder: &Path,
) -> Result<Session> {
    let path = folder.to_owned();
    let folder = cx.off_thread(move |cx| StateDir::open(&path, cx)).await??;
    let home = ClusterState::new(cluster.clone(), namespace, &config.name).held(cx, folder).await?;
    let name = config.name.clone();
    let events = move |event: &Event| {
        metrics.event(event);
        log(&name, event);
    };
    let session = Session::builder(config).access(Access::Write).events(Arc::new(events)).home(home);
    let session = session.approval_check(OnForge::of(config).map(|forge| Arc::new(forge) as _));
    session.clusters(clusters.clone()).open(cx).await
}

/// One line for an application that can't be kept at work now, and one for each fault.
pub fn tell(what: &str, application: &str, error: &Error) {
    tracing::error!(application, %error, help = error.help_text().unwrap_or_default(), "{what}");
    error.diagnostics().iter().for_each(|fault| tracing::error!(application, "{fault}"));
}

/// One line for each thing that was done or went wrong.
fn log(application: &str, event: &Event) {
    match event {
        Event::Applied { key, action } => tracing::info!(application, %key, %action, "applied"),
        Event::Failed { key, error, help, unknown } => {
            tracing::warn!(application, %key, error, unknown, help, "failed");
        }
        Event::Blocked { key, obstacle, reason } => {
            tracing::warn!(application, %key, %obstacle, reason, "blocked");
        }
        Event::Unblocked { key, .. } => tracing::info!(application, %key, "no longer blocked"),
        Event::Waiting { key, reason } => tracing::info!(application, %key, reason, "waiting"),
        Event::Postponed { reason, help } => {
            tracing::info!(application, reason, help, "what is new is not taken up yet");
        }
        Event::Warned { warning } => tracing::warn!(application, %warning, "warned"),
        Event::ReconcileFailed { error, help, diagnostics } => {
            tracing::error!(application, error, help, "the reconciliation failed");
            for fault in diagnostics {
                tracing::error!(application, %fault, "a fault in what is declared");
            }
        }
        _ => {}
    }
}

/// One line for each thing that was done on a forge or went wrong there.
pub fn log_of_server(event: &ServerEvent) {
    match event {
        ServerEvent::Reviewed { repository, request, head, outcome, comment, statuses, .. } => {
            tracing::info!(repository, request, head, outcome, comment, statuses, "reviewed");
        }
        ServerEvent::Superseded { repository, request, commit, description, .. } => {
            tracing::info!(repository, request, commit, description, "pending statuses ended");
        }
        ServerEvent::Commanded { repository, request, by, command, done, answer, .. } => {
            tracing::info!(repository, request, by, command, done, answer, "commanded");
        }
        ServerEvent::Told { repository, application, commit, state, description } => {
            tracing::info!(repository, application, commit, state, description, "told");
        }
        ServerEvent::Drift { repository, application, objects } => {
            tracing::info!(repository, application, objects, "the issue about drift was written");
        }
        ServerEvent::Promotion { repository, application, request, description } => {
            tracing::info!(repository, application, request, description, "promotion");
        }
        ServerEvent::ReviewFailed { repository, request, error } => {
            tracing::warn!(repository, request, error, "not reviewed");
        }
        ServerEvent::PollFailed { repository, error } => {
            tracing::warn!(repository, error, "the requests could not be asked for");
        }
        ServerEvent::TellFailed { repository, application, error } => {
            tracing::warn!(repository, application, error, "the forge could not be told");
        }
        _ => {}
    }
}
