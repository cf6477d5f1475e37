//! Asks the server by dry runs until it is decided what becomes of each field that other clients set.

use gitops_core::{Cx, Error, ErrorKind, Object, Result};
use serde_json::Value as Json;

use crate::change::adopt::Exchanged;
use crate::change::document::Document;
use crate::client::cluster::Failure;
use crate::client::kinds::Place;
use crate::live::application::{Conflicts, Inner};
use crate::live::clients::{self, Decision, judge, leave_replicas, renamed};
use crate::live::fields::FieldSet;
use crate::live::object::Seen;

/// How many dry runs it takes at most: a refusal, one without the fields of others, one without the replicas.
const ROUNDS: usize = 4;

/// What the server would make of a write, and what is done about fields of others.
pub(crate) struct Agreed {
    pub after: Result<Seen, Failure>,
    pub decision: Decision,
    /// What an adoption exchanges of lists, where the server takes it only so.
    pub exchanged: Option<Exchanged>,
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
    let mut exchanged: Option<Exchanged> = None;
    for _ in 0..ROUNDS {
        match ask(inner, cx, object, place, before, &decision).await {
            Ok(after) => {
                let pair = [&before.json, &after.json];
                if leave_replicas(inner, cx, object, pair, &mut decision).await? {
                    continue;
                }
                let after = match &exchanged {
                    Some(exchanged) => Box::pin(exchanged.complete(inner, cx, place, after)).await?,
                    None => Ok(after),
                };
                return Ok(agreed(after, decision, exchanged));
            }
            Err(failure) => {
                if judge(inner, cx, object, before, &failure, &mut decision).await? {
                    continue;
                }
                let is_refused = failure.kind() == ErrorKind::Invalid && exchanged.is_none();
                let found = match is_refused {
                    true => Exchanged::of(inner, object, before, &body_of(inner, object, before)?),
                    false => None,
                };
                let Some(found) = found else {
                    return Ok(agreed(Err(failure), decision, exchanged));
                };
                decision.renamed.back = found.coming();
                exchanged = Some(found);
            }
        }
    }
    Err(Error::conflict(&object.key).with("tries", ROUNDS))
}

/// No write leaves out what comes by an exchange: what it is exchanged for is ours by then.
fn agreed(after: Result<Seen, Failure>, mut decision: Decision, exchanged: Option<Exchanged>) -> Agreed {
    if exchanged.is_some() {
        decision.renamed.back = FieldSet::default();
    }
    Agreed { after, decision, exchanged }
}

/// What the server makes of a write that was agreed on, asked once more.
pub(crate) async fn ask_again(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    place: &Place,
    before: &Seen,
    (decision, exchanged): (&Decision, Option<&Exchanged>),
) -> Result<Seen> {
    let Some(exchanged) = exchanged else {
        return Ok(ask(inner, cx, object, place, before, decision).await?);
    };
    let mut decision = decision.clone();
    decision.renamed.back = exchanged.coming();
    let after = ask(inner, cx, object, place, before, &decision).await?;
    Ok(Box::pin(exchanged.complete(inner, cx, place, after)).await??)
}

/// What is declared of an object that is there.
fn body_of(inner: &Inner, object: &Object, before: &Seen) -> Result<Json> {
    Ok(Document::over(object, before.owner_label.as_ref(), before, &inner.eye)?.json)
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
