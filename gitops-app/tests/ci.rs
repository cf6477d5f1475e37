//! The jobs to copy are ones that their systems take, and run the review without the request's files.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gitops_k8s::yaml::{self, Data, Dialect, Document, Node, YamlLimits};
use serde_json::{Value, json};

/// The workflows of GitHub, and of Gitea and Forgejo, which take those of GitHub.
const WORKFLOWS: [&str; 5] = [
    "github/review.yaml",
    "github/reviewed.yaml",
    "github/apply.yaml",
    "gitea/review.yaml",
    "gitea/apply.yaml",
];

const COMPONENT: &str = "gitlab/templates/gitops.yml";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/gitops/ci").join(name)
}

fn documents(name: &str) -> Vec<Document> {
    let bytes = fs::read(path(name)).unwrap();
    // GitHub, GitLab and Gitea read YAML 1.2: `on` is a word.
    yaml::read(name, &bytes, Dialect::KyamlV3, &YamlLimits::default()).unwrap()
}

fn json_of(document: Document) -> Value {
    plain(document.root)
}

/// A value with what looks like a secret by its name, such as `GITHUB_TOKEN`: there is none in these files.
fn plain(node: Node) -> Value {
    match node.data {
        Data::List(items) => items.into_iter().map(plain).collect(),
        Data::Map(members) => members.into_iter().map(|member| (member.name, plain(member.value))).collect(),
        Data::Secret(secret) => secret.expose().into(),
        _ => serde_json::to_value(gitops_core::Value::from(node)).unwrap(),
    }
}

fn read(name: &str) -> Value {
    json_of(documents(name).remove(0))
}

/// Looks over what `.github` of a repository has.
fn actionlint(repository: &Path) -> Output {
    let program = std::env::var_os("GITOPS_ACTIONLINT");
    let program = program.expect("GITOPS_ACTIONLINT names the program: run `cargo xtask test --only ci`");
    fs::create_dir_all(repository.join(".git")).unwrap();
    let labels = "self-hosted-runner: { labels: [gitops] }\n";
    fs::write(repository.join(".github/actionlint.yaml"), labels).unwrap();
    let mut look = Command::new(program);
    look.current_dir(repository).args(["-no-color", "-shellcheck=", "-pyflakes="]).output().unwrap()
}

/// A repository that has a workflow, and the action that it may use.
fn repository(workflow: &str, action: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(".github").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("workflows/job.yaml", workflow);
    write("actions/gitops/action.yml", action);
    folder
}

#[test]
fn the_workflows_are_ones_that_github_takes_with_the_action_that_they_use() {
    let action = fs::read_to_string(path("github/action.yml")).unwrap();
    for name in WORKFLOWS {
        let text = fs::read_to_string(path(name)).unwrap();
        let looked = actionlint(repository(&text, &action).path());
        assert!(looked.status.success(), "{name}: {}", String::from_utf8_lossy(&looked.stdout));
    }
    let text = fs::read_to_string(path("github/review.yaml")).unwrap();
    let apply = fs::read_to_string(path("github/apply.yaml")).unwrap();
    for (workflow, action) in [
        (apply.replace("runs-on", "runs_on"), action.clone()),
        // The action wants a token, and knows no other input.
        (text.replace("token: ${{ github.token }}", "tokens: ${{ github.token }}"), action.clone()),
        (text, action.replace("using: composite", "using: shell")),
    ] {
        let looked = actionlint(repository(&workflow, &action).path());
        assert!(!looked.status.success(), "the linter sees the mistake in {workflow}\n{action}");
    }
}

/// The linter looks at steps of workflows only, so the action's are looked at as those of a workflow with its inputs.
#[test]
fn the_steps_of_the_action_are_ones_that_a_workflow_could_have() {
    let action = read("github/action.yml");
    let inputs: Value = action["inputs"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), json!({"type": "string"})))
        .collect();
    let of = |steps: &Value| {
        json!({
            "on": { "workflow_call": { "inputs": inputs } },
            "jobs": { "of-action": { "runs-on": ["self-hosted", "gitops"], "steps": steps } },
        })
    };
    let action_text = fs::read_to_string(path("github/action.yml")).unwrap();
    let workflow = of(&action["runs"]["steps"]).to_string();
    let looked = actionlint(repository(&workflow, &action_text).path());
    assert!(looked.status.success(), "{}\n{workflow}", String::from_utf8_lossy(&looked.stdout));
    let broken = workflow.replace("inputs.token", "inputs.tokens");
    assert!(!actionlint(repository(&broken, &action_text).path()).status.success(), "{broken}");
    for output in action["outputs"].as_object().unwrap().keys() {
        assert!(workflow.contains(&format!("echo \\\"{output}=")), "nothing sets {output}");
    }
}

fn schema(part: &str) -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitlab-component.json"));
    serde_json::from_str::<Value>(&text.unwrap()).unwrap()[part].clone()
}

fn faults(part: &str, document: &Value) -> Vec<String> {
    let schema = jsonschema::validator_for(&schema(part)).unwrap();
    schema.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_component_says_what_gitlab_documents() {
    let [header, pipeline]: [Document; 2] = documents(COMPONENT).try_into().expect("a header and a pipeline");
    let (header, pipeline) = (json_of(header), json_of(pipeline));
    assert_eq!(faults("header", &header), Vec::<String>::new());
    assert_eq!(faults("pipeline", &pipeline), Vec::<String>::new());
    let mut broken = pipeline.clone();
    broken["gitops review"]["resource-group"] = json!("x");
    assert!(!faults("pipeline", &broken).is_empty(), "a keyword that GitLab does not know is seen");
    let mut broken = header.clone();
    broken["spec"]["inputs"]["apply"]["default"] = json!("yes");
    assert!(!faults("header", &broken).is_empty(), "a default of another type is seen");

    let text = fs::read_to_string(path(COMPONENT)).unwrap();
    let (_, jobs) = text.split_once("\n---\n").unwrap();
    let used: BTreeSet<&str> =
        jobs.split("$[[ inputs.").skip(1).map(|rest| rest.split_once(" ]]").unwrap().0).collect();
    let declared = header["spec"]["inputs"].as_object().unwrap();
    assert_eq!(used, declared.keys().map(String::as_str).collect(), "what is declared is used");
}

/// The scripts of all jobs, each as its system hands it to the shell.
fn scripts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut steps = |name: &str, steps: &Value| {
        let run = steps.as_array().unwrap().iter().filter_map(|step| step["run"].as_str());
        found.extend(run.map(|run| (name.to_owned(), run.to_owned())));
    };
    for name in WORKFLOWS {
        let workflow = read(name);
        workflow["jobs"].as_object().unwrap().values().for_each(|job| steps(name, &job["steps"]));
    }
    steps("github/action.yml", &read("github/action.yml")["runs"]["steps"]);
    let pipeline = json_of(documents(COMPONENT).remove(1));
    for (job, said) in pipeline.as_object().unwrap() {
        let lines = said["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
        found.push((format!("{COMPONENT}: {job}"), lines.collect::<Vec<_>>().join("\n")));
    }
    let jenkins = fs::read_to_string(path("Jenkinsfile")).unwrap();
    let quoted = jenkins.split("sh '''").skip(1).map(|rest| rest.split_once("'''").unwrap().0);
    found.extend(quoted.map(|script| ("Jenkinsfile".to_owned(), script.to_owned())));
    found
}

#[test]
fn every_script_is_one_that_the_shell_reads_and_ends_red_for_what_is_wrong() {
    let scripts = scripts();
    for (name, script) in &scripts {
        let read = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
        assert!(read.status.success(), "{name}: {}", String::from_utf8_lossy(&read.stderr));
    }
    let reviews: Vec<_> = scripts.iter().filter(|(_, script)| script.contains("gitops review")).collect();
    assert_eq!(reviews.len(), 4, "one of each system");
    for (name, script) in reviews {
        let script = script.replace("$GITHUB_WORKSPACE/", "../");
        assert!(script.contains("--keep-approvals"), "{name}: nothing could be approved");
        for (code, is_green) in
            [(0, true), (1, false), (2, false), (3, true), (4, false), (5, true), (7, false)]
        {
            let folder = tempfile::tempdir().unwrap();
            let stand_in = |name: &str, text: &str| {
                let path = folder.path().join(name);
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            };
            stand_in("gitops", &format!("#!/bin/sh\nexit {code}\n"));
            stand_in("git", "#!/bin/sh\nmkdir -p base\n");
            fs::create_dir_all(folder.path().join("work/base")).unwrap();
            let mut shell = Command::new("bash");
            shell.args(["-e", "-o", "pipefail", "-c", &script]).current_dir(folder.path().join("work"));
            // Jenkins is in the folder of the checkout already.
            if name == "Jenkinsfile" {
                shell.current_dir(folder.path().join("work/base"));
            }
            let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
            shell.env("PATH", path).env("GITHUB_OUTPUT", folder.path().join("output"));
            let ended = shell.output().unwrap();
            assert_eq!(ended.status.success(), is_green, "{name}, {code}: {ended:?}");
        }
    }
}

/// GitHub's runner takes commands from all that a step says: `##[set-output name=review]…` anywhere in a line, also in the name of a file.
#[test]
fn no_runner_takes_commands_from_what_a_request_is_called() {
    let said = "x ##[set-output name=review]/etc/passwd";
    let of_github = scripts().into_iter().filter(|(name, script)| {
        name.starts_with("github/") && (script.contains("gitops review") || script.contains("gitops apply"))
    });
    let mut stops = BTreeSet::new();
    for (name, script) in of_github {
        let folder = tempfile::tempdir().unwrap();
        for (program, text) in
            [("gitops", format!("echo '{said}' >&2; echo '{said}'")), ("git", "mkdir -p base".to_owned())]
        {
            let path = folder.path().join(program);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut shell = Command::new("bash");
        shell
            .args(["-e", "-o", "pipefail", "-c", &format!("exec 2>&1\n{script}")])
            .current_dir(folder.path());
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        shell.env("PATH", path).env("GITHUB_OUTPUT", folder.path().join("output"));
        let ended = shell.env("GITHUB_WORKSPACE", folder.path()).output().unwrap();
        let log = String::from_utf8(ended.stdout).unwrap();
        let (before, after) = log.split_once("::stop-commands::").unwrap_or((&log, ""));
        let (stop, after) = after.split_once('\n').unwrap_or_default();
        let stopped = after.split(&format!("::{stop}::")).next().unwrap_or_default();
        assert!(ended.status.success() && !before.contains(said) && stopped.contains(said), "{name}: {log}");
        assert!(
            stop.len() == 32 && stops.insert(stop.to_owned()),
            "nobody can know it before: {name}: {log}"
        );
    }
    assert_eq!(stops.len(), 2, "the review and the apply");
}

/// A job that checks the request out would run what a stranger wrote, with the token at hand.
#[test]
fn no_job_checks_the_request_out() {
    let all = WORKFLOWS.iter().copied().chain(["github/action.yml", COMPONENT, "Jenkinsfile"]);
    for name in all {
        let text = fs::read_to_string(path(name)).unwrap();
        for of_request in
            ["pull_request.head", "head_ref", "CI_MERGE_REQUEST_SOURCE", "CHANGE_BRANCH", "CHANGE_FORK"]
        {
            let used = text
                .lines()
                .any(|line| !line.trim_start().starts_with(['#', '/']) && line.contains(of_request));
            assert!(!used, "{name} names the request's branch: {of_request}");
        }
    }
    for name in ["github/review.yaml", "gitea/review.yaml"] {
        let on = &read(name)["on"];
        assert!(on.get("pull_request_target").is_some() && on.get("pull_request").is_none(), "{name}");
    }
    // GitHub takes this one from the request: it has no right and no secret, and runs on no machine of ours.
    let reviewed = read("github/reviewed.yaml");
    assert_eq!(reviewed["permissions"], json!({}));
    assert_eq!(reviewed["jobs"]["tell"]["runs-on"], "ubuntu-latest");
    assert!(!fs::read_to_string(path("github/reviewed.yaml")).unwrap().contains("secrets."));
    let checkout = &read("github/review.yaml")["jobs"]["review"]["steps"][0];
    assert_eq!(checkout["with"]["ref"], "${{ github.event.repository.default_branch }}");
    let pipeline = json_of(documents(COMPONENT).remove(1));
    for (job, said) in pipeline.as_object().unwrap() {
        assert_eq!(said["variables"]["GIT_STRATEGY"], "none", "{job}");
    }
}

/// A run that has nothing to do would otherwise take the place of one that waits, and an approval would be seen by none.
#[test]
fn what_a_job_passes_over_waits_in_no_line_with_what_it_looks_at() {
    for name in ["github/review.yaml", "gitea/review.yaml"] {
        let workflow = read(name);
        let condition = workflow["jobs"]["review"]["if"].as_str().unwrap();
        let group = workflow["concurrency"]["group"].as_str().unwrap();
        assert!(
            group.starts_with(&format!("review-${{{{ ({condition}) && (")),
            "{name}: {group}\n{condition}"
        );
        assert_eq!(workflow["concurrency"]["cancel-in-progress"], false, "{name}");
    }
}
