//! Plans in files, and the ids of plans.

use std::fs;

use serde_json::Value;

use crate::support::World;

fn edit(world: &World, change: impl FnOnce(&mut Value)) {
    let mut saved: Value = serde_json::from_slice(&fs::read(world.path("next.plan")).unwrap()).unwrap();
    change(&mut saved);
    fs::write(world.path("next.plan"), serde_json::to_vec(&saved).unwrap()).unwrap();
}

/// A reviewer's file said something else than what was done.
#[test]
fn an_edited_plan_is_refused_also_if_it_shows_nothing() {
    let edits: [fn(&mut Value); 4] = [
        |saved| saved["plan"]["steps"] = Value::Array(Vec::new()),
        |saved| saved["plan"]["steps"][0]["action"] = "delete".into(),
        |saved| saved["plan"]["steps"][0]["reason"] = serde_json::json!({"code": "missing"}),
        |saved| {
            saved["plan"]["steps"] = Value::Array(Vec::new());
            saved["digest"] = Value::Null;
        },
    ];
    for change in edits {
        let world = World::new();
        world.gitops(&["plan", "--out", "next.plan"]).expect(0);
        edit(&world, change);
        world.gitops(&["apply", "next.plan"]).expect(1).warns("was edited").warns("plan --out");
        assert!(!world.path("live").exists());
    }
}

#[test]
fn what_is_shown_of_a_saved_plan_is_what_is_planned_now() {
    let world = World::new();
    world.gitops(&["plan", "--out", "next.plan"]).expect(0);
    world.gitops(&["apply", "next.plan"]).expect(0).says("+\tcreate\tdir\tFile/index.html");
    world.gitops(&["apply", "next.plan"]).expect(5).warns("no longer needs the change");
}

/// A commit was made so that its plan began with the digits that a person had typed.
#[test]
fn eight_digits_name_no_plan() {
    let world = World::new();
    let id = world.plan_id();
    for digits in [8, 11] {
        world.gitops(&["apply", "--plan-id", &id[..digits]]).expect(64).warns("at least 12");
    }
}

/// The name of another file was typed, and the configuration or the journal was gone.
#[test]
fn a_plan_takes_the_place_of_an_older_plan_and_of_no_other_file() {
    let world = World::new();
    world.gitops(&["apply", "--yes"]).expect(0);
    for file in ["gitops.yaml", ".gitops/site/journal"] {
        let before = fs::read(world.path(file)).unwrap();
        world.gitops(&["plan", "--out", file]).expect(1).warns("no saved plan").warns("another file");
        assert_eq!(fs::read(world.path(file)).unwrap(), before, "{file}");
    }
    fs::write(world.path("empty"), "").unwrap();
    std::os::unix::fs::symlink("empty", world.path("link")).unwrap();
    for _ in 0..2 {
        world.gitops(&["plan", "--out", "link"]).expect(0);
        assert!(world.path("link").is_symlink());
        assert!(fs::read_to_string(world.path("empty")).unwrap().starts_with("{\"kind\":\"SavedPlan\""));
    }
}

#[test]
fn a_plan_is_written_to_a_device_and_does_not_replace_it() {
    use std::os::unix::fs::FileTypeExt;

    let world = World::new();
    std::os::unix::fs::symlink("/dev/null", world.path("null")).unwrap();
    world.gitops(&["plan", "--out", "null"]).expect(0);
    assert!(world.path("null").is_symlink());
    assert!(fs::metadata(world.path("null")).unwrap().file_type().is_char_device());
}

/// A file that is whole in itself, with the id and the digest of its content, and is not what is planned now: it is planned again, and
/// the file only says which plan that must be.
#[test]
fn a_whole_plan_that_is_another_one_is_stale_and_writes_nothing() {
    let world = World::applied();
    world.commit("Change", &[("index.html", None), ("other", Some("o\n"))]);
    let config = crate::support::CONFIG;
    world.configure(&config.replace("sync: { interval: 1s }", "sync: { interval: 1s, prune: false }"));
    world.gitops(&["plan", "--out", "next.plan"]).expect(0);
    world.configure(config);
    world.gitops(&["apply", "next.plan"]).expect(5);
    assert_eq!((world.live("index.html").as_deref(), world.live("other")), (Some("one\ntwo\n"), None));
}
