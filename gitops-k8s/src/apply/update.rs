use gitops_core::{Applied, Cx, Error, Expect, Mark, Object, Result};

use super::Dry;
use crate::document::{Document, Pin};
use crate::kinds::Place;
use crate::object::Seen;
use crate::target::Inner;

/// How often the server's version may move on (by others' fields) before the update is given up.
const TRIES: usize = 10;

/// Changes an object in place, if it is the incarnation and in the state that the change was planned for.
///
/// The server compares its own version, which every write of anybody moves. Where it moved, the object is read
/// again: the update goes on exactly if the fields that we own are as they were.
pub(super) async fn update(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    expect: &Expect,
    mark: &Mark,
) -> Result<Applied> {
    let key = &object.key;
    let place = inner.place(cx, key).await?;
    // What is left to others is known from the object alone.
    let is_left = inner.eye.ignore.concern(key);
    let mut known = inner.book.told.resource_version(key, expect, mark).filter(|_| !is_left);
    for _ in 0..TRIES {
        let (version, document) = if let Some(version) = known.take() {
            (version, Document::new(object, Some(mark))?)
        } else {
            let seen = look(inner, cx, &place, object).await?;
            let document = Document::over(object, Some(mark), &seen, &inner.eye)?;
            if Inner::is_done(&seen, mark) && seen.uid() == expect.uid {
                let uri = place.object_as(document.api_version())?;
                return inner.answer_again(cx, key, &document, &uri, &seen).await;
            }
            inner.check(key, &seen, expect, mark)?;
            (seen.resource_version().to_owned(), document)
        };
        let uri = place.object_as(document.api_version())?;
        let pin = Pin::At(expect.uid.as_str(), &version);
        match inner.submit(cx, &document, &uri, pin, Dry::No).await {
            Ok(json) => return Ok(inner.applied(key, &Seen::new(json))),
            Err(failure) if failure.is_of_versions() => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    Err(Error::conflict(key).with("tries", TRIES))
}

/// The object, which must be there.
async fn look(inner: &Inner, cx: &Cx, place: &Place, object: &Object) -> Result<Seen> {
    inner.read_as_applied(cx, place).await?.ok_or_else(|| Error::conflict(&object.key))
}
