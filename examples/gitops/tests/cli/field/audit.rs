//! The audit log and what else knows of it.

use std::fs;

use crate::support::World;

/// Whoever cut the log cut the note beside it too.
#[test]
fn a_log_that_was_cut_together_with_its_checkpoint_is_found() {
    let world = World::applied();
    let log = world.path(".gitops/site/audit.jsonl");
    let note = world.path(".gitops/site/audit.jsonl.checkpoint");
    let before = (fs::read(&log).unwrap(), fs::read(&note).unwrap());
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["audit", "verify"]).expect(0);
    fs::write(&log, &before.0).unwrap();
    fs::write(&note, &before.1).unwrap();
    world.gitops(&["audit", "verify"]).expect(1).warns("shorter than the journal knows it");
    world.commit("Again", &[("index.html", Some("newer\n"))]);
    world
        .gitops(&["apply", "--yes"])
        .expect(1)
        .warns("shorter than the journal knows it")
        .warns("audit restart");
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));
    fs::remove_file(&log).unwrap();
    fs::remove_file(&note).unwrap();
    world.gitops(&["audit", "verify"]).expect(1);
    world.gitops(&["apply", "--yes"]).expect(1).warns("shorter than the journal knows it");
    world.gitops(&["audit", "restart"]).expect(64);
    world.gitops(&["audit", "restart", "--yes"]).expect(0).says("1 record");
    assert!(fs::read_to_string(&log).unwrap().contains("audit_restarted"));
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["audit", "verify"]).expect(0);
}

/// Met with a backup that was put back into the wrong folder: `history` showed the deployments of another application as ours.
#[test]
fn the_log_of_another_application_is_told_of_by_no_verb() {
    let (world, other) = (World::applied(), World::applied());
    other.configure(&(crate::support::CONFIG.replace("name: site", "name: other")));
    other.gitops(&["apply", "--yes"]).expect(1);
    fs::remove_dir_all(other.path("live")).unwrap();
    other.gitops(&["apply", "--yes"]).expect(0);
    for name in ["audit.jsonl", "audit.jsonl.checkpoint"] {
        fs::copy(other.path(".gitops/other").join(name), world.path(".gitops/site").join(name)).unwrap();
    }
    for verb in [&["history"][..], &["audit", "show", "index.html"], &["why", "index.html"], &["status"]] {
        let ran = world.gitops(verb).expect(1);
        assert!(ran.stderr.contains("`other`") && ran.stdout.is_empty(), "{verb:?}: {ran:?}");
    }
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["apply", "--yes"]).expect(1);
}
