use serde_json::{Map, Value as Json};

use super::items;
use super::path::Step;
use super::sight::{Owned, Records, Sight};
use crate::live::fields::{Element, FieldSet, Managed};

/// Leaves the fields at a path: those that we own keep the value that they have, and the others are not declared.
///
/// What has one owner (an atomic mapping or list, such as a selector) is written as a whole, so what is left in it keeps
/// the value that it has, whoever owns it. What is in something that is not there yet is left as it is declared.
pub(super) fn leave(declared: &mut Json, live: &Json, ours: Owned<'_>, all: &[Managed], path: &[Step]) {
    let records = Records::of(all);
    descend(declared, &Sight { live, ours, records }, path);
}

pub(super) fn descend(declared: &mut Json, sight: &Sight<'_>, path: &[Step]) {
    match (path, declared) {
        ([Step::Field(name)], Json::Object(members)) => settle(members, name, sight),
        ([Step::Field(name), rest @ ..], Json::Object(members)) => {
            into_member(members, name, sight, |below, sight| descend(below, sight, rest));
        }
        ([Step::Each(conditions)], Json::Array(declared)) => items::leave_whole(declared, sight, conditions),
        ([Step::Each(conditions), rest @ ..], Json::Array(declared)) => {
            items::leave_within(declared, sight, conditions, rest);
        }
        _ => {}
    }
}

/// Leaves every field of a set.
pub(super) fn leave_set(declared: &mut Json, live: &Json, ours: Owned<'_>, theirs: &FieldSet) {
    leave_each(declared, &Sight { live, ours, records: Records::Granular }, theirs);
}

fn leave_each(declared: &mut Json, sight: &Sight<'_>, theirs: &FieldSet) {
    for (element, below) in &theirs.below {
        match (element, &mut *declared) {
            (Element::Field(name), Json::Object(members)) if below.below.is_empty() => {
                settle(members, name, sight);
            }
            (Element::Field(name), Json::Object(members)) => {
                into_member(members, name, sight, |declared, sight| leave_each(declared, sight, below));
            }
            (Element::Keyed(_), Json::Array(declared)) => leave_item(declared, sight, element, below),
            _ => {}
        }
    }
}

fn leave_item(declared: &mut Vec<Json>, sight: &Sight<'_>, element: &Element, theirs: &FieldSet) {
    let Some(at) = declared.iter().position(|item| element.names(item)) else { return };
    if theirs.below.is_empty() {
        let kept = items::kept(&declared[at], sight, element);
        items::put(declared, at, kept);
        return;
    }
    let Some(below) = sight.below(element) else { return };
    let keys = element.keys_of(&declared[at]);
    leave_each(&mut declared[at], &below, theirs);
    items::restore(&mut declared[at], keys);
}

/// Leaves something within a member, if it is there. A container of which nothing remains is not declared either, unless
/// it is ours.
fn into_member(
    members: &mut Map<String, Json>,
    name: &str,
    sight: &Sight<'_>,
    leave: impl FnOnce(&mut Json, &Sight<'_>),
) {
    let Some(below) = sight.below(&Element::Field(name.into())) else { return };
    if is_absent(members, name) && (sight.is_of_one_owner() || !matches!(below.ours, Owned::Nothing)) {
        // What others have in it would go with a whole that does not have it; and what is ours in it, with its declaration.
        members.insert(name.to_owned(), empty_like(below.live));
        leave(&mut members[name], &below);
        if is_empty(&members[name]) {
            members.remove(name);
        }
        return;
    }
    let Some(declared) = members.get_mut(name) else { return };
    let was_empty = is_empty(declared);
    leave(declared, &below);
    if is_empty(declared) && !was_empty && matches!(below.ours, Owned::Nothing) {
        members.remove(name);
    }
}

/// Whether nothing is declared under a name: null is no declaration.
fn is_absent(members: &Map<String, Json>, name: &str) -> bool {
    members.get(name).is_none_or(Json::is_null)
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Object(members) => members.is_empty(),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn empty_like(value: &Json) -> Json {
    match value {
        Json::Array(_) => Json::Array(Vec::new()),
        _ => Json::Object(Map::new()),
    }
}

/// One field that is left.
fn settle(members: &mut Map<String, Json>, name: &str, sight: &Sight<'_>) {
    let element = Element::Field(name.into());
    // What is ours and no longer declared would be taken away, or set to its default.
    if is_absent(members, name) && !sight.is_of_one_owner() && !sight.is_ours(&element) {
        return;
    }
    match sight.kept(&element) {
        Some(kept) => drop(members.insert(name.to_owned(), kept)),
        None => drop(members.remove(name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::path::Path;
    use super::super::sight::Owned;
    use super::*;
    use crate::live::fields::managed;

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
        for without in [json!({"spec": {"paused": true}}), json!({"a": 1})] {
            assert_eq!(
                left(".spec.replicas", &without, &live, &ours)["spec"]["replicas"],
                json!(7),
                "it is given up"
            );
            assert_eq!(left(".spec.replicas", &without, &live, &theirs), without);
        }
        let one = json!({"data": {"x": 1}, "a": 1});
        let ours = json!({"f:a": {}, "f:data": {"f:y": {}}});
        assert_eq!(left(".data.x", &one, &one, &ours), json!({"a": 1, "data": {}}));
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
    fn what_is_written_as_a_whole_keeps_what_is_left_in_it_whoever_owns_it() {
        let declared = json!({"spec": {"selector": {"app": "a", "version": "1"}}});
        let of = |selector: Json| json!({"spec": {"selector": selector}});
        let live = of(json!({"app": "a", "version": "2"}));
        for all in [json!({"f:spec": {"f:selector": {}}}), json!({"f:spec": {"f:type": {}}})] {
            assert_eq!(left(".spec.selector.version", &declared, &live, &all), live);
        }
        let one_owner = json!({"f:spec": {"f:selector": {}}});
        let shorter = of(json!({"app": "a"}));
        assert_eq!(left(".spec.selector.version", &shorter, &live, &one_owner), live, "it is not taken away");
        assert_eq!(left(".spec.selector.version", &declared, &shorter, &one_owner), shorter, "nor given");
        let nested = |labels: Json| of(json!({"matchLabels": labels}));
        let live = nested(json!({"app": "a", "version": "2"}));
        let path = ".spec.selector.matchLabels.version";
        for declared in [nested(json!({"app": "a"})), nested(json!({"app": "a", "version": "1"}))] {
            assert_eq!(left(path, &declared, &live, &one_owner), live);
        }
        assert_eq!(left(path, &of(json!({})), &live, &one_owner), nested(json!({"version": "2"})));
    }

    #[test]
    fn a_whole_item_is_left() {
        let item = |name: &str, image: &str| json!({"name": name, "image": image});
        let declared = json!({"list": [item("web", "1"), item("gone", "1"), item("db", "1")]});
        let live = json!({"list": [item("db", "2"), item("web", "3"), item("theirs", "1")]});
        let set = json!({".": {}, "f:name": {}, "f:image": {}});
        let key = |name: &str| format!("k:{}", json!({"name": name}));
        let ours = json!({"f:list": {key("db"): set, key("gone"): set, key("web"): set}});
        let of = |name: &str| left(&format!(".list[] | select(.name == {name:?})"), &declared, &live, &ours);
        assert_eq!(of("web")["list"], json!([item("web", "3"), item("gone", "1"), item("db", "1")]));
        assert_eq!(of("gone")["list"], json!([item("web", "1"), item("db", "1")]), "it is not added");
        let others = json!({"f:list": {key("db"): set}});
        assert_eq!(left(".list[]", &declared, &live, &others)["list"], json!([item("db", "2")]));
        let one_owner = json!({"f:list": {}});
        assert_eq!(left(".list[]", &declared, &live, &one_owner)["list"], live["list"]);
        let some = left(r#".list[] | select(.name == "theirs")"#, &declared, &live, &one_owner);
        assert_eq!(
            some["list"],
            json!([item("web", "1"), item("gone", "1"), item("db", "1"), item("theirs", "1")])
        );
        let set = json!({"list": ["a", "b"]});
        let live = json!({"list": ["b", "c"]});
        let found = left(".list[]", &set, &live, &json!({"f:list": {"v:\"b\"": {}}}));
        assert_eq!(found, json!({"list": ["b"]}));
    }

    #[test]
    fn in_a_list_of_one_owner_a_field_keeps_its_value() {
        let declared = json!({"list": [{"key": "a", "for": 1}, {"key": "b", "for": 1}]});
        let live = json!({"list": [{"key": "b", "for": 5}, {"key": "a", "for": 6}]});
        let found = left(r#".list[] | select(.key == "b") | .for"#, &declared, &live, &json!({"f:list": {}}));
        assert_eq!(found["list"], json!([{"key": "a", "for": 1}, {"key": "b", "for": 5}]));
    }
}
