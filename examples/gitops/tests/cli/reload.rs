//! A configuration that changes while `run` is at work.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value as Json;

use crate::run::{RUN, Running};
use crate::several::{TWO, two};
use crate::support::World;

/// Two applications with a repository each. A `git` of ours waits with each fetch of the first one's as long as somebody holds the file
/// `held` open for writing.
fn with_a_slow_source() -> (World, String) {
    let world = two();
    world.git(&["clone", "-q", "--bare", ".", "../slow.git"]);
    let config = TWO.replace("path: site/a }", "path: site/a, url: ./slow.git }");
    world.configure(&config);
    let found =
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).find(|path| path.join("git").is_file());
    let (git, held) = (found.unwrap().join("git"), world.path("held"));
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *slow.git*) [ ! -p '{held}' ] || cat '{held}' ;; esac\nexec '{git}' \"$@\"\n",
        held = held.display(),
        git = git.display(),
    );
    std::fs::create_dir(world.path("bin")).unwrap();
    std::fs::write(world.path("bin/git"), script).unwrap();
    std::fs::set_permissions(world.path("bin/git"), std::fs::Permissions::from_mode(0o755)).unwrap();
    (world, config)
}

/// A change of one application's settings stopped all of them for a moment, and began a reconciliation anew that was under way.
#[test]
fn what_a_changed_file_does_not_concern_goes_on_also_with_what_is_under_way() {
    let (world, config) = with_a_slow_source();
    let path = format!("{}:{}", world.path("bin").display(), std::env::var("PATH").unwrap());
    let mut running = Running::of(world.command(&RUN).env("PATH", path));
    running.until_each("finished", &["one", "two"]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        world.path("held"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let commit = world.commit("Change", &[("a/page", Some("new\n"))]);
    world.git(&["push", "-q", "../slow.git", "main"]);
    // Returns once a fetch waits.
    let holding = std::fs::File::options().write(true).open(world.path("held")).unwrap();
    std::fs::remove_file(world.path("held")).unwrap();

    // The second one differs, then has another name and needs the first one, and then another name again.
    let mut notes = String::new();
    world.configure(&config.replace("labels:", "sync: { adopt: true }\n  labels:"));
    running.until_noted(&mut notes, "two (begun anew). All others go on.");
    let three = config.replace("name: two", "name: three").replace("live/b", "live/c");
    world.configure(&(three + "  needs: [one]\n"));
    running.until_noted(&mut notes, "three (new); two (gone, and what it owns stays). All others go on.");
    world.configure(&config.replace("name: two", "name: four").replace("live/b", "live/d"));
    let seen = running.until_of("applied", "four");
    // What is under way was begun once, and nothing else was since. Before that, the watch may have told of our own first write.
    let is_begun = |event: &Json| event["type"] == "resolved" && event["revision"] == commit.trim();
    let of_one = seen.iter().filter(|event| event["application"] == "one");
    let since: Vec<_> = of_one.skip_while(|event| !is_begun(event)).collect();
    assert!(since.len() <= 1, "the first one did not go on as it was: {since:?}");
    assert_eq!(world.live("a/page").as_deref(), Some("a\n"), "its fetch is not under way any more");
    drop(holding);
    running.until_of("applied", "one");
    assert_eq!(world.live("a/page").as_deref(), Some("new\n"));
    notes += &running.stop(Signal::TERM).expect(0).stderr;
    assert_eq!(notes.matches("equal to what one declares").count(), 1, "{notes}");
}

/// Where a secret vanished, its application was stopped and could not be opened any more.
#[test]
fn a_file_that_cannot_be_read_any_more_changes_nothing_and_is_told() {
    let world = two();
    std::fs::write(world.path("token"), "secret").unwrap();
    let auth = "path: site/b, url: \"http://127.0.0.1:1/b.git\", auth: { token: { file: ./token } } }";
    world.configure(&TWO.replace("path: site/b }", auth));
    let mut running = Running::start(&world);
    running.until_of("reconcile_failed", "two");
    std::fs::remove_file(world.path("token")).unwrap();
    // Both are at work until the file is back, and then nothing differs.
    let (mut ran, mut notes) = (running, String::new());
    ran.until_noted(&mut notes, "a file that the configuration names can't be read");
    let refused = told_by_status(&world, |runner| !runner["refused"].is_null());
    assert!(refused["refused"]["why"].as_str().unwrap().contains("can't be read"), "{refused}");
    world.gitops(&["status", "-a", "one"]).says("configuration").says("can't be used since");
    world.commit("Change", &[("a/page", Some("new\n"))]);
    ran.until_of("applied", "one");
    std::fs::write(world.path("token"), "secret").unwrap();
    ran.until_noted(&mut notes, "no application differs");
    // What comes next is told, too.
    let mended = told_by_status(&world, |runner| runner["refused"].is_null());
    assert!(mended["last"].is_string() && mended["next"].is_string(), "{mended}");
    world.gitops(&["status", "-a", "one"]).says("last reconciled").says(", next ");
    ran.stop(Signal::TERM).expect(0);
    assert_eq!(notes.matches("equal to what two declares").count(), 1, "{notes}");
    assert_eq!(world.json(&["status", "-a", "one"])["runner"], Json::Null, "what it said is over with it");
}

/// What `status` says of the process at work, as soon as that is so: a process writes it down beside its work.
fn told_by_status(world: &World, is_so: impl Fn(&Json) -> bool) -> Json {
    loop {
        let runner = world.json(&["status", "-a", "one"])["runner"].take();
        if !runner.is_null() && is_so(&runner) {
            return runner;
        }
    }
}
