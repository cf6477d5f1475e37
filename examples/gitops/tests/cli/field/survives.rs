//! `run` goes on after a bad answer of Git, says what it is, and takes up the next commit once that is mended.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use testbed::GitServer;

use crate::run::Running;
use crate::support::{CONFIG, World};

/// A run that has applied the first commit.
fn running(world: &World) -> Running {
    let mut running = Running::start(world);
    assert_eq!(running.wait_for("finished")["applied"], 2);
    running
}

/// The next failure that is told.
fn failure(running: &mut Running) -> String {
    let event = running.wait_for("reconcile_failed");
    format!("{} {}", event["error"].as_str().unwrap(), event["help"].as_str().unwrap_or_default())
}

/// A commit after the damage was mended is applied, by the same process.
fn recovers(world: &World, mut running: Running) {
    world.commit("Mended", &[("index.html", Some("mended\n"))]);
    assert_eq!(running.wait_for("applied")["key"], "dir:File/-/index.html");
    running.wait_for("finished");
    assert_eq!(world.live("index.html").as_deref(), Some("mended\n"));
    running.stop(Signal::TERM).expect(0);
}

/// Met with a login page in front of a forge: the process ended, and nobody noticed until the next incident.
#[test]
fn a_web_page_instead_of_references() {
    let world = World::new();
    let server = GitServer::serving(&world.path(""));
    let url = format!("{}/repository/.git", server.address());
    world.configure(&CONFIG.replace("./repository", &url));
    let mut running = running(&world);
    server.answer_instead("200 OK\r\nContent-Type: text/html", "<html><p>Log in</p></html>");
    let told = failure(&mut running);
    assert!(told.contains("such as a web page") && told.contains("in a browser"), "{told}");
    server.serve_again();
    recovers(&world, running);
}

/// Met with a commit that an old program had made: everything that came after it waited for a person.
#[test]
fn a_commit_that_fsck_refuses() {
    let world = World::new();
    let mut running = running(&world);
    let good = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]).trim().to_owned();
    let person = "Alice <alice@example.org>1700000000 +0000";
    let text = format!("tree {tree}\nparent {good}\nauthor {person}\ncommitter {person}\n\nBroken\n");
    fs::write(world.path("object"), text).unwrap();
    let file = world.path("object");
    let bad = world.git(&["hash-object", "-t", "commit", "-w", "--literally", file.to_str().unwrap()]);
    world.git(&["update-ref", "refs/heads/main", bad.trim()]);
    let told = failure(&mut running);
    assert!(told.contains("`git fsck` refuses") && told.contains("tolerate"), "{told}");
    world.git(&["update-ref", "refs/heads/main", &good]);
    recovers(&world, running);
}

/// Met after a machine lost power: an empty file where the branch had been.
#[test]
fn an_empty_file_of_a_reference() {
    let world = World::new();
    let mut running = running(&world);
    let file = world.path("repository/.git/refs/heads/main");
    let id = fs::read_to_string(&file).unwrap();
    fs::write(&file, "").unwrap();
    let told = failure(&mut running);
    assert!(told.contains("refs/heads/main") || told.contains("`main`"), "{told}");
    fs::write(&file, id).unwrap();
    recovers(&world, running);
}

/// Met on a full disk: the packs of our own mirror were cut short.
#[test]
fn packs_of_the_mirror_that_are_cut_short() {
    let world = World::new();
    let running = running(&world);
    let cut = cut_packs(&world.path(".gitops/~mirrors"));
    assert!(cut > 0, "the mirror has packs");
    recovers(&world, running);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}

/// Puts the first half of each pack in its place. Who has the whole one open goes on reading that.
fn cut_packs(folder: &Path) -> usize {
    let mut cut = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cut += cut_packs(&path);
        } else if path.extension().is_some_and(|end| end == "pack") {
            let bytes = fs::read(&path).unwrap();
            let half = path.with_extension("half");
            fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
            fs::rename(half, path).unwrap();
            cut += 1;
        }
    }
    cut
}

/// What the accepted revision still brings waits while the branch was moved back; drift is repaired meanwhile.
#[test]
fn what_is_left_of_a_revision_waits_while_it_is_not_followed_and_every_verb_says_so() {
    let world = World::new();
    let mut running = running(&world);
    // Something is in the place of a new file, so that the revision stays in progress.
    fs::create_dir_all(world.path("live/added")).unwrap();
    fs::write(world.path("live/added/theirs"), "theirs").unwrap();
    world.commit("Add", &[("added", Some("a\n"))]);
    let reason = |event: serde_json::Value| event["reason"].as_str().unwrap().to_owned();
    assert!(reason(running.wait_for("blocked")).contains("its place is taken"));
    let added = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    world.commit("Another history", &[("other", Some("o\n"))]);
    // What tells that it is not followed by now: before, it would be made.
    running.wait_for("reconcile_failed");
    fs::remove_dir_all(world.path("live/added")).unwrap();
    world.edit_live("index.html", "by hand\n");
    assert_eq!(running.wait_for("applied")["key"], "dir:File/-/index.html");
    let finished = running.wait_for("finished");
    assert_eq!((&finished["applied"], &finished["blocked"]), (&1.into(), &1.into()));
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    assert_eq!(world.live("added"), None, "nobody follows its revision now");
    world.gitops(&["history"]).expect(0).says("partly applied: 1 applied, 1 not");
    let why = world.gitops(&["why", "added"]).expect(0);
    why.says("its revision is not followed now").says("is not a descendant of");
    let why = world.json(&["why", "index.html"]);
    assert_eq!(why["next"]["next"], "nothing", "{why}");
    assert!(why["not_followed"].as_str().unwrap().contains("is not a descendant of"), "{why}");
    world.git(&["reset", "-q", "--hard", &added]);
    assert_eq!(running.wait_for("applied")["key"], "dir:File/-/added");
    assert!(reason(running.wait_for("unblocked")).contains("is not followed now"));
    running.stop(Signal::TERM).expect(0);
    world.gitops(&["why", "added"]).expect(0).says("nothing: it is as declared");
}
