//! A reference deployment: a controller that keeps targets equal to what Git repositories declare.
//!
//! It reads the file of the `gitops` command, and does everything that the file can say. Several may run: one holds the lease
//! of an application and works, the others wait for it. The inventory lives in the cluster, so a controller on another
//! machine goes on where the last one was cut off. A configuration or a mounted secret that changes is taken over without a
//! restart. `deploy/` has its container file and manifests.

mod application;
mod cli;
mod leader;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use gitops_app::config::{Applications, Config};
use gitops_app::{Backends, Clusters, Inputs};
use gitops_core::{Cx, Error, ErrorKind, Result};
use gitops_k8s::{Cluster, ClusterLease, Connection};
use gitops_server::Server;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use cli::Options;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let options = Arc::new(Options::parse());
    let cx = Cx::system();
    match run(&cx, &options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(cx: &Cx, options: &Arc<Options>) -> Result<()> {
    stop_on_signals(cx)?;
    let server = Server::new(cx, |_| {});
    let address = server.listen(cx, options.listen).await?;
    let mut applications = load(options)?;
    tracing::info!(%address, applications = names(&applications).join(","), "listening");
    let (cluster, clusters) = (connection(options).connect(cx).await?, Clusters::new());
    loop {
        let inner = cx.child();
        let mut work = Box::pin(keep_all(&inner, options, &applications.all, (&cluster, &clusters), &server));
        let reloaded = tokio::select! {
            ended = &mut work => return ended,
            reloaded = Inputs::of(&applications).reloaded(cx, || load(options), kept) => reloaded,
        };
        inner.cancel();
        work.await?;
        for name in names(&applications).into_iter().filter(|name| reloaded.named(name).is_err()) {
            tracing::warn!(
                application = name,
                "left the configuration: what it owns stays, and nothing is deleted"
            );
        }
        tracing::info!(
            applications = names(&reloaded).join(","),
            "the configuration changed and is taken over"
        );
        applications = reloaded;
    }
}

/// The applications that this process works with.
fn load(options: &Options) -> Result<Applications> {
    let mut applications = Applications::load(&options.file, &Backends::new())?;
    if let Some(name) = &options.application {
        applications.all = vec![applications.named(name)?.clone()];
    }
    applications.all.iter().try_for_each(|config| options.namespace_of(config).map(drop))?;
    Ok(applications)
}

fn names(applications: &Applications) -> Vec<&str> {
    applications.all.iter().map(|config| config.name.as_str()).collect()
}

fn kept(error: Error) {
    tell(&error.with("configuration", "the one before is kept"));
}

fn tell(error: &Error) {
    tracing::error!(help = error.help_text().unwrap_or_default(), "{error}");
    error.diagnostics().iter().for_each(|fault| tracing::error!("{fault}"));
}

/// Keeps all applications at work at once. Who lost a lease may still have something under way: then all of them end, and
/// the process with them.
async fn keep_all(
    cx: &Cx,
    options: &Arc<Options>,
    applications: &[Config],
    (cluster, clusters): (&Cluster, &Clusters),
    server: &Server,
) -> Result<()> {
    let (mut tasks, mut first) = (JoinSet::new(), Ok(()));
    for config in applications {
        let config = config.clone();
        let (cx, options, server) = (cx.clone(), options.clone(), server.clone());
        let (cluster, clusters) = (cluster.clone(), clusters.clone());
        tasks.spawn(async move { keep(&cx, &options, &config, (&cluster, &clusters), &server).await });
    }
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, error.to_string())));
        if ended.is_err() {
            cx.cancel();
            first = first.and(ended);
        }
    }
    first
}

/// Keeps an application at work while its lease is held.
async fn keep(
    cx: &Cx,
    options: &Options,
    config: &Config,
    (cluster, clusters): (&Cluster, &Clusters),
    server: &Server,
) -> Result<()> {
    let metrics = server.metrics().of(&config.name);
    let namespace = options.namespace_of(config)?;
    let lease = ClusterLease::new(cluster.clone(), namespace, format!("gitops-{}", config.name));
    let worked = leader::while_leading(cx, &lease, &options.identity, async |grant, cx| {
        metrics.leads(true);
        server.board().expect(&config.name);
        let events = metrics.clone();
        let opened = application::open(&cx, options, config, (cluster, clusters), events, grant.epoch);
        let mut session = opened.await?;
        server.board().open(&config.name, session.engine.handle());
        session.engine.run(&cx, config.sync.interval).await
    })
    .await;
    server.board().leave(&config.name);
    metrics.leads(false);
    worked
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
