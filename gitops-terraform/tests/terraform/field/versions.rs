//! The older versions of the tool that the documentation names do what the newest does.

use gitops_core::*;
use gitops_terraform::TerraformRender;

use crate::support::*;
use crate::things::*;

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

/// A provider that died left a creation of which nobody knew the outcome: a person ends that, whatever the version (pinned tools).
#[tokio::test]
async fn a_doubt_that_a_person_ended_stays_ended_on_every_tool() {
    let lock = lock_file(&["gitops/counting"]);
    for tool in tools() {
        for exists in [false, true] {
            ends(tool.clone(), &lock, exists).await;
        }
    }
}

async fn ends(tool: std::path::PathBuf, lock: &str, exists: bool) {
    let things = Things::start().await;
    let main = things.root(&[("lost", "1")]);
    let world = World::new(&[("app/main.tf", &main), ("app/.terraform.lock.hcl", lock)]);
    let world = world.built(|builder| builder.mirror(mirror())).with_tool(tool);
    things.with(|inner| inner.deadly.insert("lost".to_owned()));
    assert!(!world.apply().await.is_converged());
    things.with(|inner| inner.deadly.clear());
    for _ in 0..2 {
        let report = world.apply().await;
        let why = report.plan.blocked[0].why.to_string();
        assert!(report.results.is_empty() && why.contains("may have been created"), "{why}");
    }
    let (key, address) = (root_key("app"), "counting_thing.lost");
    let confirmed = match exists {
        true => world.target().confirm_exists(&world.cx, &key, address, "thing-0", "ann").await,
        false => world.target().confirm(&world.cx, &key, address, "ann").await,
    };
    confirmed.unwrap();
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    let made = if exists { 1 } else { 2 };
    assert_eq!(
        things.names(),
        vec!["lost"; made],
        "it is made again only if a person said that it is not there"
    );
    assert!(world.apply().await.results.is_empty());
}
