//! Asks the server by dry runs until it is decided what becomes of each field that other clients set.

use gitops_core::{Cx, Error, Object, Result};

use crate::change::document::Document;
use crate::client::cluster::Failure;
use crate::client::kinds::Place;
use crate::live::application::{Conflicts, Inner};
use crate::live::clients::{self, Decision, judge, leave_replicas, renamed};
use crate::live::object::Seen;

/// How many dry runs it takes at most: a refusal, one without the fields of others, one without the replicas.
const ROUNDS: usize = 4;

/// What the server would make of a write, and what is done about fields of others.
pub(crate) struct Agreed {
    pub after: Result<Seen, Failure>,
    pub decision: Decision,
}

/// # Errors
/// Where something is wrong with the declaration, or the server does not answer.
pub(crate) async fn negotiate(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    place: &Place,
    before: &Seen,
) -> Result<Agreed> {
    let mut decision = begin(inner, object, before)?;
    for _ in 0..ROUNDS {
        match ask(inner, cx, object, place, before, &decision).await {
            Ok(after) => {
                let pair = [&before.json, &after.json];
                if !leave_replicas(inner, cx, object, pair, &mut decision).await? {
                    return Ok(Agreed { after: Ok(after), decision });
                }
            }
            Err(failure) => {
                if !judge(inner, cx, object, before, &failure, &mut decision).await? {
                    return Ok(Agreed { after: Err(failure), decision });
                }
            }
        }
    }
    Err(Error::conflict(&object.key).with("tries", ROUNDS))
}

/// What the server would make of a write of which it is decided what becomes of fields of others.
pub(crate) async fn ask(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    place: &Place,
    before: &Seen,
    decision: &Decision,
) -> Result<Seen, Failure> {
    let mut document = Document::among(object, before.owner_label.as_ref(), before, &inner.eye, decision)?;
    decision.renamed.without(&mut document.json);
    let uri = place.object_as(document.api_version())?;
    inner.ask(cx, &document, &uri, decision.forces()).await.map(Seen::new)
}

/// What is decided before anybody is asked.
pub(crate) fn begin(inner: &Inner, object: &Object, before: &Seen) -> Result<Decision> {
    let mut decision = Decision::default();
    if inner.conflicts != Conflicts::Refuse {
        let document = Document::over(object, before.owner_label.as_ref(), before, &inner.eye)?;
        let takes_all = inner.conflicts == Conflicts::Take;
        decision.begin(renamed(&document.json, before, &inner.eye, takes_all));
    }
    let declared = Document::new(object, None)?;
    clients::keep_replicas(inner, object, before, &declared.json, &mut decision);
    decision.foreign.extend(inner.eye.ignore.left_to_managers(before, &declared.json));
    Ok(decision)
}
