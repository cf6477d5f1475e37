//! The command line of the controller.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Keeps a Kubernetes cluster equal to a Git repository.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Options {
    /// The repository's URL.
    #[arg(long, env = "GITOPS_SOURCE")]
    pub source: String,
    /// The branch that is followed.
    #[arg(long, env = "GITOPS_BRANCH", default_value = "main")]
    pub branch: String,
    /// The folder of the repository that holds manifests.
    #[arg(long, env = "GITOPS_PATH", default_value = "")]
    pub path: String,
    /// The application's name.
    #[arg(long, env = "GITOPS_APPLICATION")]
    pub application: String,
    /// The one namespace that the application may touch.
    #[arg(long, env = "GITOPS_NAMESPACE")]
    pub namespace: String,
    /// The user that the application acts as; the controller's own identity without it.
    #[arg(long, env = "GITOPS_IMPERSONATE")]
    pub impersonate: Option<String>,
    /// The namespace of the lease and the inventory.
    #[arg(long, env = "GITOPS_HOME")]
    pub home: String,
    /// The folder of mirror and journal; what is lost with it is found again in the cluster.
    #[arg(long, env = "GITOPS_STATE")]
    pub state: PathBuf,
    /// A kubeconfig; without it, the pod's service account.
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Where health and metrics are asked for.
    #[arg(long, env = "GITOPS_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Seconds between looks at the repository.
    #[arg(long, env = "GITOPS_INTERVAL", default_value_t = 60)]
    pub interval: u64,
    /// This process among the controllers of the lease.
    #[arg(long, env = "HOSTNAME", default_value = "controller")]
    pub identity: String,
}
