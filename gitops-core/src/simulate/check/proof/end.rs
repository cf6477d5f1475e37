use super::{Row, Scene};
use crate::simulate::check;
use crate::simulate::source::body;

pub(super) const ROWS: &[Row] = &[
    ("i13_idempotence", 13, writes_again),
    ("i16_converged", 16, something_is_missing),
    ("i16_converged", 16, something_is_as_nobody_declared),
    ("i16_converged", 16, something_is_left_over),
    ("i16_converged", 16, something_is_open),
    ("i17_level_triggered", 17, an_edit_stays),
];

fn writes_again(scene: &mut Scene, breaks: bool) {
    let keys = scene.declared("keyed");
    scene.make(&keys[0]);
    let before = (scene.world.server.writes, scene.world.apps[0].disk.appended());
    if breaks {
        scene.make(&keys[1]);
    }
    check::i13_idempotence(&mut scene.world, 0, before);
}

fn converged(scene: &mut Scene) {
    let report = scene.report(&[]);
    check::i16_converged(&mut scene.world, 0, &report);
}

fn something_is_missing(scene: &mut Scene, breaks: bool) {
    scene.make_all();
    if breaks {
        let key = scene.declared("keyed")[0].clone();
        scene.world.server.vanish(&key);
    }
    converged(scene);
}

fn meddle(scene: &mut Scene) -> crate::value::Key {
    let key = scene.declared("keyed")[0].clone();
    let uid = scene.uid(&key);
    scene.world.server.meddle(&key, &uid, |_| body(7));
    key
}

fn something_is_as_nobody_declared(scene: &mut Scene, breaks: bool) {
    scene.make_all();
    if breaks {
        meddle(scene);
    }
    converged(scene);
}

fn something_is_left_over(scene: &mut Scene, breaks: bool) {
    scene.make_all();
    if breaks {
        let key = scene.undeclared("listed")[0].clone();
        scene.make(&key);
    }
    converged(scene);
}

fn something_is_open(scene: &mut Scene, breaks: bool) {
    scene.make_all();
    if breaks {
        let update = scene.update(&scene.declared("keyed")[0].clone());
        scene.send(&update);
    }
    converged(scene);
}

fn an_edit_stays(scene: &mut Scene, breaks: bool) {
    scene.make_all();
    let key = scene.declared("keyed")[0].clone();
    if breaks {
        meddle(scene);
    }
    check::i17_level_triggered(&mut scene.world, 0, &key);
}
