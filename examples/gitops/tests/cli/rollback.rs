//! Back to an earlier revision, pinned there, and forward again.

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
    world.gitops(&["apply", "--yes"]).expect(0).warns("Pinned to ");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    world.gitops(&["status"]).expect(0).says("Synced").says("pinned to").says("; 2 commits up to ");
    let status = world.json(&["status"]);
    assert_eq!(status["pinned"]["by"], "alice");
    assert_eq!(status["behind"]["list"][0]["summary"], "Break it more");

    world.gitops(&["rollback", "--end"]).expect(0).says("~\tupdate\tdir\tFile/index.html");
    assert!(world.json(&["status"])["behind"].is_null(), "what is followed has no newest beside it");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("more\n"));
    world.gitops(&["rollback", "--end"]).expect(1).warns("not pinned");
}

/// `history` counts reconciliations, and nothing could be done with the number.
#[test]
fn the_way_back_that_history_names_leads_there() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.gitops(&["history"]).expect(0).says("Next:  gitops history show 1\n");
    world.commit("Break it", &[("index.html", Some("broken\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let history = world.gitops(&["history"]).expect(0);
    let back = history.stdout.rsplit("gitops ").next().unwrap().trim();
    assert_eq!(back, "rollback 1");
    // A tag of that name means something else, and nobody goes back to what was not meant.
    world.git(&["tag", "1", "HEAD"]);
    world.gitops(&["rollback", "1", "--yes"]).expect(1).warns("`1` may mean ");
    assert_eq!(world.live("index.html").as_deref(), Some("broken\n"));
    world.git(&["tag", "--delete", "1"]);
    world.gitops(&["rollback", "1", "--yes"]).expect(0).warns(&format!("Deployment 1 was {}", &first[..12]));
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    let status =
        world.gitops(&["status"]).expect(0).says("  Pinned to ").says("Next:  gitops rollback --end");
    assert!(status.stdout.contains(&first[..12]), "{status:?}");
    let unknown = world.gitops(&["rollback", "77", "--yes"]).expect(1).warns("no branch, tag or commit `77`");
    unknown.warns("no deployment has the number 77: `gitops history` lists them; the last one is 3");
}

#[test]
fn the_end_of_a_rollback_can_be_applied_at_once_unless_a_gate_holds_it_back() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["rollback", first.trim(), "--yes"]).expect(0);
    world.commit("Other files", &[("index.html", None), ("conf/app.toml", None), ("a", Some("a"))]);
    world.gitops(&["rollback", "--end", "--yes"]).expect(3).warns("gitops rollback --end --plan-id ");
    assert_eq!(world.json(&["status"])["pinned"]["revision"]["id"], first.trim());
    world.git(&["revert", "--no-edit", "HEAD"]);
    world.gitops(&["rollback", "--end", "--yes"]).expect(0).says("Applied: 1 change");
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));
    assert_eq!(world.json(&["status"])["pinned"], serde_json::Value::Null);
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

/// People began an application at an older release, and a rewritten branch went unnoticed from then on.
#[test]
fn an_application_that_begins_by_a_rollback_sees_a_rewritten_branch() {
    let world = World::new();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.commit("Second", &[("index.html", Some("two\n"))]);
    world.gitops(&["rollback", first.trim(), "--yes"]).expect(0);
    world.git(&["checkout", "-q", "--orphan", "other"]);
    world.commit("Another history", &[("index.html", Some("planted\n"))]);
    world.git(&["branch", "-q", "-M", "main"]);
    world.gitops(&["rollback", "--end"]).expect(1);
    world.gitops(&["plan"]).expect(1).warns("descend");
    world.gitops(&["apply", "--yes"]).expect(1);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

/// Met in a drill: somebody tried a rollback, which was refused, and an approval that was given before was gone without a word.
#[test]
fn a_rollback_that_comes_to_nothing_says_what_it_ended() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
    world.gitops(&["approve", &world.plan_id()]).expect(0);
    world.gitops(&["suspend", "--reason", "incident 17"]).expect(0);
    let refused = world.gitops(&["rollback", first.trim(), "--yes"]).expect(3).warns("incident 17");
    refused.warns("pinned to what it was before").warns("has to be approved again");
    assert_eq!(world.json(&["status"])["pinned"], serde_json::Value::Null);
    world.gitops(&["resume", "--yes"]).expect(0);
    world.gitops(&["plan"]).expect(3).says("Needs an approval: mass-delete:");
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));
}

/// What was approved for the branch is asked about again once somebody went back: the effect was approved on top of what was
/// live then.
#[test]
fn a_rollback_voids_what_was_approved_and_so_does_its_end() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
    let approve = || world.gitops(&["approve", &world.plan_id()]).expect(0);
    approve();
    world.gitops(&["plan"]).expect(0).says("approved by alice");
    world.gitops(&["rollback", first.trim(), "--yes"]).expect(0);
    world.gitops(&["rollback", "--end"]).expect(0);
    let plan = world.gitops(&["plan"]).expect(3);
    assert!(!plan.stdout.contains("approved by alice"), "{plan:?}");
    world.gitops(&["apply", "--yes"]).expect(3);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    approve();
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html"), None);
}

/// Met with the commonest accident, a branch that was reset by one commit: the way out that the error named led to the same error.
#[test]
fn a_branch_that_was_moved_back_is_followed_again_once_somebody_names_where_it_is() {
    let world = World::applied();
    let good = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.commit("Bad", &[("index.html", Some("bad\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.git(&["reset", "-q", "--hard", &good]);
    world.gitops(&["apply", "--yes"]).expect(1).warns("rollback");
    assert_eq!(world.live("index.html").as_deref(), Some("bad\n"), "nobody accepted it");
    world.gitops(&["rollback", &good, "--yes"]).expect(0);
    world.gitops(&["rollback", "--end", "--yes"]).expect(0);
    for _process in 0..2 {
        world.edit_live("index.html", "by hand\n");
        world.gitops(&["apply", "--yes"]).expect(0);
        assert_ne!(world.live("index.html").as_deref(), Some("by hand\n"));
        assert_ne!(world.live("index.html").as_deref(), Some("bad\n"));
    }
    world.commit("Good again", &[("index.html", Some("good\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("good\n"));
}

/// While the branch goes on, a rollback accepts nothing: what comes next must descend from what was applied.
#[test]
fn a_rollback_does_not_accept_what_leaves_out_the_commit_that_it_leaves() {
    let world = World::applied();
    let good = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.commit("Bad", &[("index.html", Some("bad\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["rollback", &good, "--yes"]).expect(0);
    world.git(&["reset", "-q", "--hard", &good]);
    world.commit("Another", &[("index.html", Some("another\n"))]);
    world.gitops(&["rollback", "--end", "--yes"]).expect(1).warns("not a descendant of");
    assert_ne!(world.live("index.html").as_deref(), Some("another\n"));
}
