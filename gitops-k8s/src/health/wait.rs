use std::time::Duration;

use async_trait::async_trait;
use gitops_core::capability::{Health, Readiness};
use gitops_core::{Applied, Cx, ErrorKind, GroupKind, Key, Result};
use serde_json::Value as Json;

use super::standing::Standing;
use super::{Doing, assess, kinds, pods};
use crate::Kubernetes;
use crate::follow::follow;
use crate::kinds::Place;
use crate::object::Seen;
use crate::target::Inner;

/// How long to wait before discovery is asked again whether it has a new kind.
const PAUSE: Duration = Duration::from_millis(100);

#[async_trait]
impl Health for Kubernetes {
    async fn ready(&self, cx: &Cx, key: &Key, applied: &Applied) -> Result<Readiness> {
        let inner = self.inner();
        match applied {
            Applied::Absent => Ok(Readiness::Ready),
            Applied::Deleting => until_gone(inner, cx, key).await,
            _ if works_at_once(inner, key) => Ok(Readiness::Ready),
            _ => Box::pin(until_well(inner, cx, key)).await,
        }
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

fn works_at_once(inner: &Inner, key: &Key) -> bool {
    let (group, kind) = (key.kind().group(), key.kind().kind());
    kinds::works_at_once(group, kind) && !inner.health.know(group, kind)
}

async fn until_well(inner: &Inner, cx: &Cx, key: &Key) -> Result<Readiness> {
    let place = inner.place(cx, key).await?;
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

/// Waits for what the object's own status says. One that nobody looks at is waited for as long as the grace lasts.
async fn by_itself(inner: &Inner, cx: &Cx, key: &Key, place: &Place) -> Result<Readiness> {
    let mut last = Standing::unknown();
    let (group, kind) = (key.kind().group(), key.kind().kind());
    let may_be_unseen = !kinds::is_built_in(group) && !inner.health.know(group, kind);
    if may_be_unseen {
        let readiness = watched(inner, &cx.within(inner.grace), place, &mut last).await?;
        let is_over = cx.deadline().is_some_and(|deadline| cx.now() >= deadline);
        let goes_on = matches!(readiness, Readiness::Progressing(_) | Readiness::Stuck { .. });
        match last.doing {
            _ if !goes_on || is_over => return Ok(readiness),
            Doing::Unseen => return Ok(Readiness::Ready),
            _ => {}
        }
    }
    watched(inner, cx, place, &mut last).await
}

/// Watches the object until it does well or badly, or until the deadline; `last` is how it did then.
async fn watched(inner: &Inner, cx: &Cx, place: &Place, last: &mut Standing) -> Result<Readiness> {
    let decide = |seen: Option<&Seen>| {
        let Some(Seen { json, .. }) = seen else { return Some(Readiness::Failed("it is gone".to_owned())) };
        match assess(json, &inner.health) {
            Doing::Well => Some(Readiness::Ready),
            Doing::Badly(reason) => Some(Readiness::Failed(reason)),
            // Of a kind without a status nobody will ever write one.
            Doing::Unseen if !place.served.has_status => Some(Readiness::Ready),
            doing => {
                *last = Standing::of(json, doing);
                None
            }
        }
    };
    let waited = follow(inner, cx, place, decide).await;
    settle(waited, || last.readiness(cx.now(), inner.patience))
}

/// A wait that the deadline ended says what it waited for.
fn settle(waited: Result<Readiness>, last: impl FnOnce() -> Readiness) -> Result<Readiness> {
    match waited {
        Err(error) if error.kind() == ErrorKind::Timeout => Ok(last()),
        waited => waited,
    }
}

fn is_definition(key: &Key) -> bool {
    key.kind().group() == "apiextensions.k8s.io" && key.kind().kind() == "CustomResourceDefinition"
}

/// An established kind appears in discovery a moment later, and its objects can't be written before.
async fn until_served(inner: &Inner, cx: &Cx, place: &Place) -> Result<Readiness> {
    let definition = inner.read(cx, place.object(&place.served.versions[0])).await?;
    let Some(kind) = definition.and_then(|seen| defined(&seen.json)) else {
        return Ok(Readiness::Failed("it is gone".to_owned()));
    };
    while !inner.cluster.kinds().is_served(cx, inner.wire(), &kind).await? {
        let waited = cx.sleep(PAUSE).await.map(|()| Readiness::Ready);
        let not_yet = || Readiness::Progressing(format!("{kind} is not served yet"));
        if let not_yet @ Readiness::Progressing(_) = settle(waited, not_yet)? {
            return Ok(not_yet);
        }
    }
    Ok(Readiness::Ready)
}

fn defined(definition: &Json) -> Option<GroupKind> {
    let spec = &definition["spec"];
    Some(GroupKind::new(spec["group"].as_str()?, spec["names"]["kind"].as_str()?))
}
