use serde_json::{Map, Value as Json};

use super::path::Step;
use crate::fields::{Element, FieldSet, Managed, extract};

/// What of a value we own.
#[derive(Clone, Copy)]
pub(super) enum Owned<'a> {
    Nothing,
    Part(&'a FieldSet),
    Whole,
}

impl<'a> Owned<'a> {
    pub fn of(set: &'a FieldSet) -> Self {
        match (set.below.is_empty(), set.itself) {
            (true, true) => Self::Whole,
            (true, false) => Self::Nothing,
            (false, _) => Self::Part(set),
        }
    }

    fn below(self, element: &Element) -> Self {
        match self {
            Self::Part(set) => set.below.get(element).map_or(Self::Nothing, Owned::of),
            all_or_nothing => all_or_nothing,
        }
    }

    /// The part of a value that is ours.
    fn of_value(self, live: &Json) -> Option<Json> {
        match self {
            Self::Nothing => None,
            Self::Part(set) => extract(live, set),
            Self::Whole => Some(live.clone()),
        }
    }
}

/// Leaves the fields at a path: those that we own keep the value that they have, and the others are not declared.
///
/// What is in something that is not there yet is left as it is declared.
pub(super) fn leave(declared: &mut Json, live: &Json, ours: Owned<'_>, all: &[Managed], path: &[Step]) {
    let sets: Vec<&FieldSet> = all.iter().map(|entry| &entry.fields).collect();
    descend(declared, live, ours, &sets, path);
}

fn descend(declared: &mut Json, live: &Json, ours: Owned<'_>, all: &[&FieldSet], path: &[Step]) {
    match (path, declared) {
        ([Step::Field(name)], Json::Object(members)) => settle(members, name, live, ours),
        ([Step::Field(name), rest @ ..], Json::Object(members)) => {
            let element = Element::Field(name.as_str().into());
            into_member(members, name, live, ours, |below, live, ours| {
                descend(below, live, ours, &sets_below(all, &element), rest);
            });
        }
        ([Step::Each(conditions), rest @ ..], Json::Array(items)) => {
            for (at, item) in items.iter_mut().enumerate() {
                descend_into_item(item, at, live, ours, all, (conditions, rest));
            }
        }
        _ => {}
    }
}

/// An item is the one whose keys the server wrote down; in a list that has one owner, the one that fits the
/// conditions; without conditions, the one at its place.
fn descend_into_item(
    item: &mut Json,
    at: usize,
    live: &Json,
    ours: Owned<'_>,
    all: &[&FieldSet],
    (conditions, rest): (&[(String, Json)], &[Step]),
) {
    let keyed = all.iter().flat_map(|set| set.below.keys()).filter(|element| element.is_keyed());
    let found = keyed.clone().find(|element| element.names(item)).cloned();
    if keyed.count() > 0 {
        let is_meant =
            |element: &Element| conditions.iter().all(|(name, value)| element.has(item, name, value));
        let Some(element) = found.filter(is_meant) else { return };
        let Some(live) = element.of(live) else { return };
        let (keys, ours) = (element.keys_of(item), ours.below(&element));
        descend(item, live, ours, &sets_below(all, &element), rest);
        restore(item, keys);
        return;
    }
    let Some(items) = live.as_array().filter(|_| Step::selects(conditions, item)) else { return };
    let live = match conditions.is_empty() {
        true => items.get(at),
        false => items.iter().find(|item| Step::selects(conditions, item)),
    };
    if let Some(live) = live {
        descend(item, live, ours, &[], rest);
    }
}

fn sets_below<'a>(all: &[&'a FieldSet], element: &Element) -> Vec<&'a FieldSet> {
    all.iter().filter_map(|set| set.below.get(element)).collect()
}

/// Leaves every field of a set.
pub(super) fn leave_set(declared: &mut Json, live: &Json, ours: Owned<'_>, theirs: &FieldSet) {
    for (element, below) in &theirs.below {
        match (element, &mut *declared) {
            (Element::Field(name), Json::Object(members)) if below.below.is_empty() => {
                settle(members, name, live, ours);
            }
            (Element::Field(name), Json::Object(members)) => {
                into_member(members, name, live, ours, |declared, live, ours| {
                    leave_set(declared, live, ours, below);
                });
            }
            (Element::Keyed(_), Json::Array(items)) => {
                let item = items.iter_mut().find(|item| element.names(item));
                if let (Some(item), Some(live)) = (item, element.of(live)) {
                    let keys = element.keys_of(item);
                    leave_set(item, live, ours.below(element), below);
                    restore(item, keys);
                }
            }
            _ => {}
        }
    }
}

/// Leaves something within a member, if it is there. A mapping of which nothing remains is not declared either, unless
/// it is ours.
fn into_member(
    members: &mut Map<String, Json>,
    name: &str,
    live: &Json,
    ours: Owned<'_>,
    leave: impl FnOnce(&mut Json, &Json, Owned<'_>),
) {
    let ours = ours.below(&Element::Field(name.into()));
    let (Some(below), Some(live)) = (members.get_mut(name), live.get(name)) else { return };
    let is_empty = |value: &Json| value.as_object().is_some_and(Map::is_empty);
    let was_empty = is_empty(below);
    leave(below, live, ours);
    if is_empty(below) && !was_empty && matches!(ours, Owned::Nothing) {
        members.remove(name);
    }
}

/// One declared field that is left.
fn settle(members: &mut Map<String, Json>, name: &str, live: &Json, ours: Owned<'_>) {
    if !members.contains_key(name) {
        return;
    }
    let ours = ours.below(&Element::Field(name.into()));
    match live.get(name).and_then(|live| ours.of_value(live)) {
        Some(kept) => drop(members.insert(name.to_owned(), kept)),
        None => drop(members.remove(name)),
    }
}

/// The fields that say which item it is stay, whatever is left of it.
fn restore(item: &mut Json, keys: Map<String, Json>) {
    if let Json::Object(members) = item {
        members.extend(keys);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::path::Path;
    use super::*;
    use crate::fields::managed;

    /// What is written where a path is left, `ours` being what we own of what is there.
    fn left(path: &str, declared: &Json, live: &Json, ours: &Json) -> Json {
        let object = json!({"metadata": {"managedFields": [{"fieldsV1": ours}]}});
        let managed = managed(&object);
        let mut left = declared.clone();
        leave(&mut left, live, Owned::of(&managed[0].fields), &managed, Path::parse(path).unwrap().steps());
        left
    }

    #[test]
    fn what_is_ours_keeps_its_value_and_what_is_not_is_not_declared() {
        let declared = json!({"spec": {"replicas": 2, "paused": true}});
        let live = json!({"spec": {"replicas": 7, "paused": true}});
        let ours = json!({"f:spec": {"f:replicas": {}, "f:paused": {}}});
        let theirs = json!({"f:spec": {"f:paused": {}}});
        assert_eq!(
            left(".spec.replicas", &declared, &live, &ours)["spec"],
            json!({"replicas": 7, "paused": true})
        );
        assert_eq!(left(".spec.replicas", &declared, &live, &theirs)["spec"], json!({"paused": true}));
        let [one, others] = [json!({"data": {"x": 1}, "a": 1}), json!({"f:a": {}})];
        assert_eq!(left(".data.x", &one, &one, &others), json!({"a": 1}), "nothing remains of it");
        let absent = json!({"spec": {"paused": true}});
        assert_eq!(left(".spec.replicas", &declared, &absent, &theirs)["spec"], json!({"paused": true}));
        assert_eq!(
            left(".spec.replicas", &declared, &json!({}), &json!({"f:a": {}})),
            declared,
            "it is made anew"
        );
    }

    #[test]
    fn an_item_is_found_by_its_key_wherever_it_is() {
        let item = |name: &str, image: &str| json!({"name": name, "image": image});
        let declared = json!({"list": [item("web", "1"), item("new", "1"), item("db", "1")]});
        let live = json!({"list": [item("sidecar", "9"), item("db", "2"), item("web", "3")]});
        let set = json!({"f:name": {}, "f:image": {}});
        let ours = json!({"f:list": {"k:{\"name\":\"web\"}": set, "k:{\"name\":\"db\"}": {"f:name": {}}}});
        let all = left(".list[].image", &declared, &live, &ours);
        assert_eq!(all["list"], json!([item("web", "3"), item("new", "1"), {"name": "db"}]));
        let one = left(r#".list[] | select(.name == "db") | .image"#, &declared, &live, &ours);
        assert_eq!(one["list"], json!([item("web", "1"), item("new", "1"), {"name": "db"}]));
        assert_eq!(left(".list[].name", &declared, &live, &ours), declared, "the key of an item stays");
    }

    #[test]
    fn a_key_that_is_left_out_has_the_value_that_the_server_gives_it() {
        let declared =
            json!({"ports": [{"port": 80, "nodePort": 1}, {"port": 53, "protocol": "UDP", "nodePort": 2}]});
        let port = |port: u32, protocol: &str, node: u32| json!({"port": port, "protocol": protocol, "nodePort": node});
        let live = json!({"ports": [port(53, "TCP", 7), port(53, "UDP", 8), port(80, "TCP", 9)]});
        let set = json!({"f:port": {}, "f:nodePort": {}});
        let key = |port: u32, protocol: &str| format!("k:{}", json!({"port": port, "protocol": protocol}));
        let ours = json!({"f:ports": {key(80, "TCP"): set, key(53, "UDP"): set, key(53, "TCP"): set}});
        let found = left(".ports[].nodePort", &declared, &live, &ours);
        let expected = json!([{"port": 80, "nodePort": 9}, {"port": 53, "protocol": "UDP", "nodePort": 8}]);
        assert_eq!(found["ports"], expected);
    }

    #[test]
    fn a_condition_on_a_key_that_is_left_out_is_one_on_what_the_server_wrote_for_it() {
        let port = |protocol: &str| json!({"port": 53, "protocol": protocol, "nodePort": 7});
        let set = json!({"f:port": {}, "f:nodePort": {}});
        let key = |protocol: &str| format!("k:{}", json!({"port": 53, "protocol": protocol}));
        let ours = json!({"f:ports": {key("TCP"): set, key("UDP"): set}});
        let live = json!({"ports": [port("UDP"), port("TCP")]});
        let declared =
            json!({"ports": [{"port": 53, "nodePort": 1}, {"port": 53, "protocol": "UDP", "nodePort": 1}]});
        let of = |protocol: &str| {
            let path = format!(".ports[] | select(.port == 53 and .protocol == {protocol:?}) | .nodePort");
            let left = left(&path, &declared, &live, &ours);
            [0, 1].map(|at| left["ports"][at]["nodePort"].clone())
        };
        assert_eq!(
            [of("TCP"), of("UDP"), of("SCTP")],
            [[json!(7), json!(1)], [json!(1), json!(7)], [json!(1), json!(1)]]
        );
        let without_keys = left(
            r#".ports[] | select(.protocol == "TCP") | .nodePort"#,
            &declared,
            &live,
            &json!({"f:ports": {}}),
        );
        assert_eq!(without_keys, declared, "nobody says what a list without keys has for what is left out");
    }

    #[test]
    fn in_a_list_of_one_owner_a_field_keeps_its_value() {
        let declared = json!({"list": [{"key": "a", "for": 1}, {"key": "b", "for": 1}]});
        let live = json!({"list": [{"key": "b", "for": 5}, {"key": "a", "for": 6}]});
        let found = left(r#".list[] | select(.key == "b") | .for"#, &declared, &live, &json!({"f:list": {}}));
        assert_eq!(found["list"], json!([{"key": "a", "for": 1}, {"key": "b", "for": 5}]));
    }
}
