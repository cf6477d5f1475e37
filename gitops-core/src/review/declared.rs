//! What differs between two declarations, where no target is looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::capability::{Diff, FieldChange};
use crate::cx::Time;
use crate::plan::{Basis, Cause, OrphanedBecause, Plan, Reason, Step};
use crate::render::Desired;
use crate::value::{Action, Digest, Effect, Key, Object, Revision, Risk, Value};

/// What would be done to a target that is as `base` declares, for it to be as `head` declares.
///
/// No target is asked: what a server would make of it, what goes with a deletion, and what is there already is not in it. Such a
/// plan can't be approved or applied. An object that stays when it leaves the source is told of as orphaned. `shows` says of
/// which objects values are shown, and not only the names of fields.
pub fn between(
    application: &str,
    base: &Desired,
    head: &Desired,
    revision: &Revision,
    shows: impl Fn(&Key) -> bool,
) -> Plan {
    let (before, after) = (base.objects(), head.objects());
    let (mut steps, mut orphaned) = (Vec::new(), Vec::new());
    for key in after.changed_since(before) {
        match (before.get(key), after.get(key)) {
            (Some(object), None) if object.keep => orphaned.push(key.clone()),
            (Some(object), None) => steps.push(deleted(object)),
            (None, Some(object)) => steps.push(created(object)),
            (Some(was), Some(is)) => steps.extend(updated(was, is, shows(key))),
            (None, None) => {}
        }
    }
    steps.sort_by(|a, b| (a.action, &a.key).cmp(&(b.action, &b.key)));
    let changed: BTreeSet<&Key> = steps.iter().map(|step| &step.key).collect();
    let unchanged = after.keys().filter(|key| !changed.contains(key)).count();
    let basis = Basis {
        source: "two declarations".to_owned(),
        desired: after.digest(),
        gates: before.digest(),
        options: Digest::of(b""),
        engine: concat!("gitops-core ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    Plan {
        id: basis.plan_id(application, revision, &[], &steps),
        application: application.to_owned(),
        revision: revision.clone(),
        observed_at: Time::default(),
        basis,
        rebound: Vec::new(),
        steps,
        drift: Vec::new(),
        blocked: Vec::new(),
        beside: Vec::new(),
        prerequisites: Vec::new(),
        gone: Vec::new(),
        orphaned_because: orphaned
            .iter()
            .map(|key: &Key| (key.clone(), OrphanedBecause::DeclaredToStay))
            .collect(),
        orphaned,
        effect: Effect::default(),
        owned: before.len(),
        removed: 0,
        unchanged,
    }
}

fn step(object: &Object, action: Action, reason: Reason, diff: Diff) -> Step {
    let is_secret = |value: &Option<Value>| matches!(value, Some(Value::Secret(_)));
    let secret = diff.fields().iter().any(|field| is_secret(&field.before) || is_secret(&field.after));
    let delete = (action == Action::Delete).then_some(Risk::Delete);
    Step {
        key: object.key.clone(),
        action,
        cause: Cause::ThisChange,
        reason,
        diff,
        components: crate::value::Components::default(),
        expect: None,
        desired: (action != Action::Delete).then(|| object.body.digest()),
        preview: None,
        provenance: Some(object.provenance.clone()),
        after: Vec::new(),
        brings_back: false,
        left_otherwise: false,
        risk: delete.into_iter().chain(secret.then_some(Risk::Secret)).collect(),
        takes: Vec::new(),
        foreign: Vec::new(),
    }
}

fn created(object: &Object) -> Step {
    step(object, Action::Create, Reason::New, Diff::default())
}

fn deleted(object: &Object) -> Step {
    step(object, Action::Delete, Reason::Undeclared, Diff::default())
}

/// Nothing where only places, needs or the like differ.
fn updated(was: &Object, is: &Object, shows: bool) -> Option<Step> {
    let diff = fields(&was.body, &is.body, shows);
    let reason = Reason::Differs { fields: diff.fields().len() };
    (!diff.is_empty()).then(|| step(is, Action::Update, reason, diff))
}

/// What two applications declare in another way, such as staging and production.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Compared {
    /// The objects that only the first one declares.
    pub only_first: Vec<Key>,
    /// The objects that only the second one declares.
    pub only_second: Vec<Key>,
    /// The objects that both declare, and that differ.
    pub differing: Vec<Differing>,
    /// How many objects are declared alike.
    pub alike: usize,
}

/// An object that two applications declare in another way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Differing {
    /// The object of the first one.
    pub first: Key,
    /// The object of the second one.
    pub second: Key,
    /// The fields, as the first one has them and as the second one has them.
    pub diff: Diff,
}

/// Compares what two applications declare. No target is asked.
///
/// Objects are the same if they are of one kind and name, in namespaces of one name; those that are left are the same if there is
/// only one of the kind and name on either side, whatever its namespace. Targets may have other names. `shows` says of which
/// objects of the first one values are shown, and not only the names of fields.
pub fn compare(first: &Desired, second: &Desired, shows: impl Fn(&Key) -> bool) -> Compared {
    let mut compared = Compared::default();
    let exact = |key: &Key| (key.kind().clone(), key.namespace().to_owned(), key.name().to_owned());
    let loose = |key: &Key| (key.kind().clone(), key.name().to_owned());
    let (ours, theirs) = (keys_by(first.objects().keys(), exact), keys_by(second.objects().keys(), exact));
    let (mut pairs, mut matched) = (Vec::new(), BTreeSet::new());
    for (identity, keys) in &ours {
        if let ([one], Some([other])) = (&keys[..], theirs.get(identity).map(Vec::as_slice)) {
            pairs.push((*one, *other));
            matched.extend([(true, *one), (false, *other)]);
        }
    }
    let rest = |side: bool, desired: &'_ Desired| -> Vec<Key> {
        desired.objects().keys().filter(|key| !matched.contains(&(side, *key))).cloned().collect()
    };
    let (ours, theirs) = (rest(true, first), rest(false, second));
    let (by_name, other_by_name) = (keys_by(ours.iter(), loose), keys_by(theirs.iter(), loose));
    for key in &ours {
        let alone = by_name[&loose(key)].len() == 1;
        match other_by_name.get(&loose(key)).map(Vec::as_slice) {
            Some([other]) if alone => pairs.push((key, *other)),
            _ => compared.only_first.push(key.clone()),
        }
    }
    let is_paired = |key: &&Key| pairs.iter().any(|(_, other)| other == key);
    compared.only_second = theirs.iter().filter(|key| !is_paired(key)).cloned().collect();
    for (one, other) in pairs {
        let bodies = (first.objects().get(one), second.objects().get(other));
        let (Some(one_body), Some(other_body)) = bodies else { continue };
        let diff = fields(&one_body.body, &other_body.body, shows(one));
        match diff.is_empty() {
            true => compared.alike += 1,
            false => compared.differing.push(Differing { first: one.clone(), second: other.clone(), diff }),
        }
    }
    compared.differing.sort_by(|a, b| a.second.cmp(&b.second));
    compared
}

fn keys_by<'k, I: Ord>(
    keys: impl Iterator<Item = &'k Key>,
    identity: impl Fn(&Key) -> I,
) -> BTreeMap<I, Vec<&'k Key>> {
    let mut found: BTreeMap<I, Vec<&Key>> = BTreeMap::new();
    keys.for_each(|key| found.entry(identity(key)).or_default().push(key));
    found
}

/// The fields in which two bodies differ: through mappings, and through lists of one length. Where values are not shown, only the
/// names of fields are.
fn fields(before: &Value, after: &Value, shows: bool) -> Diff {
    let mut found = Vec::new();
    walk("", Some(before), Some(after), &mut found);
    let named = |field: FieldChange| match shows {
        true => field,
        false => FieldChange { before: None, after: None, ..field },
    };
    found.into_iter().map(named).collect()
}

fn walk(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<FieldChange>) {
    match (before, after) {
        _ if before == after => {}
        (Some(Value::Map(was)), Some(Value::Map(is))) => {
            let names: BTreeSet<&str> = was.keys().chain(is.keys()).collect();
            for name in names {
                let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                walk(&path, was.get(name), is.get(name), found);
            }
        }
        (Some(Value::List(was)), Some(Value::List(is))) if was.len() == is.len() => {
            for (at, (was, is)) in was.iter().zip(is.iter()).enumerate() {
                walk(&format!("{path}/{at}"), Some(was), Some(is), found);
            }
        }
        _ => {
            found.push(FieldChange::new(path, before.cloned(), after.cloned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{GroupKind, Provenance};
    use proptest::prelude::*;

    fn object(name: &str, body: Value) -> Object {
        let key = Key::new("dir", GroupKind::new("", "File"), "", name);
        let (source, revision) = ("repository".into(), "commit".into());
        Object::new(key, body, Provenance { source, revision, path: name.into(), line: 1 })
    }

    fn declared(objects: &[(&str, i64, bool)]) -> Desired {
        let mut desired = Desired::default();
        for (name, value, keep) in objects {
            let body = Value::map([("list", Value::List([Value::from(*value), Value::from(0)].into()))]);
            let mut object = object(name, body);
            object.keep = *keep;
            desired.declare(object).unwrap();
        }
        desired
    }

    fn shown(plan: &Plan) -> Vec<String> {
        let fields =
            |step: &Step| step.diff.fields().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        plan.steps
            .iter()
            .map(|step| format!("{} {} {}", step.action, step.key.name(), fields(step)))
            .collect()
    }

    #[test]
    fn what_is_changed_is_an_update_and_not_a_creation() {
        let base = declared(&[("gone", 1, false), ("kept", 1, true), ("same", 1, false), ("web", 1, false)]);
        let head = declared(&[("new", 1, false), ("same", 1, false), ("web", 2, false)]);
        let plan = between("site", &base, &head, &Revision::new("c", "main"), |_| true);
        assert_eq!(shown(&plan), ["delete gone ", "update web list/0 1 → 2", "create new "]);
        assert_eq!((plan.orphaned.len(), plan.unchanged, plan.owned), (1, 1, 4));
        assert!(plan.has_its_id());
    }

    #[test]
    fn two_applications_are_compared_by_kind_and_name_whatever_their_namespace_and_target() {
        let of = |target: &str, objects: &[(&str, &str, i64)]| {
            let mut desired = Desired::default();
            for (namespace, name, value) in objects {
                let mut object = object(name, Value::from(*value));
                object.key = Key::new(target, GroupKind::new("", "ConfigMap"), namespace, name);
                desired.declare(object).unwrap();
            }
            desired
        };
        let staging = of(
            "k",
            &[
                ("stage", "web", 1),
                ("stage", "same", 1),
                ("stage", "only", 1),
                ("a", "two", 1),
                ("b", "two", 1),
            ],
        );
        let prod = of(
            "cluster",
            &[("prod", "web", 2), ("prod", "same", 1), ("prod", "new", 1), ("a", "two", 1), ("c", "two", 2)],
        );
        let compared = compare(&staging, &prod, |_| true);
        let names = |keys: &[Key]| keys.iter().map(|key| key.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            (names(&compared.only_first), names(&compared.only_second)),
            (vec!["only".into()], vec!["new".into()])
        );
        let differing: Vec<_> =
            compared.differing.iter().map(|found| format!("{} {}", found.first, found.second)).collect();
        assert_eq!(
            differing,
            ["k:ConfigMap/b/two cluster:ConfigMap/c/two", "k:ConfigMap/stage/web cluster:ConfigMap/prod/web"]
        );
        assert_eq!(compared.alike, 2);
    }

    proptest! {
        #[test]
        fn two_declarations_differ_exactly_where_their_objects_do(
            before in prop::collection::btree_map("[a-e]", 0i64..3, 0..5),
            after in prop::collection::btree_map("[a-e]", 0i64..3, 0..5),
        ) {
            let of = |objects: &std::collections::BTreeMap<String, i64>| {
                declared(&objects.iter().map(|(name, value)| (name.as_str(), *value, false)).collect::<Vec<_>>())
            };
            let plan = between("site", &of(&before), &of(&after), &Revision::new("c", "main"), |_| true);
            let differ: BTreeSet<&String> =
                before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name)).collect();
            let steps: BTreeSet<String> = plan.steps.iter().map(|step| step.key.name().to_owned()).collect();
            prop_assert_eq!(steps.iter().collect::<BTreeSet<_>>(), differ);
            prop_assert_eq!(plan.unchanged + plan.steps.iter().filter(|step| step.action != Action::Delete).count(), after.len());
        }
    }
}
