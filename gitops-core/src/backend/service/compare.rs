//! An object of the service as a target shows it.

use super::info::ServiceInfo;
use super::item::Item;
use super::note::Note;
use super::shape::of_nobody;
use crate::value::{Hasher, Key, Live, Ownership, Presence, Uid, Value, Version};

/// The field by which copies that were made twice are shown, so that the plan says what becomes of them.
const COPIES: &str = "(surplus copies)";

/// How objects of a service are shown.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) info: &'a ServiceInfo,
    /// Whether the owner label is on the objects.
    pub(super) is_labelled: bool,
}

impl View<'_> {
    /// An object with what is remembered of it, and its surplus copies.
    pub(super) fn live(&self, key: &Key, item: &Item, note: Option<&Note>, copies: &[Item]) -> Live {
        let fields = match &item.fields {
            Ok(fields) => fields,
            Err(refusal) => return Live::unreadable(key.clone(), refusal.clone()),
        };
        let body = match note {
            Some(note) => note.fields.show(Some(fields)).unwrap_or(Value::Null),
            None => of_nobody(fields, &self.info.defaults, &self.info.secrets),
        };
        let version = version(item, note, &body, copies);
        let mut live = Live::new(key.clone(), self.uid(item, note), version, with_copies(body, copies));
        if let Some(note) = note {
            live.ownership = Ownership::Owner(note.owner.to_string());
            live.op = Some(note.op.clone());
        }
        if item.is_deleting {
            live.presence = Presence::Deleting;
        }
        live.outputs.clone_from(&item.outputs);
        live
    }

    /// An id that can be used again is told apart by the operation that made the object. So are copies with a label: all
    /// of them were made by one operation, whichever of them is taken.
    fn uid(&self, item: &Item, note: Option<&Note>) -> Uid {
        let made = note.map(|note| note.made.as_str()).filter(|made| !made.is_empty());
        match (&item.incarnation, made) {
            (Some(incarnation), _) => Uid::new(incarnation.as_str()),
            (None, Some(made)) if self.is_labelled => Uid::new(format!("{}:{made}", item.name)),
            (None, Some(made)) if self.info.is_named => Uid::new(format!("{}:{made}", item.id)),
            _ => Uid::new(item.id.as_str()),
        }
    }
}

/// The service's own version, or one made of all that is compared.
pub(super) fn version(item: &Item, note: Option<&Note>, body: &Value, copies: &[Item]) -> Version {
    if let (Some(version), []) = (&item.version, copies) {
        return version.clone();
    }
    let mut hasher = Hasher::new("gitops service version");
    hasher.field(&item.id).field(item.version.as_ref().map_or("", Version::as_str));
    hasher.field(body.digest().as_bytes()).field(note.map_or("", |note| &note.op));
    for (name, output) in &item.outputs {
        hasher.field(name).field(output.digest().as_bytes());
    }
    copies.iter().for_each(|copy| {
        hasher.field(&copy.id);
    });
    Version::new(hasher.finish().to_string())
}

fn with_copies(body: Value, copies: &[Item]) -> Value {
    let ids = copies.iter().map(|copy| Value::from(copy.id.as_str())).collect();
    match (&body, copies) {
        (Value::Map(members), [_, ..]) => {
            let members = members.iter().map(|(name, value)| (name, value.clone()));
            Value::map(members.chain([(COPIES, Value::List(ids))]))
        }
        _ => body,
    }
}
