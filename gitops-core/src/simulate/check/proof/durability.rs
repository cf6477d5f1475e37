use super::{Row, Scene};
use crate::engine::StepOutcome;
use crate::simulate::check;
use crate::simulate::state::SECOND;
use crate::state::inventory::Inventory;
use crate::state::record::{OpResult, Record};
use crate::value::{Change, Digest};

pub(super) const ROWS: &[Row] = &[
    ("i22_a_deposed_engine_sends_nothing", 22, sends_in_an_old_epoch),
    ("i22_a_deposed_engine_sends_nothing", 22, sends_long_after_it_asked),
    ("i22_a_deposed_engine_sends_nothing", 22, sends_without_the_lease),
    ("i5_never_forget", 5, makes_what_its_successor_does_not_know),
    ("i25_the_intent_is_durable_before_the_effect", 25, sends_without_an_intent),
    ("i25_the_intent_is_durable_before_the_effect", 25, sends_what_the_intent_does_not_say),
    ("i25_what_is_told_is_durable", 25, tells_of_what_is_open),
    ("i26_what_is_read_is_what_was_written", 26, reads_less_than_was_written),
    ("i28_nothing_is_sent_after_the_storage_failed", 28, sends_after_the_storage_failed),
    ("i45_the_intent_is_in_the_audit_log", 45, sends_what_is_not_audited),
    ("i45_the_outcome_has_an_intent", 45, tells_an_outcome_without_an_intent),
    ("i47_planning_leaves_no_trace", 47, writes_a_plan_down),
];

fn writes_a_plan_down(scene: &mut Scene, breaks: bool) {
    let appended = scene.world.apps[0].disk.appended();
    check::i47_planning_leaves_no_trace(&mut scene.world, 0, appended + u64::from(breaks));
}

fn create(scene: &mut Scene) -> Change {
    scene.create(&scene.declared("keyed")[0].clone())
}

fn sends_in_an_old_epoch(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    let intent = scene.intent(&create);
    scene.intend(intent);
    if breaks {
        scene.durable(Record::Epoch { epoch: 2 });
    }
    scene.send_only(&create);
}

/// An engine of another machine takes over, and knows this of what there is.
fn depose(scene: &mut Scene, successor: Inventory) {
    scene.world.looked(0);
    scene.world.add_rival(0);
    scene.world.takes_office(1, successor);
}

fn sends_long_after_it_asked(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    let intent = scene.intent(&create);
    scene.intend(intent);
    let known = scene.world.apps[0].book.shadow.clone();
    depose(scene, known);
    scene.world.now += if breaks { 12 * SECOND } else { 5 * SECOND };
    scene.send_only(&create);
}

fn sends_without_the_lease(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    let intent = scene.intent(&create);
    scene.intend(intent);
    scene.world.add_turns(0);
    if !breaks {
        scene.world.leads(0);
    }
    scene.send_only(&create);
}

fn makes_what_its_successor_does_not_know(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    let intent = scene.intent(&create);
    scene.intend(intent);
    let known = scene.world.apps[0].book.shadow.clone();
    depose(scene, if breaks { Inventory::new("ours") } else { known });
    let call = scene.send_only(&create);
    scene.arrives(call);
}

fn sends_without_an_intent(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    if !breaks {
        let intent = scene.intent(&create);
        scene.intend(intent);
    }
    scene.send_only(&create);
}

fn sends_what_the_intent_does_not_say(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    let mut intent = scene.intent(&create);
    if breaks {
        intent.desired = Some(Digest::of(b"something else"));
    }
    scene.intend(intent);
    scene.send_only(&create);
}

fn tells_of_what_is_open(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    let call = scene.send(&create);
    scene.arrives(call);
    if !breaks {
        scene.settle(&create, scene.result(create.key()));
    }
    let report = scene.report(&[(create.key(), &[], StepOutcome::Done)]);
    check::i25_what_is_told_is_durable(&mut scene.world, 0, &report);
}

fn reads_less_than_was_written(scene: &mut Scene, breaks: bool) {
    let key = scene.declared("keyed")[0].clone();
    scene.make(&key);
    let read = if breaks { Inventory::new("ours") } else { scene.world.apps[0].book.shadow.clone() };
    check::opened(&mut scene.world, 0, &read);
}

fn sends_after_the_storage_failed(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    scene.world.lives[0].storage_failed = breaks;
    scene.send(&create);
}

fn sends_what_is_not_audited(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    let intent = scene.intent(&create);
    scene.intend(intent);
    if breaks {
        scene.world.apps[0].book.audited.clear();
    }
    scene.send_only(&create);
}

fn tells_an_outcome_without_an_intent(scene: &mut Scene, breaks: bool) {
    let create = create(scene);
    if !breaks {
        scene.send(&create);
    }
    scene.settle(&create, OpResult::NotDone { error: "refused".to_owned() });
}
