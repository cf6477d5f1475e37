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
    world.gitops(&["drift"]).expect(0).says("deleted outside of Git");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

#[test]
fn drift_is_left_alone_if_the_configuration_says_so() {
    let world = World::applied();
    world.configure(&CONFIG.replace("interval: 1s", "interval: 1s, drift: report"));
    world.edit_live("index.html", "by hand\n");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("not corrected");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(2);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("by hand\n"));
}

/// Met with an object that somebody changed by hand while a commit for it was pending: "No drift", and the apply overwrote it.
#[test]
fn drift_beside_a_pending_commit_is_told_by_every_verb() {
    let world = World::applied();
    world.commit("Change", &[("conf/app.toml", Some("size = 2\n"))]);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
    world.edit_live("conf/app.toml", "size = 7\n");
    let drift = world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("Drift: 1 object");
    drift
        .says("update pending")
        .says("File/conf/app.toml")
        .says("live \"size = 7\\n\", applied \"size = 1\\n\"");
    world.gitops(&["plan"]).expect(0).says("changed outside of Git too: content: live \"size = 7\\n\"");
    world.gitops(&["diff"]).expect(0).says("changed outside of Git too");
    world.gitops(&["why", "conf/app.toml"]).expect(0).says("live \"size = 7\\n\", applied \"size = 1\\n\"");
    assert_eq!(world.json(&["status"])["summary"]["drift"], 1);
    let document = world.json(&["drift"]);
    assert_eq!(document["beside"][0]["found"], "differs", "{document:#}");
    assert_eq!(document["beside"][0]["pending"], "update", "{document:#}");
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
}

#[test]
fn what_is_gone_or_leaves_the_source_drifts_beside_the_commit_too() {
    let world = World::applied();
    world.edit_live("index.html", "by hand\n");
    std::fs::remove_file(world.path("live/conf/app.toml")).unwrap();
    world.commit("Change", &[("conf/app.toml", Some("size = 2\n")), ("index.html", None)]);
    let drift = world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("Drift: 2 objects");
    drift.says("create pending").says("deleted outside of Git").says("delete pending").says("index.html");
}
