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
    assert!(engine.reconcile(&world.cx).await.unwrap().results.is_empty());
    assert_eq!(target.processes(), processes, "nothing changed, and no process was started");

    commit(&repository, &[("infra/app/main.tf", &providers(&[("a", "2")]))]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let provenance = plan.steps[0].provenance.clone().unwrap();
    assert_eq!(provenance.path, "infra/app/main.tf");
    let any = ApplyOptions::by("tester");
    let error = engine.apply(&world.cx, &plan, &any).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsApproval);
    assert!(error.to_string().contains("delete counting_thing.b"), "{error}");
    assert_eq!(things.names(), ["a", "b"], "nothing was done");
    assert!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().is_converged());
    assert_eq!(things.names(), ["a"]);
}

/// One link among documents stopped every root of a repository.
#[tokio::test]
async fn a_link_beside_the_roots_is_a_warning_and_one_that_a_root_reads_is_a_fault() {
    let (folder, cx) = (tempfile::tempdir().unwrap(), Cx::system());
    let repository = folder.path().join("repository");
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "-q"]);
    let source = GitSource::builder(repository.display().to_string())
        .mirrors(folder.path().join("mirrors"))
        .build()
        .unwrap();
    let rendered = async || {
        let snapshot = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
        Renderer::new(Arc::new(TerraformRender::new("tf"))).render(&cx, &snapshot)
    };
    let link = |target: &str, path: &str| std::os::unix::fs::symlink(target, repository.join(path)).unwrap();
    commit(
        &repository,
        &[("app/main.tf", "locals {}\n"), ("docs/guide.md", "x"), ("shared/common.tf", "locals {}\n")],
    );
    link("docs/guide.md", "README.md");
    link("docs", "handbook");
    commit(&repository, &[]);
    let found = rendered().await.unwrap();
    assert_eq!(found.desired.objects().len(), 2);
    let warnings: Vec<String> =
        found.warnings.iter().map(|warning| format!("{} {}", warning.code, warning.path)).collect();
    assert_eq!(warnings, ["GO0203 README.md", "GO0203 handbook"]);
    // A root without one of its files would be another root, and so would one whose module is not read.
    let module = "module \"m\" {\n  source = \"../linked/m\"\n}\n";
    for (target, path, text) in
        [("../shared/common.tf", "app/common.tf", "locals {}\n"), ("shared", "linked", module)]
    {
        link(target, path);
        commit(&repository, &[("app/main.tf", text)]);
        let error = rendered().await.unwrap_err();
        let faults: Vec<&str> = error.diagnostics().iter().map(|fault| fault.code).collect();
        assert_eq!(faults, ["GO0203"], "{path}: {error:?}");
        std::fs::remove_file(repository.join(path)).unwrap();
    }
    // A link in the place of a configuration could be a root.
    std::fs::create_dir(repository.join("other")).unwrap();
    link("../shared/common.tf", "other/main.tf");
    commit(&repository, &[("app/main.tf", "locals {}\n")]);
    assert!(rendered().await.is_err());
}
