use gitops_core::{Applied, Cx, Error, ErrorKind, Expect, Key, OwnerLabel, Result};
use serde_json::{Value as Json, json};

use crate::client::cluster::Call;
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::object::Seen;
use crate::live::told::State;

/// How often the server's version may move on before the delete is given up.
const TRIES: usize = 10;

/// Removes an object, if it is the incarnation and in the state that the delete was planned for.
///
/// It is read first, by a consistent read; the delete itself names uid and version, so that nothing else can be
/// hit by it. One that is gone, or has a namesake in its place, was removed before: that is success.
pub(super) async fn delete(
    inner: &Inner,
    cx: &Cx,
    key: &Key,
    expect: &Expect,
    owner_label: &OwnerLabel,
) -> Result<Applied> {
    let place = inner.place(cx, key).await?;
    for _ in 0..TRIES {
        let Some(seen) = inner.read_as_applied(cx, &place).await? else {
            return Ok(gone(inner, key));
        };
        if seen.uid() != expect.uid {
            return Ok(gone(inner, key));
        }
        if seen.is_deleting() {
            return Ok(Applied::Deleting);
        }
        inner.check(key, &seen, expect, owner_label)?;
        if seen.asks_to_stay() {
            return Err(Error::conflict(key)
                .help("an annotation says that it is to stay: plan again, it is orphaned then"));
        }
        match remove(inner, cx, key, &place, &seen).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            answer => return answer,
        }
    }
    Err(Error::conflict(key).with("tries", TRIES))
}

fn gone(inner: &Inner, key: &Key) -> Applied {
    inner.book.told.tell(key, State::absent(""));
    Applied::Absent
}

/// The one request that deletes.
pub(super) async fn remove(inner: &Inner, cx: &Cx, key: &Key, place: &Place, seen: &Seen) -> Result<Applied> {
    let body = options(&json!({"uid": seen.uid().as_str(), "resourceVersion": seen.resource_version()}));
    let call = Call::delete(place.object(&place.served.versions[0]), body.to_string().into_bytes());
    match inner.wire().json(cx, call).await {
        // The answer is the object where its deletion waits for something, and a status where it is done.
        Ok(answer) if answer["kind"] != "Status" && !answer["metadata"]["deletionTimestamp"].is_null() => {
            Ok(inner.applied(key, &Seen::new(answer)))
        }
        Ok(_) => Ok(gone(inner, key)),
        Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(gone(inner, key)),
        Err(failure) => Err(failure.into()),
    }
}

/// What is said with a deletion: the object alone, and only if it is this one.
pub(crate) fn options(preconditions: &Json) -> Json {
    json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions,
        "propagationPolicy": "Background",
    })
}
