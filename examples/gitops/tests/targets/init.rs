//! What `init` writes is something that can be planned and applied as it is.

use std::path::Path;
use std::process::Command;

use crate::support::World;
use crate::{Cluster, tofu};

/// The repository that `init` asks for, with everything that it wrote.
fn commit(world: &World) {
    let git = |arguments: &[&str]| {
        let author = ["-c", "user.name=Alice", "-c", "user.email=alice@example.org"];
        let output =
            Command::new("git").current_dir(world.path(".")).args(author).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "Begin"]);
    let committed = git(&["ls-files"]);
    assert!(!committed.contains(".gitops/"), "no state is committed: {committed}");
}

fn begun(arguments: &[&str]) -> World {
    let world = World::empty();
    for part in ["gitops.yaml", "repository"] {
        let path = world.path(part);
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.unwrap();
    }
    world.gitops(&[&["init"], arguments].concat()).expect(0).says("git init").says("gitops plan");
    commit(&world);
    world
}

#[tokio::test]
async fn a_first_manifest_can_be_applied() {
    let cluster = Cluster::new().await;
    let world = begun(&["--kubernetes", "--name", "shop", "--namespace", &cluster.namespace]);
    let kubeconfig = cluster.world.path("kubeconfig");
    let run = |arguments: &[&str], kubeconfig: &Path| {
        let output = world.command(arguments).env("KUBECONFIG", kubeconfig).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    run(&["plan"], &kubeconfig);
    run(&["apply", "--yes"], &kubeconfig);
    assert_eq!(cluster.value("hello", "greeting").await.as_deref(), Some("Hello"));
}

#[test]
fn a_first_root_can_be_applied() {
    let tofu = tofu();
    let world = begun(&["--terraform", "--binary", tofu.to_str().unwrap()]);
    world.gitops(&["plan"]).expect(0).says("terraform_data.greeting");
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    world.gitops(&["why", "hello"]).expect(0).says("terraform_data.greeting");
    world.gitops(&["apply", "--yes"]).expect(0).says("No changes");
}
