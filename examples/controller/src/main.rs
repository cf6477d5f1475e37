//! A reference deployment: a controller that keeps targets equal to what Git repositories declare.
//!
//! It reads the file of the `gitops` command, and does everything that the file can say. Several may run: one holds the lease
//! of an application and works, the others wait for it. The inventory lives in the cluster, so a controller on another
//! machine goes on where the last one was cut off. A configuration or a mounted secret that changes is taken over without a
//! restart. Where the file names a `forge`, the one that leads also reviews change requests, as `gitops serve` does. `deploy/` has
//! its container file and manifests.

mod application;
mod cli;
mod group;
mod leader;
mod work;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use gitops_app::config::{Applications, HomeConfig};
use gitops_app::{Backends, Clusters, Inputs};
use gitops_core::{Cx, Error, Result};
use gitops_k8s::Connection;
use gitops_server::Server;
use tokio::signal::unix::{SignalKind, signal};

use cli::Options;
use work::Work;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let options = Arc::new(Options::parse());
    let cx = Cx::system().with_programs(options.programs.into());
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
    let clusters = Clusters::new();
    let server = Server::new(cx, application::log_of_server).sharing(clusters.clone());
    let address = server.listen(cx, options.listen).await?;
    let mut applications = load(options)?;
    tracing::info!(%address, applications = names(&applications).join(","), "listening");
    let cluster = connection(options).connect(cx).await?;
    let mut work = Work { options: options.clone(), cluster, clusters, server };
    // A forge that can't be opened is found while what was there before is at work.
    let usable = |applications: Applications| Server::check(cx, &applications.all).map(|()| applications);
    loop {
        let inner = cx.child();
        let mut working = Box::pin(work.keep_all(&inner, &applications));
        let inputs = Inputs::of(&applications);
        let reloaded = tokio::select! {
            ended = &mut working => return ended,
            reloaded = inputs.reloaded(cx, || load(options), usable, kept) => reloaded,
        };
        inner.cancel();
        working.await?;
        // The kubeconfig is one of the inputs.
        match connection(options).connect(cx).await {
            Ok(cluster) => work.cluster = cluster,
            Err(error) => tell(&error.with("cluster of the state", "it is reached as before")),
        }
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

/// The copies of repositories, for all applications. None can have this name.
const MIRRORS: &str = "~mirrors";

/// The applications that this process works with, their states in the cluster, and the rest below the folder of mirrors. Whoever
/// looks at one reaches the cluster as this process does, and not as people with the same file.
fn load(options: &Options) -> Result<Applications> {
    let mut applications = Applications::load(&options.file, &Backends::new())?;
    if let Some(name) = &options.application {
        applications.all = vec![applications.named(name)?.clone()];
    }
    for config in &mut applications.all {
        let namespace = options.namespace_of(config)?.to_owned();
        config.state = options.state.join(&config.name);
        config.mirrors = options.state.join(MIRRORS);
        config.others = vec![options.state.clone()];
        config.home = Some(HomeConfig {
            namespace,
            kubeconfig: options.kubeconfig.clone(),
            context: None,
            impersonate: None,
            allow_exec: false,
            allow_insecure: false,
        });
    }
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
