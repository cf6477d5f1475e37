use gitops_core::{Digest, Hasher, Result};

use super::{Action, Reader};

/// The digest, under a key, of what the plan would do: no time, no order of events, nothing that only is.
pub(super) fn effect(reader: &Reader<'_>, effect_key: &[u8]) -> Result<Digest> {
    let mut hasher = Hasher::new("gitops terraform effect 2");
    hasher.field(effect_key);
    for change in reader.items("resource_changes")? {
        if has_effect(&change) {
            hasher.field(change.value().digest().as_bytes());
        }
    }
    for (name, change) in reader.members("output_changes")? {
        if Action::of(&change)? != Action::NoOp {
            hasher.field(name).field(change.value().digest().as_bytes());
        }
    }
    let usual = [
        ("action_invocations", None),
        ("deferred_changes", None),
        ("complete", Some(true)),
        ("errored", Some(false)),
    ];
    for (part, usual) in usual {
        // Not every version says what is usual.
        if let Some(said) =
            reader.field(part).filter(|said| usual.is_none() || said.value().as_bool() != usual)
        {
            hasher.field(part).field(said.value().digest().as_bytes());
        }
    }
    Ok(hasher.finish())
}

fn has_effect(change: &Reader<'_>) -> bool {
    let inner = change.field("change");
    let stays =
        inner.as_ref().and_then(|inner| Action::of(inner).ok()).is_some_and(|action| action == Action::NoOp);
    !stays
        || change.field("previous_address").is_some()
        || inner.is_some_and(|inner| inner.field("importing").is_some())
}
