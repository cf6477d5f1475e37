use std::path::PathBuf;

use gitops_core::{Cx, Error, ErrorKind, Result};

use super::config::{self, Origin};
use super::{Cluster, Wire};

/// How to reach a cluster, and as whom.
///
/// # Refused unless allowed
/// A kubeconfig is often handed over by somebody else, so what in it would run a program or trust anybody is
/// refused: a program that gives credentials ([`allow_exec`](Self::allow_exec)), and
/// `insecure-skip-tls-verify` or plain `http` to another machine ([`allow_insecure`](Self::allow_insecure)).
/// An `auth-provider` is always refused, as by every `kubectl` since 1.26, but for `oidc`, whose `id-token` is used.
///
/// ```no_run
/// # async fn example(cx: &gitops_core::Cx) -> gitops_core::Result<()> {
/// use gitops_k8s::Connection;
/// let cluster = Connection::kubeconfig_file("prod.kubeconfig")
///     .context("prod")
///     .impersonate("system:serviceaccount:shop:deployer")
///     .connect(cx)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Connection {
    origin: Origin,
    pub(super) context: Option<String>,
    pub(super) impersonate: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) agent: String,
    pub(super) allow_exec: bool,
    pub(super) allow_insecure: bool,
}

impl Connection {
    fn of(origin: Origin) -> Self {
        Self {
            origin,
            context: None,
            impersonate: None,
            groups: Vec::new(),
            agent: concat!("gitops-k8s/", env!("CARGO_PKG_VERSION")).to_owned(),
            allow_exec: false,
            allow_insecure: false,
        }
    }

    /// By the text of a kubeconfig.
    pub fn kubeconfig(text: impl Into<String>) -> Self {
        Self::of(Origin::Text(text.into()))
    }

    /// By a kubeconfig file.
    pub fn kubeconfig_file(path: impl Into<PathBuf>) -> Self {
        Self::of(Origin::File(path.into()))
    }

    /// As the service account of the pod that this runs in.
    pub fn in_cluster() -> Self {
        Self::of(Origin::InCluster)
    }

    /// As `kubectl` would: by `KUBECONFIG`, else by `~/.kube/config`, else as the service account of the pod.
    pub fn from_environment() -> Self {
        Self::of(Origin::Environment)
    }

    /// The kubeconfigs, named or found, with the certificates and keys that they name as files: what a connection is made from, and
    /// what another one has to be made for once it changes. A file with a token is none of them, for a connection reads that
    /// again by itself.
    pub fn files(&self) -> Vec<PathBuf> {
        config::files(&self.origin)
    }

    /// Another context of the kubeconfig than its current one.
    pub fn context(mut self, name: impl Into<String>) -> Self {
        self.context = Some(name.into());
        self
    }

    /// Acts as another user on every request. The server decides whether it may.
    pub fn impersonate(mut self, user: impl Into<String>) -> Self {
        self.impersonate = Some(user.into());
        self
    }

    /// Acts as a member of these groups too; only together with [`impersonate`](Self::impersonate).
    pub fn impersonate_groups<I: IntoIterator<Item: Into<String>>>(mut self, groups: I) -> Self {
        self.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// How the server's audit log names this program.
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = agent.into();
        self
    }

    /// Runs the program that a kubeconfig names to get credentials.
    ///
    /// It runs when the connection is made, and again shortly before the end of what it gave or when the server
    /// refuses that; at most a minute each time, as part of the call that needs it. It gets this process's
    /// environment and no input, for there is nobody to ask. A token is replaced in place; a client certificate is that
    /// of the connection: once it has run out, connect again.
    pub fn allow_exec(mut self) -> Self {
        self.allow_exec = true;
        self
    }

    /// Trusts a server without a certificate, or with any.
    pub fn allow_insecure(mut self) -> Self {
        self.allow_insecure = true;
        self
    }

    /// Makes the client. Sends nothing: a server that is down is found by the first call.
    ///
    /// # Errors
    /// `Invalid` for a kubeconfig that can't be used, `Denied` for one that asks for what is refused; both say
    /// what to change and quote nothing of the file. `Unauthenticated` or `Timeout` if a program gave no credentials.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect but to stop a program that gives credentials.
    pub async fn connect(&self, cx: &Cx) -> Result<Cluster> {
        let mut config = cx.bounded(config::load(&self.origin, self)).await.map_err(Error::outcome_known)?;
        let credentials = config::credentials(cx, &mut config).await?;
        let namespace = config.default_namespace.clone();
        let server = config.cluster_url.to_string();
        let client = kube::Client::try_from(config).map_err(|error| {
            Error::new(ErrorKind::Invalid, "no client can be made from the kubeconfig")
                .because(error)
                .help("check certificates, keys and the server's address in it")
        })?;
        Ok(Cluster::new(Wire::new(client, server, credentials), namespace))
    }
}
