//! From a commit in a Git repository to resources behind a provider.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use gitops_core::*;
use gitops_git::GitSource;
use gitops_terraform::{Destructive, TerraformRender};

use crate::support::*;
use crate::things::*;

fn git(folder: &Path, arguments: &[&str]) {
    let identity =
        ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").args(identity).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn commit(repository: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = repository.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(repository, &["add", "-A"]);
    git(repository, &["commit", "-q", "-m", "Declare"]);
}

#[tokio::test]
async fn a_commit_becomes_resources_and_a_loss_needs_an_approval() {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting", "hashicorp/time"]));
    let world = World::new(&[]).built(|builder| builder.mirror(mirror()));
    let repository = world.folder.path().join("repository");
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "-q"]);
    let time = "resource \"time_static\" \"then\" {}\noutput \"then\" { value = time_static.then.rfc3339 }\n";
    let providers = |list: &[(&str, &str)]| {
        let required = "time = { source = \"providers.example/hashicorp/time\" }\n    counting =";
        format!("{}{time}", things.root(list).replacen("counting =", required, 1))
    };
    let main = providers(&[("a", "1"), ("b", "1")]);
    commit(&repository, &[("infra/app/main.tf", &main), ("infra/app/.terraform.lock.hcl", &lock)]);

    let source = || {
        let mirrors = world.folder.path().join("mirrors");
        GitSource::builder(repository.display().to_string()).mirrors(mirrors).build().unwrap()
    };
    let target = world.target();
    let mut engine = Engine::builder("shop")
        .source(Arc::new(source()))
        .render(Arc::new(TerraformRender::new("tf")))
        .target("tf", Arc::new(target.clone()))
        .gate(Arc::new(Destructive::default()))
        .state(world.state().await)
        .open(&world.cx)
        .await
        .unwrap();
    let report = converge(&world.cx, &mut engine).await;
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(things.names(), ["a", "b"]);
    let processes = target.processes();
    assert!(engine.pass(&world.cx).await.unwrap().results.is_empty());
    assert_eq!(target.processes(), processes, "nothing changed, and no process was started");

    commit(&repository, &[("infra/app/main.tf", &providers(&[("a", "2")]))]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let provenance = plan.steps[0].provenance.clone().unwrap();
    assert_eq!(provenance.path, "infra/app/main.tf");
    let any = Approval::of_any_plan("tester");
    let error = engine.apply(&world.cx, &plan, &any).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsApproval);
    assert!(error.to_string().contains("delete counting_thing.b"), "{error}");
    assert_eq!(things.names(), ["a", "b"], "nothing was done");
    assert!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().is_converged());
    assert_eq!(things.names(), ["a"]);
}
