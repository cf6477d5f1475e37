//! The owner label that says whose an object is.

use gitops_core::{Error, ErrorKind, Hasher, OwnerLabel, Result};
use serde_json::{Value as Json, json};

use crate::live::fields::{FieldSet, Managed};

/// The label of everything that an inventory owns: what is watched. Its value is a digest of the owner.
pub(crate) const LABEL: &str = "gitops/owner";
/// The annotation that names the owner in full.
pub(crate) const OWNER: &str = "gitops/owner";
/// The annotation that names the operation which wrote the object last.
pub(crate) const OPERATION: &str = "gitops/operation";
/// What the field managers of all applications begin with.
const MANAGERS: &str = "gitops:";

/// The field manager of an application: one each, so that two which want one field are told so.
pub(crate) fn manager(application: &str) -> Result<String> {
    let name = format!("{MANAGERS}{application}");
    match name.len() <= 128 && !application.is_empty() {
        true => Ok(name),
        false => Err(Error::new(
            ErrorKind::Invalid,
            "the application's name is empty or too long for a field manager",
        )
        .with("bytes", application.len())
        .with("limit", 128 - MANAGERS.len())),
    }
}

/// Sets the owner label in a body that is about to be sent.
pub(crate) fn set(body: &mut Json, owner_label: &OwnerLabel) -> Result<()> {
    if let Some(taken) = declared(body) {
        return Err(Error::new(ErrorKind::Invalid, format!("the object declares `{taken}` itself"))
            .help("leave it out: it says whose the object is, and is set with every write"));
    }
    for map in ["labels", "annotations"] {
        let found = &body["metadata"][map];
        if !found.is_null() && !found.is_object() {
            return Err(Error::new(ErrorKind::Invalid, format!("`metadata.{map}` is no map"))
                .help("give each a name and a text"));
        }
    }
    body["metadata"]["labels"][LABEL] = json!(digest(&owner_label.owner));
    body["metadata"]["annotations"][OWNER] = json!(owner_label.owner);
    body["metadata"]["annotations"][OPERATION] = json!(owner_label.op);
    Ok(())
}

fn declared(body: &Json) -> Option<&'static str> {
    let has = |map: &str, name: &str| !body["metadata"][map][name].is_null();
    let owner_labels = [("labels", LABEL), ("annotations", OWNER), ("annotations", OPERATION)];
    owner_labels.into_iter().find(|(map, name)| has(map, name)).map(|(_, name)| name)
}

/// The owner's label: an owner's name may be longer than a label, and hold what no label may.
pub(crate) fn digest(owner: &str) -> String {
    let mut hasher = Hasher::new("gitops owner label");
    hasher.field(owner);
    hasher.finish().to_string().chars().take(32).collect()
}

/// The owner label on an object, if an application set it there. One that came with a copy of the object (a backup, an
/// operator that passes annotations on) is owned by who copied it, and no owner label.
pub(crate) fn read(object: &Json, managed: &[Managed]) -> Option<OwnerLabel> {
    let text = |name: &str| object["metadata"]["annotations"][name].as_str();
    let (owner, op) = (text(OWNER)?, text(OPERATION)?);
    managed.iter().any(is_set_by).then(|| OwnerLabel { owner: owner.into(), op: op.into() })
}

/// Whether it is this manager, of an application, that set the owner label.
pub(crate) fn is_set_by(entry: &Managed) -> bool {
    let path = ["metadata", "annotations", OWNER];
    entry.applies && is_of_application(&entry.manager) && entry.fields.has(&path)
}

/// Whether a field manager is an application's.
pub(crate) fn is_of_application(manager: &str) -> bool {
    manager.starts_with(MANAGERS)
}

/// Whether an application's record still has the label or the annotation that says whose an object is: it was not let go on purpose.
pub(crate) fn is_held(managed: &[Managed]) -> bool {
    let marks = [["metadata", "labels", LABEL], ["metadata", "annotations", OWNER]];
    let holds = |entry: &Managed| marks.iter().any(|mark| entry.fields.has(mark));
    managed.iter().any(|entry| is_of_application(&entry.manager) && holds(entry))
}

/// Whether a field, as the server writes it, says whose an object is, and no application set it last: then it is set again,
/// whoever copied it.
pub(crate) fn is_copied(field: &str, manager: &str) -> bool {
    let Some(name) = field.strip_prefix(".metadata.") else { return false };
    let marks = [("labels", LABEL), ("annotations", OWNER), ("annotations", OPERATION)];
    !is_of_application(manager) && marks.iter().any(|(map, mark)| name == format!("{map}.{mark}"))
}

/// Takes the owner label out of a set of owned fields.
pub(crate) fn strip(fields: &mut FieldSet) {
    fields.remove(&["metadata", "labels", LABEL]);
    fields.remove(&["metadata", "annotations", OWNER]);
    fields.remove(&["metadata", "annotations", OPERATION]);
}
