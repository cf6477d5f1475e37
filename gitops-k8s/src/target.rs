use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::capability::{Admission, DryRun, Health, Identity, Import, Watch};
use gitops_core::{
    Applied, Change, Cx, Diagnostic, Entropy, Error, ErrorKind, GroupKind, Key, Live, Object, Result, Scope,
    SecretKey, System, Target, TargetInfo, Value,
};

use crate::cluster::{Call, Failure, Wire};
use crate::health::{HealthRule, HealthRules};
use crate::ignore::Rules;
use crate::kinds::Place;
use crate::object::{Eye, Seen};
use crate::warnings::Warnings;
use crate::watch::{Book, Streams};
use crate::{Cluster, Ignore, Limits, apply, observe, owner_label};

/// The objects of one application in one cluster.
///
/// # Guarantees
/// - A creation never touches an object that is there; an update names uid and resource version; a delete carries
///   both as preconditions. A field that another applier claims is blocked and named, never taken, unless
///   [`Conflicts::Take`] says so; the object's other fields are written.
/// - The application owns what it declares, field by field, under a field manager of its own. What others set
///   stays, and its changes are no drift.
/// - A kind or group that can't be read makes its own objects unreadable; the others are not affected. Nothing is
///   taken for absent that the server did not say is absent.
/// - No request of it goes past [`Limits`].
///
/// It is a *keyed* target: each effect exactly once.
#[derive(Clone)]
pub struct Kubernetes(Arc<Inner>);

pub(crate) struct Inner {
    pub cluster: Cluster,
    pub eye: Eye,
    pub limits: Limits,
    pub conflicts: Conflicts,
    pub replace: bool,
    pub health: HealthRules,
    /// How long an object that no controller has looked at is waited for.
    pub grace: Duration,
    /// How long an object on its way may stand still before it is stuck.
    pub patience: Duration,
    /// How long a watch may be silent before it is taken for dead.
    pub silence: Duration,
    pub warnings: Warnings,
    pub book: Arc<Book>,
    pub streams: Streams,
    concurrency: usize,
}

/// The kinds whose removal takes more with it than itself, or data that nobody can bring back.
const PROTECTED: [(&str, &str); 4] = [
    ("", "Namespace"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
];

/// What to do about a declared field that somebody else set to another value.
///
/// Who set it is in the server's record. An *edit* (`kubectl edit`, a client that updates) is no claim to the field:
/// undoing it is what a target is for; the same holds for whatever a client of a person did (`kubectl scale`, `k9s`, a
/// dashboard). Another *applier*, or a controller by a subresource (a scaler), claims the field and will set it again:
/// taking it would begin a fight. Each field is decided by itself, and the other fields of its object are written.
///
/// Where a `HorizontalPodAutoscaler` or a `ScaledObject` of KEDA names the object, its `spec.replicas` is left to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// Block the field, naming it and its manager, and write the others.
    Refuse,
    /// Undo edits; block fields that others claim, and write the others.
    #[default]
    Restore,
    /// Set it, whoever claims it.
    Take,
}

/// Builds a [`Kubernetes`].
#[must_use]
pub struct KubernetesBuilder {
    cluster: Cluster,
    application: String,
    limits: Limits,
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
            limits: Limits::none(),
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

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl KubernetesBuilder {
    /// Refuses whatever is outside these limits, before any call.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
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
            limits: self.limits,
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

impl Inner {
    pub fn wire(&self) -> &Wire {
        self.cluster.wire()
    }

    /// Where an object is; its kind must be served and it must be within the limits.
    pub async fn place(&self, cx: &Cx, key: &Key) -> Result<Place> {
        self.limits.check(key)?;
        let served = self.cluster.kinds().served(cx, self.wire(), key.kind()).await?;
        Place::of(served, key, &self.limits)
    }

    /// The same for an object that is declared in a version, about which discovery is asked anew if it does not know it: a
    /// definition may serve it by now.
    pub async fn place_of(&self, cx: &Cx, object: &Object) -> Result<Place> {
        let place = self.place(cx, &object.key).await?;
        let declared = object.body.get("apiVersion").and_then(Value::as_text).unwrap_or_default();
        if place.object_as(declared).is_ok() {
            return Ok(place);
        }
        self.cluster.kinds().forget(object.key.kind());
        self.place(cx, &object.key).await
    }

    /// The object as the server has it now, by a consistent read; `None` if it is not there.
    pub async fn read(&self, cx: &Cx, uri: String) -> Result<Option<Seen>, Failure> {
        match self.wire().json(cx, Call::get(uri)).await {
            Ok(json) => Ok(Some(Seen::new(json))),
            Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }
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
        apply::apply(&self.0, cx, change).await.map_err(|error: Error| error.at(change.key()))
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
