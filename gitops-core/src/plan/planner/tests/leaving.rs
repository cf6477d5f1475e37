//! What left the source waits for what may be the same under another name, and for what runs before it.

use super::scene::{Scene, object};
use super::*;
use crate::state::record::ReadinessRecord;
use crate::value::Ownership;

/// `it` left the source, and the other object is new there.
fn renamed(change: fn(&mut Scene)) -> Scene {
    let mut scene = Scene::default();
    scene.it.object = None;
    (scene.other().live, scene.other().entry) = (None, None);
    change(&mut scene);
    scene
}

/// What the delete of `it` waits for in the end: steps, blocked objects and what is asked whether it is ready.
fn awaited(scene: &Scene) -> Vec<Key> {
    let Planned { plan, .. } = scene.planned();
    let step = plan.step(&scene.it.key).unwrap();
    assert_eq!(step.action, Action::Delete);
    let stands_for = |key: &Key| {
        let found = plan.prerequisites.iter().find(|found| found.key == *key && !found.is_object);
        found.map_or_else(|| vec![key.clone()], |found| found.after.clone())
    };
    step.after.iter().flat_map(stands_for).collect()
}

#[test]
fn what_left_waits_for_what_is_new_of_its_kind_in_its_target_and_is_not_made() {
    let waits = |change: fn(&mut Scene)| awaited(&renamed(change));
    assert_eq!(waits(|_| {}), [key(1)], "it is to be made");
    assert_eq!(waits(|s| s.it.entry().readiness = ReadinessRecord::Released), [key(1)], "long ago");
    let blocked = |s: &mut Scene| {
        s.other().live = Some(Scene::live(1, 1));
        s.other().live().ownership = Ownership::Unlabelled;
    };
    assert_eq!(waits(blocked), [key(1)], "it is blocked");
    for state in [OwnedState::Claimed, OwnedState::Deleting] {
        let mut scene = renamed(|_| {});
        scene.other().entry = Some(Owned { state, ..Scene::entry(1, 1) });
        assert_eq!(awaited(&scene), [key(1)], "{state:?}: nobody knows that it is there");
    }
    let changed = |s: &mut Scene| {
        s.other().entry = Some(Scene::entry(1, 1));
        s.other().live = Some(Scene::live(1, 1));
        s.other().object = Some(object(1, 2));
    };
    assert_eq!(waits(changed), [], "what is changed was there before");
    assert_eq!(waits(|s| s.other().object = None), [], "nothing is new");
    assert_eq!(waits(|s| s.it.entry().let_go = true), [], "a person let it go");
    assert_eq!(waits(|s| s.other().of_kind("Other", "n1")), [], "it is of another kind");
    assert_eq!(waits(|s| s.other().of_target("u")), [], "it is of another target");
}

#[test]
fn what_left_waits_for_what_runs_once_in_an_earlier_stage() {
    fn hooked(change: fn(&mut Scene)) -> Scene {
        let mut scene = renamed(|s| {
            s.it.entry().stage = Some(0);
            let other = s.other();
            (other.entry, other.live) = (Some(Scene::entry(1, 1)), Some(Scene::live(1, 1)));
            other.of_kind("Job", "n1");
            (other.object().stage, other.object().runs_once) = (Some(-1), true);
        });
        change(&mut scene);
        scene
    }
    let hook = hooked(|_| {}).others[0].key.clone();
    let waits = |change: fn(&mut Scene)| awaited(&hooked(change));
    let asked = |scene: &Scene| {
        let Planned { plan, .. } = scene.planned();
        plan.prerequisites.iter().any(|found| found.key == hook && found.is_object)
    };
    let only = std::slice::from_ref(&hook);
    assert_eq!(waits(|_| {}), only, "it does not change");
    assert!(asked(&hooked(|_| {})), "and so it is asked how it ended");
    let foreign = |scene: &mut Scene| {
        scene.other().entry = None;
        scene.other().live().ownership = Ownership::Unlabelled;
    };
    assert_eq!(waits(foreign), only, "somebody else made it");
    assert!(!asked(&hooked(foreign)), "what is blocked is not asked");
    assert_eq!(waits(|s| (s.other().entry, s.other().live) = (None, None)), only, "it is new");
    assert!(
        !asked(&hooked(|s| (s.other().entry, s.other().live) = (None, None))),
        "what is made is waited for"
    );
    assert_eq!(waits(|s| s.other().object().stage = Some(1)), [], "it runs later");
    assert_eq!(waits(|s| s.other().object().runs_once = false), [], "it is no hook");
    assert_eq!(waits(|s| s.it.entry().stage = None), [], "what left had no stage");
    assert_eq!(waits(|s| s.it.entry().runs_once = true), [], "what left is a hook itself");
    let mut back = hooked(|_| {});
    back.is_rollback = true;
    assert_eq!(awaited(&back), [], "a rollback waits for nothing that is unready");
}

#[test]
fn what_is_in_the_place_of_something_new_goes_before_it() {
    let scene = renamed(|s| {
        s.other().live = Some(Live::obstructed(key(1), vec![key(0)], "a file is there"));
    });
    let Planned { plan, .. } = scene.planned();
    assert_eq!(plan.step(&key(0)).unwrap().after, []);
    assert_eq!(plan.step(&key(1)).unwrap().after, [key(0)]);
}

#[test]
fn what_left_waits_for_what_was_made_and_never_seen_to_be_ready() {
    let made = |change: fn(&mut Scene)| {
        let mut scene = renamed(|s| {
            s.other().entry = Some(Owned { never_ready: true, ..Scene::entry(1, 1) });
            s.other().live = Some(Scene::live(1, 1));
        });
        change(&mut scene);
        scene
    };
    let asked = |scene: &Scene| {
        let Planned { plan, .. } = scene.planned();
        plan.prerequisites.iter().any(|found| found.key == key(1) && found.is_object)
    };
    let waits = |change: fn(&mut Scene)| awaited(&made(change));
    assert_eq!(waits(|_| {}), [key(1)], "it does not change");
    assert!(asked(&made(|_| {})), "and so it is asked whether it is ready by now");
    assert_eq!(waits(|s| s.other().is_candidate = false), [key(1)], "it was not looked at");
    let changed: fn(&mut Scene) = |s| s.other().object = Some(object(1, 2));
    assert_eq!(waits(changed), [key(1)], "it is changed, which may mend it");
    assert!(!asked(&made(changed)), "what is written is waited for");
    let seen: fn(&mut Scene) = |s| {
        let entry = s.other().entry.take().unwrap();
        s.other().entry = Some(entry.seen(&crate::capability::Readiness::Ready));
    };
    assert_eq!(waits(seen), [], "it was ready once");
    let released: fn(&mut Scene) = |s| {
        let entry = s.other().entry.take().unwrap();
        s.other().entry = Some(entry.released());
    };
    assert_eq!(waits(released), [], "a person released it");
    assert_eq!(waits(|s| s.it.entry().let_go = true), [], "a person let what left go");
    assert_eq!(waits(|s| s.other().object = None), [], "it left too");
    assert_eq!(waits(|s| s.is_rollback = true), [], "a rollback waits for nothing that is unready");
}
