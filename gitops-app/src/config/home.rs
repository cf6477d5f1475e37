//! `state:`: the folder of an application's state, or the cluster that keeps it.

use std::path::PathBuf;

use super::node::{Node, Place, Shape};
use super::reader::Reader;

/// Where a cluster keeps what an application must not forget, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeConfig {
    /// The namespace of the secrets.
    pub namespace: String,
    /// The kubeconfig; without one it is found as `kubectl` finds it.
    pub kubeconfig: Option<PathBuf>,
    /// Another context than the kubeconfig's current one.
    pub context: Option<String>,
    /// Whom to act as.
    pub impersonate: Option<String>,
    /// Whether the program is run that the kubeconfig names for credentials.
    pub allow_exec: bool,
    /// Whether a server without a certificate, or with any, is trusted.
    pub allow_insecure: bool,
}

/// What `state:` says.
#[non_exhaustive]
pub enum StatePlace {
    /// A folder.
    Folder(PathBuf),
    /// A cluster.
    Cluster(HomeConfig),
}

const KEYS: [&str; 6] = ["namespace", "kubeconfig", "context", "impersonate", "allow_exec", "allow_insecure"];

/// Reads the value of `state:`.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<StatePlace> {
    match &node.shape {
        Shape::Map(_) => {
            let (_, place, node) = super::one_kind(reader, node, "the state", owner, &["kubernetes"], &[])?;
            cluster(reader, node, place).map(StatePlace::Cluster)
        }
        _ => reader.path(node, "`state`").map(StatePlace::Folder),
    }
}

fn cluster(reader: &Reader, node: &Node, owner: Place) -> Option<HomeConfig> {
    let fields = reader.fields(node, "`kubernetes`", owner, &KEYS)?;
    let text = |name: &str| fields.get(name).and_then(|(_, node)| reader.text(node, &format!("`{name}`")));
    let boolean = |name: &str| {
        fields.get(name).and_then(|(_, node)| reader.boolean(node, &format!("`{name}`"))).unwrap_or_default()
    };
    let namespace = fields.require("namespace", "namespace: gitops-system").and_then(|(_, node)| {
        let name = reader.text(node, "`namespace`")?;
        super::plain_name(reader, "`namespace`", &name, node.place).then_some(name)
    });
    Some(HomeConfig {
        kubeconfig: fields.get("kubeconfig").and_then(|(_, node)| reader.path(node, "`kubeconfig`")),
        context: text("context"),
        impersonate: text("impersonate"),
        allow_exec: boolean("allow_exec"),
        allow_insecure: boolean("allow_insecure"),
        namespace: namespace?,
    })
}
