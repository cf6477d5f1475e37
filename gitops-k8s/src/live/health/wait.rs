use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::capability::{Health, Readiness};
use gitops_core::{Applied, Cx, ErrorKind, GroupKind, Key, Result, Uid};
use serde_json::Value as Json;

use super::look::look;
use super::standing::Standing;
use super::{ObjectHealth, assess, ended, has_an_end, is_over, kinds, pods};
use crate::client::kinds::{Place, versions_served};
use crate::live::application::{Inner, Kubernetes};
use crate::live::follow::follow;
use crate::live::object::Seen;

/// How long to wait before discovery is asked again whether it has a new kind.
const PAUSE: Duration = Duration::from_millis(100);

/// How far the server's clock and ours may be apart.
const CLOCKS: Duration = Duration::from_secs(60);

#[async_trait]
impl Health for Kubernetes {
    async fn ready(&self, cx: &Cx, key: &Key, applied: &Applied) -> Result<Readiness> {
        let inner = self.inner();
        match applied {
            Applied::Absent => Ok(Readiness::Ready),
            Applied::Deleting => until_gone(inner, cx, key).await,
            _ if works_at_once(inner, key) => Ok(Readiness::Ready),
            _ => Box::pin(until_well(inner, cx, key, applied)).await,
        }
    }

    async fn look(&self, cx: &Cx, keys: &[Key]) -> Result<BTreeMap<Key, Readiness>> {
        Ok(Box::pin(look(self.inner(), cx, keys)).await)
    }

    async fn ends(&self, _: &Cx, gone: &[(Key, Uid)]) -> Result<BTreeMap<Key, Readiness>> {
        let end = |(key, uid): &(Key, Uid)| Some((key.clone(), self.inner().book.end_of(key, uid)?));
        Ok(gone.iter().filter_map(end).collect())
    }
}

/// Waits until nothing is on its way out under the key: it is absent, or somebody made a namesake.
async fn until_gone(inner: &Inner, cx: &Cx, key: &Key) -> Result<Readiness> {
    let place = inner.place(cx, key).await?;
    let mut last = Standing::unknown();
    let is_gone = |seen: Option<&Seen>| match seen.filter(|seen| seen.is_deleting()) {
        None => Some(Readiness::Ready),
        Some(seen) => {
            last = Standing::of(&seen.json, assess(&seen.json, &inner.health));
            None
        }
    };
    let waited = follow(inner, cx, &place, is_gone).await;
    settle(waited, || last.readiness(cx.now(), inner.patience))
}

pub(super) fn works_at_once(inner: &Inner, key: &Key) -> bool {
    let (group, kind) = (key.kind().group(), key.kind().kind());
    kinds::works_at_once(group, kind) && !inner.health.know(group, kind)
}

async fn until_well(inner: &Inner, cx: &Cx, key: &Key, applied: &Applied) -> Result<Readiness> {
    let place = inner.place(cx, key).await?;
    if let (true, Applied::Present { uid, .. }) = (has_an_end(key), applied) {
        inner.book.await_end(key, uid);
    }
    let readiness = tokio::select! {
        readiness = by_itself(inner, cx, key, &place) => readiness?,
        reason = broken_pod(inner, cx, key, &place) => Readiness::Failed(reason),
    };
    match readiness {
        Readiness::Ready if is_definition(key) => until_served(inner, cx, &place).await,
        readiness => Ok(readiness),
    }
}

/// Never returns where the object has no broken pod, or nobody may look.
async fn broken_pod(inner: &Inner, cx: &Cx, key: &Key, place: &Place) -> String {
    match pods::broken(inner, cx, key, place).await {
        Ok(Some(reason)) => reason,
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

/// Waits for what the object's own status says. One of which nothing is proven is waited for as long as the grace lasts.
async fn by_itself(inner: &Inner, cx: &Cx, key: &Key, place: &Place) -> Result<Readiness> {
    let mut last = Standing::unknown();
    let (group, kind) = (key.kind().group(), key.kind().kind());
    let may_be_unproven = !kinds::is_built_in(group) && !inner.health.know(group, kind);
    if may_be_unproven {
        let readiness = watched(inner, &cx.within(inner.grace), place, &mut last).await?;
        let is_over = cx.deadline().is_some_and(|deadline| cx.now() >= deadline);
        let goes_on = matches!(readiness, Readiness::Progressing(_) | Readiness::Stuck { .. });
        match last.health {
            _ if !goes_on || is_over => return Ok(readiness),
            ObjectHealth::Unproven(reason) => return Ok(Readiness::Unproven(reason)),
            _ => {}
        }
    }
    watched(inner, cx, place, &mut last).await
}

/// Watches the object until it does well or badly, or until the deadline; `last` is how it did then.
async fn watched(inner: &Inner, cx: &Cx, place: &Place, last: &mut Standing) -> Result<Readiness> {
    let decide = |seen: Option<&Seen>| {
        let Some(seen) = seen else { return Some(Readiness::Gone) };
        match now(inner, cx, place, seen) {
            Ok(readiness) => Some(readiness),
            Err(standing) => {
                *last = standing;
                None
            }
        }
    };
    let waited = follow(inner, cx, place, decide).await;
    settle(waited, || last.readiness(cx.now(), inner.patience))
}

/// How an object is doing, where that is something to end a wait with.
pub(super) fn now(inner: &Inner, cx: &Cx, place: &Place, seen: &Seen) -> Result<Readiness, Standing> {
    let json = &seen.json;
    let health = ended(json).unwrap_or_else(|| assess(json, &inner.health));
    let standing = Standing::of(json, health);
    let is_schedule = place.kind() == "CronJob" && place.served.group == "batch";
    match &standing.health {
        ObjectHealth::Healthy => Ok(Readiness::Ready),
        ObjectHealth::Degraded(reason) if is_over(json) => Ok(Readiness::Ended(reason.clone())),
        ObjectHealth::Degraded(reason) => Ok(Readiness::Failed(reason.clone())),
        ObjectHealth::Suspended(reason) => {
            Ok(Readiness::Suspended { reason: reason.clone(), ready: is_schedule })
        }
        // What runs at this moment is nothing to wait for.
        ObjectHealth::Progressing(_) if is_schedule && json["metadata"]["deletionTimestamp"].is_null() => {
            Ok(Readiness::Ready)
        }
        // Of a kind without a status nobody will ever write one.
        ObjectHealth::Unproven(_) if !place.served.has_status => Ok(Readiness::Ready),
        ObjectHealth::Unproven(reason) if standing.is_older(cx.now(), inner.grace + CLOCKS) => {
            Ok(Readiness::Unproven(reason.clone()))
        }
        ObjectHealth::Progressing(_) | ObjectHealth::Unproven(_) => Err(standing),
    }
}

/// A wait that the deadline ended says what it waited for.
fn settle(waited: Result<Readiness>, last: impl FnOnce() -> Readiness) -> Result<Readiness> {
    match waited {
        Err(error) if error.kind() == ErrorKind::Timeout => Ok(last()),
        waited => waited,
    }
}

pub(super) fn is_definition(key: &Key) -> bool {
    key.kind().group() == "apiextensions.k8s.io" && key.kind().kind() == "CustomResourceDefinition"
}

/// An established kind appears in discovery a moment later, and its objects can't be written before.
async fn until_served(inner: &Inner, cx: &Cx, place: &Place) -> Result<Readiness> {
    let definition = inner.read(cx, place.object(&place.served.versions[0])).await?;
    let Some(json) = definition.map(|seen| seen.json) else {
        return Ok(Readiness::Gone);
    };
    let Some(kind) = defined(&json) else {
        return Ok(Readiness::Failed("it does not say which kind it defines".to_owned()));
    };
    let versions = versions_served(&json);
    while !inner.cluster.kinds().is_served(cx, inner.wire(), &kind, &versions).await? {
        let waited = cx.sleep(PAUSE).await.map(|()| Readiness::Ready);
        let not_yet = || Readiness::Progressing(format!("{kind} is not served yet in each of its versions"));
        if let not_yet @ Readiness::Progressing(_) = settle(waited, not_yet)? {
            return Ok(not_yet);
        }
    }
    Ok(Readiness::Ready)
}

pub(super) fn defined(definition: &Json) -> Option<GroupKind> {
    let spec = &definition["spec"];
    Some(GroupKind::new(spec["group"].as_str()?, spec["names"]["kind"].as_str()?))
}
