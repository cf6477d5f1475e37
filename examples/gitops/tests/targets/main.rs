//! The command on targets that are servers and programs of others: a real API server, the real tool.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod charts;
mod cluster;
mod field;
mod home;
mod init;
mod kills;
mod others;
mod outputs;
mod refused;
mod reviews;
mod roots;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "shared with the tests that need no server")]
mod support;
#[path = "../../../../gitops-terraform/tests/terraform/things.rs"]
#[allow(dead_code, reason = "shared with the tests of the target")]
mod things;
mod together;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use support::{Ran, World};
use testbed::{Admin, ApiServer, User};

/// Every request of the command, as the server recorded it.
const AGENT: &str = concat!("gitops/", env!("CARGO_PKG_VERSION"));

/// The real tool.
fn tofu() -> PathBuf {
    std::env::var_os("GITOPS_TOFU")
        .expect("these tests need tofu: run `cargo xtask test`, which builds it")
        .into()
}

/// A namespace of its own in the shared cluster, and a world whose `kubeconfig` leads there.
struct Cluster {
    world: World,
    namespace: String,
    admin: Admin,
}

impl Cluster {
    async fn new() -> Self {
        Self::on(ApiServer::shared()).await
    }

    async fn on(server: &ApiServer) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let namespace = format!("command-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = Admin::of(server).await;
        admin.post("/api/v1/namespaces", &json!({ "metadata": { "name": namespace } })).await;
        let world = World::empty();
        std::fs::write(world.path("kubeconfig"), server.kubeconfig(User::Admin)).unwrap();
        Self { world, namespace, admin }
    }

    /// Configures the application `name` of this namespace, with more lines below `kubernetes:`.
    fn configure(&self, name: &str, more: &str) {
        self.world.configure(&format!(
            "name: {name}\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
             target:\n  kubernetes:\n    kubeconfig: ./kubeconfig\n    namespace: {}\n{more}",
            self.namespace
        ));
    }

    /// Runs the command to its end while this runtime goes on, as a proxy or a webhook on it must.
    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.world.command(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("the command starts").into())
            .await
            .unwrap()
    }

    /// The document that the command answers.
    async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.run(&[&["--output", "json"], arguments].concat()).await;
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// Where a `ConfigMap` of the namespace is.
    fn config_map(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace)
    }

    /// A value of a `ConfigMap`; nothing if there is no such value, or no such object.
    async fn value(&self, name: &str, member: &str) -> Option<String> {
        let object = self.admin.get(&self.config_map(name)).await?;
        object["data"][member].as_str().map(str::to_owned)
    }
}
