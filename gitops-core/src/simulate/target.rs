//! The model targets, as an engine sees them.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::calls::{Answer, LANDS_WITHIN, Reply, recovery_class_of};
use super::fault::Fault;
use super::server::{DEFAULTED, IMMUTABLE};
use super::state::{Handle, SECOND};
use crate::capability::{
    Differ, DryRun, Health, Import, MovedObjects, Preview, Readiness, RecoveryClass, Scope, Structural,
    Target, TargetInfo, Watch,
};
use crate::cx::Bug;
use crate::cx::Cx;
use crate::value::{Action, Applied, Change, Digest, Key, Live, Object, Result, Uid, Value};

/// One model target, for one life of an engine.
pub(super) struct SimTarget {
    pub world: Handle,
    pub life: usize,
    pub app: usize,
    pub name: &'static str,
    pub can_watch: bool,
    pub has_health: bool,
}

impl SimTarget {
    fn has_bug(&self, number: u8) -> bool {
        self.world.lock().has_bug(number)
    }

    async fn reply(&self, id: Option<usize>) -> Reply {
        match id {
            Some(id) => Answer { world: self.world.clone(), id }.await,
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Target for SimTarget {
    fn info(&self) -> TargetInfo {
        let lands = Duration::from_micros(LANDS_WITHIN.unsigned_abs());
        TargetInfo::new(self.name)
            .recovery_class(recovery_class_of(self.name))
            .lands_within(lands)
            .concurrency(8)
    }

    async fn observe(&self, _: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let id = self.world.lock().ask(self.life, scope)?;
        match self.reply(id).await {
            Reply::Observed(found) => found,
            Reply::Applied(_) => unreachable!("it was asked to observe"),
        }
    }

    async fn apply(&self, _: &Cx, change: &Change) -> Result<Applied> {
        let id = self.world.lock().send(self.life, change)?;
        if self.has_bug(3) && change.action() == Action::Delete {
            return Ok(Applied::Absent);
        }
        match self.reply(id).await {
            Reply::Applied(Err(error)) if self.has_bug(38) => Err(error.outcome_known()),
            Reply::Applied(Err(error)) if self.has_bug(59) && error.is_unknown() => {
                self.world.lock().replay(self.life, change);
                Err(error)
            }
            Reply::Applied(applied) => applied,
            Reply::Observed(_) => unreachable!("it was asked to apply"),
        }
    }

    fn watch(&self) -> Option<&dyn Watch> {
        (self.can_watch && recovery_class_of(self.name) == RecoveryClass::Keyed).then_some(self)
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        (recovery_class_of(self.name) == RecoveryClass::Keyed
            && self.world.lock().faults.has_ever(Fault::Immutable))
        .then_some(self)
    }

    fn health(&self) -> Option<&dyn Health> {
        self.has_health.then_some(self)
    }

    fn import(&self) -> Option<&dyn Import> {
        (recovery_class_of(self.name) == RecoveryClass::Keyed && self.world.lock().adopts).then_some(self)
    }
}

#[async_trait]
impl Import for SimTarget {
    async fn adopt(&self, _: &Cx, change: &Change) -> Result<Applied> {
        let id = self.world.lock().adopt(self.life, change)?;
        match self.reply(id).await {
            Reply::Applied(applied) => applied,
            Reply::Observed(_) => unreachable!("it was asked to adopt"),
        }
    }
}

#[async_trait]
impl Watch for SimTarget {
    async fn moved(&self, _: &Cx) -> Result<MovedObjects> {
        std::future::poll_fn(|cx| {
            let mut world = self.world.lock();
            match world.bug.map(Bug::number) {
                Some(30) => return std::task::Poll::Pending,
                Some(60) => return std::task::Poll::Ready(Ok(MovedObjects::Any)),
                _ => {}
            }
            let lies = world.faults.strength(Fault::WatchLies, 3);
            let moved = world.moved.entry(self.app).or_default();
            if moved.is_empty() {
                world.watchers.insert(self.app, cx.waker().clone());
                return std::task::Poll::Pending;
            }
            let keys: Vec<Key> = moved.iter().filter(|key| key.target() == self.name).cloned().collect();
            if lies != Some(0) {
                moved.clear();
            }
            std::task::Poll::Ready(Ok(if lies == Some(1) {
                MovedObjects::Any
            } else {
                MovedObjects::Keys(keys)
            }))
        })
        .await
    }
}

#[async_trait]
impl DryRun for SimTarget {
    async fn preview(
        &self,
        _: &Cx,
        key: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        if let (true, Some(object)) = (self.has_bug(65), object) {
            self.world.lock().traces.insert(key.clone(), object.body.clone());
        }
        let null = Value::Null;
        let (after, before) =
            (object.map_or(&null, |object| &object.body), live.map_or(&null, |live| &live.body));
        let diff = Structural::default().ignoring(format!("/{DEFAULTED}")).diff(after, before);
        let moves = diff.fields().iter().any(|field| field.path == "/value");
        let immutable = moves && live.is_some() && self.world.lock().is_stubborn(Fault::Immutable, key);
        let text = format!("{:?} {immutable}", diff.fields());
        let replace = immutable.then(|| IMMUTABLE.to_owned());
        Ok(Preview::new(diff, Digest::of(text.as_bytes())).replacing(replace))
    }
}

#[async_trait]
impl Health for SimTarget {
    async fn ready(&self, cx: &Cx, key: &Key, applied: &Applied) -> Result<Readiness> {
        loop {
            let wait = self.world.lock().unready_for(self.life, key, applied);
            match wait {
                None => return Ok(Readiness::Ready),
                Some(wait) if cx.sleep(wait).await.is_err() => {
                    return Ok(Readiness::Progressing("it is progressing".to_owned()));
                }
                Some(_) => {}
            }
        }
    }

    async fn ends(&self, _: &Cx, gone: &[(Key, Uid)]) -> Result<BTreeMap<Key, Readiness>> {
        let mut world = self.world.lock();
        let seen: Vec<Key> =
            gone.iter().filter(|(_, uid)| world.ended.contains(uid)).map(|(key, _)| key.clone()).collect();
        seen.iter().for_each(|key| world.app_of(self.life).book.became_ready(key));
        Ok(seen.into_iter().map(|key| (key, Readiness::Ready)).collect())
    }
}

impl super::state::Inner {
    /// How long to wait before looking again whether an object is ready; nothing if it is.
    fn unready_for(&mut self, life: usize, key: &Key, applied: &Applied) -> Option<Duration> {
        let now = self.now;
        let item = match applied {
            Applied::Present { uid, .. } => self.server.with_uid(key, uid),
            _ => self.server.at(key).find(|item| item.deleting.is_some()),
        };
        let never =
            self.is_stubborn(Fault::NeverReady, key) || item.is_some_and(|item| item.deleting.is_some());
        let ready_at = item.map_or(now, |item| item.ready_at);
        match (never && !self.has_bug(20), ready_at - now) {
            (false, left) if left > 0 && self.has_bug(20) => None,
            (true, _) => Some(Duration::from_secs(30)),
            (false, left) if left > 0 => Some(Duration::from_micros(left.max(SECOND).unsigned_abs())),
            _ if self.has_bug(20) => None,
            _ => {
                self.app_of(life).book.became_ready(key);
                None
            }
        }
    }
}
