//! A plan is applied as it was shown, or not at all.

use crate::support::World;

fn saved(world: &World) {
    world.gitops(&["plan", "--out", "next.plan"]).expect(0);
}

#[test]
fn a_file_that_changed_since_is_named_and_nothing_is_written() {
    let world = World::applied();
    world.commit("Change", &[("index.html", Some("new\n")), ("conf/app.toml", Some("size = 2\n"))]);
    saved(&world);
    world.edit_live("index.html", "by hand\n");
    world
        .gitops(&["apply", "next.plan"])
        .expect(5)
        .warns("the plan is stale; nothing was written")
        .warns("dir:File/-/index.html changed in the target")
        .warns("gitops plan");
    assert_eq!(world.live("index.html").as_deref(), Some("by hand\n"));
    assert_eq!(world.live("conf/app.toml").as_deref(), Some("size = 1\n"));
}

#[test]
fn a_commit_since_is_named() {
    let world = World::applied();
    world.commit("Change", &[("index.html", Some("new\n"))]);
    saved(&world);
    world.commit("Another", &[("conf/app.toml", Some("size = 2\n"))]);
    let ran = world.gitops(&["apply", "next.plan"]).expect(5).warns("the revision moved from ");
    assert!(ran.stderr.contains("dir:File/-/conf/app.toml now needs a change too"), "{}", ran.stderr);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

#[test]
fn other_options_make_a_plan_stale() {
    let world = World::applied();
    world.commit("Change", &[("index.html", Some("new\n"))]);
    saved(&world);
    world.configure(&crate::support::CONFIG.replace("interval: 1s", "interval: 1s, prune: false"));
    world.gitops(&["apply", "next.plan"]).expect(5).warns("the options changed");
}

#[test]
fn a_plan_is_applied_once() {
    let world = World::new();
    saved(&world);
    world.gitops(&["apply", "next.plan"]).expect(0);
    world.gitops(&["apply", "next.plan"]).expect(5).warns("no longer needs the change");
}

#[test]
fn a_program_reads_what_moved() {
    let world = World::applied();
    world.commit("Change", &[("index.html", Some("new\n"))]);
    saved(&world);
    world.edit_live("index.html", "by hand\n");
    let document = world.json(&["apply", "next.plan"]);
    assert_eq!(document["moved"][0]["what"], "live");
    assert_eq!(document["moved"][0]["key"], "dir:File/-/index.html");
}
