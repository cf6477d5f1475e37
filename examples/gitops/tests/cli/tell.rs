//! What the verbs tell: why, graph, status, history, audit, explain, completions.

use std::fs;

use crate::support::World;

#[test]
fn why_names_commit_author_place_last_change_and_next_step() {
    let world = World::applied();
    world.commit("Raise the size", &[("conf/app.toml", Some("size = 2\n"))]);
    world
        .gitops(&["why", "app.toml"])
        .expect(0)
        .says("dir:File/-/conf/app.toml")
        .says("Alice <alice@example.org>")
        .says("Raise the size")
        .says("create by alice: done")
        .says("update: content");
    world.gitops(&["why", "index.html"]).expect(0).says("nothing: it is as declared").says("Begin");
    world.gitops(&["why", "inde.html"]).expect(1).warns("did you mean `index.html`?");
}

#[test]
fn an_abbreviation_that_means_two_objects_is_refused() {
    let world = World::new();
    world.commit("Two", &[("a/x", Some("1")), ("b/x", Some("2"))]);
    world.gitops(&["why", "x"]).expect(1).warns("means 2 objects").warns("dir:File/-/a/x");
    world.gitops(&["why", "a/x"]).expect(0);
}

#[test]
fn the_graph_is_drawn_in_three_ways() {
    let world = World::new();
    world.gitops(&["graph"]).expect(0).says("dir:File/-/index.html\n");
    world.gitops(&["graph", "--format", "dot"]).expect(0).says("digraph gitops {");
    world.gitops(&["graph", "--format", "mermaid"]).expect(0).says("flowchart");
}

#[test]
fn status_and_history_tell_what_was_deployed() {
    let world = World::new();
    world.gitops(&["status"]).expect(0).says("OutOfSync: 2 to create").says("nothing yet");
    world.gitops(&["history"]).expect(0).says("Nothing was deployed yet.");
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["status"]).expect(0).says("site  Synced").says("owns      2 objects");
    let document = world.json(&["history"]);
    let summaries: Vec<&str> = document["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|deployment| deployment["summary"].as_str().unwrap())
        .collect();
    assert_eq!(summaries, ["Change", "Begin"]);
    assert_eq!(document["deployments"][0]["by"], "alice");
    assert_eq!(world.json(&["history", "--limit", "1"])["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn status_is_unknown_where_the_source_does_not_answer() {
    let world = World::applied();
    fs::rename(world.path("repository"), world.path("moved")).unwrap();
    world.gitops(&["status"]).expect(0).says("Unknown: ");
}

#[test]
fn the_audit_log_verifies_until_a_byte_of_it_is_changed() {
    let world = World::applied();
    world.gitops(&["audit", "verify"]).expect(0).says("Verified: ");
    let path = world.path(".gitops/site/audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("alice", "mallo", 1)).unwrap();
    world.gitops(&["audit", "verify"]).expect(1).warns("error[GO0015]");
}

#[test]
fn codes_are_explained_and_completions_written() {
    let world = World::empty();
    world.gitops(&["explain", "go0106"]).expect(0).says("unknown key").says("What to do:");
    for shell in ["bash", "zsh", "fish"] {
        world.gitops(&["completions", shell]).expect(0).says("gitops");
    }
}
