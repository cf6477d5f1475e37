//! From a commit to files: plan, apply, saved plans, plan ids.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::World;

#[test]
fn a_plan_shows_what_would_be_done_and_touches_nothing() {
    let world = World::new();
    world
        .gitops(&["plan"])
        .expect(0)
        .says("+\tcreate\tdir\tFile/conf/app.toml\tnew\tconf/app.toml\n")
        .says("Plan: 2 to create, 0 to update, 0 to replace, 0 to delete; 0 unchanged.")
        .says("Apply it:  gitops apply --plan-id ");
    assert!(!world.path("live").exists());
    assert!(!world.path(".gitops/site/journal").exists() && !world.path(".gitops/site/lock").exists());
}

#[test]
fn an_apply_makes_the_files_and_a_second_one_does_nothing() {
    let world = World::new();
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 2 changes");
    assert_eq!(
        world.all_live(),
        [("conf/app.toml", "size = 1\n"), ("index.html", "one\ntwo\n")].map(|(a, b)| (a.into(), b.into()))
    );
    let journal = fs::read(world.path(".gitops/site/journal")).unwrap();
    world.gitops(&["apply", "--yes"]).expect(0).says("No changes: 2 objects are as declared.");
    assert_eq!(fs::read(world.path(".gitops/site/journal")).unwrap(), journal);
}

#[test]
fn a_new_commit_is_a_change_and_a_removed_file_is_deleted() {
    let world = World::applied();
    fs::write(world.path("live/foreign"), "theirs").unwrap();
    world.commit("Change", &[("index.html", Some("one\n2\n")), ("conf/app.toml", None), ("new", Some("n"))]);
    world
        .gitops(&["plan"])
        .expect(0)
        .says("DANGER: File/conf/app.toml will be DELETED")
        .says("-\tdelete\tdir\tFile/conf/app.toml\tno longer declared\twas conf/app.toml\n")
        .says("~\tupdate\tdir\tFile/index.html\tcontent +1 −1 lines\tindex.html\n");
    world.gitops(&["apply", "--yes"]).expect(0);
    let expected = [("foreign", "theirs"), ("index.html", "one\n2\n"), ("new", "n")];
    assert_eq!(world.all_live(), expected.map(|(a, b)| (a.into(), b.into())));
}

#[test]
fn a_saved_plan_is_private_and_applied_as_it_is() {
    let world = World::new();
    world.gitops(&["plan", "--out", "next.plan"]).expect(0).says("Apply it:  gitops apply next.plan");
    let mode = fs::metadata(world.path("next.plan")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    world.gitops(&["apply", "next.plan"]).expect(0).says("Applied: 2 changes");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

#[test]
fn what_is_no_saved_plan_is_refused() {
    let world = World::new();
    world
        .gitops(&["apply", "gitops.yaml"])
        .expect(1)
        .warns("not a saved plan")
        .warns("gitops plan --out FILE");
    world.gitops(&["apply", "missing"]).expect(1).warns("missing");
    fs::write(world.path("newer"), r#"{"kind":"SavedPlan","format":3,"plan":{}}"#).unwrap();
    world.gitops(&["apply", "newer"]).expect(1).warns("a newer version");
    assert!(!world.path("live").exists());
}

#[test]
fn a_plan_id_or_its_beginning_applies_exactly_that_plan() {
    let world = World::new();
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id[..7]]).expect(64);
    world.gitops(&["apply", "--plan-id", "0123456789ab"]).expect(5).warns("nothing was written");
    assert!(!world.path("live/index.html").exists());
    world.gitops(&["apply", "--plan-id", &id[..12]]).expect(0);
}

#[test]
fn where_nobody_can_be_asked_nothing_is_done_without_consent() {
    let world = World::new();
    world.gitops(&["apply"]).expect(64).warns("--yes").warns("--plan-id").warns("plan --out");
    assert!(!world.path("live").exists() && !world.path(".gitops").exists());
}

#[test]
fn a_file_that_somebody_else_made_is_blocked_and_not_touched() {
    let world = World::new();
    world.edit_live("index.html", "theirs");
    world
        .gitops(&["plan"])
        .expect(1)
        .says("!\tconflict\tdir\tFile/index.html\tit is there and was not made by us");
    world.gitops(&["apply", "--yes"]).expect(1).says("1 object blocked");
    assert_eq!(world.live("index.html").as_deref(), Some("theirs"));
    assert_eq!(world.live("conf/app.toml").as_deref(), Some("size = 1\n"));
}

/// Met with a state on a volume that was still empty: "No such file or directory".
#[test]
fn a_state_below_folders_that_do_not_exist_is_made() {
    let world = World::new();
    world.configure(&format!("{}state: ./deep/er/state\n", crate::support::CONFIG));
    // To look makes nothing that an apply would have to find.
    world.gitops(&["plan"]).expect(0);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert!(world.path("deep/er/state").is_dir());
    world.gitops(&["status"]).expect(0).says("Synced");
    world.gitops(&["apply", "--yes"]).expect(0).says("No changes");
}

/// A plan of hundreds of equal changes hid the one that was not.
#[test]
fn many_objects_of_which_the_same_is_said_are_one_row_until_all_are_asked_for() {
    let world = World::new();
    let files: Vec<String> = (0..6).map(|n| format!("many/{n}")).collect();
    let with =
        |content: Option<&'static str>| files.iter().map(|name| (name.as_str(), content)).collect::<Vec<_>>();
    world.commit("Many", &with(Some("1")));
    let row = "+\tcreate\tdir\tFile ×8 (conf/app.toml … many/5)\tnew\n";
    world.gitops(&["plan"]).expect(0).says(row).says("  Each of them:  gitops plan --all\n");
    let all = world.gitops(&["plan", "--all"]).expect(0).says("File/many/3\tnew\tmany/3\n");
    assert!(!all.stdout.contains('×') && !all.stdout.contains("Each of them"), "{all:?}");
    assert_eq!(world.json(&["plan"])["steps"].as_array().unwrap().len(), 8);
    world.gitops(&["apply", "--yes"]).expect(0).says(row);
    // The danger is counted, and what differs from the others stands by itself.
    world.commit("Fewer", &[with(Some("2")), vec![("many/0", Some("3"))]].concat());
    world.edit_live("many/1", "by hand");
    let plan = world.gitops(&["plan"]).expect(0).says("File ×4 (many/2 … many/5)\tcontent \"1\" → \"2\"\n");
    plan.says("File/many/0\tcontent \"1\" → \"3\"\tmany/0\n")
        .says("File/many/1")
        .says("changed outside of Git too");
    files.iter().for_each(|name| world.edit_live(name, "by hand"));
    world.git(&["revert", "--no-edit", "HEAD"]);
    world
        .gitops(&["drift"])
        .expect(0)
        .says("File ×6 (many/0 … many/5)")
        .says("Each of them:  gitops drift --all");
    world.gitops(&["drift", "--all"]).expect(0).says("File/many/4\t");
}

/// What somebody made by hand is blocked until the file says that it is to be adopted.
#[test]
fn what_nobody_owns_is_adopted_where_the_file_says_so() {
    let world = World::new();
    world.edit_live("index.html", "by hand\n");
    world.gitops(&["apply", "--yes"]).expect(1).says("it is there and was not made by us");
    assert_eq!(world.live("index.html").as_deref(), Some("by hand\n"));
    let adopting = "sync: { interval: 1s, adopt: true }";
    world.configure(&crate::support::CONFIG.replace("sync: { interval: 1s }", adopting));
    world.gitops(&["plan"]).expect(0).says("File/index.html\tadopted: content");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    // What was adopted is ours: it goes with its declaration, also in a process that adopts no more.
    world.configure(crate::support::CONFIG);
    world.commit("Remove it", &[("index.html", None)]);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html"), None);
}
