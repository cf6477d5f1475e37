//! Objects in the way of each other, and a new one that may be an old one.

use super::scene::{Scene, check, like, object};
use super::*;
use crate::value::{Need, Ownership, Presence, Uncovered};

#[test]
fn what_is_in_the_place_of_an_object_stops_it_unless_all_of_that_goes() {
    fn in_place_of(scene: &mut Scene, by: &[usize]) {
        scene.it.entry = None;
        let by = by.iter().map(|index| key(*index)).collect();
        scene.it.live = Some(Live::obstructed(key(0), by, "a file is there"));
    }
    const BLOCKED: &str = "blocked: its place is taken: a file is there";
    check(&[
        (
            "what goes",
            |s| {
                in_place_of(s, &[1]);
                s.other().object = None;
            },
            "create (ThisChange): new",
        ),
        (
            "what is declared, and about to be changed",
            |s| {
                in_place_of(s, &[1]);
                s.other().object = Some(object(1, 2));
            },
            BLOCKED,
        ),
        (
            "what is not declared, and not ours",
            |s| {
                in_place_of(s, &[1]);
                s.other().object = None;
                s.other().live().ownership = Ownership::Unlabelled;
            },
            BLOCKED,
        ),
        (
            "one that goes, and one that nobody knows",
            |s| {
                in_place_of(s, &[1, 2]);
                s.other().object = None;
            },
            BLOCKED,
        ),
        ("nobody knows what", |s| in_place_of(s, &[]), BLOCKED),
        (
            "it is not declared any more",
            |s| {
                in_place_of(s, &[]);
                (s.it.object, s.it.entry) = (None, Some(Scene::entry(0, 1)));
            },
            "gone",
        ),
    ]);
}

#[test]
fn an_approved_step_that_waits_for_more_changes_is_not_covered_but_for_repairs() {
    let effect = |change: fn(&mut Scene)| {
        let mut scene = Scene::default();
        scene.it.object = Some(object(0, 2).with_need(Need::Object(key(1))));
        change(&mut scene);
        scene.planned().plan
    };
    let approved = effect(|s| {
        s.other();
    });
    let now_waits = effect(|s| s.other().object = Some(object(1, 2)));
    let repairs = effect(|s| s.other().live = Some(Scene::live(1, 2)));
    let uncovered = |now: &Plan| approved.effect().uncovered(&key(0), Action::Update, now.effect());
    assert_eq!(uncovered(&approved), None);
    assert_eq!(uncovered(&now_waits), Some(Uncovered::WaitsForMore { first: key(1) }));
    assert_eq!((uncovered(&repairs), repairs.steps.len()), (None, 2));
}

/// A new object that is like one that left.
fn renamed(scene: &mut Scene) {
    let mut new = like(object(0, 1));
    new.provenance.path = "new/n0".into();
    (scene.it.object, scene.it.live, scene.it.entry) = (Some(new), None, None);
    scene.other().entry().likeness = like(object(1, 1)).likeness;
    scene.other().object = None;
}

/// A new object in the folder of one that left, and like another one.
fn in_place(scene: &mut Scene) {
    renamed(scene);
    scene.it.object().provenance.path = "n1".into();
    scene.other().entry().likeness = None;
}

const WAITS: &str = "blocked: it is new and like";
const WAITS_IN_PLACE: &str = "blocked: it is new and in the folder of";
const MADE: &str = "create (ThisChange): new";

#[test]
fn a_new_object_in_the_folder_of_one_that_left_waits_for_a_person() {
    check(&[
        ("in the same folder, whatever it is like", in_place, WAITS_IN_PLACE),
        (
            "in the same folder, and a person named it",
            |s| {
                in_place(s);
                s.it.object().is_named = true;
            },
            WAITS_IN_PLACE,
        ),
        (
            "in the folder of one that is declared",
            |s| {
                in_place(s);
                s.other().object = Some(object(1, 1));
            },
            MADE,
        ),
        (
            "in the folder of one of another target",
            |s| {
                in_place(s);
                s.other().of_target("u");
            },
            MADE,
        ),
        (
            "in the folder of another one, and keys of its kind are no places",
            |s| {
                in_place(s);
                s.it.object().likeness = None;
            },
            MADE,
        ),
    ]);
}

#[test]
fn a_new_object_that_is_like_one_that_left_waits_for_a_person() {
    check(&[
        ("renamed", renamed, WAITS),
        (
            "a person named it",
            |s| {
                renamed(s);
                s.it.object().is_named = true;
            },
            MADE,
        ),
        (
            "the old one stays anyway",
            |s| {
                renamed(s);
                s.other().entry().keep = true;
            },
            WAITS,
        ),
        (
            "the old one is declared",
            |s| {
                renamed(s);
                s.other().object = Some(object(1, 1));
            },
            MADE,
        ),
        (
            "the old one is like another one",
            |s| {
                renamed(s);
                s.other().entry().likeness = Some(Digest::of(b"another"));
            },
            MADE,
        ),
        (
            "the old one is of another target",
            |s| {
                renamed(s);
                s.other().of_target("u");
            },
            MADE,
        ),
        (
            "it is not new",
            |s| {
                renamed(s);
                s.it.entry = Some(Scene::entry(0, 1));
            },
            "create (Drift): deleted",
        ),
        (
            "something is there",
            |s| {
                renamed(s);
                s.it.live = Some(Scene::live(0, 1));
            },
            "learned",
        ),
    ]);
    let old = |change: fn(&mut Scene)| {
        let mut scene = Scene::default();
        renamed(&mut scene);
        change(&mut scene);
        scene.said_of(&scene.others[0].key)
    };
    assert!(old(|_| {}).starts_with("blocked: it may be the object that is declared as"));
    assert!(old(|s| s.other().entry().keep = true).starts_with("stays: it was declared"));
    assert!(old(|s| s.options.prune = false).starts_with("stays: pruning is off"));
    assert!(old(|s| s.it.object().likeness = None).starts_with("delete"));
}

#[test]
fn what_is_brought_back_waits_for_what_must_be_made_first_and_for_nothing_else() {
    let after = |change: fn(&mut Scene)| {
        let mut scene = Scene::default();
        scene.chain();
        scene.it.live = Some(Scene::live(0, 2));
        change(&mut scene);
        let step = scene.planned().plan.step(&key(0)).cloned().unwrap();
        assert!(step.brings_back);
        step.after
    };
    assert_eq!(after(|_| {}), [], "what it needs is there");
    assert_eq!(after(|s| s.others[0].live = None), [key(1)], "it is to be made");
    assert_eq!(after(|s| s.others[0].live = Some(Scene::live(1, 2))), [], "it is there, and only repaired");
    assert_eq!(after(|s| s.others[1].live = None), [key(2)], "through what is there");
    assert_eq!(after(|s| s.others[0].live().presence = Presence::Deleting), [key(1)], "it is blocked");
    let ended = |s: &mut Scene| {
        (s.others[0].object().runs_once, s.others[0].entry().runs_once) = (true, true);
        s.others[0].live = None;
    };
    assert_eq!(after(ended), [], "it is gone, and nobody saw its end");
}

#[test]
fn an_approval_of_what_awaits_an_output_covers_it_once_the_output_is_filled_in() {
    let awaiting = |output: &str| {
        let used = OutputRef { key: key(1), output: output.into() };
        let mut desired = Desired::default();
        let body = Placeholder { parts: vec![PlaceholderPart::Output(used)] }.into();
        desired.declare(Object { body, ..object(0, 1) }).unwrap();
        desired.declare(object(1, 1)).unwrap();
        desired
    };
    let planned = |declared: &Desired, is_filled: bool| {
        let mut world = World {
            desired: declared.clone(),
            live: BTreeMap::new(),
            inventory: Inventory::new(US),
            options: Options::default(),
        };
        let known = Vec::new();
        let why = BlockedBecause::AwaitsOutput { of: key(1), output: "o".to_owned(), known };
        let mut waiting = BTreeMap::from([(key(0), why)]);
        if is_filled {
            world.desired.fill(Arc::new(object(0, 7)));
            waiting.clear();
        }
        world.with_input(&BTreeSet::from([key(0)]), &BTreeMap::new(), |input| {
            plan(&PlanInput { declared, waiting: &waiting, ..*input }).unwrap().plan
        })
    };
    let approved = planned(&awaiting("o"), false);
    let uncovered = |now: &Plan| approved.effect().uncovered(&key(0), Action::Create, now.effect());
    assert_eq!(uncovered(&planned(&awaiting("o"), true)), None);
    assert_eq!(uncovered(&planned(&awaiting("p"), true)), Some(Uncovered::Changed), "another declaration");
}
