//! Which kinds the server serves, and where.

mod discovery;
mod place;

pub(crate) use place::{Place, collection};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use gitops_core::{Cx, Error, ErrorKind, GroupKind, Result, nearest};
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::client::cluster::{Call, Wire};

/// How the server serves a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    pub group: SmolStr,
    /// The name in URLs: `deployments`.
    pub plural: SmolStr,
    pub namespaced: bool,
    /// Whether its objects have a status that controllers write.
    pub has_status: bool,
    /// Whether its objects can be listed: some kinds are only asked for.
    pub can_be_listed: bool,
    /// The versions that it is served in, the server's favourite first; never empty.
    pub versions: Vec<SmolStr>,
}

impl Served {
    /// A version as `apiVersion` has it.
    pub fn api_version(&self, version: &str) -> String {
        match self.group.is_empty() {
            true => version.to_owned(),
            false => format!("{}/{version}", self.group),
        }
    }
}

/// The versions of a kind that a definition has served.
pub(crate) fn versions_served(definition: &Json) -> Vec<&str> {
    let versions = definition["spec"]["versions"].as_array().into_iter().flatten();
    let served = versions.filter(|version| version["served"] == true);
    served.filter_map(|version| version["name"].as_str()).collect()
}

/// What is known of a kind.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// It is served.
    Served(Arc<Served>),
    /// It is not served, nothing defines it, and the whole of discovery says so: there are no objects of it.
    Nowhere,
    /// Nothing can be said about its objects, for this reason; the others are not affected.
    Unsure(String),
}

/// What discovery said last, asked again only for a kind that it does not know.
#[derive(Debug, Default)]
pub(crate) struct Kinds(RwLock<Arc<Table>>);

/// The kinds of one look at discovery.
#[derive(Debug, Default)]
struct Table {
    kinds: BTreeMap<GroupKind, Arc<Served>>,
    /// Groups whose own server does not answer.
    dead: BTreeSet<SmolStr>,
    /// Their versions, as `apiVersion` has them, and what was known of their kinds: `group/version/Kind`.
    stale: BTreeSet<String>,
}

impl Table {
    /// With what an older look knew of the kinds of groups whose own server does not answer now: they are not gone for that.
    fn knowing(mut self, older: &Self) -> Self {
        let served = older.kinds.iter().flat_map(|(kind, served)| {
            let of = move |version: &SmolStr| format!("{}/{}", served.api_version(version), kind.kind());
            served.versions.iter().map(of)
        });
        let known: Vec<String> = served
            .chain(older.stale.iter().cloned())
            .filter(|name| name.rsplit_once('/').is_some_and(|(version, _)| self.stale.contains(version)))
            .collect();
        self.stale.extend(known);
        self
    }
}

impl Kinds {
    /// What is known of a kind; asks the server if it is not known yet.
    pub async fn known(&self, cx: &Cx, wire: &Wire, kind: &GroupKind) -> Result<Known> {
        if let Some(served) = self.table().kinds.get(kind) {
            return Ok(Known::Served(served.clone()));
        }
        let table = self.ask(cx, wire).await?;
        if let Some(served) = table.kinds.get(kind) {
            return Ok(Known::Served(served.clone()));
        }
        if table.dead.contains(kind.group()) {
            return Ok(Known::Unsure(format!("the API group `{}` does not answer", kind.group())));
        }
        is_defined(cx, wire, kind).await
    }

    /// The kind, which must be served.
    pub async fn served(&self, cx: &Cx, wire: &Wire, kind: &GroupKind) -> Result<Arc<Served>> {
        match self.known(cx, wire, kind).await? {
            Known::Served(served) => Ok(served),
            Known::Nowhere => Err(unserved(format!("the server does not know the kind {kind}"))),
            Known::Unsure(reason) => Err(unserved(reason).retry_when(gitops_core::Retry::Now)),
        }
    }

    /// A kind that discovery showed when it was asked last. Asks nobody.
    pub fn remembered(&self, kind: &GroupKind) -> Option<Arc<Served>> {
        self.table().kinds.get(kind).cloned()
    }

    /// All kinds that are served, and the groups whose own server does not answer; asks the server.
    pub async fn all(&self, cx: &Cx, wire: &Wire) -> Result<(Vec<(GroupKind, Arc<Served>)>, Vec<SmolStr>)> {
        let table = self.ask(cx, wire).await?;
        let kinds = table.kinds.iter().map(|(kind, served)| (kind.clone(), served.clone())).collect();
        Ok((kinds, table.dead.iter().cloned().collect()))
    }

    /// Whether a kind is served by now in each of these versions; asks the server.
    pub async fn is_served(&self, cx: &Cx, wire: &Wire, kind: &GroupKind, versions: &[&str]) -> Result<bool> {
        let table = self.ask(cx, wire).await?;
        let found = table.kinds.get(kind);
        Ok(found.is_some_and(|served| versions.iter().all(|it| served.versions.iter().any(|has| has == it))))
    }

    /// All that the server serves: `group/version` and `group/version/Kind`, in order; asks the server. A group whose own
    /// server does not answer keeps its versions.
    pub async fn api_versions(&self, cx: &Cx, wire: &Wire) -> Result<Vec<String>> {
        let table = self.ask(cx, wire).await?;
        let mut found: BTreeSet<String> = table.stale.iter().cloned().collect();
        for (kind, served) in &table.kinds {
            let versions = served.versions.iter().map(|version| served.api_version(version));
            found.extend(versions.flat_map(|version| [format!("{version}/{}", kind.kind()), version]));
        }
        Ok(found.into_iter().collect())
    }

    /// The kind that is served and is named most like one, if it is near enough to be meant.
    pub fn nearest(&self, kind: &GroupKind) -> Option<GroupKind> {
        let table = self.table();
        let known: BTreeMap<String, &GroupKind> =
            table.kinds.keys().map(|known| (known.to_string(), known)).collect();
        let found = nearest(&kind.to_string(), known.keys().map(String::as_str))?;
        known.get(found).map(|kind| (*kind).clone())
    }

    /// Takes a kind for unknown, because the server said "not found" at its address.
    pub fn forget(&self, kind: &GroupKind) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut kinds = table.kinds.clone();
        kinds.remove(kind);
        *table = Arc::new(Table { kinds, dead: table.dead.clone(), stale: table.stale.clone() });
    }

    fn table(&self) -> Arc<Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask(&self, cx: &Cx, wire: &Wire) -> Result<Arc<Table>> {
        let table = Arc::new(discovery::ask(cx, wire).await?.knowing(&self.table()));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = table.clone();
        Ok(table)
    }
}

fn unserved(what: String) -> Error {
    Error::new(ErrorKind::Unsupported, what)
        .help("declare its CustomResourceDefinition with it, or correct apiVersion and kind")
}

/// Discovery does not list the kind. That alone is no proof that there are no objects of it: a definition may be
/// on its way, or its server away.
async fn is_defined(cx: &Cx, wire: &Wire, kind: &GroupKind) -> Result<Known> {
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let services = "/apis/apiregistration.k8s.io/v1/apiservices";
    for (list, defines) in [(definitions, defines_kind as Defines), (services, serves_group)] {
        let answer = match wire.json(cx, Call::get(list)).await {
            Ok(answer) => answer,
            Err(failure) if failure.kind() == ErrorKind::Forbidden => return Ok(may_not_look(kind)),
            Err(failure) => return Err(failure.into()),
        };
        let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        if items.iter().any(|item| defines(item, kind)) {
            return Ok(Known::Unsure(format!("the kind {kind} is defined and not served yet")));
        }
    }
    Ok(Known::Nowhere)
}

type Defines = fn(&serde_json::Value, &GroupKind) -> bool;

fn defines_kind(definition: &serde_json::Value, kind: &GroupKind) -> bool {
    let spec = &definition["spec"];
    spec["group"] == *kind.group() && spec["names"]["kind"] == *kind.kind()
}

/// A group that another server answers for, whatever it says at the moment.
fn serves_group(service: &serde_json::Value, kind: &GroupKind) -> bool {
    let spec = &service["spec"];
    spec["group"] == *kind.group() && !spec["service"].is_null()
}

fn may_not_look(kind: &GroupKind) -> Known {
    Known::Unsure(format!(
        "the server does not serve the kind {kind}, and we may not see whether something defines it \
         (`list` on customresourcedefinitions and apiservices)"
    ))
}
