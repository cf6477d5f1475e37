//! The connections to clusters that applications share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::process::fs;
use gitops_core::{Cx, Digest, Result};
use gitops_k8s::{Cluster, Connection, WeakCluster};

use crate::config::KubernetesConfig;

/// How large a kubeconfig is, at most, for it to be told apart by what it says.
const LIMIT: u64 = 1 << 20;

/// The connections to clusters of one process.
///
/// Applications that reach a cluster in the same way, as the same identity, share its connections, the picture of the kinds that it
/// serves, and its watches: one for each kind and namespace, however many applications there are. Clones are the same. A connection
/// is closed with the last session that uses it; one whose kubeconfig says something else by now, or a certificate in it, is made anew.
#[derive(Clone, Debug, Default)]
pub struct Clusters(Arc<Mutex<BTreeMap<Reach, WeakCluster>>>);

/// How a cluster is reached, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reach {
    kubeconfig: Option<PathBuf>,
    /// What the kubeconfig says, and the certificates that it names.
    content: Vec<Option<String>>,
    context: Option<String>,
    impersonate: Option<String>,
    allow_exec: bool,
    allow_insecure: bool,
}

impl Reach {
    fn of(config: &KubernetesConfig, connection: &Connection) -> Self {
        let read = |path: PathBuf| Some(Digest::of(&fs::read(&path, LIMIT).ok().flatten()?).to_string());
        Self {
            kubeconfig: config.kubeconfig.as_ref().and_then(|path| std::path::absolute(path).ok()),
            content: connection.files().into_iter().map(read).collect(),
            context: config.context.clone(),
            impersonate: config.impersonate.clone(),
            allow_exec: config.allow_exec,
            allow_insecure: config.allow_insecure,
        }
    }
}

impl Clusters {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Reach, WeakCluster>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster that a target names, as another session uses it or connected now.
    pub(crate) async fn connect(
        &self,
        cx: &Cx,
        config: &KubernetesConfig,
        connection: Connection,
    ) -> Result<Cluster> {
        let reach = Reach::of(config, &connection);
        if let Some(cluster) = self.lock().get(&reach).and_then(WeakCluster::upgrade) {
            return Ok(cluster);
        }
        let connected = connection.connect(cx).await?;
        let mut known = self.lock();
        known.retain(|_, cluster| cluster.upgrade().is_some());
        // Another session may have connected meanwhile.
        let found = known.entry(reach).or_insert_with(|| connected.downgrade());
        Ok(found.upgrade().unwrap_or(connected))
    }
}
