//! Every exit code, from the binary itself. Code 6 needs a target that knows health and is tested with the report;
//! 7 is in `review`, 130 in `interrupt`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::documents::check;
use crate::support::World;

#[test]
fn help_and_version_end_with_0_and_the_help_names_every_code() {
    let world = World::empty();
    world.gitops(&["--version"]).expect(0).says("gitops 0.1.0");
    let ran = world.gitops(&["--help"]).expect(0);
    for code in ["  0  ok", "  1  ", "  2  ", "  3  ", "  4  ", "  5  ", "  6  ", "  7  ", " 64  ", "130  "] {
        assert!(ran.stdout.contains(code), "{code:?}: {}", ran.stdout);
    }
}

#[test]
fn changes_end_with_2_only_if_asked_for() {
    let world = World::new();
    world.gitops(&["plan"]).expect(0);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(2).warns("exit 2: changes or drift exist");
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn a_plan_that_a_gate_holds_back_ends_with_3_until_it_is_named() {
    let world = World::applied();
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
    world.gitops(&["plan"]).expect(3).says("Needs an approval: mass-delete:");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(3);
    world.gitops(&["diff"]).expect(0);
    world.gitops(&["apply", "--yes"]).expect(3).warns("gitops apply --plan-id ");
    world.gitops(&["plan", "--out", "next.plan"]).expect(3);
    world.gitops(&["apply", "next.plan"]).expect(3);
    assert!(world.live("index.html").is_some() && world.live("other").is_none());
    let id = world.plan_id();
    world.gitops(&["apply", "next.plan", "--plan-id", &id]).expect(0);
    assert!(world.live("index.html").is_none() && world.live("other").is_some());
}

#[test]
fn a_plan_that_was_approved_ends_with_0() {
    let world = World::applied();
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
    let id = world.plan_id();
    world.gitops(&["approve", &id]).expect(0);
    world.gitops(&["plan"]).expect(0).says("approved by alice");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(2);
    world.gitops(&["apply", "--yes"]).expect(0);
}

/// Precedence: what a gate holds back comes before what is blocked, in every verb that asks the gates.
#[test]
fn a_gate_counts_before_what_is_blocked() {
    let world = World::applied();
    world.edit_live("theirs", "by others\n");
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("theirs", Some("o"))]);
    world.gitops(&["plan"]).expect(3).says("Needs an approval: mass-delete:").says("Blocked: 1 object");
    world.gitops(&["apply", "--yes"]).expect(3);
    world.gitops(&["diff"]).expect(1);
    world.gitops(&["status", "--exit-code"]).expect(1);
}

/// Met before the first apply: `suspend`, and a `resume` that was refused, made the folder of the target.
#[test]
fn an_order_makes_nothing_of_a_target_that_is_not_there() {
    let world = World::new();
    world.gitops(&["resume"]).expect(1).warns("not suspended");
    world.gitops(&["suspend", "--reason", "not yet"]).expect(0);
    world.gitops(&["reject", "--reason", "not yet"]).expect(0);
    assert!(!world.path("live").exists(), "nothing is written until `resume`");
    world.gitops(&["resume"]).expect(0);
    assert!(!world.path("live").exists(), "a resumption applies nothing by itself");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

/// Met in an incident: somebody planned, saw how to apply it, and only the apply said that the application was suspended.
#[test]
fn every_verb_that_looks_says_that_nothing_is_written() {
    let world = World::applied();
    world.gitops(&["suspend", "--reason", "incident 17"]).expect(0);
    world.gitops(&["plan"]).expect(0).says("No changes").warns("Suspended").warns("gitops resume");
    world.commit("Change", &[("index.html", Some("new\n"))]);
    for verb in [&["diff"][..], &["drift"], &["history"], &["why", "index.html"]] {
        world.gitops(verb).expect(0).warns("Suspended by alice").warns("incident 17");
    }
    world.gitops(&["status"]).expect(0).says("incident 17");
    let plan = world.gitops(&["plan"]).expect(3).warns("incident 17");
    assert!(!plan.stdout.contains("Apply it"), "{}", plan.stdout);
    let document = world.json(&["plan"]);
    check(&document, "Plan");
    assert_eq!(document["suspended"]["by"], "alice");
    world.gitops(&["apply", "--yes"]).expect(3).warns("incident 17");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

#[test]
fn what_we_may_not_use_ends_with_4() {
    let world = World::applied();
    fs::set_permissions(world.path(".gitops/site"), fs::Permissions::from_mode(0o777)).unwrap();
    world.gitops(&["apply", "--yes"]).expect(4).warns("chmod 700");
}

#[test]
fn a_wrong_command_line_ends_with_64() {
    let world = World::new();
    for arguments in [&["plann"][..], &["plan", "--no-such"], &[], &["rollback"], &["--timeout", "5", "plan"]]
    {
        world.gitops(arguments).expect(64);
    }
    world.gitops(&["rollback", "main", "--end"]).expect(64);
}

#[test]
fn a_failure_ends_with_1() {
    let world = World::empty();
    world.gitops(&["plan"]).expect(1).warns("error[GO00");
    world.gitops(&["explain", "GO9999"]).expect(1).warns("no error code `GO9999`");
}
