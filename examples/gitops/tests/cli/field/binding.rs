//! Whose a state is, and where it lies.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{CONFIG, World};

fn rename(world: &World, name: &str) {
    world.configure(&CONFIG.replace("name: site", &format!("name: {name}")));
}

/// Two configurations in one folder without `state:`: the second deleted what the first had made.
#[test]
fn each_application_of_a_folder_has_a_state_of_its_own() {
    let world = World::applied();
    let other = CONFIG
        .replace("name: site", "name: other")
        .replace("path: site", "path: .")
        .replace("./live", "./else");
    fs::write(world.path("other.yaml"), other).unwrap();
    world.gitops(&["-f", "other.yaml", "apply", "--yes"]).expect(0);
    world.gitops(&["plan"]).expect(0).says("No changes");
    assert!(world.path(".gitops/site/journal").exists() && world.path(".gitops/other/journal").exists());
    assert_eq!(fs::metadata(world.path(".gitops/other")).unwrap().permissions().mode() & 0o777, 0o700);
}

/// The same with one `state:` in both.
#[test]
fn the_state_of_another_application_is_refused_by_every_verb() {
    let world = World::new();
    let shared = format!("{CONFIG}state: ./shared\n");
    world.configure(&shared);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.configure(&shared.replace("name: site", "name: other"));
    let verbs: [&[&str]; 11] = [
        &["plan"],
        &["apply", "--yes"],
        &["diff"],
        &["drift"],
        &["status"],
        &["history"],
        &["graph"],
        &["why", "index.html"],
        &["run", "--timeout", "5s"],
        &["rollback", "HEAD", "--yes"],
        &["audit", "verify"],
    ];
    for verb in verbs {
        world.gitops(verb).expect(1).warns("`site`").warns("`other`");
    }
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

/// Met with a misspelled name: the plan was made as if nothing was said, and would have made everything anew.
#[test]
fn a_former_name_that_never_was_is_told() {
    let world = World::applied();
    world.gitops(&["plan", "--renamed-from", "sit"]).expect(0).warns("`--renamed-from sit` moves nothing");
    rename(&world, "shop");
    let refused = world.gitops(&["plan", "--renamed-from", "sit"]).expect(1);
    refused.warns("there is no state of `sit`").warns("did you mean `site`?");
    world.gitops(&["apply", "--renamed-from", "site", "--yes"]).expect(0);
    // The same line once more, as a pipeline types it.
    world.gitops(&["apply", "--renamed-from", "site", "--yes"]).expect(0).says("No changes");
}

/// A look under the new name left folders where roots are planned, and then the move failed for good, with a word about the disk.
#[test]
fn a_look_under_the_new_name_does_not_stand_in_the_way_of_the_state() {
    let world = World::applied();
    rename(&world, "shop");
    // As a plan of roots leaves it.
    fs::create_dir_all(world.path(".gitops/shop/terraform/tf/roots")).unwrap();
    fs::write(world.path(".gitops/shop/terraform/tf/key"), "a key").unwrap();
    world.gitops(&["apply", "--renamed-from", "site", "--yes"]).expect(0);
    world.gitops(&["status"]).expect(0).says("shop  Synced");
    assert!(!world.path(".gitops/site").exists() && world.path(".gitops/shop/journal").exists());
    let aside = fs::read_to_string(world.path(".gitops/~shop-before-1/terraform/tf/key"));
    assert_eq!(aside.unwrap(), "a key", "nothing of it is removed");
}

/// After a rename each apply failed for good.
#[test]
fn a_renaming_is_planned_shown_and_done_and_the_state_moves_along() {
    let world = World::applied();
    rename(&world, "shop");
    world.gitops(&["plan"]).says("belongs to site/");
    let plan = world.gitops(&["plan", "--renamed-from", "site"]).expect(0);
    let plan = plan.says("the application was `site` and is `shop`").says("2 to update");
    assert!(plan.stdout.contains("gitops apply --renamed-from site --plan-id "), "{}", plan.stdout);
    assert!(world.path(".gitops/site/journal").exists(), "a plan moves nothing");
    world.gitops(&["apply", "--renamed-from", "site", "--yes"]).expect(0).says("Applied: 2 changes");
    assert!(!world.path(".gitops/site").exists());
    let owner_label = fs::read_to_string(world.path("live/.index.html.gitops")).unwrap();
    assert!(owner_label.contains(r#""owner":"shop/"#), "{owner_label}");
    world.gitops(&["plan"]).expect(0).says("No changes: 2 objects");
    world.gitops(&["audit", "verify"]).expect(0);
    world.gitops(&["history"]).expect(0);
    world.commit("Remove", &[("conf/app.toml", None)]);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("conf/app.toml"), None);
    // The old name is that of another application now, and its objects are not its own.
    rename(&world, "site");
    world.gitops(&["apply", "--yes"]).expect(1);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

/// Met with a renaming while the application was suspended: the refused apply had moved the state, and no verb under either name
/// could end the stop.
#[test]
fn an_apply_that_is_refused_moves_no_state() {
    let world = World::applied();
    world.gitops(&["suspend", "--reason", "incident"]).expect(0);
    rename(&world, "shop");
    world.gitops(&["apply", "--renamed-from", "site", "--yes"]).expect(3).warns("suspended");
    assert!(world.path(".gitops/site/journal").exists() && !world.path(".gitops/shop").exists());
    rename(&world, "site");
    world.gitops(&["status"]).expect(0).says("incident");
    world.gitops(&["resume"]).expect(0);
    rename(&world, "shop");
    world.gitops(&["apply", "--renamed-from", "site", "--yes"]).expect(0);
    assert!(world.path(".gitops/shop/journal").exists() && !world.path(".gitops/site").exists());
    world.gitops(&["plan"]).expect(0).says("No changes");
    world.gitops(&["history"]).expect(0);
}

/// Met with a repository that moved in an incident: `resume` wanted the move said by an apply, and the apply wanted to be resumed.
#[test]
fn a_stop_can_be_ended_and_the_history_be_written_anew_where_the_source_moved() {
    let world = World::applied();
    world.gitops(&["suspend", "--reason", "incident"]).expect(0);
    let files = world.path("anew");
    fs::create_dir_all(files.join("site")).unwrap();
    fs::write(files.join("site/index.html"), "anew\n").unwrap();
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
        let mut git = std::process::Command::new("git");
        let done = git.current_dir(&files).args(who).args(args).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "Imported"]);
    world.configure(&CONFIG.replace("url: ./repository", "url: ./anew"));
    world.gitops(&["resume"]).expect(1).warns("`--rebind`");
    world.gitops(&["resume", "--yes"]).expect(0).says("Resumed");

    // The new history has nothing of the old one: it is taken by its name.
    world.gitops(&["apply", "--rebind", "--yes"]).expect(1).warns("rollback");
    world.gitops(&["rollback", "main", "--yes"]).expect(1).warns("`rollback` take `--rebind`");
    world.gitops(&["rollback", "main", "--rebind", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("anew\n"));
    world.gitops(&["rollback", "--end", "--yes"]).expect(0);
    world.gitops(&["plan"]).expect(0).says("No changes");
}

#[test]
fn a_state_that_was_left_under_another_name_is_found() {
    let world = World::applied();
    fs::rename(world.path(".gitops/site"), world.path(".gitops/shop")).unwrap();
    world.gitops(&["plan"]).expect(1).warns("mv .gitops/shop .gitops/site").warns("folder of another name");
}

/// A copied configuration that names another repository.
#[test]
fn another_source_or_folder_is_refused_until_somebody_says_that_it_moved() {
    let world = World::applied();
    fs::rename(world.path("repository"), world.path("moved")).unwrap();
    world.configure(&CONFIG.replace("./repository", "./moved"));
    world.gitops(&["plan"]).expect(1).warns("the source").warns("--rebind");
    world.gitops(&["plan", "--rebind"]).expect(0).says("Moves: the source was");
    world.gitops(&["apply", "--rebind", "--yes"]).expect(0);
    world.gitops(&["plan"]).expect(0).says("No changes");
    world.configure(&CONFIG.replace("./repository", "./moved").replace("./live", "./elsewhere"));
    world.gitops(&["apply", "--yes"]).expect(1).warns("the target dir").warns("--rebind");
    assert!(world.live("index.html").is_some());
}

/// States of the first version lie where the states of all applications lie now.
#[test]
fn a_state_of_the_first_version_is_refused_with_the_way_to_move_it() {
    let world = World::applied();
    fs::rename(world.path(".gitops/site"), world.path("old")).unwrap();
    fs::remove_dir_all(world.path(".gitops")).unwrap();
    fs::rename(world.path("old"), world.path(".gitops")).unwrap();
    for verb in [&["plan"][..], &["apply", "--yes"], &["status"], &["history"], &["audit", "verify"]] {
        world.gitops(verb).expect(1).warns("version 0.1").warns("state: ./.gitops");
    }
    world.configure(&format!("{CONFIG}state: ./.gitops\n"));
    world.gitops(&["plan"]).expect(0).says("No changes");
    world.configure(CONFIG);
    let way = "mv .gitops .gitops-0.1 && mkdir -m 700 .gitops && mv .gitops-0.1 .gitops/site";
    assert!(
        std::process::Command::new("sh")
            .args(["-c", way])
            .current_dir(world.path(""))
            .status()
            .unwrap()
            .success()
    );
    world.gitops(&["plan"]).expect(0).says("No changes");
}

/// A commit planted a pin in the state, whose folder lay below the target's root.
#[test]
fn a_root_that_contains_the_state_or_the_configuration_is_refused() {
    let world = World::new();
    let refused = |text: &str, what: &str| {
        world.configure(text);
        for verb in [&["plan"][..], &["apply", "--yes"], &["status"]] {
            world.gitops(verb).expect(1).warns("lie in one another").warns(what);
        }
    };
    refused(&CONFIG.replace("./live", "."), "the state folder");
    refused(&CONFIG.replace("./live", "./live/../.gitops/site/store"), "the state folder");
    refused(&CONFIG.replace("./live", "./.gitops/~mirrors/x"), "the state folder");
    refused(&(CONFIG.replace("./live", "./.gitops") + "state: ./.gitops/deeper\n"), "the state folder");
    refused(&(CONFIG.replace("./live", "./") + "state: ../elsewhere\n"), "the configuration");
    symlink(world.path(""), world.path("link")).unwrap();
    refused(&CONFIG.replace("./live", "./link"), "the state folder");
    fs::create_dir(world.path("real")).unwrap();
    symlink(world.path("real"), world.path("live")).unwrap();
    refused(&format!("{CONFIG}state: ./real/state\n"), "the state folder");
    assert!(!world.path("real/state").exists());
}

/// A folder that a group may read gave away the digests of secrets.
#[test]
fn a_state_folder_that_is_not_ours_alone_is_refused() {
    let world = World::applied();
    for mode in [0o755, 0o750, 0o701] {
        fs::set_permissions(world.path(".gitops/site"), fs::Permissions::from_mode(mode)).unwrap();
        for verb in [&["plan"][..], &["apply", "--yes"], &["audit", "verify"]] {
            world.gitops(verb).expect(4).warns("chmod 700");
        }
    }
}
