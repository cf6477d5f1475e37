use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::capability::{Admission, DryRun, Health, Identity, Import, Watch};
use gitops_core::{
    Applied, Change, Cx, Diagnostic, Entropy, Error, ErrorKind, GroupKind, Live, Result, Scope, SecretKey,
    System, Target, TargetInfo,
};

use crate::change::apply;
use crate::client::cluster::{Call, Cluster};
use crate::client::tenancy::Tenancy;
use crate::client::warnings::Warnings;
use crate::live::application::{Conflicts, Inner, Kubernetes};
use crate::live::health::{HealthRule, HealthRules};
use crate::live::ignore::{Ignore, Rules};
use crate::live::object::Eye;
use crate::live::watch::Streams;
use crate::live::{observe, owner_label};

/// The kinds whose removal takes more with it than itself, or data that nobody can bring back.
const PROTECTED: [(&str, &str); 5] = [
    ("", "Namespace"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("project.openshift.io", "Project"),
];

/// Builds a [`Kubernetes`].
#[must_use]
pub struct KubernetesBuilder {
    cluster: Cluster,
    application: String,
    tenancy: Tenancy,
    conflicts: Conflicts,
    replace: bool,
    ignore: Vec<Ignore>,
    health: Vec<HealthRule>,
    grace: Duration,
    patience: Duration,
    silence: Duration,
    warnings: Option<Arc<dyn Fn(Diagnostic) + Send + Sync>>,
    secrets: Option<SecretKey>,
    concurrency: usize,
}

impl Kubernetes {
    /// The target of an application, which gives its field manager the name.
    pub fn builder(cluster: Cluster, application: impl Into<String>) -> KubernetesBuilder {
        KubernetesBuilder {
            cluster,
            application: application.into(),
            tenancy: Tenancy::none(),
            conflicts: Conflicts::default(),
            replace: false,
            ignore: Vec::new(),
            health: Vec::new(),
            grace: Duration::from_secs(10),
            patience: Duration::from_secs(600),
            silence: Duration::from_secs(150),
            warnings: None,
            secrets: None,
            concurrency: 16,
        }
    }
}

impl KubernetesBuilder {
    /// Refuses whatever is outside these limits, before any call.
    pub fn tenancy(mut self, tenancy: Tenancy) -> Self {
        self.tenancy = tenancy;
        self
    }

    /// What to do about fields that others set; edits are undone by default, and claims block their fields.
    pub fn conflicts(mut self, conflicts: Conflicts) -> Self {
        self.conflicts = conflicts;
        self
    }

    /// Whether an object with an immutable field that is to change may be deleted and made anew; not by default.
    pub fn replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// Adds rules by which declared fields are left to others; none by default.
    pub fn ignore(mut self, rules: impl IntoIterator<Item = Ignore>) -> Self {
        self.ignore.extend(rules);
        self
    }

    /// Adds rules by which objects of some kinds do well or badly. They come before the rules that are shipped.
    pub fn health(mut self, rules: impl IntoIterator<Item = HealthRule>) -> Self {
        self.health.extend(rules);
        self
    }

    /// How long an object of a kind that others defined is waited for while no controller has written a status; then it
    /// is unproven, and counts as working. Ten seconds by default.
    pub fn unseen_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long an object on its way may stand still before it counts as stuck, where it does not say so itself
    /// (`progressDeadlineSeconds`). Ten minutes by default, as an engine waits.
    pub fn stuck_after(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long a watch may be silent before it is taken for dead; 150 seconds by default. Until then, what moved behind a dead
    /// connection is not known of. The server gives a sign of life once a minute, so less than that ends watches that live.
    pub fn watch_silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Somebody who is told what the server warns of when it is asked what a change would do, or makes it: each warning about
    /// an object once. Nobody by default.
    pub fn warnings(mut self, listener: impl Fn(Diagnostic) + Send + Sync + 'static) -> Self {
        self.warnings = Some(Arc::new(listener));
        self
    }

    /// The key under which secrets are compared: the application's own, so that what is declared and what is there
    /// compare equal. Without it they never do, and the server's dry run decides.
    pub fn secret_key(mut self, key: SecretKey) -> Self {
        self.secrets = Some(key);
        self
    }

    /// How many changes are made at once; 16 by default.
    pub fn concurrency(mut self, changes: usize) -> Self {
        self.concurrency = changes;
        self
    }

    /// The target.
    ///
    /// # Errors
    /// `Invalid` if the application's name can't be a field manager's.
    pub fn build(self) -> Result<Kubernetes> {
        let secrets = self.secrets.unwrap_or_else(random_key);
        Ok(Kubernetes(Arc::new(Inner {
            eye: Eye {
                manager: owner_label::manager(&self.application)?,
                secrets,
                ignore: Rules::new(self.ignore),
            },
            cluster: self.cluster,
            tenancy: self.tenancy,
            conflicts: self.conflicts,
            replace: self.replace,
            health: HealthRules::new(self.health),
            grace: self.grace,
            patience: self.patience,
            silence: self.silence,
            warnings: Warnings::new(self.warnings),
            book: Arc::default(),
            streams: Streams::default(),
            concurrency: self.concurrency,
        })))
    }
}

fn random_key() -> SecretKey {
    let mut bytes = [0; 32];
    System.fill(&mut bytes);
    SecretKey::new(bytes)
}

#[async_trait]
impl Target for Kubernetes {
    fn info(&self) -> TargetInfo {
        let protected = PROTECTED.map(|(group, kind)| GroupKind::new(group, kind));
        TargetInfo::new("kubernetes").concurrency(self.0.concurrency).protected(protected).shows_owner()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        observe::observe(&self.0, cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        Box::pin(apply::apply(&self.0, cx, change)).await.map_err(|error: Error| error.at(change.key()))
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        Some(self)
    }

    fn admission(&self) -> Option<&dyn Admission> {
        Some(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }

    fn health(&self) -> Option<&dyn Health> {
        Some(self)
    }

    fn import(&self) -> Option<&dyn Import> {
        Some(self)
    }

    fn identity(&self) -> Option<&dyn Identity> {
        Some(self)
    }
}

/// A cluster is known by the id of its namespace `kube-system`, which it has for life.
#[async_trait]
impl Identity for Kubernetes {
    /// Nothing where the application may not read that namespace.
    async fn place(&self, cx: &Cx) -> Result<Option<String>> {
        match self.0.wire().json(cx, Call::get("/api/v1/namespaces/kube-system".to_owned())).await {
            Ok(namespace) => Ok(namespace["metadata"]["uid"].as_str().map(str::to_owned)),
            Err(failure) if matches!(failure.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
}
