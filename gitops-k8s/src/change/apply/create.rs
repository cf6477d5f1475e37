use gitops_core::{Applied, Cx, Error, ErrorKind, Object, OwnerLabel, Result};

use super::Dry;
use crate::change::document::{Document, Pin};
use crate::change::effect::Sent;
use crate::live::application::Inner;
use crate::live::clients::Decision;
use crate::live::object::Seen;

/// Makes an object that must not be there.
pub(super) async fn create(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    owner_label: &OwnerLabel,
) -> Result<Applied> {
    let place = inner.place_of(cx, object).await?;
    let document = Document::new(object, Some(owner_label))?;
    let uri = place.object_as(document.api_version())?;
    match inner.submit(cx, &document, &uri, Pin::Absent, Dry::No).await {
        Ok(json) => {
            let decision = &Decision::default();
            let sent = Sent { object, document: &document, decision, uri: &uri };
            Ok(inner.made(cx, sent, &Seen::new(json)).await)
        }
        // Something is there, whether its version or the owner of one of its fields said so first.
        Err(failure) if failure.kind() == ErrorKind::Conflict => {
            made_before(inner, cx, object, owner_label, &uri).await
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Something is there: by this very operation, whose answer was lost, or by somebody else.
async fn made_before(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    owner_label: &OwnerLabel,
    uri: &str,
) -> Result<Applied> {
    match inner.read(cx, uri.to_owned()).await? {
        Some(seen) if Inner::is_done(&seen, owner_label) => {
            let document = Document::over(object, Some(owner_label), &seen, &inner.eye)?;
            let sent = Sent { object, document: &document, decision: &Decision::default(), uri };
            inner.answer_again(cx, sent, &seen).await
        }
        _ => Err(Error::conflict(&object.key)),
    }
}
