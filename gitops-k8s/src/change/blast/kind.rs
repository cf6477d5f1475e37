use gitops_core::{Cx, GroupKind, Key, Result, Taken};
use serde_json::Value as Json;

use super::count::count;
use crate::client::kinds::Known;
use crate::live::application::Inner;

/// The objects of the kind that a definition defines, in all namespaces.
pub(super) async fn taken(inner: &Inner, cx: &Cx, key: &Key, owner: &str) -> Result<Vec<Taken>> {
    let place = inner.place(cx, key).await?;
    let Some(definition) = inner.read(cx, place.object(&place.served.versions[0])).await? else {
        return Ok(Vec::new());
    };
    let Some(kind) = defined(&definition.json["spec"]) else {
        return Ok(vec![Taken::unknown(
            "objects of the kind",
            "the definition does not say which kind it is of",
        )]);
    };
    let shown = kind.to_string();
    if inner.tenancy.is_narrow() {
        return Ok(vec![Taken::unknown(
            shown,
            "the application's limits do not allow to look at all namespaces",
        )]);
    }
    match inner.cluster.kinds().known(cx, inner.wire(), &kind).await? {
        Known::Nowhere => Ok(Vec::new()),
        Known::Unsure(reason) => Ok(vec![Taken::unknown(shown, reason)]),
        Known::Served(served) => {
            let counted = count(inner, cx, kind.kind(), &served, "", |_| true, owner).await?;
            Ok(counted.taken(&Key::new(key.target(), kind, "", "")))
        }
    }
}

fn defined(spec: &Json) -> Option<GroupKind> {
    Some(GroupKind::new(spec["group"].as_str()?, spec["names"]["kind"].as_str()?))
}
