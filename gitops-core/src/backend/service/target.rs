use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::Service;
use super::change::Job;
use super::compare::View;
use super::info::ServiceInfo;
use super::item::{Item, Query};
use super::ledger::{Entry, Ledger};
use super::listing::list;
use super::resolve::Seen;
use super::shape::secrets;
use crate::capability::{Import, Remains, Scope, Target, TargetInfo};
use crate::cx::{Cx, Time};
use crate::process::key_locks::Locks;
use crate::state::store::StateStore;
use crate::value::{
    Applied, Change, Error, ErrorKind, GroupKind, Key, Live, Refusal, Result, Uid, Value, redact,
};

/// Up to so many objects of a named service are read one by one; of more, the list is read.
const ONE_BY_ONE: usize = 4;

/// How often objects are looked at again because a change of them began or ended meanwhile.
const LOOKS: usize = 16;

/// A [`Service`] as a [`Target`]: see the [module](super) for what it does.
///
/// # Guarantees
/// Those that [`Target`] asks for, at the recovery class that [`info`](Target::info) names, as far as the service keeps
/// what [`Service`] asks for. The conformance kit proves both together.
///
/// # Assumptions
/// - All programs that write objects of one owner use one ledger, if there is a ledger.
/// - A service without versions can't compare and write in one step: what another client writes between the two is
///   overwritten. Such a target is discoverable, not keyed.
/// - With a ledger, an object that another client makes with the name and values of a creation whose answer was lost is
///   taken for ours: nothing tells the two apart.
pub struct ServiceTarget<S> {
    pub(super) service: S,
    pub(super) ledger: Option<Ledger>,
    pub(super) locks: Locks,
}

impl<S: Service> ServiceTarget<S> {
    /// A target whose owner labels are on the objects: the service stores [`Write::label`](super::Write) with each of them.
    pub fn new(service: S) -> Self {
        Self { service, ledger: None, locks: Locks::default() }
    }

    /// A target over a service that stores no labels. The ids of our objects are in documents of a store, whose names
    /// begin with `name`.
    ///
    /// Who loses the store loses the ownership, not the objects: they are shown as nobody's, and can be adopted.
    pub fn with_ledger(service: S, store: Arc<dyn StateStore>, name: impl Into<String>) -> Self {
        Self { ledger: Some(Ledger::new(store, name)), ..Self::new(service) }
    }

    pub(super) fn view<'a>(&self, info: &'a ServiceInfo) -> View<'a> {
        View { info, is_labelled: self.ledger.is_none() }
    }

    /// Before this time, nothing that was sent can land any more.
    pub(super) fn landed_before(&self, cx: &Cx) -> Time {
        let doubt = i64::try_from(self.service.info().lands_within().as_micros()).unwrap_or(i64::MAX);
        Time::from_micros(cx.now().as_micros().saturating_sub(doubt.saturating_mul(2)))
    }

    /// What is under one key now.
    pub(super) async fn find(&self, cx: &Cx, key: &Key) -> Result<Seen> {
        let mut seen = self.look(cx, std::slice::from_ref(key)).await?;
        Ok(seen.remove(key).unwrap_or(Seen::Nothing))
    }

    /// What is under these keys, all of one kind and namespace.
    async fn look(&self, cx: &Cx, keys: &[Key]) -> Result<BTreeMap<Key, Seen>> {
        let info = self.service.info();
        for _ in 0..LOOKS {
            let before = self.entries(cx, keys).await?;
            let mut items = self.items(cx, &info, keys).await?;
            self.add_hidden(cx, &before, &mut items).await?;
            if self.entries(cx, keys).await? != before {
                continue;
            }
            let see = |key: &Key| {
                let items = items.remove(key.name()).unwrap_or_default();
                let seen = match self.ledger {
                    Some(_) => self.view(&info).by_ledger(key, items, before.get(key)),
                    None => self.view(&info).by_label(key, items),
                };
                (key.clone(), seen)
            };
            return Ok(keys.iter().map(see).collect());
        }
        Err(Error::new(ErrorKind::Unavailable, "the objects are being changed all the time"))
    }

    async fn entries(&self, cx: &Cx, keys: &[Key]) -> Result<BTreeMap<Key, Entry>> {
        match &self.ledger {
            Some(ledger) => ledger.read(cx, keys.iter()).await,
            None => Ok(BTreeMap::new()),
        }
    }

    /// All objects of the keys' names.
    async fn items(&self, cx: &Cx, info: &ServiceInfo, keys: &[Key]) -> Result<BTreeMap<String, Vec<Item>>> {
        let Some(first) = keys.first() else { return Ok(BTreeMap::new()) };
        if info.is_named && keys.len() <= ONE_BY_ONE {
            let mut found = BTreeMap::new();
            for key in keys {
                let item = self.service.get(cx, key, key.name()).await?;
                found.extend(item.map(|item| (key.name().to_owned(), vec![item])));
            }
            return Ok(found);
        }
        let query = if keys.len() == 1 { Query::of(first) } else { Query::beside(first) };
        let names: BTreeSet<&str> = keys.iter().map(Key::name).collect();
        list(cx, &self.service, &query, &names).await
    }

    /// Asks for each object that is in the ledger and not in the list, where it would not be seen to be gone.
    async fn add_hidden(
        &self,
        cx: &Cx,
        entries: &BTreeMap<Key, Entry>,
        items: &mut BTreeMap<String, Vec<Item>>,
    ) -> Result<()> {
        for (key, entry) in entries {
            let listed = items.entry(key.name().to_owned()).or_default();
            let Some(id) = entry.id.as_ref().filter(|id| !listed.iter().any(|item| item.id == **id)) else {
                continue;
            };
            listed.extend(self.service.get(cx, key, id).await?.filter(|item| item.name == key.name()));
        }
        Ok(())
    }

    fn refuse_kind(info: &ServiceInfo, key: &Key) -> Option<Error> {
        let kinds = info.kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let error = || {
            let message = format!("the service has no objects of the kind {}", key.kind());
            Error::new(ErrorKind::Unsupported, message).at(key).with("kinds", kinds)
        };
        (!info.kinds.contains(key.kind())).then(error)
    }
}

#[async_trait]
impl<S: Service> Target for ServiceTarget<S> {
    fn info(&self) -> TargetInfo {
        self.service.info().of_target(self.ledger.is_none())
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let info = self.service.info();
        let mut places: BTreeMap<(GroupKind, &str), Vec<Key>> = BTreeMap::new();
        let mut found = Vec::new();
        for key in scope.keys() {
            match Self::refuse_kind(&info, key) {
                Some(error) => found.push(Live::unreadable(key.clone(), Refusal::from(&error))),
                None => places.entry((key.kind().clone(), key.namespace())).or_default().push(key.clone()),
            }
        }
        for keys in places.into_values() {
            let seen = self.look(cx, &keys).await.map_err(Error::outcome_known)?;
            found.extend(seen.into_values().filter_map(Seen::into_live));
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let info = self.service.info();
        if let Some(error) = Self::refuse_kind(&info, change.key()) {
            return Err(error);
        }
        let _held = self.locks.hold(change.key()).await;
        let job = Job::new(self, cx, &info, change)?;
        job.run().await.map_err(|error| without_secrets(error, change).at(change.key()))
    }

    fn import(&self) -> Option<&dyn Import> {
        Some(self)
    }

    /// A label goes with its object.
    fn remains(&self) -> Option<&dyn Remains> {
        self.ledger.as_ref().map(|_| self as &dyn Remains)
    }
}

/// The entries of the ledger: a name that another client uses again would be ours.
#[async_trait]
impl<S: Service> Remains for ServiceTarget<S> {
    async fn clear(&self, cx: &Cx, gone: &[(Key, Uid)]) -> Result<()> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        for (key, _) in gone {
            let _held = self.locks.hold(key).await;
            ledger.forget(cx, key, self.landed_before(cx)).await?;
        }
        Ok(())
    }
}

/// An error of a service may quote the request: without the secrets that were in it.
pub(super) fn without_secrets(error: Error, change: &Change) -> Error {
    let secrets = change.body().map(secrets).unwrap_or_default();
    let forms: Vec<Zeroizing<String>> =
        secrets.into_iter().flat_map(|secret| redact::forms(secret.expose())).collect();
    error.without(&forms)
}

/// The part of a declaration that the service must not be shown as plain text.
pub(super) fn refuse_plain_secrets(info: &ServiceInfo, body: &Value) -> Result<()> {
    let is_plain = |field: &&String| {
        body.get(field).is_some_and(|value| !matches!(value, Value::Secret(_) | Value::Null))
    };
    match info.secrets.iter().find(is_plain) {
        Some(field) => {
            let message = format!("the field {field} takes a secret, and is declared in clear");
            Err(Error::new(ErrorKind::Invalid, message)
                .help("take its value from a secret, not from a file in Git"))
        }
        None => Ok(()),
    }
}
