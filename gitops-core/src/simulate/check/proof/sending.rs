use super::ownership::STRIKES_WHATEVER_IS_THERE;
use super::{Row, Scene};
use crate::engine::StepOutcome;
use crate::engine::event::Event;
use crate::simulate::check;
use crate::simulate::fault::{Fault, Faults};
use crate::simulate::source::body;
use crate::simulate::state::{MINUTE, SECOND};
use crate::state::record::Record;
use crate::value::{Change, Key, Object};

pub(super) const ROWS: &[Row] = &[
    ("i10_only_what_was_shown", 10, not_in_the_plan),
    ("i11_order", 11, deleted_before_what_needs_it),
    ("i11_order", 11, written_before_its_need_is_ready),
    ("i11_order", 11, written_after_what_needs_it),
    ("i12_containment", 12, runs_after_a_failed_need),
    ("i19_bounded_load", 19, waits_too_long),
    ("i19_bounded_load", 19, plans_in_a_hot_loop),
    ("i20_no_action_on_older_knowledge", 20, changed_unseen),
    ("i21_identity_not_name", 21, strikes_another_incarnation),
    ("i21_identity_not_name", 20, strikes_a_state_that_nobody_saw),
    ("i33_no_rollback", 33, applies_an_older_revision),
    ("i37_what_was_planned_is_written", 37, writes_something_else),
    ("i49_a_suspended_engine_sends_nothing", 49, sends_while_it_is_suspended),
    ("i48_what_ran_runs_no_more", 48, runs_again),
    ("i50_what_left_waits_for_what_is_new", 50, deletes_beside_what_is_refused),
];

fn sends_while_it_is_suspended(scene: &mut Scene, breaks: bool) {
    let key = scene.declared("keyed")[0].clone();
    scene.world.apps[0].suspended = breaks;
    let create = scene.create(&key);
    scene.send(&create);
}

/// It is gone: it ended, or somebody removed it before.
fn runs_again(scene: &mut Scene, breaks: bool) {
    let key = scene.declared("keyed")[0].clone();
    scene.make(&key);
    let uid = scene.uid(&key);
    scene.world.server.remove(&key, &uid);
    if breaks {
        scene.world.ended.insert(uid);
    }
    let again = scene.create(&key);
    scene.send(&again);
}

fn deletes_beside_what_is_refused(scene: &mut Scene, breaks: bool) {
    let (left, new) = (scene.undeclared("keyed")[0].clone(), scene.declared("keyed")[0].clone());
    scene.make(&left);
    if !breaks {
        scene.make(&new);
    }
    scene.world.stubborn.insert((Fault::Refused, new));
    let delete = scene.delete(&left);
    scene.send(&delete);
}

fn not_in_the_plan(scene: &mut Scene, breaks: bool) {
    let keys = scene.declared("keyed");
    let create = scene.create(&keys[0]);
    let shown = if breaks { keys[1].clone() } else { keys[0].clone() };
    scene.world.apps[0].book.approved = Some([(shown, (create.action(), None))].into());
    scene.send(&create);
}

/// The first needs the second.
fn two_of_which_one_needs_the_other(scene: &mut Scene) -> (Key, Key) {
    let gone = scene.undeclared("keyed");
    (gone.iter().take(3)).for_each(|key| scene.make(key));
    let change = scene.update(&gone[0]);
    let mut intent = scene.intent(&change);
    intent.needs = vec![gone[1].clone()];
    scene.intend(intent);
    scene.settle(&change, scene.result(&gone[0]));
    (gone[0].clone(), gone[1].clone())
}

fn deleted_before_what_needs_it(scene: &mut Scene, breaks: bool) {
    let (dependant, need) = two_of_which_one_needs_the_other(scene);
    if !breaks {
        let delete = scene.delete(&dependant);
        scene.carry_out(&delete);
    }
    let delete = scene.delete(&need);
    scene.send(&delete);
}

fn create_with_a_need(scene: &mut Scene, key: &Key, need: &Key) {
    let create = scene.create(key);
    let mut intent = scene.intent(&create);
    intent.needs = vec![need.clone()];
    scene.intend(intent);
    scene.send_only(&create);
}

fn written_before_its_need_is_ready(scene: &mut Scene, breaks: bool) {
    let keys = scene.declared("keyed");
    scene.world.has_health = true;
    let need = scene.create(&keys[0]);
    scene.carry_out(&need);
    if !breaks {
        scene.world.apps[0].book.became_ready(&keys[0]);
    }
    create_with_a_need(scene, &keys[1], &keys[0]);
}

fn written_after_what_needs_it(scene: &mut Scene, breaks: bool) {
    let keys = scene.declared("keyed");
    create_with_a_need(scene, &keys[1], &keys[0]);
    let late = scene.create(if breaks { &keys[0] } else { &keys[2] });
    scene.send(&late);
}

fn runs_after_a_failed_need(scene: &mut Scene, breaks: bool) {
    let keys = scene.declared("keyed");
    let failed = StepOutcome::Failed { error: "refused".to_owned(), help: None };
    let outcome = if breaks { StepOutcome::Done } else { StepOutcome::Blocked { by: keys[0].clone() } };
    let needs = [keys[0].clone()];
    let report = scene.report(&[(&keys[0], &[], failed), (&keys[1], &needs, outcome)]);
    check::i12_containment(&mut scene.world, &report);
}

fn waits_too_long(scene: &mut Scene, breaks: bool) {
    check::i19_bounded_load(
        &mut scene.world,
        0,
        &Event::ReconcileFailed { error: "unreachable".to_owned(), help: None, diagnostics: Vec::new() },
    );
    scene.world.now += if breaks { 15 * MINUTE + SECOND } else { 15 * MINUTE };
    check::i19_bounded_load(&mut scene.world, 0, &Event::Resolved { revision: "r".to_owned() });
}

fn plans_in_a_hot_loop(scene: &mut Scene, breaks: bool) {
    let planned = Event::Planned { plan: scene.plan, considered: 0, diffed: 0, steps: 0, blocked: 0 };
    for _ in 0..if breaks { 62 } else { 61 } {
        check::i19_bounded_load(&mut scene.world, 0, &planned);
    }
}

fn changed_unseen(scene: &mut Scene, breaks: bool) {
    let key = scene.declared("keyed")[0].clone();
    scene.make(&key);
    if breaks {
        scene.world.lives[0].seen.clear();
    }
    let update = scene.update(&key);
    scene.send(&update);
}

/// An update under way to an object that somebody makes anew, or edits, before it arrives.
fn struck(scene: &mut Scene, breaks: bool, meanwhile: fn(&mut Scene, &Key)) {
    let key = scene.declared("keyed")[0].clone();
    scene.make(&key);
    let update = scene.update(&key);
    let call = scene.send(&update);
    meanwhile(scene, &key);
    scene.world.bug = breaks.then_some(STRIKES_WHATEVER_IS_THERE);
    scene.arrives(call);
}

fn strikes_another_incarnation(scene: &mut Scene, breaks: bool) {
    struck(scene, breaks, |scene, key| {
        scene.world.server.vanish(key);
        scene.intrude(key, super::scene::OWNER);
    });
}

fn strikes_a_state_that_nobody_saw(scene: &mut Scene, breaks: bool) {
    struck(scene, breaks, |scene, key| {
        let uid = scene.uid(key);
        scene.world.server.meddle(key, &uid, |_| body(7));
    });
}

fn applies_an_older_revision(scene: &mut Scene, breaks: bool) {
    let old = scene.revision();
    scene.world.houses[0].origin.advance(&mut Faults::new(1, [].into(), [].into()));
    let new = scene.revision();
    let (first, second) = if breaks { (new, old) } else { (old, new) };
    scene.durable(Record::Accepted { revision: first });
    scene.durable(Record::Accepted { revision: second });
}

fn writes_something_else(scene: &mut Scene, breaks: bool) {
    let create = scene.create(&scene.declared("keyed")[0].clone());
    let Change::Create { object, owner_label, preview } = create else { unreachable!("it is a creation") };
    let body = if breaks { body(7) } else { object.body.clone() };
    let object = Object { body, ..(*object).clone() }.into();
    scene.send(&Change::Create { object, owner_label, preview });
}
