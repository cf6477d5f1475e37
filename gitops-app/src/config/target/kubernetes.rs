//! A Kubernetes cluster as a target.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use gitops_core::{GroupKind, OutputRef};
use gitops_k8s::{Conflicts, HealthRule};

use super::super::node::{Node, Place};
use super::super::reader::{Fields, Reader};
use super::health;
use super::ignore::{self, IgnoreConfig};
use super::render::{self, RenderConfig};
use super::values;

/// How to reach a cluster, as whom, and what may be touched there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KubernetesConfig {
    /// The kubeconfig; without one it is found as `kubectl` finds it, or the pod's own service account is used.
    pub kubeconfig: Option<PathBuf>,
    /// Another context than the kubeconfig's current one.
    pub context: Option<String>,
    /// The namespace of objects that name none.
    pub namespace: Option<String>,
    /// Whom to act as.
    pub impersonate: Option<String>,
    /// Who asks about a request that nobody vouches for.
    pub planner: Option<PlannerConfig>,
    /// Whether the program is run that the kubeconfig names for credentials.
    pub allow_exec: bool,
    /// Whether a server without a certificate, or with any, is trusted.
    pub allow_insecure: bool,
    /// The only namespaces that may be touched; empty for all.
    pub namespaces: Vec<String>,
    /// The only kinds in namespaces that may be touched; empty for all.
    pub kinds: Vec<GroupKind>,
    /// The only kinds outside of namespaces that may be touched; empty for all, or for none if something else is limited.
    pub cluster_kinds: Vec<GroupKind>,
    /// What to do about declared fields that somebody else owns.
    pub conflicts: Conflicts,
    /// Whether an object may be deleted and made anew where a field can't be changed in place.
    pub replace: bool,
    /// How long to wait for an object to become ready; as the application says if nothing.
    pub ready_timeout: Option<Duration>,
    /// What fills `${NAME}` in manifests; without any, it stays as it stands.
    pub outputs: Vec<(String, OutputRef)>,
    /// Declared fields that are left to others.
    pub ignore: Vec<IgnoreConfig>,
    /// How objects of some kinds do well or badly.
    pub health: Vec<HealthRule>,
    /// Which folders are rendered, and how; all of the target's folder as manifests if empty.
    pub render: Vec<RenderConfig>,
    /// What is filled in for `${NAME}`; nothing is looked for if it is not there.
    pub substitute: Option<Vec<(String, String)>>,
}

/// An identity that may read and dry-run, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannerConfig {
    /// Another kubeconfig.
    pub kubeconfig: Option<PathBuf>,
    /// Another context.
    pub context: Option<String>,
    /// Whom to act as.
    pub impersonate: Option<String>,
}

impl fmt::Display for KubernetesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.context {
            Some(context) => write!(f, "the cluster of context {context}"),
            None => f.write_str("the cluster of the current context"),
        }
    }
}

const KEYS: [&str; 18] = [
    "kubeconfig",
    "context",
    "namespace",
    "impersonate",
    "planner",
    "allow_exec",
    "allow_insecure",
    "namespaces",
    "kinds",
    "cluster_kinds",
    "conflicts",
    "replace",
    "ready_timeout",
    "outputs",
    "ignore",
    "health",
    "render",
    "substitute",
];

/// Reads the content of `kubernetes:`. An empty one means the current context.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<KubernetesConfig> {
    let fields = reader.fields(node, "`kubernetes`", owner, &KEYS)?;
    let text = |name: &str| fields.get(name).and_then(|(_, node)| reader.text(node, &format!("`{name}`")));
    let boolean = |name: &str| {
        fields.get(name).and_then(|(_, node)| reader.boolean(node, &format!("`{name}`"))).unwrap_or_default()
    };
    let conflicts = fields.get("conflicts");
    let policies =
        [("restore", Conflicts::Restore), ("refuse", Conflicts::Refuse), ("take", Conflicts::Take)];
    Some(KubernetesConfig {
        kubeconfig: fields.get("kubeconfig").and_then(|(_, node)| reader.path(node, "`kubeconfig`")),
        context: text("context"),
        namespace: text("namespace"),
        impersonate: text("impersonate"),
        planner: fields.limit("planner").and_then(|(place, node)| planner(reader, node, place)),
        allow_exec: boolean("allow_exec"),
        allow_insecure: boolean("allow_insecure"),
        namespaces: fields
            .limit("namespaces")
            .map(|(_, node)| reader.texts(node, "`namespaces`"))
            .unwrap_or_default(),
        kinds: kinds(reader, &fields, "kinds"),
        cluster_kinds: kinds(reader, &fields, "cluster_kinds"),
        conflicts: conflicts
            .and_then(|(_, node)| reader.one_of(node, "`conflicts`", &policies))
            .unwrap_or(Conflicts::Restore),
        replace: boolean("replace"),
        ready_timeout: super::super::duration_of(reader, &fields, "ready_timeout"),
        render: fields.limit("render").map(|(_, node)| render::read(reader, node)).unwrap_or_default(),
        substitute: fields.get("substitute").map(|(_, node)| render::substitute(reader, node)),
        outputs: values::outputs(reader, &fields),
        health: fields.get("health").map(|(_, node)| health::read(reader, node)).unwrap_or_default(),
        ignore: fields.get("ignore").map(|(_, node)| ignore::read(reader, node)).unwrap_or_default(),
    })
}

/// Who asks about a request that nobody vouches for. An empty one would be whoever deploys.
fn planner(reader: &Reader, node: &Node, owner: Place) -> Option<PlannerConfig> {
    let fields = reader.fields(node, "`planner`", owner, &["kubeconfig", "context", "impersonate"])?;
    let text = |name: &str| fields.get(name).and_then(|(_, node)| reader.text(node, &format!("`{name}`")));
    Some(PlannerConfig {
        kubeconfig: fields.get("kubeconfig").and_then(|(_, node)| reader.path(node, "`kubeconfig`")),
        context: text("context"),
        impersonate: text("impersonate"),
    })
}

/// Kinds as keys write them: `ConfigMap`, `Deployment.apps`.
fn kinds(reader: &Reader, fields: &Fields<'_>, name: &str) -> Vec<GroupKind> {
    let Some((_, node)) = fields.limit(name) else { return Vec::new() };
    let texts = reader.texts(node, &format!("`{name}`"));
    texts.iter().map(|text| kind(text)).collect()
}

/// A kind as keys write it.
pub(super) fn kind(text: &str) -> GroupKind {
    match text.split_once('.') {
        Some((kind, group)) => GroupKind::new(group, kind),
        None => GroupKind::new("", text),
    }
}
