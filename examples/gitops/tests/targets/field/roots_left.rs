//! What a root is left with: by a change that came to no end, by a folder that is gone, by another configuration of its target.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::World;
use crate::things::{Things, lock_file, mirror};
use crate::tofu;

/// A root of one resource, and one whose apply changes that and then fails.
const ONE: &str = "resource \"terraform_data\" \"x\" { input = \"one\" }\n";
const FAILS: &str = "resource \"terraform_data\" \"x\" { input = \"two\" }\n\
                     resource \"terraform_data\" \"fail\" {\n  depends_on = [terraform_data.x]\n  \
                     provisioner \"local-exec\" { command = \"exit 3\" }\n}\n";

fn configure(world: &World, binary: &Path, terraform: &str, rest: &str) {
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target: {{ terraform: {{ binary: {}, {terraform} }} }}\n{rest}",
        binary.display()
    ));
}

/// All files of a name below a folder.
fn files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path(), name)),
            false if entry.file_name() == name => found.push(entry.path()),
            false => {}
        }
    }
    found
}

/// Met where `sync.drift: report` left in place for good what our own failed apply had done, as "drift": the revert was "live
/// completely", and `drift` blamed somebody else.
#[test]
fn what_a_failed_apply_of_ours_left_is_taken_back_and_no_drift() {
    let world = World::empty();
    configure(&world, &tofu(), "backend: managed", "sync: { drift: report }\n");
    let first = world.commit("Begin", &[("net/main.tf", Some(ONE))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Change", &[("net/main.tf", Some(FAILS))]);
    world.gitops(&["apply", "--yes"]).expect(1);
    world.gitops(&["rollback", &first, "--yes"]).expect(3).says("terraform_data.fail");
    world.commit("Revert", &[("net/main.tf", Some(ONE))]);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("begun and not finished");
    world.gitops(&["plan"]).expect(3).says("\"two\" → \"one\"").says("terraform_data.fail");
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id]).expect(0).says("Applied: 1 change");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift: nothing was changed");
}

/// The same of a removal that failed midway, and was taken back.
#[test]
fn what_a_failed_removal_left_is_made_again_and_no_drift() {
    let world = World::empty();
    configure(&world, &tofu(), "backend: managed, removal: destroy", "sync: { drift: report }\n");
    let main = "resource \"terraform_data\" \"fail\" {\n  provisioner \"local-exec\" {\n    when    = destroy\n    \
                command = \"exit 3\"\n  }\n}\nresource \"terraform_data\" \"x\" {\n  input      = \"one\"\n  \
                depends_on = [terraform_data.fail]\n}\n";
    world.commit("Begin", &[("net/main.tf", Some(main)), ("other/main.tf", Some(ONE))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Remove", &[("net/main.tf", None)]);
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id]).expect(1);
    world.commit("Back", &[("net/main.tf", Some(main))]);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change").says("terraform_data.x");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift: nothing was changed");
}

/// Met with a volume that did not come up: every root was made a second time, as "deleted outside of Git".
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_the_target_that_is_gone_makes_nothing_a_second_time() {
    let things = Things::start().await;
    let world = World::empty();
    configure(&world, &tofu(), &format!("backend: managed, mirror: {}", mirror().display()), "");
    let (main, lock) = (things.root(&[("a", "1")]), lock_file(&["gitops/counting"]));
    world.commit(
        "Begin",
        &[("net/main.tf", Some(&main)), ("net/.terraform.lock.hcl", Some(&lock)), ("notes.md", Some("-"))],
    );
    world.gitops(&["apply", "--yes"]).expect(0);
    std::fs::remove_dir_all(world.path(".gitops/shop/terraform")).unwrap();
    world.gitops(&["status"]).expect(0).says("neither its record nor its state");
    world.gitops(&["plan"]).expect(1).says("restore this folder from a backup");
    world.gitops(&["apply", "--yes"]).expect(1);
    world.commit("Remove", &[("net/main.tf", None), ("net/.terraform.lock.hcl", None)]);
    world.gitops(&["plan"]).expect(1).says("neither its record nor its state");
    world.commit("Back", &[("net/main.tf", Some(&main)), ("net/.terraform.lock.hcl", Some(&lock))]);
    world.gitops(&["apply", "--yes"]).expect(1);
    assert_eq!(things.names(), ["a"]);
    world.gitops(&["confirm", "net", "state", "absent"]).expect(0);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(things.names(), ["a", "a"], "a person said that it is gone");
}

/// Met with Terraform in the place of OpenTofu: their backends of our server are written down otherwise, and no verb ended it.
#[test]
fn another_program_takes_over_what_the_former_one_initialised() {
    let world = World::empty();
    configure(&world, &tofu(), "backend: managed", "");
    world.commit("Begin", &[("net/main.tf", Some(ONE))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let data: Vec<PathBuf> = files(&world.path(".gitops/shop/terraform"), "terraform.tfstate")
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("/data/"))
        .collect();
    assert_eq!(data.len(), 1, "{data:?}");
    // As another program writes it: the same settings with another digest.
    let text = std::fs::read_to_string(&data[0]).unwrap();
    let mut settings: serde_json::Value = serde_json::from_str(&text).unwrap();
    settings["backend"]["hash"] = 1.into();
    settings["backend"]["config"]["address"] = "https://127.0.0.1:1".into();
    std::fs::write(&data[0], settings.to_string()).unwrap();
    let another = world.path("another-tofu");
    std::fs::copy(tofu(), &another).unwrap();
    std::fs::OpenOptions::new().append(true).open(&another).unwrap().write_all(b"another").unwrap();
    configure(&world, &another, "backend: managed", "");
    world.commit("Change", &[("net/main.tf", Some(&ONE.replace("one", "two")))]);
    world.gitops(&["plan"]).expect(0).says("\"one\" → \"two\"");
    world.gitops(&["apply", "--yes"]).expect(0);
}

/// Met with a new backend in the configuration file: it was "drift", and with `sync.drift: report` it never came.
#[test]
fn another_backend_of_the_target_is_a_change_of_ours() {
    let world = World::empty();
    let backend = |folder: &str| format!("backend: {{ local: {{ path: \"./{folder}/{{root}}.tfstate\" }} }}");
    configure(&world, &tofu(), &backend("states"), "sync: { drift: report }\n");
    world.commit("Begin", &[("net/main.tf", Some(ONE))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    configure(&world, &tofu(), &backend("elsewhere"), "sync: { drift: report }\n");
    std::fs::create_dir_all(world.path("elsewhere")).unwrap();
    std::fs::copy(world.path("states/net.tfstate"), world.path("elsewhere/net.tfstate")).unwrap();
    let plan = world.gitops(&["plan"]).expect(3);
    plan.says("carried over from").says("elsewhere/net.tfstate").says("states/net.tfstate");
    world.gitops(&["drift"]).says("its target is configured otherwise");
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id]).expect(0).says("Applied: 1 change");
    world.commit("Change", &[("net/main.tf", Some(&ONE.replace("one", "two")))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let state = std::fs::read_to_string(world.path("elsewhere/net.tfstate")).unwrap();
    assert!(state.contains("\"two\""), "{state}");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
}

/// Met with a root that was given up and came back: the verb that the plan said to type knew no such object, and proposed another.
#[test]
fn a_blocked_root_that_is_not_ours_yet_is_known_by_the_name_that_the_plan_prints() {
    let world = World::empty();
    configure(&world, &tofu(), "backend: managed, removal: forget", "");
    world.commit("Begin", &[("x/main.tf", Some(ONE)), ("y/main.tf", Some(ONE))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Remove", &[("x/main.tf", None)]);
    let id = world.plan_id();
    world.gitops(&["apply", "--plan-id", &id]).expect(0);
    world.commit("Back", &[("x/main.tf", Some(ONE))]);
    let said = world.gitops(&["plan"]).expect(1);
    let line = said.stdout.split("line of states: ").nth(1).unwrap();
    let line: String = line.chars().take_while(|letter| *letter != ')').collect();
    world.gitops(&["confirm", "x", "state", "absent"]).expect(1);
    world.gitops(&["confirm", "x", "state", &line]).expect(0).says("tf:Root/-/x");
    world.gitops(&["apply", "--yes"]).expect(0);
}

/// Met with an output that the same commit renamed: "waits, nothing to do", and a fault only after the apply.
#[test]
fn an_output_that_a_plan_takes_away_is_a_fault_of_who_uses_it() {
    let world = World::empty();
    configure(&world, &tofu(), "backend: managed", "");
    let x = |name: &str| format!("{ONE}output \"{name}\" {{ value = terraform_data.x.output }}\n");
    let z = "variable \"o\" {}\nresource \"terraform_data\" \"z\" { input = var.o }\n";
    let inputs = |output: &str| format!(r#"{{"inputs": {{"o": {{"root": "x", "output": "{output}"}}}}}}"#);
    world.commit(
        "Typo",
        &[("x/main.tf", Some(&x("o"))), ("z/main.tf", Some(z)), ("z/gitops.json", Some(&inputs("oo")))],
    );
    world.gitops(&["plan"]).expect(1).says("output `oo` of").says("which will have: o");
    world.commit("Begin", &[("z/gitops.json", Some(&inputs("o")))]);
    world.gitops(&["plan"]).expect(0).says("it awaits the output `o`");
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Rename", &[("x/main.tf", Some(&x("renamed")))]);
    world.gitops(&["plan"]).expect(1).says("output `o` of").says("which will have: renamed");
    world.commit("Change", &[("x/main.tf", Some(&x("o").replace("one", "two")))]);
    world.gitops(&["plan"]).expect(0).says("it awaits the output `o`");
    world.gitops(&["apply", "--yes"]).expect(0);
}
