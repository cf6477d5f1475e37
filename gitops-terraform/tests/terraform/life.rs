use gitops_core::*;

use crate::support::*;

const MAIN: &str = r#"
variable "size" { default = 1 }
resource "terraform_data" "a" { input = var.size }
output "size" { value = terraform_data.a.output }
"#;

#[tokio::test]
async fn a_root_is_planned_applied_and_then_left_alone() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    let plan = world.plan().await;
    assert_eq!(plan.steps.len(), 1);
    assert_eq!((&plan.steps[0].key, plan.steps[0].action), (&root_key("app"), Action::Create));
    assert!(diff(&plan).iter().any(|line| line.starts_with("create/terraform_data.a")), "{:?}", diff(&plan));
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(report.plan.id, plan.id, "a second process makes the same plan");
    let live = world.live("app").await.unwrap();
    assert_eq!(live.outputs["size"].to_string(), "1");

    let target = world.target();
    let mut engine = world.engine(&target).await;
    let report = converge(&world.cx, &mut engine).await;
    assert!(report.results.is_empty());
    assert_eq!(target.processes(), 0, "an unchanged root starts no process");
}

#[tokio::test]
async fn a_change_shows_what_it_does_and_a_comment_does_nothing() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    world.apply().await;
    world.files.declare(&[("app/main.tf", &format!("# a word\n{MAIN}"))]);
    assert!(world.apply().await.results.is_empty());
    world.files.declare(&[("app/main.tf", &MAIN.replace("default = 1", "default = 2"))]);
    let plan = world.plan().await;
    assert_eq!(
        diff(&plan),
        [
            "output/size 1 → \"(known after apply)\"",
            "update/terraform_data.a/input 1 → 2",
            "update/terraform_data.a/output 1 → \"(known after apply)\""
        ]
    );
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("app").await.unwrap().outputs["size"].to_string(), "2");
}

#[tokio::test]
async fn a_workspace_is_the_one_that_is_declared() {
    let world = World::new(&[("app/main.tf", MAIN), ("app/gitops.json", r#"{"workspace": "blue"}"#)]);
    assert!(world.apply().await.is_converged());
    let state = world.root_folder().join("tree/app/terraform.tfstate.d/blue/terraform.tfstate");
    assert!(std::fs::read_to_string(state).unwrap().contains("terraform_data"));
    assert!(world.apply().await.results.is_empty());
}

#[tokio::test]
async fn a_move_is_shown_and_makes_nothing_anew() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    world.apply().await;
    let moved = MAIN.replace("terraform_data\" \"a\"", "terraform_data\" \"b\"").replace("data.a", "data.b");
    let moved = format!("{moved}moved {{\n  from = terraform_data.a\n  to   = terraform_data.b\n}}\n");
    world.files.declare(&[("app/main.tf", &moved)]);
    let plan = world.plan().await;
    assert_eq!(diff(&plan), ["move/terraform_data.b \"terraform_data.a\" → \"terraform_data.b\""]);
    assert!(world.apply().await.is_converged());
    let found = world.target().resources(&world.cx, &root_key("app")).await.unwrap();
    let addresses: Vec<&str> = found.iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(addresses, ["terraform_data.b"]);
}

#[tokio::test]
async fn variables_win_over_files_and_keep_every_digit() {
    let main = "variable \"x\" {}\nvariable \"y\" { default = 0 }\noutput \"x\" { value = var.x }\noutput \"y\" { value = var.y }\n";
    let settings = r#"{"var_files": ["prod.tfvars"], "variables": {"x": 12345678901234567890123}}"#;
    let files = [
        ("app/main.tf", main),
        ("app/terraform.tfvars", "x = 1\ny = 1\n"),
        ("app/prod.tfvars", "x = 2\ny = 2\n"),
        ("app/gitops.json", settings),
    ];
    let world = World::new(&files);
    assert!(world.apply().await.is_converged());
    let outputs = world.live("app").await.unwrap().outputs;
    let number = |text: &str| Value::Number(text.parse().unwrap());
    assert_eq!(outputs["x"], number("12345678901234567890123"));
    assert_eq!(outputs["y"], number("2"));
}
