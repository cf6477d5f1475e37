//! What a plan kept for the next process changes nothing of what any verb says.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Ran, World};

/// Returns once a file is as it was for so long that its times say whether it is touched again.
fn let_it_be(world: &World, file: &str) {
    let probe = world.path("probe");
    let changed = |path| fs::metadata(path).unwrap().modified().unwrap();
    let before = changed(world.path("live").join(file));
    loop {
        fs::write(&probe, "").unwrap();
        if changed(probe.clone()).duration_since(before).unwrap() > Duration::from_millis(1200) {
            return;
        }
        std::thread::yield_now();
    }
}

/// The text without the time at which the targets were looked at, and without how long ago all else was.
fn timeless(text: &str) -> Vec<&str> {
    let word = |word: &&str| {
        !word.starts_with("20")
            && !["just", "now", "s", "ago"].contains(&word.trim_matches(['(', ')', ',', ';']))
    };
    text.split_whitespace()
        .filter(word)
        .filter(|word| word.trim_start_matches('(').parse::<u32>().is_err())
        .collect()
}

/// The answer without the time at which it was made.
fn said(ran: &Ran) -> (i32, Value) {
    let mut document: Value = serde_json::from_str(&ran.stdout).unwrap_or(Value::Null);
    if let Some(members) = document.as_object_mut() {
        members.remove("observed_at");
    }
    (ran.code, document)
}

#[test]
fn every_verb_says_the_same_with_and_without_what_the_last_plan_kept() {
    let world = World::applied();
    let_it_be(&world, "conf/app.toml");
    world.gitops(&["plan"]).expect(0);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["plan"]).expect(0);
    world.edit_live("conf/app.toml", "by hand\n");
    world.gitops(&["plan"]).expect(0);
    let kept = world.path(".gitops/site/~plan");
    let verbs: [&[&str]; 12] = [
        &["status"],
        &["drift"],
        &["diff"],
        &["plan"],
        &["plan", "--commits"],
        &["history"],
        &["history", "show", "1"],
        &["why", "index.html"],
        &["why", "conf/app.toml"],
        &["graph", "--all"],
        &["audit", "verify"],
        &["audit", "show", "index.html"],
    ];
    let was = fs::read(&kept).expect("the plans kept what they knew");
    for verb in verbs {
        fs::write(&kept, &was).unwrap();
        let json = [verb, &["--output", "json"]].concat();
        let (with, read) = (said(&world.gitops(&json)), world.gitops(verb));
        fs::remove_file(&kept).unwrap();
        let (without, anew) = (said(&world.gitops(&json)), world.gitops(verb));
        assert_eq!(with, without, "{verb:?}");
        assert_ne!(with.1, Value::Null, "{verb:?}: {read:?}");
        assert_eq!(timeless(&read.stdout), timeless(&anew.stdout), "{verb:?}");
    }
    fs::write(&kept, &was).unwrap();
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 2 changes");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0);
    world.gitops(&["status", "--exit-code"]).expect(0);
}
