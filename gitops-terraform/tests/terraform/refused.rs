//! What is refused, and what is said about it.

use gitops_core::*;
use gitops_terraform::{Terraform, TerraformRender};

use crate::support::*;

/// Why the only root is blocked.
async fn blocked(world: &World) -> String {
    let plan = world.plan().await;
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    plan.blocked[0].why.to_string()
}

async fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let world = World::new(files);
    let target = world.target();
    let error = world.engine(&target).await.plan(&world.cx).await.unwrap_err();
    error.diagnostics().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_fault_of_the_configuration_names_file_and_line() {
    let world =
        World::new(&[("app/main.tf", "resource \"terraform_data\" \"a\" {\n  input = var.none\n}\n")]);
    let why = blocked(&world).await;
    assert!(why.contains("main.tf:2") && why.contains("undeclared input variable"), "{why}");
}

#[tokio::test]
async fn a_variable_without_a_value_is_named() {
    let world = World::new(&[("app/main.tf", "variable \"needed\" {}\n")]);
    let why = blocked(&world).await;
    assert!(why.contains("No value for required variable") && why.contains("needed"), "{why}");
}

#[tokio::test]
async fn a_resource_that_must_not_be_destroyed_is_not() {
    let main = "resource \"terraform_data\" \"a\" {\n  triggers_replace = 1\n  lifecycle { prevent_destroy = true }\n}\n";
    let world = World::new(&[("app/main.tf", main)]);
    world.apply().await;
    world.files.declare(&[("app/main.tf", &main.replace("= 1", "= 2"))]);
    let why = blocked(&world).await;
    assert!(why.contains("cannot be destroyed") && why.contains("terraform_data.a"), "{why}");
}

#[tokio::test]
async fn hostile_files_are_refused_with_their_place() {
    let main = ("app/main.tf", "");
    assert!(faults(&[main, ("app/x_override.tf", "")]).await[0].contains("GO0502"), "override");
    assert!(
        faults(&[main, ("app/terraform.d/plugins/x", "")]).await[0].contains("app/terraform.d/plugins/x")
    );
    assert!(faults(&[main, ("app/terraform.tfstate", "{}")]).await[0].contains("holds them in clear"));
    let outside = ("app/main.tf", "module \"m\" {\n  source = \"../../m\"\n}\n");
    let fault = faults(&[outside]).await.remove(0);
    assert!(fault.contains("GO0504") && fault.contains("app/main.tf:2"), "{fault}");
    let both = [("app/main.tf", "module \"m\" { source = \"../net\" }"), ("net/main.tf", "")];
    assert!(faults(&both).await[0].contains("GO0505"));
    let slip = [main, ("app/gitops.json", r#"{"workspce": "x"}"#)];
    assert!(faults(&slip).await[0].contains("unknown field `workspce`"));
}

#[tokio::test]
async fn a_module_is_part_of_the_roots_that_call_it_and_no_root() {
    let module = "variable \"n\" {}\nresource \"terraform_data\" \"x\" { input = var.n }\n";
    let call = |n: u8| format!("module \"m\" {{\n  source = \"../modules/m\"\n  n = {n}\n}}\n");
    let files = [
        ("a/main.tf", call(1)),
        ("b/main.tf", call(2)),
        ("modules/m/main.tf", module.to_owned()),
        ("c/main.tf", String::new()),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    let world = World::new(&files);
    assert!(world.apply().await.is_converged());
    let mut changed = files;
    let module = module.replace("input = var.n", "input = var.n + 1");
    changed[2].1 = &module;
    world.files.declare(&changed);
    let plan = world.plan().await;
    let keys: Vec<&Key> = plan.steps.iter().map(|step| &step.key).collect();
    assert_eq!(keys, [&root_key("a"), &root_key("b")]);
}

#[tokio::test]
async fn a_program_that_is_missing_or_another_one_is_named() {
    let world = World::new(&[("app/main.tf", "")]);
    for (program, said) in
        [("/nowhere/tofu", "no program `/nowhere/tofu`"), ("/bin/echo", "neither OpenTofu nor Terraform")]
    {
        let target = Terraform::builder(program, world.work()).open(&world.cx).unwrap();
        let plan = world.engine(&target).await.plan(&world.cx).await.unwrap();
        let why = plan.blocked[0].why.to_string();
        assert!(why.contains(said), "{why}");
    }
}

#[tokio::test]
async fn a_listed_root_is_one_and_others_are_none() {
    let files = [("a/modules/x/main.tf", "resource \"terraform_data\" \"a\" {}"), ("b/main.tf", "")];
    let world = World::new(&files).rendered(TerraformRender::new("tf").roots(["a/modules/x"]));
    let plan = world.plan().await;
    assert_eq!(plan.steps.iter().map(|step| step.key.name().to_owned()).collect::<Vec<_>>(), ["a/modules/x"]);
}
