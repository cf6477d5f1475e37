//! Items of lists whose keys somebody edited: a port, the name of a variable or of a container.

use gitops_core::{FieldChange, ForeignField, ForeignOutcome, Hasher, Value};
use serde_json::{Map, Value as Json};

use super::persons;
use crate::live::fields::{self, Element, FieldSet, Managed};
use crate::live::object::{Eye, Seen};

/// The items that were made of declared ones by an edit. They are no one's addition: they go where the declared ones
/// come back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Renamed {
    /// The edited items, for the record of owners.
    pub items: FieldSet,
    /// The declared items that come back.
    pub back: FieldSet,
    /// Both, for the plan.
    pub changes: Vec<FieldChange>,
}

impl Renamed {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub fn stand_for(&self, hasher: &mut Hasher) {
        for change in &self.changes {
            hasher.field("renamed").field(&change.path);
        }
    }

    /// The record of owners with the edited items as ours, so that a declaration without them removes them.
    pub fn taken_over(&self, seen: &Seen, eye: &Eye) -> Vec<Json> {
        let entries = seen.record();
        let take = |mut entry: Json| {
            let mut fields = FieldSet::parse(&entry["fieldsV1"]);
            match (entry["manager"] == *eye.manager, is_editors(&Managed::parse(&entry))) {
                (true, _) if entry["operation"] == "Apply" => fields.merge(&self.items),
                (false, true) => fields.subtract(&self.items),
                _ => return Some(entry),
            }
            entry["fieldsV1"] = fields.to_json();
            (!fields.below.is_empty()).then_some(entry)
        };
        entries.into_iter().filter_map(take).collect()
    }

    /// A declaration without the items that come back.
    pub fn without(&self, declared: &mut Json) {
        remove(declared, &self.back);
    }
}

/// Whether a record may be of an edit.
fn is_editors(entry: &Managed) -> bool {
    persons::is_edit(entry) || persons::is_client_of_a_person(&entry.manager)
}

/// The items that were edited into others, the declared ones that stay away because it is not known whose edit it was, and who
/// did it. All edits are undone if `takes_all`.
pub(crate) fn renamed(
    declared: &Json,
    seen: &Seen,
    eye: &Eye,
    takes_all: bool,
) -> (Renamed, FieldSet, Vec<ForeignField>) {
    let mut search = Search {
        seen,
        eye,
        takes_all,
        found: Renamed::default(),
        left: FieldSet::default(),
        foreign: Vec::new(),
    };
    // Only one who owns part of the object in the version that is declared knows its lists.
    if seen.ours(eye).is_some_and(|ours| ours.api_version == seen.api_version()) {
        search.walk(declared, &seen.json, &mut Vec::new());
    }
    (search.found, search.left, search.foreign)
}

struct Search<'a> {
    seen: &'a Seen,
    eye: &'a Eye,
    takes_all: bool,
    found: Renamed,
    left: FieldSet,
    foreign: Vec<ForeignField>,
}

impl Search<'_> {
    fn walk(&mut self, declared: &Json, live: &Json, path: &mut Vec<Element>) {
        match declared {
            Json::Object(members) => {
                for (name, below) in members {
                    let element = Element::Field(name.as_str().into());
                    let Some(live) = element.of(live) else { continue };
                    path.push(element);
                    self.walk(below, live, path);
                    path.pop();
                }
            }
            Json::Array(items) => self.list(items, live, path),
            _ => {}
        }
    }

    fn list(&mut self, items: &[Json], live: &Json, path: &mut Vec<Element>) {
        let elements = self.elements(path);
        let mut edited: Vec<&Element> = elements
            .iter()
            .filter(|element| element.of(live).is_some() && !items.iter().any(|item| element.names(item)))
            .collect();
        for item in items {
            let there = elements.iter().find(|element| element.names(item) && element.of(live).is_some());
            if let Some(element) = there {
                let below = element.of(live).expect("it was found");
                path.push(element.clone());
                self.walk(item, below, path);
                path.pop();
            } else if let Some(at) = edited.iter().position(|element| self.was(item, element, live, path)) {
                self.note(item, edited.remove(at), live, path);
            }
        }
    }

    /// The keyed elements that any record has at a path.
    fn elements(&self, path: &[Element]) -> Vec<Element> {
        let at =
            |entry: &Managed| entry.fields.at(path).map(|set| set.below.keys().cloned().collect::<Vec<_>>());
        let mut found: Vec<Element> = self.seen.managed.iter().filter_map(at).flatten().collect();
        found.retain(Element::is_keyed);
        found.sort();
        found.dedup();
        found
    }

    /// Whether an item that is there was a declared one before an edit: something of it is as declared, and nobody has
    /// it but who edits.
    fn was(&self, item: &Json, element: &Element, live: &Json, path: &[Element]) -> bool {
        let Some(live) = element.of(live).and_then(Json::as_object) else { return false };
        let keys = element.keys_of(&Json::Object(live.clone()));
        let declared = item.as_object().into_iter().flatten();
        let mut rest = declared.filter(|(name, _)| !keys.contains_key(*name));
        let is_alike = rest.any(|(name, value)| live.get(name) == Some(value));
        let path: Vec<Element> = path.iter().chain([element]).cloned().collect();
        let has = |entry: &&Managed| entry.fields.at(&path).is_some();
        let mut owners = self.seen.managed.iter().filter(has).peekable();
        let is_theirs = owners.peek().is_some()
            && owners.all(|entry| {
                is_editors(entry)
                    && entry.manager != self.eye.manager
                    && entry.api_version == self.seen.api_version()
            });
        is_alike && is_theirs
    }

    fn note(&mut self, item: &Json, edited: &Element, live: &Json, path: &[Element]) {
        let shown = |element: &Element| fields::shown(path.iter().chain([element]));
        let value = |value: &Json| Some(Value::from_json(value.clone()));
        let back = edited.with_keys_of(item);
        let whole: Vec<Element> = path.iter().chain([edited]).cloned().collect();
        let mut editors = self.seen.managed.iter().filter(|entry| entry.fields.at(&whole).is_some());
        let unknown = editors.clone().find(|entry| !self.takes_all && !persons::is_undone(entry, false));
        let editor = unknown.or_else(|| editors.next());
        let when = editor.and_then(Managed::time).map(|time| format!("at {time}"));
        let by = editor.map_or_else(String::new, |entry| entry.manager.to_string());
        let back_path: Vec<Element> = path.iter().chain([&back]).cloned().collect();
        if unknown.is_some() {
            self.foreign.push(ForeignField::new(shown(edited), by, ForeignOutcome::Blocked).set(when));
            // Both can't be there: to declare the one beside the other is refused for ever, and nothing else is written.
            self.left.insert(&back_path);
            return;
        }
        self.foreign.push(ForeignField::new(shown(edited), by, ForeignOutcome::Restored).set(when));
        for entry in self.seen.managed.iter().filter(|entry| is_editors(entry)) {
            if let Some(set) = entry.fields.at(&whole) {
                self.found.items.put(&whole, set.clone());
            }
        }
        self.found.back.insert(&back_path);
        let gone = edited.of(live).and_then(value);
        self.found.changes.push(FieldChange::new(shown(edited), gone, None));
        self.found.changes.push(FieldChange::new(shown(&back), None, value(item)));
    }
}

/// Takes items out of lists, and the lists of which nothing is left.
fn remove(declared: &mut Json, set: &FieldSet) {
    for (element, below) in &set.below {
        match (element, &mut *declared) {
            (Element::Field(name), Json::Object(members)) => of_member(members, name, below),
            (element, Json::Array(items)) if below.below.is_empty() => {
                items.retain(|item| !element.names(item));
            }
            (element, Json::Array(items)) => {
                items.iter_mut().filter(|item| element.names(item)).for_each(|item| remove(item, below));
            }
            _ => {}
        }
    }
}

fn of_member(members: &mut Map<String, Json>, name: &str, set: &FieldSet) {
    let Some(member) = members.get_mut(name) else { return };
    remove(member, set);
    if member.as_array().is_some_and(Vec::is_empty) {
        members.remove(name);
    }
}
