//! What was run for a resource is not run again without a word.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitops_core::*;
use gitops_terraform::StateServer;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::*;

/// Two resources, one after the other: the first one's script runs to its end, the second one's does this.
fn main(ran: &Path, second: &str) -> String {
    format!(
        "resource \"terraform_data\" \"a\" {{\n  provisioner \"local-exec\" {{ command = \"echo ran >> {}\" }}\n}}\n\
         resource \"terraform_data\" \"b\" {{\n  depends_on = [terraform_data.a]\n  \
         provisioner \"local-exec\" {{ command = \"{second}\" }}\n}}\n",
        ran.display()
    )
}

/// Kills the tool once it has written its id into a pipe.
async fn kill_tool(pipe: PathBuf) {
    // Whoever reads from the pipe waits until somebody writes.
    let at_work = tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe).unwrap());
    let id = at_work.await.unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
}

/// The tool was killed, and a script that had run to its end ran once more (bootstrap of machines).
#[tokio::test(flavor = "multi_thread")]
async fn a_provisioner_that_ran_before_the_tool_was_killed_waits_for_a_person() {
    for tool in tools() {
        waits_for_a_person(&tool).await;
    }
}

async fn waits_for_a_person(tool: &Path) {
    for with_server in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (ran, pipe) = (folder.path().join("ran"), folder.path().join("tool"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let hangs = format!("echo $PPID > {}; exec sleep 600", pipe.display());
        let mut world = World::new(&[("app/main.tf", &main(&ran, &hangs))]).with_tool(tool.to_owned());
        if with_server {
            let server = Arc::new(StateServer::new(Arc::new(MemoryStore::default())));
            world = world.built(move |builder| builder.state_server(server.clone()));
        }
        let (report, ()) = tokio::join!(world.apply(), kill_tool(pipe));
        assert!(!report.is_converged());
        let times = || std::fs::read_to_string(&ran).unwrap().lines().count();
        world.files.declare(&[("app/main.tf", &main(&ran, "true"))]);
        let mut why = String::new();
        for _ in 0..2 {
            let report = world.apply().await;
            assert!(report.results.is_empty(), "{report:?}");
            why = report.plan.blocked[0].why.to_string();
            assert!(why.contains("terraform_data.b ") && why.contains("a provisioner of it ran"), "{why}");
            assert_eq!(times(), 1, "{why}");
        }
        // The tool may have been killed before or after it wrote the first resource into its state.
        let doubted: Vec<&str> = ["terraform_data.a", "terraform_data.b"]
            .into_iter()
            .filter(|address| why.contains(&format!("{address} ")))
            .collect();
        for address in &doubted {
            world.target().confirm(&world.cx, &root_key("app"), address, "tester").await.unwrap();
        }
        assert!(world.apply().await.is_converged());
        assert_eq!(times(), doubted.len(), "only what a person said is made again: {why}");
        assert!(world.apply().await.results.is_empty());
    }
}

/// What a provisioner runs is in no plan: another command was covered by the approval of the first one.
#[tokio::test]
async fn an_approval_of_what_has_provisioners_is_of_the_files_that_say_what_they_run() {
    let module = "variable \"command\" {}\nresource \"terraform_data\" \"run\" {\n  \
                  provisioner \"local-exec\" { command = \"${var.command} done\" }\n}\n";
    let call = |command: &str| {
        format!("module \"m\" {{\n  source = \"../modules/m\"\n  command = \"{command}\"\n}}\n")
    };
    let first = "resource \"terraform_data\" \"a\" {}\n";
    let second = "resource \"terraform_data\" \"b\" {}\n";
    let world = World::new(&[("app/main.tf", first)]);
    assert!(world.apply().await.is_converged());
    let effect = async |more: &str| {
        let main = format!("{first}{more}");
        world.files.declare(&[("app/main.tf", &main), ("modules/m/main.tf", module)]);
        let plan = world.plan().await;
        assert_eq!(plan.steps.len(), 1, "{:?}", plan.blocked);
        (plan.effect().digest(), diff(&plan))
    };
    let (one, shown) = effect(&call("echo")).await;
    assert!(shown.iter().any(|field| field.starts_with("provisioners ")), "{shown:?}");
    assert_ne!(effect(&call("rm -r")).await.0, one);
    assert_eq!(effect(&call("echo")).await.0, one);
    // Where nothing of that runs, only what the tool would do counts.
    let (plain, shown) = effect(second).await;
    assert!(!shown.iter().any(|field| field.starts_with("provisioners ")), "{shown:?}");
    assert_eq!(effect(&format!("# words\n{second}")).await.0, plain);
}
