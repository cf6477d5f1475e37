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
