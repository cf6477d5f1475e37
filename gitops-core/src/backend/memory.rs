//! A target in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use smol_str::SmolStr;
use tokio::sync::Notify;

use crate::capability::{Import, MovedObjects, Scope, Target, TargetInfo, Watch};
use crate::cx::Cx;
use crate::value::{
    Action, Applied, Change, Error, Key, Live, OwnerLabel, Ownership, Result, Uid, Value, Version,
};

/// A keyed target that keeps its objects in memory: for tests, examples and the embedding program's own state.
///
/// It can be watched, and [`edit`](Self::edit) changes an object behind the engine's back.
#[derive(Debug, Default)]
pub struct Memory {
    inner: Mutex<Inner>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<Key, Live>,
    /// The last operation on each object, and its answer: what is sent again has no second effect.
    answered: BTreeMap<Key, (SmolStr, Applied)>,
    moved: BTreeSet<Key>,
    versions: u64,
    writes: u64,
    observed: u64,
}

impl Memory {
    /// An empty target.
    pub fn new() -> Self {
        Self::default()
    }

    /// An object as it is now.
    pub fn get(&self, key: &Key) -> Option<Live> {
        self.lock().objects.get(key).cloned()
    }

    /// All keys in order.
    pub fn keys(&self) -> Vec<Key> {
        self.lock().objects.keys().cloned().collect()
    }

    /// How many changes were made by [`apply`](Target::apply).
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// How many objects were asked for by [`observe`](Target::observe).
    pub fn observed(&self) -> u64 {
        self.lock().observed
    }

    /// Changes, makes or (with `None`) removes an object as somebody else would: the owner label stays as it is.
    pub fn edit(&self, key: &Key, body: Option<Value>) {
        let mut inner = self.lock();
        let version = inner.next_version();
        match (body, inner.objects.get_mut(key)) {
            (None, _) => {
                inner.objects.remove(key);
                inner.answered.remove(key);
            }
            (Some(body), Some(live)) => {
                live.body = body;
                live.version = version;
            }
            (Some(body), None) => {
                let uid = Uid::new(version.as_str());
                inner.objects.insert(key.clone(), Live::new(key.clone(), uid, version, body));
            }
        }
        self.tell(inner, key);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, mut inner: MutexGuard<'_, Inner>, key: &Key) {
        inner.moved.insert(key.clone());
        drop(inner);
        self.moved.notify_one();
    }
}

impl Inner {
    fn next_version(&mut self) -> Version {
        self.versions += 1;
        Version::new(self.versions.to_string())
    }

    fn write(&mut self, key: &Key, uid: Uid, body: &Value, owner_label: &OwnerLabel) -> Applied {
        let live = Live::new(key.clone(), uid, self.next_version(), body.clone())
            .owned_by(owner_label.owner.as_str());
        self.objects.insert(key.clone(), live.clone());
        Applied::Holds(Box::new(live))
    }

    /// The answer to a change that was made before.
    fn repeated(&self, change: &Change) -> Option<Applied> {
        let (op, answer) = self.answered.get(change.key())?;
        (*op == change.owner_label().op).then(|| answer.clone())
    }

    fn is_ours(&self, change: &Change) -> bool {
        self.objects.get(change.key()).is_none_or(|live| live.is_owned_by(&change.owner_label().owner))
    }
}

#[async_trait]
impl Target for Memory {
    fn info(&self) -> TargetInfo {
        TargetInfo::new("memory").lands_within(std::time::Duration::ZERO).shows_owner()
    }

    async fn observe(&self, _: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let mut inner = self.lock();
        inner.observed += scope.len() as u64;
        Ok(scope.keys().filter_map(|key| inner.objects.get(key).cloned()).collect())
    }

    async fn apply(&self, _: &Cx, change: &Change) -> Result<Applied> {
        let mut inner = self.lock();
        let (key, owner_label) = (change.key(), change.owner_label());
        let live = inner.objects.get(key);
        if let Some(answer) = inner.repeated(change) {
            return Ok(answer);
        }
        if change.action() == Action::Delete && live.is_none() {
            return Ok(Applied::Absent);
        }
        if !change.expects().holds(live) || !inner.is_ours(change) {
            return Err(Error::conflict(key));
        }
        let uid = match (change, live) {
            (Change::Update { .. }, Some(live)) => live.uid.clone(),
            _ => Uid::new(owner_label.op.clone()),
        };
        inner.writes += 1;
        let applied = if let Some(body) = change.body() {
            inner.write(key, uid, body, owner_label)
        } else {
            inner.objects.remove(key);
            Applied::Absent
        };
        match applied {
            Applied::Absent => inner.answered.remove(key),
            _ => inner.answered.insert(key.clone(), (owner_label.op.clone(), applied.clone())),
        };
        self.tell(inner, key);
        Ok(applied)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }

    fn import(&self) -> Option<&dyn Import> {
        Some(self)
    }
}

#[async_trait]
impl Import for Memory {
    async fn adopt(&self, _: &Cx, change: &Change) -> Result<Applied> {
        let mut inner = self.lock();
        if let Some(answer) = inner.repeated(change) {
            return Ok(answer);
        }
        let (key, owner_label) = (change.key(), change.owner_label());
        let version = inner.next_version();
        let live = inner
            .objects
            .get_mut(key)
            .filter(|live| live.ownership == Ownership::Unlabelled && change.expects().holds(Some(live)));
        let Some(live) = live else { return Err(Error::conflict(key)) };
        live.ownership = Ownership::Owner(owner_label.owner.to_string());
        live.version = version;
        let applied = Applied::Holds(Box::new(live.clone()));
        inner.answered.insert(key.clone(), (owner_label.op.clone(), applied.clone()));
        self.tell(inner, key);
        Ok(applied)
    }
}

#[async_trait]
impl Watch for Memory {
    async fn moved(&self, _: &Cx) -> Result<MovedObjects> {
        loop {
            let moved = std::mem::take(&mut self.lock().moved);
            if !moved.is_empty() {
                return Ok(MovedObjects::Keys(moved.into_iter().collect()));
            }
            self.moved.notified().await;
        }
    }
}
