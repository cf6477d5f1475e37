//! The few things that a page asks of `kubectl`, played on the API server.

use std::process::Command;

use serde_json::{Value, json};
use testbed::{Admin, ApiServer};
use tokio::runtime::Runtime;

/// An administrator of the server of the tests.
pub struct Kubectl {
    runtime: Runtime,
    admin: Admin,
}

impl Kubectl {
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let admin = runtime.block_on(Admin::of(ApiServer::shared()));
        Self { runtime, admin }
    }

    /// What it prints for the arguments of a command line.
    pub fn play(&self, arguments: &str) -> String {
        let words = words(arguments);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let uri = |namespace: &str, name: &str| format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        self.runtime.block_on(async {
            match words[..] {
                ["create", "namespace", name] => {
                    let body = json!({ "metadata": { "name": name } });
                    self.admin.post("/api/v1/namespaces", &body).await;
                    format!("namespace/{name} created")
                }
                ["get", "configmap", name, "--namespace", namespace, "--output", path] => {
                    let object = self.admin.get(&uri(namespace, name)).await.unwrap_or_default();
                    let member =
                        path.strip_prefix("jsonpath={.data.").and_then(|path| path.strip_suffix('}'));
                    object["data"][member.unwrap()].as_str().unwrap_or_default().to_owned()
                }
                [
                    "patch",
                    "configmap",
                    name,
                    "--namespace",
                    namespace,
                    "--type",
                    "merge",
                    "--patch",
                    patch,
                ] => {
                    let patch: Value = serde_json::from_str(patch).unwrap();
                    let uri = format!("{}?fieldManager=kubectl-patch", uri(namespace, name));
                    let (code, answer) =
                        self.admin.send("PATCH", &uri, "application/merge-patch+json", &patch).await;
                    assert_eq!(code, 200, "{answer}");
                    format!("configmap/{name} patched")
                }
                _ => panic!("the test does not play `kubectl {arguments}`"),
            }
        })
    }
}

/// The words of a command line, as the shell reads them.
fn words(line: &str) -> Vec<String> {
    let output = Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}
