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
    let usable = |applications: Applications| match folder.join("planner").exists() {
        true => Ok(applications),
        false => Err(Error::from(std::io::Error::other("the planner has no kubeconfig"))),
    };
    let reloaded = async { Ok(inputs.reloaded(&cx, || load(folder), usable, tell).await) };
    let applications = cx.bounded(reloaded).await.unwrap();
    assert_eq!(applications.all[0].gates.len(), 1);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("the planner has no kubeconfig"), "{told:?}");
}
