//! Lists of which an adoption exchanges items. A dry run before it has the old items and the new ones, and no server takes that:
//! two ports of one name, or two without a name.

use gitops_core::{Cx, Object, Result};
use serde_json::Value as Json;

use super::is_new_to_us;
use super::patched;
use crate::change::treatment::Treatment;
use crate::client::cluster::Failure;
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::clients::is_predecessor;
use crate::live::fields::{Element, FieldSet, Managed, remove};
use crate::live::object::Seen;

/// What goes from such lists and what comes.
#[derive(Default)]
pub(crate) struct Exchanged {
    /// Items that nobody but predecessors has, and that are not declared: they become ours, and so they go.
    gone: Vec<Vec<Element>>,
    /// Declared items that are not there.
    coming: Vec<(Vec<Element>, Json)>,
}

impl Exchanged {
    /// What is exchanged where an object is adopted with this declaration; nothing if nothing is.
    pub fn of(inner: &Inner, object: &Object, before: &Seen, declared: &Json) -> Option<Self> {
        if !is_new_to_us(inner, before) || Treatment::of(object).merges {
            return None;
        }
        let mut found = Self::default();
        found.walk(declared, &before.json, before, &mut Vec::new());
        (!found.coming.is_empty()).then_some(found)
    }

    /// The items that come, to be left out of what the server is asked.
    pub fn coming(&self) -> FieldSet {
        set_of(self.coming.iter().map(|(path, _)| path))
    }

    /// The items that go: a plan shows them with all that goes with an adoption.
    pub fn gone(&self) -> FieldSet {
        set_of(&self.gone)
    }

    /// What the server would make of an object, of which it said so without the items that come, once they are exchanged.
    pub async fn complete(
        &self,
        inner: &Inner,
        cx: &Cx,
        place: &Place,
        after: Seen,
    ) -> Result<Result<Seen, Failure>> {
        let mut json = after.declarable();
        self.gone.iter().for_each(|path| remove(&mut json, path));
        self.coming.iter().for_each(|(path, item)| add(&mut json, path, item));
        let answer = match patched(inner, cx, place, &after, &json).await {
            Ok(answer) => answer,
            Err(failure) if failure.answered => return Ok(Err(failure)),
            Err(failure) => return Err(failure.into()),
        };
        let mut seen = Seen::new(answer);
        // This was asked as one change of many fields: whose they are, the dry run of the apply says, and what comes is ours.
        (seen.managed, seen.owner_label) = (after.managed, after.owner_label);
        if let Some(ours) =
            seen.managed.iter_mut().find(|entry| entry.applies && entry.manager == inner.eye.manager)
        {
            for (path, item) in &self.coming {
                ours.fields.put(path, FieldSet { itself: true, ..FieldSet::of(item) });
            }
        }
        Ok(Ok(seen))
    }

    fn walk(&mut self, declared: &Json, live: &Json, before: &Seen, path: &mut Vec<Element>) {
        let below = match declared {
            Json::Object(members) => {
                let step = |(name, below)| (Element::Field(String::as_str(name).into()), below);
                members.iter().map(step).collect::<Vec<_>>()
            }
            Json::Array(items) => self.list(items, live, before, path),
            _ => Vec::new(),
        };
        for (element, below) in below {
            let Some(live) = element.of(live) else { continue };
            path.push(element);
            self.walk(below, live, before, path);
            path.pop();
        }
    }

    /// Compares a list; gives its declared items that are there.
    fn list<'j>(
        &mut self,
        items: &'j [Json],
        live: &Json,
        before: &Seen,
        path: &[Element],
    ) -> Vec<(Element, &'j Json)> {
        let elements = keyed(before, live, path);
        let of = |item: &Json| elements.iter().find(|element| element.names(item));
        let going = elements.iter().filter(|element| {
            let is_declared = items.iter().any(|item| element.names(item));
            !is_declared && is_of_predecessors(before, path, element)
        });
        let going: Vec<_> = going.map(|element| below(path, element)).collect();
        if let (Some(sample), false) = (elements.first(), going.is_empty()) {
            let new = items.iter().filter(|item| of(item).is_none());
            self.coming.extend(new.map(|item| (below(path, &sample.with_keys_of(item)), item.clone())));
            self.gone.extend(going);
        }
        items.iter().filter_map(|item| Some((of(item)?.clone(), item))).collect()
    }
}

fn set_of<'a>(paths: impl IntoIterator<Item = &'a Vec<Element>>) -> FieldSet {
    let mut set = FieldSet::default();
    paths.into_iter().for_each(|path| set.insert(path));
    set
}

fn below(path: &[Element], element: &Element) -> Vec<Element> {
    path.iter().chain([element]).cloned().collect()
}

/// The items that a list has, as any record tells them apart by keys.
fn keyed(before: &Seen, live: &Json, path: &[Element]) -> Vec<Element> {
    let sets = before.managed.iter().filter_map(|entry| entry.fields.at(path));
    let mut found: Vec<Element> = sets.flat_map(|set| set.below.keys().cloned()).collect();
    found.retain(|element| element.is_keyed() && element.of(live).is_some());
    found.sort();
    found.dedup();
    found
}

/// Whether nobody has an item but those whose fields an adoption takes over.
fn is_of_predecessors(before: &Seen, path: &[Element], element: &Element) -> bool {
    let path = below(path, element);
    let is_theirs = |entry: &Managed| {
        is_predecessor(before, &entry.manager)
            && entry.subresource.is_empty()
            && entry.api_version == before.api_version()
    };
    let mut owners = before.managed.iter().filter(|entry| entry.fields.at(&path).is_some()).peekable();
    owners.peek().is_some() && owners.all(is_theirs)
}

/// Puts an item into the list that it belongs to.
fn add(value: &mut Json, path: &[Element], item: &Json) {
    match (path, value) {
        ([_], Json::Array(items)) => items.push(item.clone()),
        ([Element::Field(name), rest @ ..], Json::Object(members)) => {
            members.get_mut(name.as_str()).into_iter().for_each(|below| add(below, rest, item));
        }
        ([element, rest @ ..], Json::Array(items)) => {
            items.iter_mut().filter(|item| element.names(item)).for_each(|below| add(below, rest, item));
        }
        _ => {}
    }
}
