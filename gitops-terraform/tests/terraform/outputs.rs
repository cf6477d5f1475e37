//! Outputs of one root are variables of another.

use gitops_core::*;

use crate::support::*;

const UP: &str = r#"
variable "n" { default = 1 }
resource "terraform_data" "a" { input = var.n }
output "number" { value = terraform_data.a.output }
output "password" {
  value     = "canary-of-the-output-${var.n}"
  sensitive = true
}
output "exact" { value = 12345678901234567890123 }
"#;
const DOWN: &str = r#"
variable "number" { type = number }
variable "password" { type = string }
variable "exact" {}
resource "terraform_data" "b" { input = [var.number, var.password, var.exact] }
output "sum" { value = var.number + 1 }
"#;
const INPUTS: &str = r#"{"inputs": {
  "number": {"root": "up", "output": "number"},
  "password": {"root": "up", "output": "password"},
  "exact": {"key": "tf:Root/-/up", "output": "exact"}
}}"#;

fn files(up: &str) -> [(&str, &str); 3] {
    [("up/main.tf", up), ("down/main.tf", DOWN), ("down/gitops.json", INPUTS)]
}

async fn converged(world: &World) -> usize {
    for pass in 1..5 {
        if world.apply().await.is_converged() {
            return pass;
        }
    }
    panic!("not converged");
}

#[tokio::test]
async fn a_chain_is_planned_on_true_outputs_only() {
    let world = World::new(&files(UP));
    let plan = world.plan().await;
    assert_eq!(plan.steps.iter().map(|step| step.key.name()).collect::<Vec<_>>(), ["up"]);
    assert!(matches!(plan.blocked[0].why, BlockedBecause::AwaitsOutput { .. }), "{:?}", plan.blocked);
    assert!(converged(&world).await <= 3);
    assert_eq!(world.live("down").await.unwrap().outputs["sum"].to_string(), "2");

    let up = UP.replace("default = 1", "default = 5");
    world.files.declare(&files(&up));
    assert!(converged(&world).await <= 3);
    assert_eq!(world.live("down").await.unwrap().outputs["sum"].to_string(), "6");
}

#[tokio::test]
async fn a_sensitive_output_stays_hidden_on_its_way() {
    let world = World::new(&files(UP));
    converged(&world).await;
    let live = world.live("up").await.unwrap();
    assert!(matches!(live.outputs["password"], Value::Secret(_)));
    world.files.declare(&files(&UP.replace("default = 1", "default = 2")));
    world.apply().await;
    let plan = world.plan().await;
    let text = format!("{plan:?} {:?} {}", diff(&plan), serde_json::to_string(&plan).unwrap());
    assert!(plan.steps.iter().any(|step| step.key.name() == "down"), "{plan:?}");
    assert!(!text.contains("canary-of-the-output"), "{text}");
}

#[tokio::test]
async fn an_output_that_is_not_there_holds_who_needs_it_and_no_other() {
    let up = UP.replace("output \"number\"", "output \"another\"");
    let mut files = files(&up).to_vec();
    files.push(("other/main.tf", "resource \"terraform_data\" \"c\" {}"));
    let world = World::new(&files);
    world.apply().await;
    let plan = world.plan().await;
    assert!(plan.steps.is_empty());
    assert_eq!(plan.blocked.iter().map(|blocked| blocked.key.name()).collect::<Vec<_>>(), ["down"]);
    assert!(world.live("other").await.is_some());
}
