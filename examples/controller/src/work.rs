//! What a controller keeps at work: applications, and the change requests of their repositories.

use std::sync::Arc;

use gitops_app::Clusters;
use gitops_app::config::{Applications, Config};
use gitops_app::rollback::Watch;
use gitops_core::{Cx, Digest, Error, ErrorKind, Result};
use gitops_k8s::{Cluster, ClusterLease, ClusterStore};
use gitops_server::{Followed, Server};
use tokio::task::JoinSet;

use crate::cli::Options;
use crate::{application, leader};

/// The folder of full plans in that of the mirrors, and what was carried out on forges in a namespace. No application can have
/// its name.
const SERVER: &str = "~server";

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
    /// the process with them.
    pub async fn keep_all(&self, cx: &Cx, applications: &Applications) -> Result<()> {
        let Self { options, cluster, server, .. } = self;
        let following = server.follow_kept(
            cx,
            applications,
            &applications.all,
            &options.state.join(SERVER),
            |config| Ok(Arc::new(ClusterStore::new(cluster.clone(), options.namespace_of(config)?, SERVER))),
        )?;
        let (mut tasks, mut alone) = (JoinSet::new(), applications.all.clone());
        for followed in following.each() {
            let is_of = |config: &Config| followed.applications().contains(&config.name);
            let (members, others) = alone.into_iter().partition(is_of);
            alone = others;
            let (work, cx) = (self.clone(), cx.clone());
            tasks.spawn(async move { work.keep_repository(&cx, members, &followed).await });
        }
        self.keep_each(cx, alone, &mut tasks);
        first_error(cx, tasks).await
    }

    /// Keeps the applications of one repository at work and reviews its requests, while the lease of the repository is held: one
    /// process speaks on a forge, and it is the one whose engines are at work.
    async fn keep_repository(&self, cx: &Cx, members: Vec<Config>, followed: &Followed) -> Result<()> {
        let Self { options, cluster, .. } = self;
        let namespace = options.namespace_of(&members[0])?;
        let lease = ClusterLease::new(cluster.clone(), namespace, self.lease_of(followed));
        leader::while_leading(cx, &lease, &options.identity, async |_, cx| {
            let mut tasks = JoinSet::new();
            self.keep_each(&cx, members, &mut tasks);
            let (ended, ()) = tokio::join!(first_error(&cx, tasks), followed.run(&cx));
            ended
        })
        .await
    }

    /// A controller of one application speaks for that one alone.
    fn lease_of(&self, followed: &Followed) -> String {
        let one = self.options.application.as_deref().unwrap_or_default();
        let name = format!("{} {one}", followed.name());
        format!("gitops-forge-{}", &Digest::of(name.as_bytes()).to_string()[..16])
    }

    fn keep_each(&self, cx: &Cx, configs: Vec<Config>, tasks: &mut JoinSet<Result<()>>) {
        for config in configs {
            let (work, cx) = (self.clone(), cx.clone());
            tasks.spawn(async move { work.keep(&cx, &config).await });
        }
    }

    /// Keeps an application at work while its lease is held.
    async fn keep(&self, cx: &Cx, config: &Config) -> Result<()> {
        let Self { options, cluster, clusters, server } = self;
        let metrics = server.metrics().of(&config.name);
        let namespace = options.namespace_of(config)?;
        let lease = ClusterLease::new(cluster.clone(), namespace, format!("gitops-{}", config.name));
        let worked = leader::while_leading(cx, &lease, &options.identity, async |grant, cx| {
            metrics.leads(true);
            server.board().expect(&config.name);
            let events = metrics.clone();
            let opened = application::open(&cx, namespace, config, (cluster, clusters), events, grant.epoch);
            let mut session = opened.await?;
            let handle = session.engine.handle();
            server.board().open(&config.name, handle.clone());
            let watch = Watch::new(&cx, config, handle, None);
            let watched = async {
                watch.run(&cx, |step| tracing::warn!(application = config.name, "{step}")).await;
                std::future::pending().await
            };
            tokio::select! {
                ended = session.engine.run(&cx, config.sync.interval) => ended,
                ended = watched => ended,
            }
        })
        .await;
        server.board().leave(&config.name);
        metrics.leads(false);
        worked
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
