//! Plans made by hand, and by chance.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::capability::FieldChange;
use crate::cx::Time;
use crate::gate::Verdict;
use crate::plan::{Basis, Blocked, BlockedBecause, Cause, EffectContext, Plan, Reason, Step};
use crate::review::{Context, Labels, Part, Review, Rules};
use crate::value::{
    Action, ComponentChange, Components, Digest, Effect, GroupKind, Key, PlanId, Provenance, Revision, Risk,
    Secret, SecretKey, StepEffect, Taken, Value, Whose,
};

/// In every text of others: found anywhere outside a place for such text, it got out.
pub(crate) const FOREIGN: &str = "FOREIGN";

/// In every secret.
pub(crate) const SECRET: &str = "hunter2secret";

pub(crate) fn key(name: &str) -> Key {
    Key::new("k8s", GroupKind::new("", "ConfigMap"), "shop", name)
}

pub(crate) fn step(key: Key, action: Action, fields: Vec<FieldChange>) -> Step {
    let risk = match action {
        Action::Delete => vec![Risk::Delete],
        Action::Replace => vec![Risk::Replace],
        _ => Vec::new(),
    };
    let reason = match action {
        Action::Create => Reason::New,
        Action::Update => Reason::Differs { fields: fields.len() },
        Action::Replace => Reason::CannotChangeInPlace { why: "its selector is immutable".to_owned() },
        Action::Delete => Reason::Undeclared,
    };
    Step {
        desired: (action != Action::Delete).then(|| Digest::of(format!("{fields:?}").as_bytes())),
        key,
        action,
        cause: Cause::ThisChange,
        reason,
        diff: fields.into_iter().collect(),
        components: Components::default(),
        expect: None,
        preview: None,
        provenance: None,
        after: Vec::new(),
        brings_back: false,
        left_otherwise: false,
        risk,
        takes: Vec::new(),
        foreign: Vec::new(),
    }
}

pub(crate) fn field(path: &str, before: impl Into<Value>, after: impl Into<Value>) -> FieldChange {
    FieldChange::new(path, Some(before.into()), Some(after.into()))
}

pub(crate) fn plan(application: &str, mut steps: Vec<Step>) -> Plan {
    steps.sort_by(|a, b| (a.action, &a.key).cmp(&(b.action, &b.key)));
    let nothing = Digest::of(b"");
    let basis = Basis {
        source: "repo".to_owned(),
        desired: nothing,
        gates: nothing,
        options: nothing,
        engine: "test".to_owned(),
    };
    Plan {
        id: PlanId::new(Digest::of(application.as_bytes())),
        application: application.to_owned(),
        revision: Revision::new("4a1b2c3d4e5f60718293", "main"),
        observed_at: Time::from_micros(0),
        basis,
        rebound: Vec::new(),
        effect: effect(application, &steps),
        owned: steps.len() * 10,
        removed: 0,
        steps,
        drift: Vec::new(),
        blocked: Vec::new(),
        beside: Vec::new(),
        prerequisites: Vec::new(),
        gone: Vec::new(),
        orphaned: Vec::new(),
        orphaned_because: std::collections::BTreeMap::new(),
        unchanged: 412,
    }
}

/// What steps would do, as the planner says it.
pub(crate) fn effect(application: &str, steps: &[Step]) -> Effect {
    let context = EffectContext { application, target: "cluster", place: None, template: None };
    let effects = steps.iter().map(|step| (step.key.clone(), StepEffect::of(step, &context, |_| false)));
    Effect::new(effects.collect(), [])
}

/// A review of one application without anything on the target branch.
pub(crate) fn review(steps: Vec<Step>) -> Review {
    Review::of(&plan("shop", Vec::new()), &plan("shop", steps), None, &Context::new(&Rules::default()))
}

/// Text that tries to get out of its place.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        Just("`"),
        Just("```"),
        Just("````"),
        Just("~~~"),
        Just("<script>"),
        Just("<!--"),
        Just("-->"),
        Just("</code>"),
        Just("</details>"),
        Just("</summary>"),
        Just("<img src=x>"),
        Just("@alice"),
        Just("@acme/team"),
        Just("#1"),
        Just("!1"),
        Just("GH-1"),
        Just("acme/shop#1"),
        Just("https://x.example"),
        Just("www.x.example"),
        Just("a@b.example"),
        Just("|"),
        Just("\n"),
        Just("\r\n"),
        Just("\n\n"),
        Just("\n/close\n"),
        Just("/approve"),
        Just("[a](b)"),
        Just("![a](b)"),
        Just("[a]: http://b"),
        Just("\\"),
        Just("*"),
        Just("**"),
        Just("_"),
        Just("> "),
        Just("- "),
        Just("1. "),
        Just("# "),
        Just("&lt;"),
        Just("&#64;x"),
        Just("$"),
        Just("$$"),
        Just(":tada:"),
        Just("\u{202e}"),
        Just("\u{200b}"),
        Just("\0"),
        Just("é"),
        Just("🎉"),
        Just("漢字"),
        Just(" "),
        Just("\t"),
        Just("abc"),
        Just("4a1b2c3d"),
    ];
    prop::collection::vec(fragment, 0..8)
        .prop_map(|parts| format!("{}{FOREIGN}{}", parts.concat(), parts.concat()))
}

fn value() -> impl Strategy<Value = Value> {
    let secret = || Value::Secret(Secret::new(SECRET, &SecretKey::new([7; 32])));
    let leaf = prop_oneof![
        hostile().prop_map(|text| Value::from(text.as_str())),
        Just(secret()),
        any::<i64>().prop_map(Value::from),
        Just(Value::from("(known after apply)")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| Value::List(items.into())),
            prop::collection::btree_map("[a-z]{1,5}|image", inner, 0..3).prop_map(Value::map),
        ]
    })
}

fn fields() -> impl Strategy<Value = Vec<FieldChange>> {
    let field = (hostile(), prop::option::of(value()), prop::option::of(value()))
        .prop_map(|(path, before, after)| FieldChange::new(format!("/{path}"), before, after));
    prop::collection::vec(field, 0..4)
}

fn components() -> impl Strategy<Value = Components> {
    let risk = prop_oneof![Just(None), Just(Some(Risk::Delete)), Just(Some(Risk::Replace))];
    let change =
        (hostile(), risk, prop::option::of(value())).prop_map(|(name, risk, after)| ComponentChange {
            name,
            kind: "aws_db_instance".to_owned(),
            action: "update".to_owned(),
            risk,
            before: None,
            after,
        });
    prop::collection::vec(change, 0..3).prop_map(|changes| Components { owned: 3, changes })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![Just(Action::Delete), Just(Action::Replace), Just(Action::Update), Just(Action::Create)]
}

fn kind() -> impl Strategy<Value = GroupKind> {
    let kinds = [
        ("", "ConfigMap"),
        ("", "Namespace"),
        ("apps", "StatefulSet"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("", "PersistentVolumeClaim"),
    ];
    prop::sample::select(kinds.to_vec()).prop_map(|(group, kind)| GroupKind::new(group, kind))
}

/// A step whose name holds `[N]`, by which it is found in a text.
fn any_step() -> impl Strategy<Value = Step> {
    (hostile(), kind(), action(), fields(), components(), hostile()).prop_map(
        |(name, kind, action, fields, components, words)| {
            let mut step = step(Key::new("k8s", kind, "", name), action, fields);
            step.risk.extend(components.changes.iter().filter_map(|change| change.risk));
            step.components = components;
            if action == Action::Replace {
                step.reason = Reason::CannotChangeInPlace { why: words.clone() };
            }
            if action == Action::Delete {
                step.takes = vec![Taken::new(words.clone(), Whose::Others, [words.clone()])];
            }
            step.provenance = Some(Provenance {
                source: "repo".into(),
                revision: "4a1b2c3".into(),
                path: words.as_str().into(),
                line: 7,
            });
            step
        },
    )
}

/// Plans of one application: the target branch when the request was opened, its head, the merge result.
fn any_part(at: usize) -> impl Strategy<Value = Part> {
    let steps = prop::collection::vec((any_step(), any::<[bool; 3]>()), 0..12);
    (steps, hostile(), any::<bool>(), hostile(), 0..3usize).prop_map(
        move |(steps, name, is_production, message, blocked)| {
            let application = format!("{at}{name}");
            let of = |side: usize| {
                let named = steps.iter().enumerate().map(|(nth, (step, sides))| {
                    let key = &step.key;
                    let name = format!("[{at}.{nth}]{}", key.name());
                    let key = Key::new(key.target(), key.kind().clone(), key.namespace(), name);
                    (Step { key, ..step.clone() }, sides[side])
                });
                plan(&application, named.filter(|(_, is_there)| *is_there).map(|(step, _)| step).collect())
            };
            let mut head = of(2);
            head.drift =
                head.steps.iter().filter(|step| step.action == Action::Update).take(1).cloned().collect();
            head.steps.retain(|step| !head.drift.contains(step));
            let obstructed = |n: usize| Blocked {
                key: key(&format!("[{at}.b{n}]{message}")),
                why: BlockedBecause::Obstructed { reason: message.clone() },
            };
            head.blocked = (0..blocked).map(obstructed).collect();
            let rules = Rules::default();
            let mut context = Context::new(&rules);
            context.labels = Labels { environment: message.clone(), is_production };
            context.verdict = Verdict::needs_approval(message.clone(), message.clone());
            context.unhealthy =
                head.steps.iter().map(|step| (step.key.clone(), message.clone())).collect::<BTreeMap<_, _>>();
            Part::of(&of(1), &head, Some(&of(0)), &context)
        },
    )
}

pub(crate) fn any_review() -> impl Strategy<Value = Review> {
    (1..4usize).prop_flat_map(|parts| {
        (0..parts).map(any_part).collect::<Vec<_>>().prop_map(|parts| parts.into_iter().collect::<Review>())
    })
}
