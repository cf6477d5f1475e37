//! A root reads its own files and what the machine shows to all, and nothing that is ours.

use std::path::PathBuf;
use std::sync::Arc;

use gitops_core::*;
use gitops_terraform::StateServer;

use crate::support::*;

fn reads(path: &str) -> String {
    format!("output \"read\" {{ value = file(\"{path}\") }}\n")
}

/// A change request printed the state of another team's root, and the credentials of the run (shared runners).
#[tokio::test]
async fn a_plan_reads_no_other_root_no_state_of_ours_and_no_environment() {
    for tool in tools() {
        reads_nothing_of_ours(tool).await;
    }
}

async fn reads_nothing_of_ours(tool: PathBuf) {
    let other = ("other/main.tf", "resource \"terraform_data\" \"a\" { input = \"canary-3e77\" }\n");
    let world = World::new(&[other]).with_tool(tool);
    assert!(world.apply().await.is_converged());
    let state = world.root_folder().join("tree/other/terraform.tfstate");
    assert!(std::fs::read_to_string(&state).unwrap().contains("canary-3e77"));
    let key = world.work().join("key");
    for path in
        [state.to_str().unwrap(), key.to_str().unwrap(), "/proc/self/environ", "/proc/thread-self/environ"]
    {
        world.files.declare(&[other, ("app/main.tf", &reads(path))]);
        let plan = world.plan().await;
        assert!(plan.steps.is_empty(), "{path}: {:?}", diff(&plan));
        let why = plan.blocked[0].why.to_string();
        assert!(why.contains("permission denied") && !why.contains("canary"), "{path}: {why}");
    }
    let beside = world.folder.path().join("beside");
    std::fs::write(&beside, "open").unwrap();
    world.files.declare(&[other, ("app/main.tf", &reads(beside.to_str().unwrap()))]);
    assert_eq!(world.plan().await.steps.len(), 1, "what is not ours is read as before");
}

/// The state of a root was taken through the port that a killed run had left (shared machines).
#[tokio::test]
async fn the_state_server_is_believed_by_a_certificate_of_its_own() {
    for tool in tools() {
        is_believed_by_its_certificate(tool).await;
    }
}

async fn is_believed_by_its_certificate(tool: PathBuf) {
    let server = Arc::new(StateServer::new(Arc::new(MemoryStore::default())));
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("environment");
    let main = format!(
        "resource \"terraform_data\" \"a\" {{\n  provisioner \"local-exec\" {{ command = \"env > {}\" }}\n}}\n",
        told.display()
    );
    let world = World::new(&[("app/main.tf", &main)])
        .with_tool(tool)
        .built(move |builder| builder.state_server(server.clone()));
    assert!(world.apply().await.is_converged());
    let text = std::fs::read_to_string(&told).unwrap();
    assert!(text.contains("TF_HTTP_ADDRESS=https://127.0.0.1:"), "{text}");
    assert!(text.contains("BEGIN CERTIFICATE"), "{text}");
}

/// Whoever found the port asked for states (shared machines): only the run of a root that knows its password is answered.
#[tokio::test]
async fn the_state_server_answers_no_other_password_no_other_user_and_no_other_root() {
    for tool in tools() {
        is_answered_alone(tool).await;
    }
}

async fn is_answered_alone(tool: PathBuf) {
    let server = Arc::new(StateServer::new(Arc::new(MemoryStore::default())));
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
      cd FOLDER
      ask() { curl -sS -o body -w '%%{http_code} ' --noproxy '*' --insecure "$@" >> told 2>> faults || true; }
      ask -u "$TF_HTTP_USERNAME:$TF_HTTP_PASSWORD" "$TF_HTTP_ADDRESS"
      ask "$TF_HTTP_ADDRESS"
      ask -u "$TF_HTTP_USERNAME:wrong" "$TF_HTTP_ADDRESS"
      ask -u "somebody:$TF_HTTP_PASSWORD" "$TF_HTTP_ADDRESS"
      other=$(printf %s "$TF_HTTP_ADDRESS" | sed 's#/states/[0-9a-f]*#/states/0123456789012345678901234567890123456789#')
      ask -u "$TF_HTTP_USERNAME:$TF_HTTP_PASSWORD" "$other"
      ask -u "$TF_HTTP_USERNAME:$TF_HTTP_PASSWORD" "$TF_HTTP_ADDRESS"x
"#;
    let script = script.replace("FOLDER", folder.path().to_str().unwrap());
    let main = |input: u8| {
        format!(
            "resource \"terraform_data\" \"before\" {{ input = 1 }}\nresource \"terraform_data\" \"a\" {{\n  \
             triggers_replace = {input}\n  provisioner \"local-exec\" {{\n    command = <<-EOT{script}    EOT\n  }}\n}}\n"
        )
    };
    let world = World::new(&[("app/main.tf", &main(1))])
        .with_tool(tool)
        .built(move |builder| builder.state_server(server.clone()));
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    std::fs::remove_file(folder.path().join("told")).unwrap();
    // Now there is a state.
    world.files.declare(&[("app/main.tf", &main(2))]);
    assert!(world.apply().await.is_converged());
    let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
    let faults = std::fs::read_to_string(folder.path().join("faults")).unwrap();
    assert_eq!(told, "200 401 401 401 401 401 ", "{faults}");
}
