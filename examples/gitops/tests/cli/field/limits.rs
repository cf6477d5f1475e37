//! Limits of a repository: each application has its own, also where they share a mirror.

use crate::several::TWO;
use crate::support::World;

const NEAR: &str = "  source: { git: { path: site/a, limits: { history: 4 } } }\n";

/// The first application reads four commits at a look, and the second one as many as it likes.
fn near_and_far() -> World {
    let world = World::empty();
    world.configure(&TWO.replace("  source: { git: { path: site/a } }\n", NEAR));
    std::fs::create_dir(world.path("live")).unwrap();
    world.commit("Begin", &[("a/page", Some("0\n")), ("b/page", Some("0\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    for n in 1..=9 {
        world.commit("Next", &[("a/page", Some(&format!("{n}\n"))), ("b/page", Some(&format!("{n}\n")))]);
    }
    world
}

/// Met after a long absence: whether the branch was moved back could not be told, and the error named no key.
#[test]
fn a_history_beyond_the_limit_is_told_with_the_key_and_costs_the_other_application_nothing() {
    let world = near_and_far();
    let live = |name: &str| world.live(name);
    world.gitops(&["-a", "one", "plan"]).expect(1).warns("history = 4").warns("limits: { history");
    world.gitops(&["-a", "two", "apply", "--yes"]).expect(0);
    let run = world.gitops(&["run", "--timeout", "3s", "--output", "json"]);
    let failed = run.stdout.lines().filter(|line| line.contains("reconcile_failed"));
    let failed: Vec<&str> = failed.collect();
    assert!(!failed.is_empty() && failed.iter().all(|line| line.contains("history = 4")), "{run:?}");
    assert_eq!((live("a/page").as_deref(), live("b/page").as_deref()), (Some("0\n"), Some("9\n")));
    // The limit is raised, and everything is as it would have been.
    world.configure(TWO);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(live("a/page").as_deref(), Some("9\n"));
}

/// Met with a plan of a year: it named a thousand commits and nobody could say how many it should name.
#[test]
fn as_many_commits_are_named_as_the_limit_says_in_each_application() {
    let world = near_and_far();
    let bounded = TWO.replace("path: site/a", "path: site/a, limits: { commits: 2 }");
    world.configure(&bounded);
    let commits = |name: &str| {
        let plan = world.json(&["-a", name, "plan"]);
        (plan["commits"]["list"].as_array().unwrap().len(), plan["commits"]["more"].as_bool().unwrap())
    };
    assert_eq!((commits("one"), commits("two")), ((2, true), (9, false)));
}

/// Met as: a file was larger than the limit, and `status` said that there is a fault, and not where.
#[test]
fn status_names_the_first_fault_of_a_revision() {
    let world = World::empty();
    world.configure(
        "name: site\nsource: { git: { url: ./repository, ref: { branch: main }, path: site, limits: { file_bytes: 1024 } } }\n\
         target: { directory: { root: ./live } }\n",
    );
    std::fs::create_dir(world.path("live")).unwrap();
    world.commit("Begin", &[("page", Some("0\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let big = "0".repeat(2000);
    world.commit("Large", &[("big", Some(&big)), ("bigger", Some(&big.repeat(2)))]);
    let told = world.gitops(&["status"]).expect(0);
    told.says("Unknown: big: can't be read: `big` holds 2000 bytes (limit: file_bytes = 1024")
        .says("(and 1 more)");
}
