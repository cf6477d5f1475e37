//! Where an application keeps what it must not forget: its state folder, or a namespace of a cluster.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use gitops_core::{
    AuditLog, AuditRecord, AuditReport, Cx, Document, Error, ErrorKind, FileAuditLog, Result, SecretKey,
    State, StateDir, StateStore, StoreAudit, StoreAuditLog, Stored, Version, async_trait,
};
use gitops_k8s::{Cluster, ClusterLease, ClusterStore};

use crate::config::{Config, HomeConfig};
use crate::targets::kubernetes::{reach, trusting};

/// Where an application keeps what it must not forget, if that is not the state folder alone: in a cluster, say.
pub struct Home {
    /// Documents, journal and audit log.
    pub state: State,
    /// How the audit log is read; as that of the state folder if nothing.
    pub audit_log: Option<Arc<dyn AuditLog>>,
    /// The key under which secrets are compared.
    pub secrets: SecretKey,
    /// Where is kept what is known of Terraform roots, and the states of those that name no place of their own; in the state
    /// folder if nothing.
    pub root_states: Option<RootStates>,
    /// Whether an engine may go on from the documents alone: see [`EngineBuilder::recover_from_store`](gitops_core::EngineBuilder::recover_from_store).
    pub recover_from_store: bool,
}

/// Gives the store of a target's roots, by the target's name.
pub type RootStates = Arc<dyn Fn(&str) -> Arc<dyn StateStore> + Send + Sync>;

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").field("recover_from_store", &self.recover_from_store).finish_non_exhaustive()
    }
}

/// The state of an application in a namespace of a cluster: documents, audit log, and the states of roots that name no place of
/// their own.
///
/// Who works with it holds the application's lease and has a folder for the journal of that grant ([`held`](Self::held)). Anybody
/// else who may read the namespace's secrets sees it ([`Session`](crate::session::Session) with a `state:` in a cluster), and asks
/// who works with it.
#[derive(Clone)]
pub struct ClusterState {
    cluster: Cluster,
    namespace: String,
    application: String,
}

impl fmt::Debug for ClusterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, application, .. } = self;
        f.debug_struct("ClusterState")
            .field("namespace", namespace)
            .field("application", application)
            .finish_non_exhaustive()
    }
}

impl ClusterState {
    /// The state of an application in a namespace that is there.
    pub fn new(cluster: Cluster, namespace: impl Into<String>, application: impl Into<String>) -> Self {
        Self { cluster, namespace: namespace.into(), application: application.into() }
    }

    /// The cluster that the configuration names for the state; nothing if the state is in a folder.
    ///
    /// # Errors
    /// Whatever keeps the cluster from being reached.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn of(cx: &Cx, config: &Config) -> Result<Option<Self>> {
        let Some(home) = &config.home else { return Ok(None) };
        let HomeConfig { kubeconfig, context, impersonate, allow_exec, allow_insecure, namespace } = home;
        let connection = reach(kubeconfig.as_deref(), context.as_deref(), impersonate.as_deref());
        let cluster = trusting(connection, *allow_exec, *allow_insecure).connect(cx).await;
        let cluster = cluster.map_err(|error| error.with("state", place(home)))?;
        Ok(Some(Self::new(cluster, namespace, &config.name)))
    }

    /// The documents.
    pub fn store(&self) -> Arc<dyn StateStore> {
        Arc::new(ClusterStore::new(self.cluster.clone(), &self.namespace, &self.application))
    }

    /// The lease of who works with it.
    pub fn lease(&self) -> ClusterLease {
        ClusterLease::new(self.cluster.clone(), &self.namespace, format!("gitops-{}", self.application))
    }

    /// The audit log, to be read.
    pub fn audit_log(&self) -> Arc<dyn AuditLog> {
        let place = format!("the secrets of the namespace {}", self.namespace);
        let application = self.application.clone();
        let store = self.store();
        let names = vec![application.clone()];
        let log = InCluster { log: StoreAuditLog::new(Arc::clone(&store), place), store, application };
        Arc::new(Own { log, names })
    }

    /// The state for who works with it: for as long as its lease is held, with the journal of that grant in a folder.
    ///
    /// # Errors
    /// `Corrupt` if the audit log or the key of secrets is damaged; those of the cluster.
    ///
    /// # Cancel safety
    /// A dropped call may have made the key of secrets.
    pub async fn held(&self, cx: &Cx, folder: StateDir) -> Result<Home> {
        let store = self.store();
        let audit = Arc::new(StoreAudit::open(cx, Arc::clone(&store)).await?);
        Ok(Home {
            secrets: SecretKey::kept_in(cx, &*store).await?,
            state: State::from(folder).with_store(store).with_audit(audit),
            audit_log: Some(self.audit_log()),
            root_states: Some(self.root_states()),
            recover_from_store: true,
        })
    }

    /// The state for who only looks, and whether there is one. The journal is with who works.
    pub(crate) async fn seen(&self, cx: &Cx) -> Result<(Home, bool)> {
        let store: Arc<dyn StateStore> = Arc::new(Seen(self.store()));
        let secrets = SecretKey::found_in(cx, &*store).await?;
        let has_state = secrets.is_some();
        let state = State::in_memory().with_store(store);
        let home = Home {
            state,
            audit_log: Some(self.audit_log()),
            secrets: secrets.unwrap_or_else(|| SecretKey::new(cx.random_bytes())),
            root_states: Some(self.root_states()),
            recover_from_store: true,
        };
        Ok((home, has_state))
    }

    fn root_states(&self) -> RootStates {
        let Self { cluster, namespace, application } = self.clone();
        Arc::new(move |target| {
            let name = format!("{application}/roots/{target}");
            Arc::new(ClusterStore::new(cluster.clone(), &namespace, name))
        })
    }
}

/// The audit log of an application, wherever its configuration keeps it.
///
/// # Errors
/// Whatever keeps the cluster from being reached, if it keeps the state.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn audit_log(cx: &Cx, config: &Config) -> Result<Arc<dyn AuditLog>> {
    Ok(match ClusterState::of(cx, config).await? {
        Some(cluster) => cluster.audit_log(),
        None => of_folder(config),
    })
}

/// The audit log in the state folder.
fn of_folder(config: &Config) -> Arc<dyn AuditLog> {
    of_folder_renamed(config, None)
}

fn audit_path(config: &Config) -> PathBuf {
    match StateDir::peek(&config.state) {
        Ok(peek) => peek.audit_path(),
        Err(_) => config.state.join("audit.jsonl"),
    }
}

/// The audit log of an application that is being renamed: what it says of the application under its former name is its own.
pub(crate) fn of_folder_renamed(config: &Config, former: Option<&str>) -> Arc<dyn AuditLog> {
    let log = InFolder { log: FileAuditLog::new(audit_path(config)), config: config.clone() };
    let names = std::iter::once(config.name.as_str()).chain(former).map(str::to_owned).collect();
    Arc::new(Own { log, names })
}

/// Only who holds the lease of the application writes its state.
pub(crate) fn locked(config: &Config) -> Error {
    let place = config.home.as_ref().map(place).unwrap_or_default();
    let message = format!("the state of `{}` is in {place}, and its controller works with it", config.name);
    Error::new(ErrorKind::Locked, message).help(
        "commit what is to change; `approve`, `reject`, `suspend`, `resume --yes`, `sync`, `release`, `confirm`, `audit restart --yes` and \
         `rollback --yes` ask the controller",
    )
}

fn place(home: &HomeConfig) -> String {
    match &home.context {
        Some(context) => format!("the namespace {} of the cluster of context {context}", home.namespace),
        None => format!("the namespace {} of the cluster", home.namespace),
    }
}

/// A store for who only looks: nothing may be written by mistake.
struct Seen(Arc<dyn StateStore>);

#[async_trait]
impl StateStore for Seen {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.0.load(cx, name).await
    }

    async fn swap(&self, _: &Cx, name: &str, _: Option<&Version>, _: Document) -> Result<Version> {
        Err(Error::new(ErrorKind::Unsupported, "the state was opened to be read only").with("document", name))
    }

    fn is_shared(&self) -> bool {
        self.0.is_shared()
    }
}

/// A log of which nothing is told if it ends as another application's: somebody put that in the place of ours.
struct Own<L> {
    log: L,
    /// What the application is called, and was until now.
    names: Vec<String>,
}

impl<L: AuditLog> Own<L> {
    fn check(&self, found: Option<&str>) -> Result<()> {
        let Some(found) = found.filter(|found| !self.names.iter().any(|name| name == found)) else {
            return Ok(());
        };
        let message = format!("the audit log is that of `{found}`, and not of `{}`", self.names[0]);
        Err(Error::new(ErrorKind::NotOwned, message).with("place", self.place()).help(
            "find out who put it there, and put the application's own back from a backup; a renamed application says so: `--renamed-from`",
        ))
    }
}

#[async_trait]
impl<L: AuditLog> AuditLog for Own<L> {
    fn place(&self) -> String {
        self.log.place()
    }

    async fn each(&self, cx: &Cx, take: &mut (dyn FnMut(AuditRecord) -> Result<()> + Send)) -> Result<()> {
        let mut last = None;
        let noted = &mut |record: AuditRecord| {
            if last.as_ref() != Some(&record.entry.application) {
                last = Some(record.entry.application.clone());
            }
            take(record)
        };
        self.log.each(cx, noted).await?;
        self.check(last.as_deref())
    }

    async fn newest(&self, cx: &Cx, limit: usize) -> Result<Vec<AuditRecord>> {
        let found = self.log.newest(cx, limit).await?;
        self.check(found.last().map(|record| record.entry.application.as_str()))?;
        Ok(found)
    }

    async fn verify(&self, cx: &Cx) -> Result<AuditReport> {
        self.log.verify(cx).await
    }
}

/// The log of the state folder: it goes on from what the journal knows of it.
struct InFolder {
    log: FileAuditLog,
    config: Config,
}

#[async_trait]
impl AuditLog for InFolder {
    fn place(&self) -> String {
        self.log.place()
    }

    async fn each(&self, cx: &Cx, take: &mut (dyn FnMut(AuditRecord) -> Result<()> + Send)) -> Result<()> {
        self.log.each(cx, take).await
    }

    async fn newest(&self, cx: &Cx, limit: usize) -> Result<Vec<AuditRecord>> {
        self.log.newest(cx, limit).await
    }

    async fn verify(&self, cx: &Cx) -> Result<AuditReport> {
        StateDir::peek(&self.config.state)?.verify_audit(cx, &self.config.name).await
    }
}

/// The log in a cluster.
struct InCluster {
    log: StoreAuditLog,
    store: Arc<dyn StateStore>,
    application: String,
}

#[async_trait]
impl AuditLog for InCluster {
    fn place(&self) -> String {
        self.log.place()
    }

    async fn each(&self, cx: &Cx, take: &mut (dyn FnMut(AuditRecord) -> Result<()> + Send)) -> Result<()> {
        self.log.each(cx, take).await
    }

    async fn newest(&self, cx: &Cx, limit: usize) -> Result<Vec<AuditRecord>> {
        self.log.newest(cx, limit).await
    }

    async fn verify(&self, cx: &Cx) -> Result<AuditReport> {
        // What is noted is read first: a log that the controller writes may only be ahead of it.
        let noted = State::audited(cx, &self.store).await?;
        let report = self.log.verify(cx).await?;
        if let Some(position) = noted {
            self.log.holds(cx, &position).await?;
        }
        match report.application.as_deref() {
            Some(found) if found == self.application => Ok(report),
            Some(found) => {
                let message = format!("this is the audit log of `{found}`, and not of `{}`", self.application);
                Err(Error::new(ErrorKind::NotOwned, message).help("name the namespace of the application's state"))
            }
            None => Err(Error::new(ErrorKind::NotFound, "there is no audit log")
                .with("place", self.place())
                .help("it is begun by the first change; name the namespace in which the controller keeps its state")),
        }
    }
}
