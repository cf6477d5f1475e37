use gitops_core::{Applied, Cx, Error, Mark, Object, Result};

use super::Dry;
use crate::document::{Document, Pin};
use crate::target::Inner;

/// Makes an object that must not be there.
pub(super) async fn create(inner: &Inner, cx: &Cx, object: &Object, mark: &Mark) -> Result<Applied> {
    let place = inner.place(cx, &object.key).await?;
    let document = Document::new(object, Some(mark))?;
    let uri = place.object_as(document.api_version())?;
    match inner.submit(cx, &document, &uri, Pin::Absent, Dry::No).await {
        Ok(json) => Ok(inner.applied(&object.key, &crate::object::Seen::new(json))),
        Err(failure) if failure.is_of_versions() => {
            made_before(inner, cx, object, mark, &document, &uri).await
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Something is there: by this very operation, whose answer was lost, or by somebody else.
async fn made_before(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    mark: &Mark,
    document: &Document,
    uri: &str,
) -> Result<Applied> {
    match inner.read(cx, uri.to_owned()).await? {
        Some(seen) if Inner::is_done(&seen, mark) => {
            inner.answer_again(cx, &object.key, document, uri, &seen).await
        }
        _ => Err(Error::conflict(&object.key)),
    }
}
