use std::time::Duration;

use async_trait::async_trait;
use gitops_core::capability::{Health, Readiness};
use gitops_core::{Applied, Cx, ErrorKind, GroupKind, Key, Result};
use serde_json::Value as Json;

use super::{Doing, assess, kinds};
use crate::Kubernetes;
use crate::follow::follow;
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
            _ if kinds::works_at_once(key.kind().group(), key.kind().kind()) => Ok(Readiness::Ready),
            _ => until_well(inner, cx, key).await,
        }
    }
}

/// Waits until nothing is on its way out under the key: it is absent, or somebody made a namesake.
async fn until_gone(inner: &Inner, cx: &Cx, key: &Key) -> Result<Readiness> {
    let place = inner.place(cx, key).await?;
    let is_gone = |seen: Option<&Seen>| seen.is_none_or(|seen| !seen.is_deleting()).then_some(());
    let waiting = follow(inner, cx, &place, is_gone).await;
    settle(waiting.map(|()| Readiness::Ready), || "its deletion is not finished".to_owned())
}

async fn until_well(inner: &Inner, cx: &Cx, key: &Key) -> Result<Readiness> {
    let place = inner.place(cx, key).await?;
    let mut last = String::from("nothing is known of it");
    let decide = |seen: Option<&Seen>| match seen.map(|seen| assess(&seen.json)) {
        None => Some(Readiness::Failed("it is gone".to_owned())),
        Some(Doing::Well) => Some(Readiness::Ready),
        Some(Doing::Badly(reason)) => Some(Readiness::Failed(reason)),
        Some(Doing::Coming(reason)) => {
            last = reason;
            None
        }
    };
    let waited = follow(inner, cx, &place, decide).await;
    match settle(waited, || last.clone())? {
        Readiness::Ready if is_definition(key) => until_served(inner, cx, &place).await,
        readiness => Ok(readiness),
    }
}

/// A wait that the deadline ended says what it waited for.
fn settle(waited: Result<Readiness>, last: impl FnOnce() -> String) -> Result<Readiness> {
    match waited {
        Err(error) if error.kind() == ErrorKind::Timeout => Ok(Readiness::Progressing(last())),
        waited => waited,
    }
}

fn is_definition(key: &Key) -> bool {
    key.kind().group() == "apiextensions.k8s.io" && key.kind().kind() == "CustomResourceDefinition"
}

/// An established kind appears in discovery a moment later, and its objects can't be written before.
async fn until_served(inner: &Inner, cx: &Cx, place: &crate::kinds::Place) -> Result<Readiness> {
    let definition = inner.read(cx, place.object(&place.served.versions[0])).await?;
    let Some(kind) = definition.and_then(|seen| defined(&seen.json)) else {
        return Ok(Readiness::Failed("it is gone".to_owned()));
    };
    while !inner.cluster.kinds().is_served(cx, inner.wire(), &kind).await? {
        let waited = cx.sleep(PAUSE).await.map(|()| Readiness::Ready);
        if let Readiness::Progressing(reason) = settle(waited, || format!("{kind} is not served yet"))? {
            return Ok(Readiness::Progressing(reason));
        }
    }
    Ok(Readiness::Ready)
}

fn defined(definition: &Json) -> Option<GroupKind> {
    let spec = &definition["spec"];
    Some(GroupKind::new(spec["group"].as_str()?, spec["names"]["kind"].as_str()?))
}
