//! Chains of outputs: people ran `apply` once for each link, and each but the last said that it had failed.

use crate::support::World;

const CONFIG: &str = "name: shop
source:
  git: { url: ./repository, ref: { branch: main }, path: site }
targets:
  first:
    path: first
    directory: { root: ./live/first }
  second:
    path: second
    directory: { root: ./live/second, outputs: { SIZE: \"first:File/-/size#content\" } }
  third:
    path: third
    directory: { root: ./live/third, outputs: { SIZE: \"second:File/-/size#content\" } }
";

fn chain() -> World {
    let world = World::empty();
    world.configure(CONFIG);
    for root in ["first", "second", "third"] {
        std::fs::create_dir_all(world.path("live").join(root)).unwrap();
    }
    let files =
        [("first/size", Some("7")), ("second/size", Some("${SIZE}0")), ("third/size", Some("${SIZE}0"))];
    world.commit("Begin", &files);
    world
}

#[test]
fn one_apply_goes_on_until_nothing_new_can_be_planned() {
    let world = chain();
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 3 changes");
    assert_eq!(world.live("third/size").as_deref(), Some("700"));
    world.gitops(&["apply", "--yes"]).expect(0).says("No changes: 3 objects are as declared.");
    world.commit("Grow", &[("first/size", Some("8"))]);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 3 changes");
    assert_eq!(world.live("third/size").as_deref(), Some("800"));
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0);
}

#[test]
fn a_plan_that_was_named_covers_itself_and_not_what_follows() {
    let world = chain();
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id]).expect(1).says("What 1 object awaited is there now.");
    assert_eq!(world.live("first/size").as_deref(), Some("7"));
    assert_eq!(world.live("second/size"), None);
}

#[test]
fn a_plan_that_was_saved_covers_itself_and_not_what_follows() {
    let world = chain();
    world.gitops(&["plan", "--out", "next.plan"]).expect(0);
    world.gitops(&["apply", "next.plan"]).expect(1).says("What 1 object awaited is there now.");
    assert_eq!(world.live("second/size"), None);
    world.gitops(&["apply", "next.plan"]).expect(5);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 2 changes");
}

#[test]
fn what_follows_and_needs_an_approval_is_told_with_its_id_and_waits() {
    let world = chain();
    let gate = "gates: [{ name: second, rule: \"steps.all(s, s.key.target != 'second')\", otherwise: needs-approval }]\n";
    world.configure(&format!("{CONFIG}{gate}"));
    let first =
        world.gitops(&["apply", "--yes"]).expect(3).says("Not everything is applied: 1 of 1 change applied");
    let id = world.plan_id();
    first.warns("The rest is not applied").warns(&format!("apply --plan-id {}", &id[..12]));
    assert_eq!(world.live("first/size").as_deref(), Some("7"));
    assert_eq!(world.live("second/size"), None);
    world.gitops(&["apply", "--yes"]).expect(3);
    world.gitops(&["apply", "--plan-id", &id]).expect(1);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("third/size").as_deref(), Some("700"));
}

#[test]
fn the_document_ends_as_the_command_does() {
    let world = chain();
    let gate =
        "gates: [{ name: second, rule: \"steps.all(s, s.key.target != 'second')\", otherwise: deny }]\n";
    world.configure(&format!("{CONFIG}{gate}"));
    let ran = world.gitops(&["apply", "--yes", "--output", "json"]).expect(3);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["exit_code"], 3);
    assert_eq!(report["applied"], 1);
}

/// Met with a commit that waited for its window: what somebody did meanwhile to the object that awaits its output was told by no
/// verb, and put back by none.
#[test]
fn what_awaits_an_output_is_still_looked_at_and_put_back() {
    let world = chain();
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Grow", &[("first/size", Some("8"))]);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0);
    world.edit_live("second/size", "by hand");
    std::fs::remove_file(world.path("live/third/size")).unwrap();
    let drift =
        world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("live \"by hand\", applied \"70\"");
    assert!(!drift.stdout.contains("No drift"), "{}", drift.stdout);
    world.gitops(&["status"]).expect(0).says("drifted");
    world.gitops(&["plan"]).expect(0).says("changed outside of Git too: ");
    let closed =
        "windows: [{ name: w, zone: UTC, deny: { from: \"2020-01-01T00:00\", to: \"2090-01-01T00:00\" } }]\n";
    world.configure(&format!("{CONFIG}{closed}"));
    world.gitops(&["apply", "--yes"]).expect(3);
    world.gitops(&["apply", "--yes"]).expect(3);
    let live = |file: &str| world.live(file);
    assert_eq!(live("first/size").as_deref(), Some("7"), "the commit waits");
    assert_eq!(live("second/size").as_deref(), Some("70"));
    assert_eq!(live("third/size").as_deref(), Some("700"));
    world.configure(CONFIG);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(live("third/size").as_deref(), Some("800"));
}
