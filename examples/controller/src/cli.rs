//! The command line of the controller.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use gitops_app::config::Config;
use gitops_core::{Error, ErrorKind, Result};

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
    /// The namespace of the leases and of the state, for applications whose `state:` names none.
    #[arg(long, env = "GITOPS_HOME")]
    pub home: Option<String>,
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
    /// How many programs run at once, over all applications: git, helm, kustomize, tofu. The apply of a root counts until it ends.
    #[arg(long, env = "GITOPS_PROGRAMS", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub programs: u16,
    /// This process among the controllers of the leases.
    #[arg(long, env = "HOSTNAME", default_value = "controller")]
    pub identity: String,
}

impl Options {
    /// The namespace of an application's lease and state: the one that its file names, so that who reads the file finds it.
    ///
    /// # Errors
    /// `Invalid` if nobody names one, or two are named.
    pub fn namespace_of<'o>(&'o self, config: &'o Config) -> Result<&'o str> {
        let refuse = |message: String, help: &str| Err(Error::new(ErrorKind::Invalid, message).help(help));
        match (config.home.as_ref().map(|home| home.namespace.as_str()), self.home.as_deref()) {
            (Some(named), Some(home)) if named != home => refuse(
                format!("`{}` has its state in the namespace {named}, and `--home` says {home}", config.name),
                "leave `--home` out, or name the same namespace",
            ),
            (Some(named), _) => Ok(named),
            (None, Some(home)) => Ok(home),
            (None, None) => refuse(
                format!("nobody says in which namespace the state of `{}` is", config.name),
                "write `state: { kubernetes: { namespace: gitops-system } }`, or give `--home`",
            ),
        }
    }
}
