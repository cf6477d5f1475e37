//! The jobs to copy are ones that their systems take, and run the review without the request's files.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gitops_k8s::yaml::{self, Data, Dialect, Document, Node, YamlLimits};

fn jobs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/gitops/ci")
}

fn read(name: &str) -> Document {
    let bytes = fs::read(jobs().join(name)).unwrap();
    // GitHub, GitLab and Gitea read YAML 1.2: `on` is a word.
    yaml::read(name, &bytes, Dialect::KyamlV3, &YamlLimits::default()).unwrap().remove(0)
}

fn actionlint() -> PathBuf {
    let place = std::env::var_os("GITOPS_ACTIONLINT");
    place.expect("GITOPS_ACTIONLINT names the program: run `cargo xtask test --only ci`").into()
}

/// Gitea and Forgejo take the workflows of GitHub, so both are looked over.
#[test]
fn the_workflows_are_ones_that_github_takes() {
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("actionlint.yaml");
    fs::write(&labels, "self-hosted-runner: { labels: [gitops] }\n").unwrap();
    for name in ["github.yaml", "gitea.yaml"] {
        let mut look = Command::new(actionlint());
        look.arg("-config-file").arg(&labels).args(["-no-color", "-shellcheck=", "-pyflakes="]);
        let looked = look.arg(jobs().join(name)).output().unwrap();
        assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stdout));
    }
    let broken = folder.path().join("broken.yaml");
    let text = fs::read_to_string(jobs().join("github.yaml")).unwrap().replace("runs-on", "runs_on");
    fs::write(&broken, text).unwrap();
    let looked =
        Command::new(actionlint()).args(["-shellcheck=", "-pyflakes="]).arg(&broken).output().unwrap();
    assert!(!looked.status.success(), "the linter sees a mistake");
}

/// What a job of GitLab may say, of its documentation (`Keywords`), as far as the file uses it.
const GITLAB: [&str; 9] =
    ["artifacts", "resource_group", "rules", "script", "stage", "tags", "timeout", "variables", "needs"];

#[test]
fn the_job_of_gitlab_says_what_gitlab_knows() {
    let Data::Map(all) = &read("gitlab.yaml").root.data else { panic!("it is a mapping of jobs") };
    for job in all {
        let Data::Map(keys) = &job.value.data else { panic!("{} is no job", job.name) };
        for key in keys {
            assert!(GITLAB.contains(&key.name.as_str()), "{}: {} is no keyword", job.name, key.name);
        }
        assert!(job.value.get("script").is_some(), "{} has no script", job.name);
    }
}

/// A job that checks the request out would run what a stranger wrote, with the token at hand.
#[test]
fn no_job_checks_the_request_out() {
    for name in ["github.yaml", "gitea.yaml"] {
        let root = read(name).root;
        assert!(
            root.at(&["on", "pull_request_target"]).is_some() && root.at(&["on", "pull_request"]).is_none()
        );
        let Some(Data::List(steps)) = root.at(&["jobs", "review", "steps"]).map(|steps| &steps.data) else {
            panic!("{name} has no steps")
        };
        let is_checkout = |step: &&Node| {
            step.get("uses").and_then(Node::as_text).is_some_and(|uses| uses.starts_with("actions/checkout@"))
        };
        let checkouts: Vec<_> = steps.iter().filter(is_checkout).collect();
        let reference = checkouts[0].at(&["with", "ref"]).and_then(Node::as_text);
        assert_eq!(
            (checkouts.len(), reference),
            (1, Some("${{ github.event.pull_request.base.ref }}")),
            "{name}"
        );
    }
    assert_eq!(
        read("gitlab.yaml").root.at(&["review", "variables", "GIT_STRATEGY"]).and_then(Node::as_text),
        Some("none")
    );
}
