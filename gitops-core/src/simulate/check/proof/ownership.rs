use super::{Row, Scene};
use crate::cx::Bug;
use crate::state::record::{OpResult, Record};

pub(super) const ROWS: &[Row] = &[
    ("i1_no_foreign_delete", 1, foreign_delete),
    ("i2_no_delete_of_the_desired", 2, written_and_deleted),
    ("i3_no_prune_from_partial_knowledge", 3, prune_of_the_declared),
    ("i3_no_prune_from_partial_knowledge", 10, plan_that_was_never_made),
    ("i4_no_mass_deletion", 4, mass_deletion),
    ("i5_never_forget", 5, dropped_though_it_was_made),
    ("i5_never_forget", 5, late_effect_of_what_was_given_up),
    ("i6_forget_only_on_observed_absence", 6, forgotten_and_there),
    ("i6_forget_only_on_observed_absence", 6, called_absent_and_there),
    ("i7_no_duplicates", 7, made_twice),
    ("i7_no_second_create_in_doubt", 7, made_again_in_doubt),
    ("i8_no_silent_adoption", 8, written_over_a_stranger),
];

/// Somebody made the object anew: it has our owner label, and it is not what we made.
fn foreign_delete(scene: &mut Scene, breaks: bool) {
    let (key, other) = (scene.undeclared("keyed")[0].clone(), scene.undeclared("keyed")[1].clone());
    scene.make(&key);
    scene.make(&other);
    if breaks {
        scene.world.server.vanish(&key);
        scene.intrude(&key, super::scene::OWNER);
    }
    let delete = scene.delete(&key);
    scene.send(&delete);
}

fn written_and_deleted(scene: &mut Scene, breaks: bool) {
    let gone = scene.undeclared("keyed");
    let key = scene.declared("keyed")[0].clone();
    scene.make(&gone[0]);
    scene.make(&gone[1]);
    let create = scene.create(&key);
    scene.carry_out(&create);
    let delete = scene.delete(if breaks { &key } else { &gone[0] });
    scene.send(&delete);
}

fn prune_of_the_declared(scene: &mut Scene, breaks: bool) {
    let (declared, gone) = (scene.declared("keyed")[0].clone(), scene.undeclared("keyed")[0].clone());
    scene.make(&declared);
    scene.make(&gone);
    let delete = scene.delete(if breaks { &declared } else { &gone });
    scene.send(&delete);
}

fn plan_that_was_never_made(scene: &mut Scene, breaks: bool) {
    let gone = scene.undeclared("keyed");
    scene.make(&gone[0]);
    scene.make(&gone[1]);
    if breaks {
        scene.world.lives[0].plans.clear();
    }
    let delete = scene.delete(&gone[0]);
    scene.send(&delete);
}

fn mass_deletion(scene: &mut Scene, breaks: bool) {
    let gone = scene.undeclared("keyed");
    gone.iter().take(8).for_each(|key| scene.make(key));
    for key in gone.iter().take(if breaks { 6 } else { 5 }) {
        let delete = scene.delete(key);
        scene.send(&delete);
    }
}

fn dropped_though_it_was_made(scene: &mut Scene, breaks: bool) {
    let create = scene.create(&scene.declared("keyed")[0].clone());
    let call = scene.send(&create);
    scene.arrives(call);
    let result = match breaks {
        true => OpResult::NotDone { error: "timed out".to_owned() },
        false => scene.result(create.key()),
    };
    scene.settle(&create, result);
}

fn late_effect_of_what_was_given_up(scene: &mut Scene, breaks: bool) {
    let create = scene.create(&scene.declared("keyed")[0].clone());
    let call = scene.send(&create);
    if breaks {
        scene.settle(&create, OpResult::NotDone { error: "timed out".to_owned() });
    }
    scene.arrives(call);
}

fn forgotten_and_there(scene: &mut Scene, breaks: bool) {
    let key = scene.declared("keyed")[0].clone();
    scene.make(&key);
    if !breaks {
        scene.world.server.vanish(&key);
    }
    scene.durable(Record::Forget { key });
}

fn called_absent_and_there(scene: &mut Scene, breaks: bool) {
    let gone = scene.undeclared("keyed");
    scene.make(&gone[0]);
    scene.make(&gone[1]);
    let delete = scene.delete(&gone[0]);
    let call = scene.send(&delete);
    if !breaks {
        scene.arrives(call);
    }
    scene.settle(&delete, OpResult::Absent);
}

/// The server names the objects: two creations make two.
fn made_twice(scene: &mut Scene, breaks: bool) {
    let keys = scene.declared("listed");
    let first = scene.create(&keys[0]);
    let call = scene.send(&first);
    scene.arrives(call);
    let second = scene.create(if breaks { &keys[0] } else { &keys[1] });
    let call = scene.send(&second);
    scene.arrives(call);
}

fn made_again_in_doubt(scene: &mut Scene, breaks: bool) {
    let key = scene.declared("opaque")[0].clone();
    let first = scene.create(&key);
    scene.send(&first);
    if !breaks {
        scene.settle(&first, OpResult::NotDone { error: "a person says so".to_owned() });
    }
    let second = scene.create(&key);
    scene.send(&second);
}

fn written_over_a_stranger(scene: &mut Scene, breaks: bool) {
    let key = scene.declared("keyed")[0].clone();
    scene.intrude(&key, if breaks { "theirs" } else { super::scene::OWNER });
    let update = scene.update(&key);
    let call = scene.send(&update);
    scene.arrives(call);
}

/// A seeded bug of the model, for traces in which the server itself does wrong.
pub(super) const STRIKES_WHATEVER_IS_THERE: Bug = Bug::new(39);
