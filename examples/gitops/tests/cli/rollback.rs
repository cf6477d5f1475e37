//! Back to an earlier revision, held there, and forward again.

use crate::support::World;

#[test]
fn an_earlier_revision_is_applied_and_held_until_it_is_let_go() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.commit("Break it", &[("index.html", Some("broken\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);

    world.gitops(&["rollback", &first[..10], "--yes"]).expect(0).warns("rollback --end");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));

    world.commit("Break it more", &[("index.html", Some("more\n"))]);
    world.edit_live("index.html", "by hand\n");
    world.gitops(&["apply", "--yes"]).expect(0).warns("Held to ");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    world.gitops(&["status"]).expect(0).says("Synced").says("held to");
    assert_eq!(world.json(&["status"])["pinned"]["by"], "alice");

    world.gitops(&["rollback", "--end"]).expect(0).says("~\tupdate\tdir\tFile/index.html");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("more\n"));
    world.gitops(&["rollback", "--end"]).expect(1).warns("not pinned");
}

#[test]
fn a_rollback_that_is_not_approved_leaves_no_trace() {
    let world = World::new();
    let first = world.git(&["rev-parse", "HEAD"]);
    let files = [("a", Some("a")), ("b", Some("b")), ("index.html", None), ("conf/app.toml", None)];
    world.commit("Other files", &files);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["rollback", first.trim()]).expect(64);
    world.gitops(&["rollback", first.trim(), "--yes"]).expect(3).warns(" --plan-id ");
    assert_eq!(world.json(&["status"])["pinned"], serde_json::Value::Null);
    assert!(world.live("a").is_some() && world.live("index.html").is_none());
}

#[test]
fn a_revision_that_nobody_knows_is_refused() {
    let world = World::applied();
    world.gitops(&["rollback", "v9.9.9", "--yes"]).expect(1).warns("v9.9.9");
    assert_eq!(world.json(&["status"])["pinned"], serde_json::Value::Null);
}
