//! A reference deployment: a controller that keeps a Kubernetes cluster equal to a Git repository.
//!
//! Several may run: one holds the lease and works, the others wait for it. The inventory lives in the cluster, so a
//! controller on another machine goes on where the last one was cut off. `deploy/` has its container file and manifests.

mod application;
mod cli;
mod endpoints;
mod leader;
mod metrics;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use gitops_core::{Cx, Result};
use gitops_k8s::{ClusterLease, Connection};
use tokio::signal::unix::{SignalKind, signal};

use cli::Options;
use metrics::Metrics;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let options = Options::parse();
    let cx = Cx::system();
    match run(&cx, &options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(help = error.help_text().unwrap_or_default(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cx: &Cx, options: &Options) -> Result<()> {
    stop_on_signals(cx)?;
    let metrics = Arc::new(Metrics::new(cx.clone()));
    let address = endpoints::serve(cx, options.listen, metrics.clone()).await?;
    tracing::info!(%address, application = options.application, "listening");
    let cluster = connection(options).connect(cx).await?;
    let lease = ClusterLease::new(cluster.clone(), &options.home, format!("gitops-{}", options.application));
    leader::while_leading(cx, &lease, &options.identity, &metrics, async |tenure, cx| {
        let mut engine = application::open(&cx, options, &cluster, metrics.clone(), tenure.epoch).await?;
        engine.run(&cx, std::time::Duration::from_secs(options.interval.max(1))).await
    })
    .await
}

fn connection(options: &Options) -> Connection {
    let connection = match &options.kubeconfig {
        Some(path) => Connection::kubeconfig_file(path),
        None => Connection::in_cluster(),
    };
    connection.user_agent(concat!("gitops-controller/", env!("CARGO_PKG_VERSION")))
}

/// A request to stop ends the effect under way, gives the lease up, and then the process.
fn stop_on_signals(cx: &Cx) -> Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let (mut signals, cx) = (signal(kind)?, cx.clone());
        tokio::spawn(async move {
            signals.recv().await;
            tracing::info!("stopping");
            cx.cancel();
        });
    }
    Ok(())
}
