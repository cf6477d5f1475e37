//! What a controller keeps at work: applications, and the change requests of their repositories.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use gitops_app::Clusters;
use gitops_app::config::{Applications, Config};
use gitops_app::rollback::Watch;
use gitops_core::{Cx, Error, ErrorKind, Result, Supervisor};
use gitops_k8s::{Cluster, ClusterLease, ClusterStore};
use gitops_server::{ApplicationMetrics, Server};
use tokio::task::JoinSet;

use crate::cli::Options;
use crate::group::{Group, groups};
use crate::{application, leader};

/// The folder of full plans in that of the mirrors, and what was carried out on forges in a namespace. No application can have
/// its name.
const SERVER: &str = "~server";

/// How many applications plan at once.
const AT_ONCE: usize = 16;

/// What all of it works with.
#[derive(Clone)]
pub struct Work {
    pub options: Arc<Options>,
    pub cluster: Cluster,
    pub clusters: Clusters,
    pub server: Server,
}

impl Work {
    /// Keeps all applications at work at once. Who lost a lease may still have something under way: then all of them end, and
    /// the process with them. Nothing else ends them.
    pub async fn keep_all(&self, cx: &Cx, applications: &Applications) -> Result<()> {
        let Self { options, cluster, server, .. } = self;
        let following = server.follow_kept(
            cx,
            applications,
            &applications.all,
            &options.state.join(SERVER),
            |config| Ok(Arc::new(ClusterStore::new(cluster.clone(), options.namespace_of(config)?, SERVER))),
        )?;
        let supervisor = Arc::new(Supervisor::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for group in groups(applications.all.clone(), following.each()) {
            group.warn_of_needs_elsewhere();
            let (work, cx, supervisor) = (self.clone(), cx.clone(), supervisor.clone());
            tasks.spawn(async move { work.keep_group(&cx, &supervisor, group).await });
        }
        let groups = async {
            let ended = first_error(cx, tasks).await;
            cx.cancel();
            ended
        };
        let (ended, ()) = tokio::join!(groups, supervisor.run(cx));
        ended
    }

    /// Keeps the applications of a group at work and reviews the requests of its repositories, while the leases of the group are
    /// held: one process speaks on a forge, and it is the one whose engines are at work; and one process knows how far the
    /// applications are that others need.
    async fn keep_group(&self, cx: &Cx, supervisor: &Supervisor, group: Group) -> Result<()> {
        let Self { options, cluster, .. } = self;
        let namespace = options.namespace_of(&group.members[0])?;
        let names = group.leases(options.application.as_deref());
        let leases: Vec<ClusterLease> =
            names.into_iter().map(|name| ClusterLease::new(cluster.clone(), namespace, name)).collect();
        let group = &group;
        let all = cx;
        let work = move |cx: Cx| {
            async move {
                let keep = async |config| {
                    let ended = self.keep(&cx, supervisor, config, group.needs(config)).await;
                    // The end of one with an error is that of all.
                    ended.inspect_err(|_| all.cancel())
                };
                let kept = join_all(group.members.iter().map(keep));
                let reviews = join_all(group.followed.iter().map(|followed| followed.run(&cx)));
                let (kept, _) = tokio::join!(kept, reviews);
                kept.into_iter().find(Result::is_err).unwrap_or(Ok(()))
            }
            .boxed()
        };
        leader::while_leading_all(cx.clone(), &leases, &options.identity, Box::new(work)).await
    }

    /// Keeps an application at work whenever its lease is held. An engine that can't go on gives the lease up: another process may
    /// have what this one lacks, and here it is opened anew, from what the cluster knows.
    async fn keep(&self, cx: &Cx, supervisor: &Supervisor, config: &Config, needs: Vec<&str>) -> Result<()> {
        let Self { options, cluster, server, .. } = self;
        let metrics = server.metrics().of(&config.name);
        let namespace = options.namespace_of(config)?;
        let lease = ClusterLease::new(cluster.clone(), namespace, format!("gitops-{}", config.name));
        let mut kept = Ok(());
        while !cx.is_cancelled() {
            let mut ended = None;
            let is_held_elsewhere = || server.board().leave(&config.name);
            kept =
                leader::while_leading(cx, &lease, &options.identity, is_held_elsewhere, async |grant, cx| {
                    metrics.leads(true);
                    let folder = options.state.join(&config.name).join(format!("grant-{}", grant.epoch));
                    let work = self.keep_held(&cx, supervisor, config, &needs, folder, metrics.clone());
                    let worked = AssertUnwindSafe(Box::pin(work)).catch_unwind().await;
                    let panicked = || Err(Error::new(ErrorKind::Internal, "what keeps it at work panicked"));
                    ended = worked.unwrap_or_else(|_| panicked()).err();
                    Ok(())
                })
                .await;
            metrics.leads(false);
            let Some(error) = ended.filter(|_| kept.is_ok()) else { break };
            server.board().end(&config.name);
            server.metrics().not_opened(&config.name);
            application::tell("its engine has ended, and it is opened again", &config.name, &error);
            if cx.sleep(config.sync.interval).await.is_err() {
                break;
            }
        }
        server.board().leave(&config.name);
        kept
    }

    /// Works with an application until it is asked to stop. One that can't be opened, because its target is away or a program is
    /// missing, is tried again.
    ///
    /// # Errors
    /// Why its engine can't go on: its state is lost, or what this machine has of it is damaged.
    async fn keep_held(
        &self,
        cx: &Cx,
        supervisor: &Supervisor,
        config: &Config,
        needs: &[&str],
        folder: PathBuf,
        metrics: Arc<ApplicationMetrics>,
    ) -> Result<()> {
        let Self { options, cluster, clusters, server } = self;
        let (mut told, name) = (None, &config.name);
        let namespace = options.namespace_of(config)?;
        server.board().expect(name);
        let session = loop {
            let opening =
                application::open(cx, namespace, config, (cluster, clusters), metrics.clone(), &folder);
            match opening.await {
                Ok(session) => break session,
                Err(_) if cx.is_cancelled() => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Corrupt => return Err(error),
                Err(error) => {
                    server.board().fail(name);
                    server.metrics().not_opened(name);
                    let text = error.with_help();
                    if told.as_ref() != Some(&text) {
                        application::tell("can't be opened, and is tried again", name, &error);
                    }
                    told = Some(text);
                }
            }
            if cx.sleep(config.sync.interval).await.is_err() {
                return Ok(());
            }
        };
        let handle = supervisor.add(session.engine, needs, config.sync.interval)?;
        let _seat = Seat { supervisor, name };
        server.board().open(name, handle.clone());
        let watch = Watch::new(cx, config, handle, None);
        let watched = async {
            watch.run(cx, |step| tracing::warn!(application = name, "{step}")).await;
            std::future::pending().await
        };
        tokio::select! {
            ended = supervisor.ended_of(name) => ended,
            ended = watched => ended,
            () = cx.cancelled() => supervisor.remove(name).await,
        }
    }
}

/// The place of an application among those that are at work. It ends with the lease: an engine that has not stopped by then is
/// ended where it is.
struct Seat<'a> {
    supervisor: &'a Supervisor,
    name: &'a str,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        // It was added, and nobody else takes it out.
        let _ = self.supervisor.abandon(self.name);
    }
}

/// Waits for all; the first error ends the others.
async fn first_error(cx: &Cx, mut tasks: JoinSet<Result<()>>) -> Result<()> {
    let mut first = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, error.to_string())));
        if ended.is_err() {
            cx.cancel();
            first = first.and(ended);
        }
    }
    first
}
