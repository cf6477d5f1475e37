//! Which files a process looks at while it works, to take over what they say later.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use gitops_app::config::Applications;
use gitops_app::{Backends, Inputs};
use gitops_core::{Cx, Error, Result};

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: \"https://127.0.0.1:1\", certificate-authority: ca.pem } }]
users: [{ name: u, user: { client-certificate: client.pem, client-key: client.key, tokenFile: token } }]
contexts: [{ name: c, context: { cluster: c, user: u } }]
current-context: c
";

const CONFIG: &str = "\
name: site
source: { git: { url: ./repository, ref: { branch: main } } }
state: { kubernetes: { namespace: gitops-system, kubeconfig: ./home } }
target: { kubernetes: { kubeconfig: ./target, planner: { kubeconfig: ./planner } } }
";

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn load(folder: &Path) -> Result<Applications> {
    Applications::load(&folder.join("gitops.yaml"), &Backends::new())
}

/// Met with a certificate that ran out: the new one was there, and the process went on with the former.
#[test]
fn kubeconfigs_of_state_target_and_planner_and_the_certificates_in_them_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "gitops.yaml", CONFIG);
    write(folder, "target", KUBECONFIG);
    for name in ["home", "planner", "target", "ca.pem", "client.pem", "client.key"] {
        let inputs = Inputs::of(&load(folder).unwrap());
        assert_eq!(inputs.now(), inputs);
        let former = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        write(folder, name, &format!("{former}# changed\n"));
        assert_ne!(inputs.now(), inputs, "{name}");
    }
    let inputs = Inputs::of(&load(folder).unwrap());
    write(folder, "token", "a token is read again by the connection itself");
    assert_eq!(inputs.now(), inputs);
}

/// Met with an edit in two steps: the file that was missing came, and the edit was not taken over until the next one.
#[tokio::test]
async fn what_an_edit_names_that_could_not_be_used_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = CONFIG.replace("name: site\n", "include: [shared.yaml]\nname: site\n");
    write(folder, "gitops.yaml", CONFIG);
    let cx = Cx::system().within(Duration::from_secs(60));
    let inputs = Inputs::of(&load(folder).unwrap());
    write(folder, "gitops.yaml", &config);
    let told = Mutex::new(Vec::new());
    let tell = |error: Error| {
        // What is missing comes once it was told, and is the next change.
        match told.lock().unwrap().len() {
            0 => write(
                folder,
                "shared.yaml",
                "gates: [{ name: few, rule: plan.delete < 3, otherwise: deny }]\n",
            ),
            _ => write(folder, "planner", "later"),
        }
        told.lock().unwrap().push(error.to_string());
    };
    let usable = |applications: Applications, _: &Inputs| match folder.join("planner").exists() {
        true => Ok(applications),
        false => Err(Error::from(std::io::Error::other("the planner has no kubeconfig"))),
    };
    let reloaded = async { Ok(inputs.reloaded(&cx, || load(folder), usable, tell).await) };
    let applications = cx.bounded(reloaded).await.unwrap().usable;
    assert_eq!(applications.all[0].gates.len(), 1);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("the planner has no kubeconfig"), "{told:?}");
}

const TWO: &str = "\
include: [shared.yaml]
source: { git: { url: ./repository, ref: { branch: main } } }
applications:
- name: one
  source: { git: { path: a, auth: { token: { file: ./token-of-one } } } }
  target: { directory: { root: ./live/a } }
- name: two
  source: { git: { path: b, auth: { token: { file: ./token-of-two } } } }
  target: { directory: { root: ./live/b } }
";

/// The names of those that differ from what they were.
fn differ(folder: &Path, before: &(Applications, Inputs)) -> Vec<String> {
    let after = load(folder).unwrap();
    let inputs = Inputs::of(&after);
    let differs = |name: &str| {
        let mark = |(all, inputs): (&Applications, &Inputs)| inputs.mark(all.named(name).unwrap());
        mark((&after, &inputs)) != mark((&before.0, &before.1))
    };
    ["one", "two"].into_iter().filter(|name| differs(name)).map(str::to_owned).collect()
}

#[test]
fn an_application_differs_by_what_is_said_and_read_of_it_and_by_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, text) in
        [("gitops.yaml", TWO), ("shared.yaml", "sync: { adopt: true }\n"), ("token-of-two", "t")]
    {
        write(folder, name, text);
    }
    let now = || {
        let all = load(folder).unwrap();
        let inputs = Inputs::of(&all);
        (all, inputs)
    };
    let before = now();
    let with = |text: String, expected: &[&str]| {
        write(folder, "gitops.yaml", &text);
        assert_eq!(differ(folder, &before), expected, "{text}");
        write(folder, "gitops.yaml", TWO);
    };
    with(format!("# a line more\n{TWO}"), &[]);
    with(
        TWO.replace(
            "target: { directory: { root: ./live/b } }",
            "target:\n    directory:\n      root: \"./live/b\"",
        ),
        &[],
    );
    with(TWO.replace("live/b", "live/c"), &["two"]);
    with(TWO.to_owned() + "  labels: { environment: staging }\n", &["two"]);
    with(TWO.to_owned() + "  needs: [one]\n", &["two"]);
    with(
        format!(
            "{TWO}- name: three\n  source: {{ git: {{ path: c }} }}\n  target: {{ directory: {{ root: ./live/c }} }}\n"
        ),
        &[],
    );
    // A program of a source may not read the state of any: it has to know where that is.
    with(
        format!(
            "{TWO}- name: three\n  state: ./elsewhere\n  source: {{ git: {{ path: c }} }}\n  target: {{ directory: {{ root: ./live/c }} }}\n"
        ),
        &["one", "two"],
    );
    with(TWO.replace("branch: main", "branch: next"), &["one", "two"]);
    write(folder, "shared.yaml", "sync: { adopt: false }\n");
    assert_eq!(differ(folder, &before), ["one", "two"]);
    write(folder, "shared.yaml", "# shared\nsync: { adopt: true }\n");
    assert_eq!(differ(folder, &before), [""; 0]);
    write(folder, "token-of-two", "another");
    assert_eq!(differ(folder, &before), ["two"]);
}

/// Met with a token that was taken away for a moment: its application was stopped, and could not be opened any more.
#[tokio::test]
async fn a_file_that_was_there_and_one_that_is_named_anew_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, text) in [("gitops.yaml", TWO), ("shared.yaml", "{}"), ("token-of-two", "t")] {
        write(folder, name, text);
    }
    let cx = Cx::system().within(Duration::from_secs(60));
    let inputs = Inputs::of(&load(folder).unwrap());
    std::fs::remove_file(folder.join("token-of-two")).unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |error: Error| {
        let mut told = told.lock().unwrap();
        match told.len() {
            0 => {
                write(folder, "token-of-two", "t");
                write(folder, "gitops.yaml", &TWO.replace("token-of-two", "token-of-none"));
            }
            // That of the first one never was: it is at work, or tried again, as it is.
            _ => write(folder, "gitops.yaml", &TWO.replace("path: b", "path: c")),
        }
        told.push(error.to_string());
    };
    let reloaded = async { Ok(inputs.reloaded(&cx, || load(folder), |all, _| Ok(all), tell).await) };
    let reloaded = cx.bounded(reloaded).await.unwrap();
    assert_eq!(reloaded.usable.named("two").unwrap().source.path, "c");
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("token-of-two") && told[1].contains("token-of-none"), "{told:?}");
}
