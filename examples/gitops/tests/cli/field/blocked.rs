//! An object about which nothing may be done counts in every verb.

use std::fs;

use crate::support::{Ran, World};

/// An application that is as declared, but for a file that somebody else made.
fn with_a_conflict() -> World {
    let world = World::applied();
    world.edit_live("theirs", "by others\n");
    world.commit("Declare it too", &[("theirs", Some("ours\n"))]);
    world
}

/// Met with a folder that a deployment tool shares: `drift` and `diff` said that nothing was to be done.
#[test]
fn every_verb_counts_a_blocked_object_and_says_what_to_do() {
    let world = with_a_conflict();
    let adopt = "= help: adopt it: `sync: { adopt: true }`";
    for verb in [&["plan"][..], &["drift"], &["diff"], &["apply", "--yes"]] {
        let ran = world.gitops(verb).expect(1).says("Blocked: 1 object").says("File/theirs").says(adopt);
        for green in ["No drift:", "No changes.", "Applied:"] {
            assert!(!ran.stdout.contains(green), "{verb:?}: {}", ran.stdout);
        }
        world.gitops(&[verb, &["-q"]].concat()).expect(1);
    }
    for verb in [&["plan", "--detailed-exitcode"][..], &["drift", "--detailed-exitcode"]] {
        world.gitops(verb).expect(1);
    }
    world.gitops(&["why", "theirs"]).expect(0).says("BLOCKED: it is there and was not made by us; adopt it");
    world.gitops(&["status"]).expect(0).says("OutOfSync: 1 blocked").says("Blocked: 1 object");
    world.gitops(&["status", "--exit-code"]).expect(1);
    for verb in ["drift", "diff", "status"] {
        let blocked = &world.json(&[verb])["blocked"];
        assert_eq!(
            (&blocked[0]["code"], &blocked[0]["obstacle"]),
            (&"unlabelled".into(), &"conflict".into())
        );
    }
    fs::remove_file(world.path("live/theirs")).unwrap();
    world.gitops(&["apply", "--yes"]).expect(0);
    for verb in [&["plan", "--detailed-exitcode"][..], &["drift", "--detailed-exitcode"], &["diff"]] {
        world.gitops(verb).expect(0);
    }
    world.gitops(&["status", "--exit-code"]).expect(0).says("Synced");
}

/// Met with a copy that leaves hidden files out: the files lost their owner labels, and what left Git stayed without a word.
#[test]
fn a_file_that_lost_its_owner_label_is_never_forgotten() {
    let world = World::applied();
    let (name, label) = ("live/lost", "live/.lost.gitops");
    world.commit("One more", &[("lost", Some("one\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let kept = fs::read(world.path(label)).unwrap();
    fs::remove_file(world.path(label)).unwrap();
    for verb in [&["plan"][..], &["drift"], &["apply", "--yes"], &["status", "--exit-code"]] {
        let ran =
            world.gitops(verb).expect(1).says("it has no owner label any more").says("put the label back");
        assert!(!ran.stdout.contains("was not made by us"), "{}", ran.stdout);
    }
    world.commit("One less", &[("lost", None)]);
    for verb in [&["plan"][..], &["apply", "--yes"], &["status"], &["plan"]] {
        world.gitops(verb).expect(0).says("rphaned").says("File/lost").says("owner label");
    }
    assert_eq!(world.json(&["status"])["orphaned"][0]["why"], "unlabelled");
    assert_eq!(fs::read_to_string(world.path(name)).unwrap(), "one\n", "nothing proves that it is ours");
    // The label comes back from a backup: it is ours, and goes.
    fs::write(world.path(label), kept).unwrap();
    world.gitops(&["apply", "--yes"]).expect(0).says("File/lost");
    assert!(!world.path(name).exists() && !world.path(label).exists());
    assert_eq!(world.json(&["status"])["orphaned"], serde_json::json!([]));
}

/// Met with a target that was taken out of the configuration: nothing of the application was followed any more, and no message said
/// a way out.
#[test]
fn what_a_target_that_is_gone_still_holds_stays_known() {
    let world = World::new();
    fs::create_dir_all(world.path("live")).unwrap();
    let both = "name: two\nsource: { git: { url: ./repository, ref: { branch: main }, path: site } }\ntargets:\n  x: { path: x, directory: { root: ./live/x } }\n";
    let (z, named) = ("  z: { path: z, directory: { root: ./live/z } }\n", |name: &str| {
        format!("{both}  {name}: {{ path: z, directory: {{ root: ./live/z }} }}\n")
    });
    world.configure(&format!("{both}{z}"));
    world.commit("Both", &[("x/f", Some("1\n")), ("z/f", Some("1\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.configure(both);
    world.commit("One", &[("z/f", None), ("x/f", Some("2\n"))]);
    for verb in [&["plan"][..], &["apply", "--yes"], &["plan", "--detailed-exitcode"], &["status"]] {
        let ran = world.gitops(verb).expect(0);
        ran.says("File/f").says("its target is not set up any more");
    }
    assert_eq!((world.live("x/f").as_deref(), world.live("z/f").as_deref()), (Some("2\n"), Some("1\n")));
    assert_eq!(world.json(&["status"])["orphaned"][0]["why"], "target_gone");
    // Under another name it is another target, whose files are there already; the label says whose they are.
    world.commit("Again", &[("z/f", Some("2\n"))]);
    world.configure(&named("zz"));
    world.gitops(&["plan"]).expect(0);
    assert_eq!(world.live("z/f").as_deref(), Some("1\n"));
    // Set up again, it goes on, and what is not declared goes.
    world.configure(&named("z"));
    world.commit("Other", &[("z/f", None), ("z/g", Some("3\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0).says("no longer declared");
    assert_eq!((world.live("z/f"), world.live("z/g").as_deref()), (None, Some("3\n")));
}

/// Met with a command that runs under `systemd`: nothing was printed, for as long as it lasted.
#[test]
fn a_command_that_keeps_running_tells_of_what_is_blocked_once() {
    let world = with_a_conflict();
    let output = world.command(&["run", "--timeout", "4s"]).output().unwrap();
    let ran =
        Ran::from(output).expect(0).warns("! blocked  dir:File/-/theirs: it is there and was not made by us");
    assert_eq!(ran.stderr.matches("! blocked").count(), 1, "{}", ran.stderr);
}

/// Met with a script that had to tell several reasons apart.
#[test]
fn the_order_of_exit_codes_is_documented() {
    let world = World::empty();
    let order = "the first of these counts: 130, 64, 5, 7, 3, 1, 4, 6, 2, 0";
    world.gitops(&["--help"]).expect(0).says(order);
}

/// Met with a change that emptied a folder which held a foreign file: the gate's code was hidden by another one.
#[test]
fn a_gate_that_waits_for_an_approval_keeps_its_code_beside_what_is_blocked() {
    let world = World::applied();
    world.edit_live("theirs", "by others\n");
    let files = [("index.html", None), ("conf/app.toml", None), ("theirs", Some("ours\n"))];
    world.commit("Empty it", &files);
    world.gitops(&["plan"]).expect(3).says("Needs an approval: mass-delete:");
    world.gitops(&["apply", "--yes"]).expect(3);
}
