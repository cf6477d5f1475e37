//! The first file, and what it overwrites: nothing.

use std::fs;

use serde_json::json;

use crate::support::World;

#[test]
fn init_writes_a_configuration_that_works_and_overwrites_none() {
    let world = World::new();
    world.gitops(&["init"]).expect(1).warns("not overwritten");
    fs::remove_file(world.path("gitops.yaml")).unwrap();
    let url = ["init", "--url", "./repository", "--path", "site"];
    let said = world.gitops(&url).expect(0).says("gitops plan");
    assert!(!said.stdout.contains("is not there"), "{}", said.stdout);
    assert!(world.path(".gitops/site").is_dir());
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

#[test]
fn a_repository_that_is_not_there_is_said_before_the_next_command_fails() {
    let world = World::new();
    fs::remove_file(world.path("gitops.yaml")).unwrap();
    world.gitops(&["init"]).expect(0).says("into gitops.yaml: ./site.git is not there");
}

#[test]
fn a_first_file_is_written_beside_the_configuration_and_the_commands_to_go_on_are_named() {
    let world = World::new();
    fs::remove_file(world.path("gitops.yaml")).unwrap();
    let document = world.json(&["init", "--kubernetes", "--context", "prod"]);
    assert_eq!(document["examples"], json!(["k8s/hello.yaml"]));
    let next = [
        "git init --initial-branch=main",
        "git add k8s",
        "git commit --message 'Begin'",
        "gitops plan",
        "gitops apply",
    ];
    assert_eq!(document["next"], json!(next));
    assert!(fs::read_to_string(world.path("k8s/hello.yaml")).unwrap().contains("kind: ConfigMap"));
    assert!(fs::read_to_string(world.path("gitops.yaml")).unwrap().contains("context: \"prod\""));
    assert_eq!(
        fs::read_to_string(world.path(".gitops/.gitignore")).unwrap(),
        "*\n",
        "states stay out of Git"
    );
}

#[test]
fn where_a_first_file_is_there_already_nothing_at_all_is_written() {
    let world = World::new();
    fs::remove_file(world.path("gitops.yaml")).unwrap();
    fs::create_dir(world.path("k8s")).unwrap();
    fs::write(world.path("k8s/hello.yaml"), "mine").unwrap();
    world.gitops(&["init", "--kubernetes"]).expect(1).warns("not overwritten").warns("k8s/hello.yaml");
    assert_eq!(fs::read_to_string(world.path("k8s/hello.yaml")).unwrap(), "mine");
    assert!(!world.path("gitops.yaml").exists() && !world.path(".gitops").exists());
    world
        .gitops(&["init", "--kubernetes", "--path", "cluster"])
        .expect(0)
        .says("Written: cluster/hello.yaml");
    world.gitops(&["init", "--kubernetes", "--root", "./live"]).expect(64);
}
