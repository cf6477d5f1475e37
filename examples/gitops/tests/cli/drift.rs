//! Changes made behind our back.

use crate::support::{CONFIG, World};

#[test]
fn drift_is_told_apart_from_a_change_and_put_back() {
    let world = World::applied();
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
    world.edit_live("index.html", "by hand\n");
    world.commit("Change", &[("conf/app.toml", Some("size = 2\n"))]);
    let ran = world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("File/index.html");
    assert!(!ran.stdout.contains("app.toml"), "{}", ran.stdout);
    world.gitops(&["plan"]).expect(0).says("Existing drift: 1 object (corrected by this plan)");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

#[test]
fn a_file_that_was_removed_by_hand_comes_back() {
    let world = World::applied();
    std::fs::remove_file(world.path("live/index.html")).unwrap();
    world.gitops(&["drift"]).expect(0).says("gone from the target");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

#[test]
fn drift_is_left_alone_if_the_configuration_says_so() {
    let world = World::applied();
    world.configure(&CONFIG.replace("interval: 1s", "interval: 1s, drift: report"));
    world.edit_live("index.html", "by hand\n");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("left alone");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(2);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("by hand\n"));
}
