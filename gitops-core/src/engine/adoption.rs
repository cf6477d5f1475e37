//! Taking over what others made: first the owner label, then the content.
//!
//! Each half has an intent of its own. The first says nothing of a body, so that nothing that it leaves behind, after a
//! crash at any point, is taken for what was declared.

use std::borrow::Cow;
use std::sync::Arc;

use crate::capability::{Diff, FieldChange, Preview, Scope, Target};
use crate::cx::Cx;
use crate::plan::{Reason, Step};
use crate::value::{Applied, Change, Error, ErrorKind, Expect, Live, Result};

/// Whether a step begins with the owner label: one that takes an object over, or brings a lost label back.
pub(super) fn adopts(step: &Step) -> bool {
    matches!(step.reason, Reason::Adopted | Reason::LabelLost)
}

/// Whether an object that is taken over is as declared already. Its plan compared it in the state that is expected.
pub(super) fn is_equal(step: &Step) -> bool {
    step.diff.is_empty()
}

/// Puts the owner label on an object, and changes nothing else.
pub(super) async fn owner_label(cx: &Cx, target: &Arc<dyn Target>, change: &Change) -> Result<Applied> {
    match target.import() {
        Some(import) => import.adopt(cx, change).await,
        None => Err(Error::new(ErrorKind::Unsupported, "the target can't adopt objects that others made")),
    }
}

/// Makes an object that was just labelled what is declared: no field that the plan did not show is written.
pub(super) async fn fill(cx: &Cx, target: &Arc<dyn Target>, change: Change, shown: &Diff) -> Result<Applied> {
    let change = match (target.dry_run(), &change) {
        (Some(native), Change::Update { expect, .. }) => {
            let live = in_state(cx, target, &change, expect).await?;
            let preview = native.preview(cx, change.key(), change.object().map(AsRef::as_ref), Some(&live));
            foreseen(change.clone(), preview.await?, shown)?
        }
        _ => change,
    };
    target.apply(cx, &change).await
}

/// The object in the state that taking it over left.
async fn in_state(cx: &Cx, target: &Arc<dyn Target>, change: &Change, expect: &Expect) -> Result<Live> {
    let scope: Scope = [change.key().clone()].into_iter().collect();
    let found = target.observe(cx, &scope).await?;
    let live = found.into_iter().find(|live| live.key == *change.key() && Expect::from(live) == *expect);
    live.ok_or_else(|| Error::conflict(change.key()))
}

/// The change with what its target previews of it now, if the plan showed all of that.
fn foreseen(change: Change, preview: Preview, shown: &Diff) -> Result<Change> {
    let was_shown = |field: &&FieldChange| {
        let is_same = |other: &FieldChange| other.path == field.path && other.after == field.after;
        field.before == field.after || shown.fields().iter().any(is_same)
    };
    let surprises: Vec<Cow<'_, str>> =
        preview.diff.fields().iter().filter(|field| !was_shown(field)).map(FieldChange::shown_path).collect();
    if !surprises.is_empty() || preview.replace.is_some() {
        let what = "the object is adopted, and the rest of the change is not what the plan showed";
        let error = Error::new(ErrorKind::Conflict, what).at(change.key());
        return Err(error.with("fields", surprises.join(", ")).help("plan again: the next plan shows it"));
    }
    Ok(match change {
        Change::Update { object, expect, owner_label, .. } => {
            Change::Update { object, expect, owner_label, preview: Some(preview.digest) }
        }
        change => change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Digest, GroupKind, Key, Object, OwnerLabel, Provenance, Uid, Value, Version};

    fn field(path: &str, before: &str, after: &str) -> FieldChange {
        FieldChange::new(path, Some(before.into()), Some(after.into()))
    }

    #[test]
    fn after_an_adoption_only_what_the_plan_showed_is_written() {
        let key = Key::new("t", GroupKind::new("", "K"), "", "a");
        let provenance = Provenance::new("s", "r", "a", 0);
        let change = Change::Update {
            object: Arc::new(Object::new(key, Value::Null, provenance)),
            expect: Expect { uid: Uid::new("u"), version: Version::new("1") },
            owner_label: OwnerLabel { owner: "us".into(), op: "op".into() },
            preview: None,
        };
        let shown = [field("/a", "1", "2"), field("/b", "1", "2")].into_iter().collect::<Diff>();
        let digest = Digest::of(b"preview");
        let write = |fields: &[FieldChange], replace: Option<&str>| {
            let preview = Preview::new(fields.iter().cloned().collect(), digest);
            foreseen(change.clone(), preview.replacing(replace.map(str::to_owned)), &shown)
        };
        let fine =
            [vec![field("/a", "1", "2")], vec![field("/a", "9", "2")], vec![field("/c", "1", "1")], vec![]];
        for fields in fine {
            assert_eq!(write(&fields, None).unwrap().preview(), Some(&digest), "{fields:?}");
        }
        for fields in [vec![field("/a", "1", "3")], vec![field("/c", "1", "2")]] {
            let error = write(&fields, None).unwrap_err();
            assert!(error.is_conflict() && error.to_string().contains(&fields[0].path), "{error}");
        }
        assert!(write(&[], Some("fixed")).is_err());
    }
}
