//! The older versions of the tool that the documentation names do what the newest does.

use gitops_core::*;
use gitops_terraform::TerraformRender;

use crate::support::*;

fn main(default: u8) -> String {
    format!(
        "variable \"size\" {{ default = {default} }}\nvariable \"pw\" {{}}\n\
         resource \"terraform_data\" \"a\" {{ input = \"${{var.size}} ${{var.pw}}\" }}\n\
         output \"size\" {{ value = var.size }}\n"
    )
}

/// Older tools refuse variables beside a saved plan, and every apply failed (pinned tool versions).
#[tokio::test]
async fn a_root_with_variables_lives_from_its_first_apply_to_its_end_on_older_tools() {
    for tool in older_tofus() {
        lives_on(tool).await;
    }
}

async fn lives_on(tool: std::path::PathBuf) {
    let secret = Value::Secret(Secret::new("canary-11aa", &SecretKey::new([3; 32])));
    let settings = ("app/gitops.json", r#"{"var_files": ["size.tfvars"], "removal": "destroy"}"#);
    let mut world = World::new(&[("app/main.tf", &main(1)), settings, ("app/size.tfvars", "size = 2\n")])
        .rendered(TerraformRender::new("tf").variable("pw", secret));
    world.tool = tool;
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("app").await.unwrap().outputs["size"].to_string(), "2");
    world.files.declare(&[("app/main.tf", &main(1)), settings, ("app/size.tfvars", "size = 3\n")]);
    let plan = world.plan().await;
    assert!(!format!("{plan:?}").contains("canary"), "{plan:?}");
    assert!(world.apply().await.is_converged());
    assert!(world.apply().await.results.is_empty());
    let open = TerraformRender::new("tf").variable("pw", Value::from("open"));
    world = world.rendered(open);
    assert!(world.apply().await.is_converged());
    world.files.declare(&[]);
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("app").await, None);
}
