//! Odds and ends of real roots.

use std::path::PathBuf;

use gitops_core::*;
use gitops_terraform::Terraform;

use crate::support::*;
use crate::things::*;

const LOCK: &str = "app/.terraform.lock.hcl";

async fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let world = World::new(files);
    let target = world.target();
    let error = world.engine(&target).await.plan(&world.cx).await.unwrap_err();
    error.diagnostics().iter().map(ToString::to_string).collect()
}

/// A clean apply left resources "in doubt" for ever, where keys held what begins a template or a hard space (names of people).
#[tokio::test]
async fn keys_of_any_text_are_known_again_in_the_state() {
    for tool in tools() {
        keys_are_known_again(tool).await;
    }
}

async fn keys_are_known_again(tool: PathBuf) {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let head = things.root(&[]);
    let main = format!(
        "{head}resource \"counting_thing\" \"t\" {{\n  for_each = toset([\"$${{x}}\", \"%%{{y\", \"a\u{a0}b\", \"q\\\"\"])\n\
         name = each.key\n  value = \"1\"\n}}\n"
    );
    let world =
        World::new(&[("app/main.tf", &main), (LOCK, &lock)]).built(|builder| builder.mirror(mirror()));
    let world = world.with_tool(tool);
    assert!(world.apply().await.is_converged());
    let live = world.live("app").await.unwrap();
    assert_eq!(live.components.len(), 4);
    assert!(live.components.iter().all(|component| component.trouble.is_none()), "{:?}", live.components);
    assert!(world.apply().await.results.is_empty());
}

/// The removal of a root failed for a picture among its files (user data, certificates).
#[tokio::test]
async fn a_root_that_reads_a_file_of_bytes_is_removed_with_it() {
    for tool in tools() {
        is_removed_with_its_file(tool).await;
    }
}

async fn is_removed_with_its_file(tool: PathBuf) {
    let main = "resource \"terraform_data\" \"a\" { input = filebase64(\"${path.module}/logo.png\") }\n";
    let world = World::new(&[]).with_tool(tool);
    let mut root = gitops_terraform::RootModule::new(
        "app",
        [
            ("app/main.tf".to_owned(), Value::from(main)),
            ("app/logo.png".to_owned(), Value::text_or_bytes(vec![0xff, 0, 0xfe])),
        ]
        .into(),
    );
    root.removal = gitops_terraform::Removal::Destroy;
    let target = world.target();
    let at = Provenance::new("files", "1", "app/main.tf", 1);
    let object = std::sync::Arc::new(Object::new(root_key("app"), root.into_body(), at));
    let native = target.dry_run().unwrap();
    let preview = native.preview(&world.cx, &object.key, Some(&object), None).await.unwrap();
    let owner_label = |op: &str| OwnerLabel { owner: "shop/1".into(), op: op.into() };
    let change = Change::Create {
        object: object.clone(),
        owner_label: owner_label("1"),
        preview: Some(preview.digest),
    };
    target.apply(&world.cx, &change).await.unwrap();
    let live = world.live("app").await.unwrap();
    let preview = native.preview(&world.cx, &object.key, None, Some(&live)).await.unwrap();
    let change = Change::Delete {
        key: object.key.clone(),
        expect: Expect::from(&live),
        owner_label: owner_label("2"),
        preview: Some(preview.digest),
    };
    assert_eq!(target.apply(&world.cx, &change).await.unwrap(), Applied::Absent);
    assert_eq!(world.live("app").await, None);
}

/// A variable of the environment was named and never arrived (pipelines).
#[tokio::test]
async fn a_variable_that_can_not_be_handed_on_is_refused() {
    let world = World::new(&[]);
    for name in ["TF_VAR_region", "HOME", "TF_LOG"] {
        let opened = Terraform::builder(tofu(), world.work()).pass_env(name).open(&world.cx);
        let error = opened.err().unwrap().to_string();
        assert!(error.contains(name) && error.contains("can't be handed on"), "{error}");
    }
}

/// Roots read a file that teams share (one inventory for many roots).
#[tokio::test]
async fn files_outside_a_root_are_there_if_they_are_listed() {
    let main = ("app/main.tf", "output \"o\" { value = file(\"../shared/list.txt\") }\n");
    let (list, settings) =
        (("shared/list.txt", "one"), ("app/gitops.json", r#"{"files": ["shared/list.txt"]}"#));
    let world = World::new(&[main, list, settings]);
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("app").await.unwrap().outputs["o"].to_string(), "\"one\"");
    world.files.declare(&[main, ("shared/list.txt", "two"), settings]);
    assert_eq!(world.plan().await.steps.len(), 1, "a change of the file is a change of the root");
    assert!(faults(&[main, settings]).await[0].contains("the source has no such file"));
}

/// A cloud block had the plan made elsewhere, so that what was shown was not what was kept (hosted services).
#[tokio::test]
async fn a_cloud_block_is_refused_with_the_way_out() {
    let main = ("app/main.tf", "terraform {\n  cloud {\n    organization = \"o\"\n  }\n}\n");
    let fault = faults(&[main]).await.remove(0);
    assert!(fault.contains("GO0510") && fault.contains("app/main.tf"), "{fault}");
}
