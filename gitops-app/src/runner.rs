//! Who works with an application.

use gitops_core::{StateHolder, Time};
use gitops_k8s::{ClusterLease, LeaseHolder};
use serde::Serialize;

/// Who works with an application: the process that has its state folder, or who holds its lease in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Runner {
    /// The process and its command, or the holder and the lease.
    pub by: String,
    /// Since when.
    pub since: Option<Time>,
    /// When the lease was renewed last, by the holder's clock; nothing of a process that has a folder, which is there now.
    pub renewed: Option<Time>,
}

impl Runner {
    pub(crate) fn of_folder(holder: StateHolder) -> Self {
        let StateHolder { pid, since, command, .. } = holder;
        let process = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
        let by = command.map_or_else(|| process.clone(), |command| format!("{process} ({command})"));
        Self { by, since, renewed: None }
    }

    pub(crate) fn of_lease(lease: &ClusterLease, holder: LeaseHolder) -> Self {
        let LeaseHolder { holder, since, renewed, .. } = holder;
        Self { by: format!("{holder} (lease {})", lease.name()), since, renewed }
    }
}
