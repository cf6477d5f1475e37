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

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use gitops_app::config::{Applications, Config, HomeConfig};
use gitops_app::{Backends, Clusters, Inputs, Refused, Reloaded};
use gitops_core::{Cx, Digest, Error, Result, Supervisor};
use gitops_k8s::Connection;
use gitops_server::Server;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use cli::Options;
use work::{Configured, Groups, Turns, Work};

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
    let applications = load(options)?;
    tracing::info!(%address, applications = names(&applications).join(","), "listening");
    // Before anything is opened: what changes after that is noticed.
    let (inputs, reach) = (Inputs::of(&applications), reach(options));
    let cluster = connection(options).connect(cx).await?;
    let (options, supervisor) = (options.clone(), Arc::new(Supervisor::new(AT_ONCE)));
    let mut work = Work {
        options,
        cluster,
        clusters,
        server,
        supervisor: supervisor.clone(),
        turns: Turns::default(),
        refused: Arc::new(watch::Sender::new(None)),
    };
    let first = work.prepare(cx, applications, &inputs)?;
    let kept = async {
        let ended = keep(cx, &mut work, first, (inputs, reach)).await;
        cx.cancel();
        ended
    };
    let (ended, ()) = tokio::join!(kept, supervisor.run(cx));
    ended
}

/// How many applications plan at once.
const AT_ONCE: usize = 16;

/// Keeps all groups at work at once, while the configuration changes. Whoever a change does not concern goes on and notices nothing of it.
async fn keep(
    cx: &Cx,
    work: &mut Work,
    mut configured: Configured,
    (mut inputs, mut at): (Inputs, Digest),
) -> Result<()> {
    let (mut groups, mut first_error) = (Groups::new(), Ok(()));
    let mut former = BTreeSet::new();
    work.take(cx, &mut groups, &configured, (&inputs, at))?;
    loop {
        let ended = tokio::select! {
            biased;
            ended = groups.next() => ended,
            reloaded = reloaded(cx, work, &inputs) => {
                let (mut usable, now) = (reloaded.usable, reach(&work.options));
                if now != at {
                    // What was carried out on forges is remembered in that cluster.
                    match reconnected(cx, work, usable.applications, &reloaded.inputs).await {
                        Ok(anew) => (usable, at) = (anew, now),
                        // It is looked at again.
                        Err(error) => {
                            kept(cx, work, error);
                            continue;
                        }
                    }
                }
                former.extend(configured.applications.all.iter().map(|config| config.name.clone()));
                tell_of_change((&configured, &inputs), (&usable, &reloaded.inputs));
                (configured, inputs) = (usable, reloaded.inputs);
                work.take(cx, &mut groups, &configured, (&inputs, at))?;
                continue;
            }
        };
        match ended {
            None => return first_error,
            Some((_, ended, _)) => {
                // Whose group has ended with it says nothing any more of how it stands.
                let left = former.iter().filter(|name| configured.applications.named(name).is_err());
                left.for_each(|name| work.server.metrics().forget(name));
                first_error = first_error.and(ended.inspect_err(|_: &Error| cx.cancel()));
            }
        }
    }
}

async fn reloaded(cx: &Cx, work: &Work, inputs: &Inputs) -> Reloaded<Configured> {
    let usable = |applications, inputs: &Inputs| work.prepare(cx, applications, inputs);
    inputs.reloaded(cx, || load(&work.options), usable, |error| kept(cx, work, error)).await
}

fn kept(cx: &Cx, work: &Work, error: Error) {
    work.server.configured(false);
    work.refused.send_replace(Some(Refused::new(cx.now(), None)));
    tell(&error.with("configuration", "the one before is kept"));
}

/// The configuration with the cluster of the state as its kubeconfig says it now.
async fn reconnected(
    cx: &Cx,
    work: &mut Work,
    applications: Applications,
    inputs: &Inputs,
) -> Result<Configured> {
    let connected = connection(&work.options).connect(cx).await;
    work.cluster =
        connected.map_err(|error| error.with("cluster of the state", "it is reached as before"))?;
    work.prepare(cx, applications, inputs)
}

/// How the cluster of the state is reached: what its kubeconfig says, and the certificates that it names.
fn reach(options: &Options) -> Digest {
    let held = |path: PathBuf| {
        let digest = std::fs::read(&path).ok().map(|bytes| Digest::of(&bytes));
        (path, digest)
    };
    let held: Vec<_> = connection(options).files().into_iter().map(held).collect();
    Digest::of(format!("{held:?}").as_bytes())
}

fn tell_of_change((before, former): (&Configured, &Inputs), (after, inputs): (&Configured, &Inputs)) {
    let (before, after) = (&before.applications, &after.applications);
    for name in names(before).into_iter().filter(|name| after.named(name).is_err()) {
        tracing::warn!(
            application = name,
            "left the configuration: what it owns stays, and nothing is deleted"
        );
    }
    let differs = |config: &&Config| {
        before.named(&config.name).map_or(true, |other| former.mark(other) != inputs.mark(config))
    };
    let differ: Vec<&str> = after.all.iter().filter(differs).map(|config| config.name.as_str()).collect();
    tracing::info!(
        applications = names(after).join(","),
        differ = differ.join(","),
        "the configuration changed and is taken over"
    );
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
