//! A secret in the key of a resource is in its address, which every verb names.

use crate::support::World;
use crate::things::{Things, lock_file, mirror};
use crate::tofu;

const OLD: &str = "canary-5d1c2";
const NEW: &str = "canary-9e7a3";

fn secret(value: &str) -> String {
    format!("output \"pw\" {{\n  value     = \"{value}\"\n  sensitive = true\n}}\n")
}

fn configure(world: &World, removal: &str, more: &str) {
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target:\n  terraform:\n    binary: {}\n    backend: managed\n    removal: {removal}\n{more}    \
         vars: {{ pw: {{ output: \"tf:Root/-/secret#pw\" }} }}\n\
         sync: {{ interval: 1s }}\n",
        tofu().display()
    ));
}

/// Runs the command; whatever it says, and leaves where others than the roots read, is without the secrets.
fn run(world: &World, arguments: &[&str]) -> (i32, String) {
    let ran = world.gitops(arguments);
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    assert!(!said.contains("canary"), "{arguments:?}: {said}");
    (ran.code, said)
}

/// Every verb that names resources, for people and for programs.
fn every_verb(world: &World) -> String {
    let verbs: [&[&str]; 9] = [
        &["status"],
        &["plan"],
        &["drift"],
        &["why", "app"],
        &["graph"],
        &["history"],
        &["history", "app"],
        &["audit", "show", "app"],
        &["run", "--timeout", "3s"],
    ];
    let mut said = String::new();
    for verb in verbs {
        said += &run(world, verb).1;
        said += &run(world, &[verb, &["--output", "json"]].concat()).1;
    }
    let log = std::fs::read_to_string(world.path(".gitops/shop/audit.jsonl")).unwrap();
    assert!(!log.contains("canary"), "{log}");
    said
}

/// One resource for each key; the keys are a secret, and a text with the secret in it.
const KEYS: &str = "for_each = toset([nonsensitive(var.pw), \"of ${nonsensitive(var.pw)}\"])";

/// Met where a root made one resource for each of its users, whose list was a secret: `status` and `why` named them.
#[test]
fn a_secret_in_an_address_is_hidden_in_every_verb_and_every_process() {
    let world = World::empty();
    configure(&world, "forget", "");
    let main = format!(
        "variable \"pw\" {{}}\n\
         resource \"terraform_data\" \"good\" {{\n  {KEYS}\n  input = 1\n}}\n\
         resource \"terraform_data\" \"bad\" {{\n  {KEYS}\n  provisioner \"local-exec\" {{ command = \"exit 1\" }}\n}}\n"
    );
    world.commit("Begin", &[("secret/main.tf", Some(&secret(OLD)))]);
    run(&world, &["apply", "--yes"]);
    world.commit("Add", &[("app/main.tf", Some(&main))]);
    let (code, said) = run(&world, &["apply", "--yes"]);
    assert!(code == 1 && said.contains("[\"(sensitive)\"]"), "{said}");
    // In later processes nothing is known of the secret but what was kept of it.
    let said = every_verb(&world);
    for name in ["terraform_data.bad", "terraform_data.good"] {
        assert!(said.contains(&format!("{name}[\"(sensitive)\"]")), "{name}: {said}");
    }
    // The secret is another one: what goes is named by the old one, which is not declared any more.
    let mended = main.replace("exit 1", "exit 0");
    world.commit("Rotate", &[("secret/main.tf", Some(&secret(NEW))), ("app/main.tf", Some(&mended))]);
    run(&world, &["apply", "--yes"]);
    every_verb(&world);
    let id = world.plan_id();
    run(&world, &["apply", "--plan-id", &id]);
    every_verb(&world);
    // It leaves the source, and its resources are given up one by one.
    world.commit("Remove", &[("app/main.tf", None)]);
    let said = every_verb(&world);
    assert!(said.contains("[\"(sensitive)\"]"), "{said}");
    let id = world.plan_id();
    run(&world, &["apply", "--plan-id", &id]);
    every_verb(&world);
}

/// What may have been made is named by every verb until a person says what became of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_confirms_a_resource_by_the_address_that_was_shown() {
    let things = Things::start().await;
    let world = World::empty();
    configure(&world, "forget", &format!("    mirror: {}\n", mirror().display()));
    let main = format!(
        "{}variable \"pw\" {{}}\n\
         resource \"counting_thing\" \"lost\" {{\n  for_each = toset([nonsensitive(var.pw)])\n  \
         name = \"lost\"\n  value = \"1\"\n}}\n",
        things.root(&[])
    );
    let lock = lock_file(&["gitops/counting"]);
    things.with(|inner| inner.deadly.insert("lost".to_owned()));
    world.commit("Begin", &[("secret/main.tf", Some(&secret(OLD)))]);
    run(&world, &["apply", "--yes"]);
    world.commit("Add", &[("app/main.tf", Some(&main)), ("app/.terraform.lock.hcl", Some(&lock))]);
    run(&world, &["apply", "--yes"]);
    let said = every_verb(&world);
    assert!(said.contains("counting_thing.lost[\"(sensitive)\"] may have been created"), "{said}");
    let shown = "counting_thing.lost[\"(sensitive)\"]";
    let (code, said) = run(&world, &["confirm", "app", shown, "absent"]);
    assert_eq!(code, 0, "{said}");
    every_verb(&world);
}
