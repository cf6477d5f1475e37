//! Which kinds the server serves, and where.

mod discovery;
mod place;

pub(crate) use place::{Place, collection};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use gitops_core::{Cx, Error, ErrorKind, GroupKind, Key, Result, nearest};
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

/// A kind about which something is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    kind: &'a GroupKind,
    /// Whether some of its objects are in a namespace, and whether some are in none.
    in_namespaces: bool,
    in_none: bool,
}

impl<'a> Asked<'a> {
    /// The kind of some keys.
    pub fn of(kind: &'a GroupKind, keys: &[&Key]) -> Self {
        let in_none = keys.iter().any(|key| key.namespace().is_empty());
        Self { kind, in_none, in_namespaces: keys.iter().any(|key| !key.namespace().is_empty()) }
    }

    /// Whether the objects that are meant can be where the kind is served.
    fn fits(&self, served: &Served) -> bool {
        if served.namespaced { !self.in_none } else { !self.in_namespaces }
    }
}

impl Kinds {
    /// What is known of a kind; asks the server if it is not known yet.
    pub async fn known(&self, cx: &Cx, wire: &Wire, kind: &GroupKind) -> Result<Known> {
        let asked = Asked { kind, in_namespaces: false, in_none: false };
        Ok(self.known_of(cx, wire, &[asked]).await?.remove(0))
    }

    /// What is known of the kind of an object. Asks the server if it is not known yet, or lives elsewhere than was known: its
    /// definition may have been made anew.
    pub async fn known_for(&self, cx: &Cx, wire: &Wire, key: &Key) -> Result<Known> {
        Ok(self.known_of(cx, wire, &[Asked::of(key.kind(), &[key])]).await?.remove(0))
    }

    /// The same of some kinds, in their order: in four requests at most, however many are not known.
    pub async fn known_of(&self, cx: &Cx, wire: &Wire, kinds: &[Asked<'_>]) -> Result<Vec<Known>> {
        let mut table = self.table();
        let is_known =
            |asked: &Asked<'_>| table.kinds.get(asked.kind).is_some_and(|served| asked.fits(served));
        if !kinds.iter().all(is_known) {
            table = self.ask(cx, wire).await?;
        }
        let mut defined = None;
        let mut found = Vec::with_capacity(kinds.len());
        for Asked { kind, .. } in kinds {
            found.push(match table.kinds.get(kind) {
                Some(served) => Known::Served(served.clone()),
                None if table.dead.contains(kind.group()) => {
                    Known::Unsure(format!("the API group `{}` does not answer", kind.group()))
                }
                None => {
                    if defined.is_none() {
                        defined = Some(Defined::ask(cx, wire).await?);
                    }
                    defined.as_ref().map_or(Known::Nowhere, |defined| defined.known(kind))
                }
            });
        }
        Ok(found)
    }

    /// The kind of an object, which must be served.
    pub async fn served_for(&self, cx: &Cx, wire: &Wire, key: &Key) -> Result<Arc<Served>> {
        must_be_served(self.known_for(cx, wire, key).await?, key.kind())
    }

    /// The kind, which must be served.
    pub async fn served(&self, cx: &Cx, wire: &Wire, kind: &GroupKind) -> Result<Arc<Served>> {
        must_be_served(self.known(cx, wire, kind).await?, kind)
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

fn must_be_served(known: Known, kind: &GroupKind) -> Result<Arc<Served>> {
    match known {
        Known::Served(served) => Ok(served),
        Known::Nowhere => Err(unserved(format!("the server does not know the kind {kind}"))),
        Known::Unsure(reason) => Err(unserved(reason).retry_when(gitops_core::Retry::Now)),
    }
}

/// What defines kinds. That discovery does not list a kind is no proof that there are no objects of it: a definition may be on its
/// way, or its server away.
struct Defined {
    /// The definitions, and the servers of groups; nothing of what we may not see.
    definitions: Option<Vec<Json>>,
    services: Option<Vec<Json>>,
}

impl Defined {
    async fn ask(cx: &Cx, wire: &Wire) -> Result<Self> {
        let definitions = items(cx, wire, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions").await?;
        let services = items(cx, wire, "/apis/apiregistration.k8s.io/v1/apiservices").await?;
        Ok(Self { definitions, services })
    }

    /// What is known of a kind that discovery does not list.
    fn known(&self, kind: &GroupKind) -> Known {
        let lists = [(&self.definitions, defines_kind as Defines), (&self.services, serves_group)];
        for (list, defines) in lists {
            let Some(items) = list else { return may_not_look(kind) };
            if items.iter().any(|item| defines(item, kind)) {
                return Known::Unsure(format!("the kind {kind} is defined and not served yet"));
            }
        }
        Known::Nowhere
    }
}

/// The objects of a list; nothing if we may not see it.
async fn items(cx: &Cx, wire: &Wire, list: &str) -> Result<Option<Vec<Json>>> {
    match wire.json(cx, Call::get(list)).await {
        Ok(mut answer) => match answer["items"].take() {
            Json::Array(items) => Ok(Some(items)),
            _ => Ok(Some(Vec::new())),
        },
        Err(failure) if failure.kind() == ErrorKind::Forbidden => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

type Defines = fn(&Json, &GroupKind) -> bool;

fn defines_kind(definition: &Json, kind: &GroupKind) -> bool {
    let spec = &definition["spec"];
    spec["group"] == *kind.group() && spec["names"]["kind"] == *kind.kind()
}

/// A group that another server answers for, whatever it says at the moment.
fn serves_group(service: &Json, kind: &GroupKind) -> bool {
    let spec = &service["spec"];
    spec["group"] == *kind.group() && !spec["service"].is_null()
}

fn may_not_look(kind: &GroupKind) -> Known {
    Known::Unsure(format!(
        "the server does not serve the kind {kind}, and we may not see whether something defines it \
         (`list` on customresourcedefinitions and apiservices)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, kind: &str) -> GroupKind {
        GroupKind::new(group, kind)
    }

    fn served(group: &str, versions: &[&str]) -> Arc<Served> {
        Arc::new(Served {
            group: group.into(),
            plural: "things".into(),
            namespaced: true,
            has_status: false,
            can_be_listed: true,
            versions: versions.iter().map(|version| (*version).into()).collect(),
        })
    }

    fn silent(group: &str, versions: &[&str]) -> Table {
        let stale = versions.iter().map(|version| format!("{group}/{version}")).collect();
        Table { kinds: BTreeMap::new(), dead: [group.into()].into(), stale }
    }

    #[test]
    fn the_kinds_of_a_group_whose_server_is_away_are_known_for_as_long_as_it_is() {
        let kinds = [
            (kind("metrics.example", "Thing"), served("metrics.example", &["v1", "v1beta1"])),
            (kind("other.example", "Thing"), served("other.example", &["v1"])),
        ];
        let all = Table { kinds: kinds.into(), ..Table::default() };
        let expected = ["metrics.example/v1", "metrics.example/v1/Thing"];
        // One version is away, and the kind is served in the other one no longer.
        let first = silent("metrics.example", &["v1"]).knowing(&all);
        assert!(first.stale.iter().eq(expected), "{first:?}");
        let second = silent("metrics.example", &["v1"]).knowing(&first);
        assert!(second.stale.iter().eq(expected), "also by who looks a second time: {second:?}");
        let back = Table::default().knowing(&second);
        assert!(back.stale.is_empty(), "it answers, and has no such kind any more: {back:?}");
    }

    #[test]
    fn objects_fit_where_their_kind_is_served() {
        let thing = kind("", "Thing");
        let key = |namespace: &str| Key::new("k", thing.clone(), namespace, "a");
        let fits = |namespaces: &[&str], namespaced| {
            let keys: Vec<Key> = namespaces.iter().map(|namespace| key(namespace)).collect();
            let asked = Asked::of(&thing, &keys.iter().collect::<Vec<_>>());
            asked.fits(&Served { namespaced, ..Served::clone(&served("", &["v1"])) })
        };
        assert!(fits(&["shop"], true) && fits(&[""], false) && fits(&[], true) && fits(&[], false));
        assert!(!fits(&["shop"], false) && !fits(&[""], true) && !fits(&["shop", ""], true));
    }
}
