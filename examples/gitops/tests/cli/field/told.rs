//! What was done is told in full: each reconciliation, each change of an object, and the commits that a plan brings.

use serde_json::{Value, json};

use crate::documents::check;
use crate::support::{CONFIG, World};

fn short(id: &str) -> &str {
    &id[..12]
}

/// Met in a review of an incident: the history said that something had failed, and not what, nor which commits it was about.
#[test]
fn one_reconciliation_is_shown_in_full() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.edit_live("theirs", "by others\n");
    world.commit("Prepare", &[("new", Some("n\n"))]);
    let last = world.commit("Change", &[("index.html", Some("new\n")), ("theirs", Some("ours\n"))]);
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id]).expect(1);
    let number = world.json(&["history"])["deployments"][0]["deployment"].to_string();
    let shown = world.gitops(&["history", "show", &number]).expect(0);
    let shown = shown.says(&format!("Deployment {number}  site")).says("~ partly applied: 2 applied, 1 not");
    let shown = shown.says(&id).says("Brings 2 commits by Alice").says("Prepare").says("\"Change\" (Alice)");
    let shown = shown.says("File/index.html").says("Left:").says("blocked\tdir\tFile/theirs");
    shown.says("it is there and was not made by us").says("approved  alice");
    let document = world.json(&["history", "show", &number]);
    assert_eq!((&document["revision"]["id"], &document["previous"]["id"]), (&json!(last), &json!(first)));
    let names: Vec<&Value> =
        document["brings"]["list"].as_array().unwrap().iter().map(|one| &one["summary"]).collect();
    assert_eq!(names, ["Change", "Prepare"]);
    let done = json!(["done", "done"]);
    let results = document["steps"].as_array().unwrap().iter().map(|step| step["result"].clone());
    assert_eq!(Value::Array(results.collect()), done);
    // A rollback says what it takes back.
    world.gitops(&["rollback", &first, "--yes"]).expect(0);
    let number = world.json(&["history"])["deployments"][0]["deployment"].to_string();
    let shown = world.gitops(&["history", "show", &number]).expect(0);
    shown
        .says("✓ rolled back: 2")
        .says("Undoes 2 commits by Alice")
        .says(&format!("before    {}", short(&last)));
    world
        .gitops(&["history", "show", "45"])
        .expect(1)
        .warns("no deployment has the number 45")
        .warns(&format!("the last one is {number}"));
}

/// Met with a runner whose attempts were one line: nobody could look at the first of them.
#[test]
fn attempts_that_are_one_line_are_listed_one_by_one_when_asked_for() {
    let world = World::applied();
    world.edit_live("theirs", "by others\n");
    world.edit_live("sub", "a file where a folder is needed\n");
    world.commit("Change", &[("sub/file", Some("x\n"))]);
    for _ in 0..3 {
        world.gitops(&["apply", "--yes"]).expect(1);
    }
    let count = |arguments: &[&str]| world.json(arguments)["deployments"].as_array().unwrap().len();
    let (folded, all) = (count(&["history"]), count(&["history", "--all"]));
    assert!(folded <= 2 && all >= folded, "{folded} {all}");
    world.gitops(&["history"]).expect(0).says("Next:  gitops history show ");
}

/// Met by an auditor: who changed this object, when, who let it pass, and from which commit?
#[test]
fn the_audit_log_answers_who_changed_what_when_and_from_which_commit() {
    let world = World::applied();
    let second = world.commit("Change", &[("index.html", Some("new\n")), ("other", Some("o\n"))]);
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id]).expect(0);
    world.commit("Remove it", &[("index.html", None)]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["suspend", "--reason", "a freeze"]).expect(0);
    // Also of an object that is gone.
    let shown = world.gitops(&["audit", "show", "index.html"]).expect(0);
    let rows: Vec<&str> = shown.stdout.lines().skip(1).collect();
    assert_eq!(rows.len(), 3, "{}", shown.stdout);
    assert!(
        rows[0].contains("create File/index.html") && rows[0].contains("\"Begin\" (Alice)"),
        "{}",
        rows[0]
    );
    let update = ["alice\talice\tupdate File/index.html\tdone", short(&second), "\"Change\" (Alice)"];
    assert!(update.iter().all(|part| rows[1].contains(part)), "{}", rows[1]);
    assert!(rows[2].contains("alice\t-\tdelete File/index.html\tdone"), "{}", rows[2]);
    let all = world.gitops(&["audit", "show", "--since", "1h"]).expect(0);
    let all = all.says("create File/other").says("suspended: a freeze").says("delete File/index.html");
    assert_eq!(all.stdout.lines().count(), 7, "{}", all.stdout);
    let newest = world.gitops(&["audit", "show", "--since", "1h", "--limit", "2"]).expect(0);
    newest.says("4 earlier ones are not shown").says("a freeze");
    world.gitops(&["audit", "show", "--since", "2099-01-01"]).expect(0).says("Nothing was changed");
    let document = world.json(&["audit", "show", "other"]);
    let entry = &document["entries"][0];
    assert_eq!((&entry["commit"]["summary"], &entry["plan_id"]), (&json!("Change"), &json!(id)));
    let number = entry["deployment"].to_string();
    world.gitops(&["history", "show", &number]).expect(0).says("File/other");
    world.gitops(&["audit", "show"]).expect(64);
    world.gitops(&["audit", "show", "--since", "yesterday"]).expect(64).warns("neither a duration");
    world.gitops(&["audit", "show", "nowhere"]).expect(1).warns("no object is called `nowhere`");
}

/// Met by a reviewer of a plan: of which commits is it?
#[test]
fn a_plan_names_the_commits_that_it_brings() {
    let world = World::applied();
    let first = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.commit("One", &[("one", Some("1\n"))]);
    let last = world.commit("Two", &[("two", Some("2\n"))]);
    let plan = world.gitops(&["plan"]).expect(0);
    let plan = plan.says(&format!("Brings 2 commits by Alice since {}", short(&first)));
    let plan = plan.says(&format!("{}  Alice  ", short(&last))).says("(and 1 more: gitops plan --commits)");
    assert!(!plan.stdout.contains("  One"), "{}", plan.stdout);
    world.gitops(&["plan", "--commits"]).expect(0).says("\tOne\n").says("\tTwo\n");
    assert_eq!(world.json(&["plan"])["commits"]["from"]["id"], first.as_str());
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.json(&["plan"])["commits"]["list"], json!([]));
}

/// Met with a rule that only the team's own commits go out: no gate could see whose they are.
#[test]
fn a_gate_judges_the_commits_too() {
    let world = World::applied();
    let rule =
        "commits.known && !commits.more && commits.list.all(c, c.author.endsWith('<alice@example.org>'))";
    world.configure(&format!("{CONFIG}gates: [{{ name: ours, rule: \"{rule}\", otherwise: deny }}]\n"));
    world.commit("Ours", &[("index.html", Some("ours\n"))]);
    world.gitops(&["plan"]).expect(0);
    world.git(&["commit", "-q", "--allow-empty", "-m", "Theirs", "--author", "Mallory <m@example.org>"]);
    world.gitops(&["plan"]).expect(3).says("Denied:").says("Brings 2 commits by Mallory, Alice");
    world.gitops(&["apply", "--yes"]).expect(3);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    // Where nothing was accepted before, nothing is known, and the rule says what that means.
    let fresh = World::new();
    fresh.configure(&format!("{CONFIG}gates: [{{ name: ours, rule: \"{rule}\", otherwise: deny }}]\n"));
    fresh.gitops(&["apply", "--yes"]).expect(3);
}

/// Met with the same rule: the author of a commit is whoever its author says.
#[test]
fn a_gate_may_ask_who_signed_the_commits() {
    let world = World::applied();
    let key = world.path("key").display().to_string();
    let mut keygen = std::process::Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", &key]);
    assert!(keygen.status().expect("this test needs the `ssh-keygen` program: install it").success());
    let public = std::fs::read_to_string(world.path("key.pub")).unwrap();
    std::fs::write(world.path("signers"), format!("ann@example.org {public}")).unwrap();
    let rule = "commits.known && !commits.more && \
                commits.list.all(c, c.signer != null && c.signer.name == 'ann@example.org')";
    let config = CONFIG.replace("path: site }", "path: site, signers: ./signers }");
    world.configure(&format!("{config}gates: [{{ name: signed, rule: \"{rule}\", otherwise: deny }}]\n"));
    let signing = format!("user.signingKey={key}");
    let sign = ["-c", "gpg.format=ssh", "-c", &signing, "commit", "-q", "-S", "--amend", "--no-edit"];
    world.commit("Ours", &[("index.html", Some("ours\n"))]);
    world.gitops(&["plan"]).expect(3).says("Denied:");
    world.git(&sign);
    world.gitops(&["plan", "--commits"]).expect(0).says("Alice, signed by ann@example.org");
    check(&world.json(&["plan"]), "Plan");
    assert_eq!(world.json(&["plan"])["commits"]["list"][0]["signer"]["method"], "ssh");
    world.gitops(&["apply", "--yes"]).expect(0);
    // One that nobody signed, below one that somebody did.
    world.commit("Theirs", &[("index.html", Some("theirs\n"))]);
    world.commit("Ours again", &[("other", Some("o\n"))]);
    world.git(&sign);
    world.gitops(&["apply", "--yes"]).expect(3);
    assert_eq!(world.live("index.html").as_deref(), Some("ours\n"));
    // A list that can't be read is no list without people.
    std::fs::write(world.path("signers"), "ann@example.org cert-authority ssh-ed25519 AAAA\n").unwrap();
    world
        .gitops(&["plan"])
        .expect(1)
        .warns("GO0110")
        .warns("cert-authority")
        .warns("line: 1")
        .warns("gitops.yaml:3");
}
