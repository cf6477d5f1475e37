//! One object under two keys: it is never deleted under the one while it is declared under the other.

use super::scene::{Scene, check, object};
use super::*;
use crate::value::{Ownership, Presence};

const UNKNOWN: &str = "blocked: it may be the object that is declared as";

/// `it` is no longer declared, and the same incarnation is seen under another key, which is declared.
fn under_another_key(scene: &mut Scene) {
    scene.it.object = None;
    let other = scene.other();
    other.entry = None;
    other.live().uid = Uid::new("u0");
}

/// `it` is no longer declared, and something of its name can't be read.
fn unreadable(scene: &mut Scene) {
    scene.it.object = None;
    let other = scene.other();
    other.entry = None;
    other.of_kind("Other", "n0");
    *other.live() = Live::unreadable(other.key.clone(), "fog");
}

#[test]
fn what_is_declared_under_another_key_is_not_deleted_under_the_first() {
    check(&[
        ("ours there", under_another_key, "gone"),
        (
            "recorded there already",
            |s| {
                under_another_key(s);
                s.other().entry = Some(Owned { uid: Some(Uid::new("u0")), ..Scene::entry(1, 1) });
            },
            "gone",
        ),
        (
            "another incarnation was recorded there",
            |s| {
                under_another_key(s);
                s.other().entry = Some(Scene::entry(1, 1));
            },
            "gone",
        ),
        (
            "recorded there, and nobody looks there now",
            |s| {
                under_another_key(s);
                s.other().entry = Some(Owned { uid: Some(Uid::new("u0")), ..Scene::entry(1, 1) });
                (s.other().live, s.other().is_candidate) = (None, false);
            },
            "gone",
        ),
        (
            "on its way out there",
            |s| {
                under_another_key(s);
                s.other().live().presence = Presence::Deleting;
            },
            UNKNOWN,
        ),
        (
            "somebody else's there",
            |s| {
                under_another_key(s);
                s.other().live().ownership = Ownership::Owner("other".to_owned());
            },
            UNKNOWN,
        ),
        (
            "it is declared nowhere",
            |s| {
                under_another_key(s);
                s.other().object = None;
            },
            "delete",
        ),
        (
            "another incarnation is there",
            |s| {
                under_another_key(s);
                s.other().live().uid = Uid::new("u1");
            },
            "delete",
        ),
        (
            "an incarnation of that name in another target",
            |s| {
                under_another_key(s);
                s.other().of_target("u");
            },
            "delete",
        ),
    ]);
}

#[test]
fn nothing_is_deleted_while_something_of_its_name_can_not_be_read_and_may_be_it() {
    check(&[
        ("it may be it", unreadable, UNKNOWN),
        (
            "it is known to be another one",
            |s| {
                unreadable(s);
                s.other().entry = Some(Scene::entry(1, 1));
            },
            "delete",
        ),
        (
            "it has another name",
            |s| {
                unreadable(s);
                s.other().of_kind("Other", "n1");
            },
            "delete",
        ),
        (
            "it is of another target",
            |s| {
                unreadable(s);
                s.other().of_target("u");
            },
            "delete",
        ),
        (
            "it is on its way out, and another incarnation",
            |s| {
                unreadable(s);
                s.other().live().presence = Presence::Deleting;
            },
            "delete",
        ),
        (
            "its place is taken",
            |s| {
                unreadable(s);
                s.other().live().presence = Presence::Obstructed { by: Vec::new(), reason: String::new() };
            },
            "delete",
        ),
        (
            "it can't be read and is not declared",
            |s| {
                unreadable(s);
                s.other().object = None;
            },
            "delete",
        ),
    ]);
}

#[test]
fn our_record_moves_to_the_other_key_as_not_yet_compared() {
    let mut scene = Scene::default();
    under_another_key(&mut scene);
    scene.it.entry().state = OwnedState::Deleting;
    scene.other().object = Some(object(1, 2));
    scene.other().live().version = version(7);
    let planned = scene.planned();
    let right = Owned { version: Some(version(7)), desired: None, ..Scene::entry(0, 1) };
    assert_eq!((planned.learned, planned.gone), (BTreeMap::from([(key(1), right)]), vec![key(0)]));
    scene.other().object = Some(object(1, 1));
    let learned = scene.planned().learned.remove(&key(1)).unwrap();
    assert_eq!(learned.desired, Some(body(1).digest()), "what it was seen to be says more");
}
