//! Secrets are in states and saved plans, and nowhere else.

use std::path::Path;

use gitops_core::*;
use gitops_terraform::TerraformRender;

use crate::support::*;

const CANARY: &str = "canary-7f3a9";
const OLD: &str = "canary-0ld1b";

fn secret(text: &str) -> Value {
    Value::Secret(Secret::new(text, &SecretKey::new([3; 32])))
}

fn rendered(text: &str) -> TerraformRender {
    TerraformRender::new("tf").variable("password", secret(text))
}

/// Everything that was written, outside of what the tool keeps for itself: states and saved plans.
fn leaks(folder: &Path) -> Vec<String> {
    let is_theirs = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("terraform.tfstate") || path.extension().is_some_and(|end| end == "tfplan")
    };
    let holds = |path: &&std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        forms().iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
    };
    let files = files_below(folder);
    let files: Vec<_> = files.into_iter().filter(|path| !is_theirs(path)).collect();
    assert!(files.len() > 10, "there is something to look at");
    files.iter().filter(holds).map(|path| path.display().to_string()).collect()
}

/// The secrets as they are and as they are encoded by those who print them.
fn forms() -> Vec<String> {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    [CANARY, OLD].iter().flat_map(|text| [(*text).to_owned(), hex(text)]).collect()
}

fn assert_hidden(text: &str) {
    forms().iter().for_each(|form| assert!(!text.contains(form), "{text}"));
}

fn shown(plan: &Plan) -> String {
    format!("{plan:?} {} {:?}", serde_json::to_string(plan).unwrap(), diff(plan))
}

const MAIN: &str = r#"
variable "password" { type = string }
resource "terraform_data" "a" { input = "user:${var.password}" }
resource "terraform_data" "b" { input = terraform_data.a.output }
output "url" {
  value     = "https://${var.password}@host"
  sensitive = true
}
"#;

#[tokio::test]
async fn a_secret_variable_is_hidden_from_its_first_plan_to_its_change() {
    let mut world = World::new(&[("app/main.tf", MAIN)]).rendered(rendered(OLD));
    let plan = world.plan().await;
    assert_hidden(&shown(&plan));
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    let live = world.live("app").await.unwrap();
    assert_hidden(&format!("{live:?} {}", serde_json::to_string(&live.outputs).unwrap()));

    world = world.rendered(rendered(CANARY));
    let plan = world.plan().await;
    assert_eq!(plan.steps.len(), 1);
    assert_hidden(&shown(&plan));
    assert!(world.apply().await.is_converged());
    assert_eq!(leaks(world.folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn an_error_that_quotes_a_secret_hides_it() {
    let main = r#"
variable "password" { type = string }
resource "terraform_data" "a" {
  provisioner "local-exec" { command = "echo told: ${nonsensitive(var.password)}; exit 3" }
}
"#;
    let world = World::new(&[("app/main.tf", main)]).rendered(rendered(CANARY));
    let report = world.apply().await;
    let StepOutcome::Unknown { error, .. } = &report.results[0].outcome else {
        panic!("{:?}", report.results)
    };
    assert!(error.contains("exit status 3"), "{error}");
    assert_hidden(&format!("{report:?}"));
    assert_hidden(&shown(&world.plan().await));
    assert_eq!(leaks(world.folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_credential_of_the_environment_reaches_the_tool_and_is_hidden() {
    let main = r#"
resource "terraform_data" "a" {
  provisioner "local-exec" { command = "echo told: $SHOP_TOKEN; exit $${#SHOP_TOKEN}" }
}
"#;
    let token = || Secret::new(CANARY, &SecretKey::new([3; 32]));
    let world = World::new(&[("app/main.tf", main)]);
    let world = world.built(move |builder| builder.secret_env("SHOP_TOKEN", token()));
    let report = world.apply().await;
    let StepOutcome::Unknown { error, .. } = &report.results[0].outcome else {
        panic!("{:?}", report.results)
    };
    assert!(error.contains(&format!("exit status {}", CANARY.len())), "{error}");
    assert!(error.contains("told: (sensitive)"), "{error}");
    assert_hidden(&format!("{report:?}"));
    assert_eq!(leaks(world.folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_fault_that_quotes_a_secret_hides_it() {
    let main = r#"
variable "password" {
  type = string
  validation {
    condition     = length(var.password) < 3
    error_message = "not good: ${nonsensitive(var.password)}"
  }
}
"#;
    let world = World::new(&[("app/main.tf", main)]).rendered(rendered(CANARY));
    let plan = world.plan().await;
    let why = plan.blocked[0].why.to_string();
    assert!(why.contains("not good"), "{why}");
    assert_hidden(&why);
    assert_eq!(leaks(world.folder.path()), Vec::<String>::new());
}
