//! Which of the objects of a name is ours. Pure: it sees what was listed, and what is remembered.

use super::compare::{View, version};
use super::item::Item;
use super::ledger::{Entry, Pending, want};
use super::note::Note;
use crate::value::{ErrorKind, Key, Live, OwnerLabel, Refusal, Value, Version};

/// What is found under a key.
pub(super) enum Seen {
    /// No object has the name.
    Nothing,
    /// One is meant.
    Object(Box<Found>),
    /// Nobody can say which one is meant.
    Unclear(Box<Live>),
}

/// An object, and what is remembered of it.
pub(super) struct Found {
    pub(super) live: Live,
    pub(super) item: Item,
    pub(super) note: Option<Note>,
    /// Objects of ours that were made twice.
    pub(super) copies: Vec<Item>,
}

impl Seen {
    pub(super) fn into_live(self) -> Option<Live> {
        match self {
            Self::Nothing => None,
            Self::Object(found) => Some(found.live),
            Self::Unclear(live) => Some(*live),
        }
    }
}

impl Found {
    /// Whether an operation wrote the object last, and left this body.
    pub(super) fn is_left_by(&self, owner_label: &OwnerLabel, body: &Value) -> bool {
        let is_of_op = self
            .note
            .as_ref()
            .is_some_and(|note| note.op == owner_label.op && owner_label.is_of(&note.owner));
        is_of_op && self.copies.is_empty() && self.live.body == *body
    }
}

impl View<'_> {
    /// The object of a key by the labels of all objects of its name.
    pub(super) fn by_label(&self, key: &Key, items: Vec<Item>) -> Seen {
        let note = |item: &Item| item.label.as_deref().and_then(Note::read);
        let noted = items.iter().filter_map(|item| Some((item.clone(), note(item)?)));
        let mut ours: Vec<(Item, Note)> = noted.collect();
        ours.sort_by(|(one, _), (other, _)| by_age(one).cmp(&by_age(other)));
        let Some((_, first)) = ours.first() else { return self.of_nobody(key, items) };
        let owner = OwnerLabel { owner: first.owner.clone(), op: first.op.clone() };
        if !ours.iter().all(|(_, note)| owner.is_of(&note.owner)) {
            return unclear(
                key,
                ours.iter().map(|(item, _)| item),
                "owners have an object of this name each",
            );
        }
        let (item, note) = ours.remove(0);
        self.found(key, item, Some(note), ours.into_iter().map(|(item, _)| item).collect())
    }

    /// The object of a key by the ledger.
    pub(super) fn by_ledger(&self, key: &Key, mut items: Vec<Item>, entry: Option<&Entry>) -> Seen {
        let Some(entry) = entry else { return self.of_nobody(key, items) };
        items.sort_by(|one, other| by_age(one).cmp(&by_age(other)));
        let recorded = items.iter().position(|item| Some(&item.id) == entry.id.as_ref());
        let recorded = recorded.map(|place| items.remove(place));
        let is_sent = |item: &Item| item.fields.as_ref().is_ok_and(|fields| entry.attempt(fields).is_some());
        let (mut landed, others): (Vec<Item>, Vec<Item>) = items.into_iter().partition(is_sent);
        landed.truncate(entry.sent.len());
        if let Some(item) = recorded {
            let note = entry.note.as_ref().map(|note| Self::note_now(note, entry.update.as_ref(), &item));
            return self.found(key, item, note, landed);
        }
        if landed.is_empty() {
            return self.of_nobody(key, others);
        }
        let item = landed.remove(0);
        let attempt = item.fields.as_ref().ok().and_then(|fields| entry.attempt(fields));
        let note = attempt.map(|attempt| attempt.note.clone());
        self.found(key, item, note, landed)
    }

    fn found(&self, key: &Key, item: Item, note: Option<Note>, copies: Vec<Item>) -> Seen {
        let live = self.live(key, &item, note.as_ref(), &copies);
        Seen::Object(Box::new(Found { live, item, note, copies }))
    }

    fn of_nobody(&self, key: &Key, mut items: Vec<Item>) -> Seen {
        match items.len() {
            0 => Seen::Nothing,
            1 => self.found(key, items.remove(0), None, Vec::new()),
            _ => unclear(key, items.iter(), "objects have this name, and nobody knows which one is meant"),
        }
    }

    /// What is remembered of an object while an update of it may have landed or not.
    fn note_now(note: &Note, update: Option<&Pending>, item: &Item) -> Note {
        let (Some(update), Ok(fields)) = (update, &item.fields) else { return note.clone() };
        let after = Note {
            owner: update.owner.clone(),
            op: update.op.clone(),
            made: note.made.clone(),
            fields: update.fields.clone(),
        };
        if version_before(item, note, fields) == update.before {
            // Nothing that is shown moved. A secret that was to change may be the old or the new one.
            return Note { fields: note.fields.unsure(Some(&update.fields)), ..note.clone() };
        }
        match want(&update.fields, fields) == update.want {
            true => after,
            false => Note { fields: update.fields.forgotten(), ..after },
        }
    }
}

/// The version of an object without its copies, as it is compared before an update.
pub(super) fn version_before(item: &Item, note: &Note, fields: &Value) -> Version {
    let body = note.fields.forgotten().show(Some(fields)).unwrap_or(Value::Null);
    version(item, Some(note), &body, &[])
}

/// Ids that are numbers in their order: of copies, the oldest is taken.
fn by_age(item: &Item) -> (usize, &str) {
    (item.id.len(), &item.id)
}

fn unclear<'a>(key: &Key, items: impl ExactSizeIterator<Item = &'a Item>, what: &str) -> Seen {
    let count = items.len();
    let ids = items.take(8).map(|item| item.id.as_str()).collect::<Vec<_>>().join(", ");
    let reason = format!("{count} {what} (ids: {ids}): remove all but one of them, or declare another name");
    Seen::Unclear(Box::new(Live::unreadable(key.clone(), Refusal::new(ErrorKind::Conflict, reason))))
}
