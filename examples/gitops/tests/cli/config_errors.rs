//! Faults of the configuration: all at once, each with its place, and nothing is done.

use std::fs;

use crate::support::{CONFIG, Ran, World};

fn refused(world: &World, code: &str) -> Ran {
    let ran = world.gitops(&["apply", "--yes"]).expect(1).warns(&format!("error[{code}]"));
    assert!(ran.stdout.is_empty(), "{ran:?}");
    assert!(!world.path("live").exists() && !world.path(".gitops").exists());
    ran.warns(&format!("gitops explain {code}"))
}

#[test]
fn there_is_no_file() {
    let world = World::new();
    fs::remove_file(world.path("gitops.yaml")).unwrap();
    refused(&world, "GO0101").warns("gitops init");
}

#[test]
fn the_file_is_a_folder() {
    let world = World::new();
    fs::remove_file(world.path("gitops.yaml")).unwrap();
    fs::create_dir(world.path("gitops.yaml")).unwrap();
    refused(&world, "GO0101").warns("no file in this folder ends with");
}

#[test]
fn the_file_is_not_utf_8() {
    let world = World::new();
    fs::write(world.path("gitops.yaml"), b"name: site\n# caf\xe9\n").unwrap();
    refused(&world, "GO0103").warns("line 2");
}

#[test]
fn the_file_is_too_large() {
    let world = World::new();
    fs::write(world.path("gitops.yaml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    refused(&world, "GO0104").warns("1 MiB");
}

#[test]
fn an_unknown_key_is_shown_where_it_stands_with_the_nearest_one() {
    let world = World::new();
    world.configure(&CONFIG.replace("interval", "intervall"));
    refused(&world, "GO0106").warns("gitops.yaml:6:9").warns("did you mean `interval`?");
}

#[test]
fn every_fault_is_shown_at_once() {
    let world = World::new();
    world.configure(&CONFIG.replace("interval: 1s", "interval: 1, purne: true").replace("root", "rot"));
    let ran = refused(&world, "GO0106").warns("error[GO0107]").warns("error[GO0111]");
    assert_eq!(ran.stderr.matches("error[GO0106]").count(), 2, "{}", ran.stderr);
}

#[test]
fn a_reference_that_only_git_can_judge_is_shown_where_it_stands() {
    let world = World::new();
    world.configure(&CONFIG.replace("branch: main", "branch: --upload-pack=evil"));
    refused(&world, "GO0110").warns("gitops.yaml:3:29");
}

#[test]
fn a_secret_that_is_not_there_is_named() {
    let world = World::new();
    let auth = "path: site, auth: { token: { env: NO_SUCH_TOKEN } }";
    world.configure(&CONFIG.replace("path: site", auth).replace("./repository", "https://git.example.org/x"));
    refused(&world, "GO0115").warns("`NO_SUCH_TOKEN` is not set");
}

#[test]
fn a_program_reads_the_same_faults_as_a_document() {
    let world = World::new();
    world.configure(&CONFIG.replace("interval", "intervall"));
    let document = world.json(&["plan"]);
    assert_eq!((document["kind"].as_str(), document["exit_code"].as_u64()), (Some("Error"), Some(1)));
    let fault = &document["diagnostics"][0];
    assert_eq!((fault["code"].as_str(), fault["span"]["line"].as_u64()), (Some("GO0106"), Some(6)));
}

#[test]
fn paths_start_at_the_configuration_and_not_at_the_working_folder() {
    let world = World::new();
    fs::create_dir(world.path("elsewhere")).unwrap();
    let file = world.path("gitops.yaml");
    let mut command = world.command(&["-f", file.to_str().unwrap(), "apply", "--yes"]);
    Ran::from(command.current_dir(world.path("elsewhere")).output().unwrap()).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    assert_eq!(fs::read_dir(world.path("elsewhere")).unwrap().count(), 0);
}

/// Twenty thousand unknown keys took 43 seconds, and as many pictures were drawn.
#[test]
fn of_very_many_faults_the_first_are_shown_and_the_others_counted() {
    let world = World::new();
    let keys: Vec<String> = (0..5000).map(|number| format!("k{number}: 1\n")).collect();
    world.configure(&format!("name: site\n{}", keys.concat()));
    let ran = world.gitops(&["plan"]).expect(1).warns("`k0`").warns("more faults are not shown");
    assert!(ran.stderr.matches("error[").count() < 110, "{}", ran.stderr.len());
}
