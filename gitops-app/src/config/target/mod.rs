//! The targets: one under `target`, or several by name under `targets`.

mod health;
mod ignore;
mod kubernetes;
mod render;
mod terraform;
mod values;

pub use ignore::IgnoreConfig;
pub use kubernetes::{KubernetesConfig, PlannerConfig};
pub use render::{RenderConfig, RenderKind};
pub use terraform::{BackendConfig, TerraformConfig};

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gitops_core::OutputRef;

use crate::mounting::Open;

use super::node::{Node, Place, Shape};
use super::reader::{Fields, Reader};
use super::{one_kind, plain_name, source};

/// Something that is kept equal to a part of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetConfig {
    /// The name under which keys call it.
    pub name: String,
    /// The folder of the source that declares it; empty for all of it.
    pub path: String,
    /// What it is.
    pub kind: TargetKind,
}

/// What a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetKind {
    /// Files below a folder.
    Directory {
        /// The folder.
        root: PathBuf,
        /// What fills `${NAME}` in files.
        outputs: Vec<(String, OutputRef)>,
    },
    /// Objects in a Kubernetes cluster.
    Kubernetes(KubernetesConfig),
    /// Root modules of Terraform or OpenTofu.
    Terraform(TerraformConfig),
    /// Something of a kind that the program registered.
    Registered(RegisteredConfig),
}

/// A target of a kind that the program registered, with its settings.
#[derive(Clone)]
pub struct RegisteredConfig {
    /// The key of the kind.
    pub kind: String,
    pub(crate) open: Open,
}

impl fmt::Debug for RegisteredConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredConfig").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Settings of any type can't be compared: only a copy is equal.
impl PartialEq for RegisteredConfig {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && Arc::ptr_eq(&self.open, &other.open)
    }
}

impl Eq for RegisteredConfig {}

impl TargetKind {
    /// The folder in the state below which targets of the kind have folders of their own.
    pub(crate) const fn folder(&self) -> &'static str {
        match self {
            Self::Terraform(_) => "terraform",
            _ => "targets",
        }
    }
}

impl TargetConfig {
    /// How long to wait for its objects to become ready, if it says so.
    pub fn ready_timeout(&self) -> Option<Duration> {
        match &self.kind {
            TargetKind::Kubernetes(cluster) => cluster.ready_timeout,
            TargetKind::Directory { .. } | TargetKind::Terraform(_) | TargetKind::Registered(_) => None,
        }
    }
}

impl fmt::Display for TargetConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TargetKind::Directory { root, .. } => write!(f, "{}", root.display()),
            TargetKind::Kubernetes(kubernetes) => write!(f, "{kubernetes}"),
            TargetKind::Terraform(terraform) => write!(f, "the roots of {}", terraform.binary.display()),
            TargetKind::Registered(registered) => write!(f, "the {} `{}`", registered.kind, self.name),
        }
    }
}

/// The kinds, and the name of a target of that kind where it has none of its own.
const KINDS: [(&str, &str); 3] = [("directory", "dir"), ("kubernetes", "k8s"), ("terraform", "tf")];

/// The keys that no kind of a program can have.
pub const RESERVED: [&str; 4] = ["directory", "kubernetes", "terraform", "path"];

/// Reads `target:` or `targets:`, of which there must be one.
pub fn read(reader: &Reader, fields: &Fields<'_>) -> Option<Vec<TargetConfig>> {
    if fields.get("targets").is_none() {
        let example = "target: { directory: { root: ./live } }";
        let (place, node) = fields.require("target", example)?;
        let (kind, content) = kind(reader, node, "`target`", place, &[])?;
        let name =
            KINDS.iter().find(|(name, _)| *name == kind).map_or(kind.as_str(), |(_, short)| short).to_owned();
        return Some(vec![TargetConfig { name, path: String::new(), kind: content }]);
    }
    let (_, node) = fields.exactly_one(&["target", "targets"], "target: { directory: { root: ./live } }")?;
    several(reader, node)
}

fn several(reader: &Reader, node: &Node) -> Option<Vec<TargetConfig>> {
    let members = match &node.shape {
        Shape::Map(members) if !members.is_empty() => members,
        shape => {
            let message = format!("`targets` must be a mapping of names to targets, not {}", shape.article());
            let help = "write `files: { path: files, directory: { root: ./live } }` in it";
            reader.fault("GO0109", node.place, message, help);
            return None;
        }
    };
    let mut targets: Vec<TargetConfig> = Vec::new();
    for (name, node) in members {
        if targets.iter().any(|target| target.name == name.text) {
            let message = format!("the target `{}` is there twice", name.text);
            reader.fault("GO0108", name.place, message, "give each target a name of its own");
        }
        targets.extend(named(reader, &name.text, name.place, node));
    }
    check_paths_differ(reader, node.place, &targets);
    (targets.len() == members.len()).then_some(targets)
}

fn named(reader: &Reader, name: &str, place: Place, node: &Node) -> Option<TargetConfig> {
    let what = format!("the target `{name}`");
    let fits = plain_name(reader, &what, name, place);
    let (_, kind) = kind(reader, node, &what, place, &["path"])?;
    let path = match &node.shape {
        Shape::Map(members) => members.iter().find(|(name, _)| name.text == "path"),
        _ => None,
    };
    let path = path.and_then(|(_, node)| source::folder(reader, node)).unwrap_or_default();
    fits.then(|| TargetConfig { name: name.to_owned(), path, kind })
}

/// Two targets of one folder would both declare each of its files.
fn check_paths_differ(reader: &Reader, place: Place, targets: &[TargetConfig]) {
    for (index, target) in targets.iter().enumerate() {
        if let Some(other) = targets[..index].iter().find(|other| other.path == target.path) {
            let message = format!("the targets `{}` and `{}` have the same `path`", other.name, target.name);
            reader.fault("GO0112", place, message, "give each the folder of the source that declares it");
        }
    }
}

fn kind(
    reader: &Reader,
    node: &Node,
    what: &str,
    owner: Place,
    beside: &[&str],
) -> Option<(String, TargetKind)> {
    let built_in = KINDS.iter().map(|(kind, _)| *kind);
    let kinds: Vec<&str> = built_in.chain(reader.backends().keys()).collect();
    let (kind, place, node) = one_kind(reader, node, what, owner, &kinds, beside)?;
    let content = match kind {
        "directory" => directory(reader, node, place)?,
        "kubernetes" => TargetKind::Kubernetes(kubernetes::read(reader, node, place)?),
        "terraform" => TargetKind::Terraform(terraform::read(reader, node, place)?),
        kind => {
            let open = reader.backends().decode(kind, reader, node, place)?;
            TargetKind::Registered(RegisteredConfig { kind: kind.to_owned(), open })
        }
    };
    Some((kind.to_owned(), content))
}

fn directory(reader: &Reader, node: &Node, owner: Place) -> Option<TargetKind> {
    let fields = reader.fields(node, "`directory`", owner, &["root", "outputs"])?;
    let root = fields.require("root", "root: ./live").and_then(|(_, node)| reader.path(node, "`root`"))?;
    Some(TargetKind::Directory { root, outputs: values::outputs(reader, &fields) })
}
