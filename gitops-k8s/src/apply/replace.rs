use gitops_core::{Applied, Cx, Error, ErrorKind, Expect, Mark, Object, Result};

use super::create::create;
use super::delete::remove;
use crate::document::Document;
use crate::follow::until_absent;
use crate::kinds::Place;
use crate::object::Seen;
use crate::target::Inner;
use crate::treatment::Treatment;

/// Removes an object and makes it anew.
///
/// Its end is waited for by a watch, up to the deadline. Whatever happens after the removal leaves the outcome
/// unknown: the object may be absent then, and the next plan makes it.
pub(super) async fn replace(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    expect: &Expect,
    mark: &Mark,
) -> Result<Applied> {
    if !inner.replace && !Treatment::of(object).recreate {
        return Err(Error::new(ErrorKind::Denied, "the target may not delete an object to make it anew")
            .help("allow it: `KubernetesBuilder::replace`"));
    }
    let key = &object.key;
    let place = inner.place(cx, key).await?;
    let seen = inner.read_as_applied(cx, &place).await?;
    let seen = seen.ok_or_else(|| Error::conflict(key))?;
    if Inner::is_done(&seen, mark) && seen.uid() != expect.uid {
        let document = Document::over(object, Some(mark), &seen, &inner.eye)?;
        let uri = place.object_as(document.api_version())?;
        return inner.answer_again(cx, key, &document, &uri, &seen).await;
    }
    inner.check(key, &seen, expect, mark)?;
    let removed = remove(inner, cx, key, &place, &seen).await?;
    anew(inner, cx, object, mark, &place, &seen, removed).await.map_err(Error::outcome_unknown)
}

async fn anew(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    mark: &Mark,
    place: &Place,
    seen: &Seen,
    removed: Applied,
) -> Result<Applied> {
    if removed == Applied::Deleting {
        until_absent(inner, cx, place, seen.uid().as_str()).await?;
    }
    create(inner, cx, object, mark).await
}
