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
    let document = Document::new(object, Some(mark))?;
    let uri = place.object_as(document.api_version())?;
    let mut known = inner.book.told.resource_version(key, expect);
    for _ in 0..TRIES {
        let version = match known.take() {
            Some(version) => version,
            None => match look(inner, cx, &place, object, expect, mark).await? {
                Looked::Done(applied) => return Ok(applied),
                Looked::AsPlanned(version) => version,
            },
        };
        let pin = Pin::At(expect.uid.as_str(), &version);
        match inner.submit(cx, &document, &uri, pin, Dry::No).await {
            Ok(json) => return Ok(inner.applied(key, &Seen::new(json))),
            Err(failure) if failure.is_of_versions() => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    Err(Error::conflict(key).with("tries", TRIES))
}

enum Looked {
    Done(Applied),
    AsPlanned(String),
}

async fn look(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    object: &Object,
    expect: &Expect,
    mark: &Mark,
) -> Result<Looked> {
    let seen = inner.read_as_applied(cx, place).await?;
    let seen = seen.ok_or_else(|| Error::conflict(&object.key))?;
    if Inner::is_done(&seen, mark) && seen.uid() == expect.uid {
        return Ok(Looked::Done(inner.applied(&object.key, &seen)));
    }
    inner.check(&object.key, &seen, expect, mark)?;
    Ok(Looked::AsPlanned(seen.resource_version().to_owned()))
}
