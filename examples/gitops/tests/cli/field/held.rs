//! What left Git beside something new that is refused: it stays, and every verb says so.

use std::fs;

use crate::support::World;

/// An application in which `old` was renamed to `new`, and somebody else has a file there.
fn renamed() -> World {
    let world = World::applied();
    world.commit("One more", &[("old", Some("one\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.edit_live("new", "by others\n");
    world.commit("Rename it", &[("old", None), ("new", Some("one\n"))]);
    world
}

/// Met with a renamed file: only `apply` said for what the deletion waits, and only after it had been tried.
#[test]
fn every_verb_names_for_what_a_deletion_waits() {
    let world = renamed();
    let short = "waits for File/new, which is blocked";
    let whole = "the deletion waits for File/new, which is blocked: it is there and was not made by us";
    for _ in 0..2 {
        world.gitops(&["plan"]).expect(1).says("no longer declared; waits for File/new, which is blocked");
        world.gitops(&["diff"]).expect(1).says(short);
        world.gitops(&["why", "old"]).expect(0).says(whole);
        world.gitops(&["status"]).expect(0).says("held").says(&format!("File/old: {whole}"));
        for verb in ["plan", "diff", "status"] {
            let held = &world.json(&[verb])["held"];
            let waits_for = (held[0]["key"].as_str().unwrap(), held[0]["waits_for"].as_str().unwrap());
            assert_eq!(waits_for, ("dir:File/-/old", "dir:File/-/new"), "{verb}: {held}");
            assert_eq!(held.as_array().unwrap().len(), 1, "{verb}");
        }
        assert_eq!(world.json(&["why", "old"])["postponed"], whole);
        // The next one finds it so too.
        world.gitops(&["apply", "--yes"]).expect(1);
        assert_eq!(world.live("old").as_deref(), Some("one\n"));
    }
    fs::remove_file(world.path("live/new")).unwrap();
    for (verb, code) in [("plan", 0), ("diff", 0), ("status", 0)] {
        let ran = world.gitops(&[verb]).expect(code);
        assert!(!ran.stdout.contains("waits for"), "{verb}: {}", ran.stdout);
    }
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!((world.live("old"), world.live("new").as_deref()), (None, Some("one\n")));
}

/// Met with a renamed file whose new name somebody else had for good: the old one could never go.
#[test]
fn a_held_deletion_goes_on_once_it_is_released_by_its_name() {
    let world = renamed();
    world.commit("Two more leave", &[("index.html", None)]);
    world.gitops(&["apply", "--yes"]).expect(1);
    world.gitops(&["release", "old"]).expect(0).says("its deletion waits for nothing");
    assert_eq!(world.live("old").as_deref(), Some("one\n"), "nothing is written by it");
    world.gitops(&["status"]).expect(0).says("held").says("File/index.html: the deletion waits for File/new");
    world.gitops(&["apply", "--yes"]).expect(1);
    assert_eq!(world.live("old"), None);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"), "nobody released that one");
    assert_eq!(world.live("new").as_deref(), Some("by others\n"));
    world.gitops(&["audit", "show", "old"]).expect(0).says("deletion released").says("alice");
    world.gitops(&["audit", "verify"]).expect(0).says("none changed");
}

/// What is released is one deletion: an object that is declared again, and leaves again, is held again.
#[test]
fn a_released_deletion_is_held_again_after_the_object_was_declared_in_between() {
    let world = renamed();
    world.gitops(&["apply", "--yes"]).expect(1);
    world.gitops(&["release", "old"]).expect(0);
    world.commit("Keep it", &[("old", Some("one\n"))]);
    world.gitops(&["apply", "--yes"]).expect(1);
    world.commit("Rename it again", &[("old", None)]);
    world.gitops(&["apply", "--yes"]).expect(1);
    assert_eq!(world.live("old").as_deref(), Some("one\n"));
    world.gitops(&["plan"]).expect(1).says("waits for File/new, which is blocked");
}
