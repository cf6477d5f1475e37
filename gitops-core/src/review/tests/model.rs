//! What a review says of plans, apart from how it is written.

use super::world::{field, key, plan, review, step};
use crate::plan::{Blocked, BlockedBecause, Plan};
use crate::review::{Attribution, Context, Item, Outcome, Part, Review, RiskLevel, Rules};
use crate::value::{Action, Digest, ForeignField, ForeignOutcome, GroupKind, Key, Secret, SecretKey, Value};

fn part(base: &Plan, head: &Plan, opened: Option<&Plan>) -> Part {
    Part::of(base, head, opened, &Context::new(&Rules::default()))
}

fn attributed(part: &Part) -> Vec<(&str, Attribution)> {
    part.items.iter().map(|item| (item.step.key.name(), item.attribution)).collect()
}

fn update(name: &str, to: &str) -> crate::plan::Step {
    step(key(name), Action::Update, vec![field("/data/level", "a", to)])
}

#[test]
fn this_change_drift_and_a_moved_base_are_told_apart() {
    let opened = plan("shop", vec![update("drifted", "x")]);
    let base = plan("shop", vec![update("drifted", "x"), update("moved", "x")]);
    let head = plan("shop", vec![update("drifted", "x"), update("moved", "x"), update("ours", "x")]);
    assert_eq!(
        attributed(&part(&base, &head, Some(&opened))),
        [
            ("ours", Attribution::ThisChange),
            ("drifted", Attribution::ExistingDrift),
            ("moved", Attribution::BaseMoved),
        ]
    );
    let unknown = part(&base, &head, None);
    assert_eq!(
        unknown.counts.base_moved.total(),
        0,
        "without the opened plan nobody knows that the base moved"
    );
}

#[test]
fn an_object_that_the_target_branch_changed_too_is_of_this_change_and_says_so() {
    let opened = plan("shop", vec![update("both", "opened"), update("drifted", "x"), update("ours", "a")]);
    let base = plan("shop", vec![update("both", "base"), update("drifted", "x"), update("ours", "a")]);
    let head = plan("shop", vec![update("both", "head"), update("drifted", "x"), update("ours", "b")]);
    let moved = |opened| -> Vec<(String, Attribution, bool)> {
        let part = part(&base, &head, opened);
        let of = |item: &Item| (item.step.key.name().to_owned(), item.attribution, item.base_moved);
        part.items.iter().map(of).collect()
    };
    let expected = |both| {
        [
            ("both".to_owned(), Attribution::ThisChange, both),
            ("ours".to_owned(), Attribution::ThisChange, false),
            ("drifted".to_owned(), Attribution::ExistingDrift, false),
        ]
    };
    assert_eq!(moved(Some(&opened)), expected(true));
    assert_eq!(moved(None), expected(false));
}

fn of_incarnation(name: &str, to: &str, uid: &str, version: &str) -> crate::plan::Step {
    let expect = crate::value::Expect {
        uid: crate::value::Uid::new(uid),
        version: crate::value::Version::new(version),
    };
    crate::plan::Step { expect: Some(expect), ..update(name, to) }
}

#[test]
fn a_step_with_another_effect_is_of_this_change_and_one_of_another_version_is_not() {
    let of = |version: &str, uid: &str, to: &str, waits: Vec<Key>| {
        let mut steps = vec![
            of_incarnation("same", "x", "u", version),
            of_incarnation("made anew", "x", uid, "1"),
            of_incarnation("other", to, "u", "1"),
            of_incarnation("waits", "x", "u", "1"),
        ];
        steps[3].after = waits;
        plan("shop", steps)
    };
    assert_eq!(
        attributed(&part(&of("1", "u", "x", vec![]), &of("2", "v", "y", vec![key("other")]), None)),
        [
            ("made anew", Attribution::ThisChange),
            ("other", Attribution::ThisChange),
            ("waits", Attribution::ThisChange),
            ("same", Attribution::ExistingDrift)
        ]
    );
}

#[test]
fn what_is_no_longer_needed_is_said_with_who_took_it_away() {
    let opened = plan("shop", vec![update("by base", "x"), update("by us", "x")]);
    let base = plan("shop", vec![update("by us", "x")]);
    let part = part(&base, &plan("shop", vec![]), Some(&opened));
    let withdrawn: Vec<_> = part.withdrawn.iter().map(|gone| (gone.key.name(), gone.attribution)).collect();
    assert_eq!(withdrawn, [("by us", Attribution::ThisChange), ("by base", Attribution::BaseMoved)]);
    assert!(!part.changes_nothing());
}

#[test]
fn an_effect_is_what_is_done_and_not_what_it_is_called() {
    let one = plan("shop", vec![of_incarnation("a", "x", "u", "1")]);
    let mut other = plan("shop", vec![of_incarnation("a", "x", "u", "2")]);
    other.revision = crate::value::Revision::new("ffffffffffff", "feature");
    other.id = crate::value::PlanId::new(Digest::of(b"other"));
    let of = |plan: &Plan| part(plan, plan, None).effect;
    assert_eq!(of(&one), of(&other));
    assert_ne!(of(&one), of(&plan("shop", vec![of_incarnation("a", "y", "u", "1")])));
    assert_ne!(of(&one), of(&plan("shop", vec![of_incarnation("a", "x", "v", "1")])));
    assert_ne!(of(&one), of(&plan("other", vec![of_incarnation("a", "x", "u", "1")])));
}

#[test]
fn without_a_look_at_the_target_nothing_depends_on_the_key_of_secrets() {
    let rules = Rules::default();
    let mut context = Context::new(&rules);
    context.looked_at_target = false;
    let with = |secret: &str, seed: u8| {
        let secret = Secret::new(secret, &SecretKey::new([seed; 32]));
        let mut plan = plan(
            "shop",
            vec![step(key("a"), Action::Update, vec![field("/data/p", "a", Value::Secret(secret))])],
        );
        plan.id = crate::value::PlanId::new(Digest::of(&[seed]));
        Part::of(&plan, &plan, None, &context)
    };
    let (one, other) = (with("hunter2", 1), with("hunter2", 2));
    assert_eq!((one.effect, one.head), (other.effect, other.head));
}

fn flags(item: &Item) -> Vec<&str> {
    item.flags.iter().map(|flag| &*flag.rule).collect()
}

#[test]
fn risks_are_found_by_kind_by_field_and_by_what_goes_with_an_object() {
    let of = |group: &str, kind: &str, action, fields| {
        let step = step(Key::new("k8s", GroupKind::new(group, kind), "shop", "x"), action, fields);
        let review = review(vec![step]);
        flags(&review.parts[0].items[0]).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let rbac = "rbac.authorization.k8s.io";
    assert_eq!(of("", "PersistentVolumeClaim", Action::Delete, vec![]), ["stateful-loss", "delete"]);
    assert_eq!(of("", "Namespace", Action::Delete, vec![]), ["container-loss", "delete"]);
    assert_eq!(of(rbac, "ClusterRoleBinding", Action::Create, vec![]), ["access"]);
    assert_eq!(
        of("apps", "StatefulSet", Action::Replace, vec![]),
        ["stateful-loss", "fixed-field", "replace"]
    );
    let selector = field("/spec/selector/app", "a", "b");
    assert_eq!(of("apps", "Deployment", Action::Update, vec![selector]), ["fixed-field"]);
    let image = |image: &str| field("/spec/template/spec/containers/0/image", "x", image);
    assert_eq!(of("apps", "Deployment", Action::Update, vec![image("nginx:1.28")]), ["image-without-digest"]);
    let digest = image("nginx@sha256:0000000000000000000000000000000000000000000000000000000000000000");
    assert!(of("apps", "Deployment", Action::Update, vec![digest]).is_empty());
    let known_later = field("/spec/address", "10.0.0.1", "(known after apply)");
    assert_eq!(of("", "Service", Action::Update, vec![known_later]), ["unknown"]);
}

#[test]
fn a_large_part_of_an_application_is_a_risk_of_its_own() {
    let mut head = plan("shop", (0..3).map(|n| update(&n.to_string(), "x")).collect());
    head.owned = 10;
    let part = part(&plan("shop", vec![]), &head, None);
    assert_eq!(part.flags[0].rule, "large-share");
    head.owned = 15;
    assert!(part_of(&head).flags.is_empty(), "3 of 15 are 20 %, not more");
}

fn part_of(head: &Plan) -> Part {
    part(&plan("shop", vec![]), head, None)
}

#[test]
fn a_creation_never_ranks_before_a_loss_whatever_rules_say() {
    use crate::review::Rule;
    let alarm = Rule::of_step("alarm", RiskLevel::Critical, "Everything new", |subject| {
        (subject.step.action == Action::Create).then(|| "new".to_owned())
    });
    let rules = Rules::default().with(alarm).without("delete");
    let head = plan(
        "shop",
        vec![step(key("new"), Action::Create, vec![]), step(key("old"), Action::Delete, vec![])],
    );
    let part = Part::of(&plan("shop", vec![]), &head, None, &Context::new(&rules));
    assert_eq!(part.items[0].step.key.name(), "old");
}

#[test]
fn an_object_that_the_request_blocks_fails_the_review_and_one_that_waits_does_not() {
    let with = |why| {
        let mut head = plan("shop", vec![]);
        head.blocked = vec![Blocked { key: key("a"), why }];
        Review::from_iter([part_of(&head)]).outcome()
    };
    assert_eq!(with(BlockedBecause::Obstructed { reason: "full".to_owned() }), Outcome::Failed);
    assert_ne!(with(BlockedBecause::Deleting), Outcome::Failed);
}

/// A server names the clients whose fields a write takes in any order.
#[test]
fn the_order_in_which_fields_of_others_are_named_is_no_part_of_an_effect() {
    let named = |paths: [&str; 2]| {
        let foreign = paths.map(|path| ForeignField::new(path, "somebody", ForeignOutcome::Restored));
        let mut step = update("a", "x");
        step.foreign = foreign.into();
        plan("shop", vec![step]).effect().digest()
    };
    assert_eq!(named(["/spec/a", "/spec/b"]), named(["/spec/b", "/spec/a"]));
    assert_ne!(named(["/spec/a", "/spec/b"]), named(["/spec/a", "/spec/c"]));
}
