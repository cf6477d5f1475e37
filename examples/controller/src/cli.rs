//! The command line of the controller.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Keeps targets equal to what Git repositories declare, as a configuration says.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Options {
    /// The configuration: a file as the `gitops` command reads it, or a folder of such files.
    #[arg(short, long, env = "GITOPS_FILE", default_value = "/etc/gitops/gitops.yaml")]
    pub file: PathBuf,
    /// One application of the configuration; without it, all of them.
    #[arg(short, long, env = "GITOPS_APPLICATION")]
    pub application: Option<String>,
    /// The namespace of the leases and of the state.
    #[arg(long, env = "GITOPS_HOME")]
    pub home: String,
    /// The folder of mirrors and journals, instead of those that the configuration names; what is lost with it is found
    /// again in the cluster.
    #[arg(long, env = "GITOPS_STATE")]
    pub state: PathBuf,
    /// The kubeconfig of the cluster that holds leases and state; without it, the pod's service account.
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Where health and metrics are asked for.
    #[arg(long, env = "GITOPS_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// This process among the controllers of the leases.
    #[arg(long, env = "HOSTNAME", default_value = "controller")]
    pub identity: String,
}
