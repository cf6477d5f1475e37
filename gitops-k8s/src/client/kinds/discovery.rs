//! Aggregated discovery: every kind of every group in two requests, side by side.

use std::sync::Arc;

use gitops_core::{Cx, GroupKind, Result};
use serde::Deserialize;
use smol_str::SmolStr;

use super::{Served, Table};
use crate::client::cluster::{Call, Wire};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

#[derive(Deserialize)]
struct Groups {
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    metadata: Metadata,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: SmolStr,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: SmolStr,
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    #[serde(rename = "resource")]
    plural: SmolStr,
    scope: String,
    #[serde(default)]
    verbs: Vec<SmolStr>,
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    subresources: Vec<Subresource>,
}

#[derive(Deserialize)]
struct Subresource {
    #[serde(rename = "subresource")]
    name: SmolStr,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    group: SmolStr,
    kind: SmolStr,
}

pub(super) async fn ask(cx: &Cx, wire: &Wire) -> Result<Table> {
    let ask = |root| wire.bytes(cx, Call::get(root).accept(AGGREGATED));
    let (core, others) = futures::try_join!(ask("/api"), ask("/apis"))?;
    let mut table = Table::default();
    for answer in [core, others] {
        let groups: Groups = serde_json::from_slice(&answer)?;
        groups.items.into_iter().for_each(|group| table.take(group));
    }
    Ok(table)
}

impl Table {
    fn take(&mut self, group: Group) {
        let name = group.metadata.name;
        for version in group.versions {
            if version.freshness == "Stale" {
                self.dead.insert(name.clone());
                self.stale.insert(format!("{name}/{}", version.version));
                continue;
            }
            for resource in version.resources {
                self.serve(&name, &version.version, resource);
            }
        }
    }

    /// The server lists the versions of a group in its order of preference.
    fn serve(&mut self, group: &SmolStr, version: &SmolStr, resource: Resource) {
        let Some(kind) = resource.response_kind.filter(|kind| &kind.group == group || kind.group.is_empty())
        else {
            return;
        };
        let served = self.kinds.entry(GroupKind::new(group.clone(), kind.kind)).or_insert_with(|| {
            Arc::new(Served {
                group: group.clone(),
                plural: resource.plural.clone(),
                namespaced: resource.scope == "Namespaced",
                has_status: resource.subresources.iter().any(|below| below.name == "status"),
                can_be_listed: resource.verbs.iter().any(|verb| verb == "list"),
                versions: Vec::new(),
            })
        });
        if served.plural == resource.plural {
            Arc::make_mut(served).versions.push(version.clone());
        }
    }
}
