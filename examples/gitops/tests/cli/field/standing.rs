//! What is live, what was begun, and how each deployment ended.

use serde_json::Value;

use crate::support::World;

fn results(world: &World) -> Vec<String> {
    let history = world.json(&["history"]);
    let text = |deployment: &Value, name: &str| deployment[name].as_str().unwrap().to_owned();
    let deployments = history["deployments"].as_array().unwrap().iter();
    deployments.map(|one| format!("{} {}", text(one, "purpose"), text(one, "result"))).collect()
}

/// Met after an apply that stopped half way: the status said "applied", with the new revision.
#[test]
fn a_revision_that_is_not_applied_completely_is_not_the_one_that_is_live() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.edit_live("theirs", "by others\n");
    let files = [("index.html", Some("new\n")), ("theirs", Some("ours\n"))];
    let second = world.commit("Change", &files);
    world.gitops(&["apply", "--yes"]).expect(1);
    let short = |id: &str| id[..12].to_owned();
    for _ in 0..2 {
        let ran = world.gitops(&["status"]).expect(0).says("OutOfSync: 1 blocked");
        ran.says(&format!("{} (main) completely", short(&first))).says("1 object left: File/theirs");
        let status = world.json(&["status"]);
        assert_eq!(status["live"]["revision"]["id"], first.as_str());
        assert_eq!(status["progress"]["revision"]["id"], second.as_str());
        // The next process and the next apply say the same.
        world.gitops(&["apply", "--yes"]).expect(1);
    }
    std::fs::remove_file(world.path("live/theirs")).unwrap();
    world.gitops(&["apply", "--yes"]).expect(0);
    let status = world.json(&["status"]);
    assert_eq!(status["live"]["revision"]["id"], second.as_str());
    assert_eq!((&status["progress"], &status["health"]), (&Value::Null, &"Healthy".into()));
    world.gitops(&["status", "--exit-code"]).expect(0).says("Synced  Healthy");
}

/// Met in a review of an incident: repairs, rollbacks and failures were lines of one kind, without a head.
#[test]
fn the_history_tells_changes_repairs_and_rollbacks_apart() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.commit("Change", &[("index.html", Some("new\n"))]);
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id]).expect(0);
    world.edit_live("index.html", "by hand\n");
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["rollback", &first, "--yes"]).expect(0);
    let expected = ["rollback succeeded", "repair succeeded", "change succeeded", "change succeeded"];
    assert_eq!(results(&world), expected);
    let ran = world.gitops(&["history"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("#\tWHEN\tREVISION\tRESULT\tBY\tAPPROVED\tTOOK"), "{}", lines[0]);
    assert!(
        lines[1].contains("✓ rolled back: 1") && lines[1].contains("back to \"Begin\" (Alice)"),
        "{}",
        lines[1]
    );
    assert!(lines[2].contains("✓ drift repaired: 1") && lines[2].contains("Z ("), "{}", lines[2]);
    let approved = &world.json(&["history"])["deployments"][2];
    assert_eq!(
        (&approved["approved_by"], &approved["author"]),
        (&"alice".into(), &"Alice <alice@example.org>".into())
    );
}
