//! What a write changes of an object beside the fields that are ours.
//!
//! A webhook of the cluster may set a field that nobody declares, and the server its defaults. It is done by the write that
//! somebody approves, so the plan shows it, and an approval holds for no other. What others did since the object was read is no
//! part of it, and neither is what is another one at each write: a time, a number that is drawn.

use gitops_core::{Cx, FieldChange, Object, Result, Value};

use crate::change::adopt::Exchanged;
use crate::change::negotiate::ask_again;
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::clients::Decision;
use crate::live::fields::{FieldSet, changes_outside};
use crate::live::object::Seen;

/// What a plan says of a value that is another one at each write.
const ANOTHER: &str = "(another value at each write)";

/// The fields beside ours that a write changes, which was agreed on with the server.
///
/// The server is asked a second time where there are any.
pub(super) async fn beside(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    place: &Place,
    [before, after]: [&Seen; 2],
    (decision, exchanged): (&Decision, Option<&Exchanged>),
) -> Result<Vec<FieldChange>> {
    let mut known = decision.left.clone();
    exchanged.iter().for_each(|exchanged| known.merge(&exchanged.gone()));
    let mut found = changes(inner, before, after, &known);
    if found.is_empty() {
        return Ok(found);
    }
    let again = ask_again(inner, cx, object, place, before, (decision, exchanged)).await?;
    let again = changes(inner, before, &again, &known);
    found.retain_mut(|change| {
        let Some(other) = again.iter().find(|other| other.path == change.path) else { return false };
        if other.after != change.after || is_time(change.after.as_ref()) {
            change.after = Some(ANOTHER.into());
        }
        true
    });
    Ok(found)
}

fn changes(inner: &Inner, before: &Seen, after: &Seen, known: &FieldSet) -> Vec<FieldChange> {
    // What is ours is compared as such.
    let mut known = known.clone();
    known.merge(&before.owned(&inner.eye));
    known.merge(&after.owned(&inner.eye));
    known.merge(&inner.eye.ignore.fields_of_managers(after));
    if before.resource_version() != after.resource_version() {
        // Somebody wrote the object in between.
        after.managed.iter().for_each(|entry| known.merge(&entry.fields));
    }
    let [before, after] = [before, after].map(|seen| inner.eye.ignore.without_ignored(seen.declarable()));
    changes_outside(&known, &before, &after)
}

fn is_time(value: Option<&Value>) -> bool {
    value.and_then(Value::as_text).is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok())
}
