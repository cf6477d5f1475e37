use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use gitops_benches::Files;
use gitops_core::{Cx, Engine, EngineBuilder, Event, SecretKey, StateDir};
use gitops_k8s::{Cluster, Connection, Kubernetes, KubernetesRender};
use serde_json::{Value as Json, json};
use testbed::{Admin, ApiServer, Request, User};
use tokio::sync::mpsc;

use crate::course::Course;

/// A namespace of its own on the real server, and a folder for whatever is needed.
pub struct World {
    pub cx: Cx,
    pub admin: Admin,
    pub namespace: String,
    agent: String,
    folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let namespace = format!("bench-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = Admin::of(ApiServer::shared()).await;
        admin.post("/api/v1/namespaces", &json!({"metadata": {"name": namespace}})).await;
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let world = Self { cx: Cx::system(), admin, agent: format!("bench/{namespace}"), namespace, folder };
        let kubeconfig = ApiServer::shared().kubeconfig(User::Admin);
        std::fs::write(world.kubeconfig(), kubeconfig).expect("the folder can be written");
        world
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where a `ConfigMap` of the namespace is.
    pub fn uri(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace)
    }

    /// So many `ConfigMap`s, as they are declared.
    pub fn config_maps(&self, count: usize) -> impl Iterator<Item = Json> {
        let namespace = self.namespace.clone();
        (0..count).map(move |index| {
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name(index), "namespace": namespace, "labels": {"app": "bench"}},
                "data": {"index": index.to_string(), "text": "x".repeat(200)}
            })
        })
    }

    /// An engine over these objects, a hundred to a file, whose state is on the disk.
    pub async fn engine(&self, count: usize) -> Engine {
        self.builder(count).await.open(&self.cx).await.expect("an empty state opens")
    }

    /// The same, and what it tells.
    pub async fn engine_with_events(&self, count: usize) -> (Engine, mpsc::UnboundedReceiver<Event>) {
        let (sender, events) = mpsc::unbounded_channel();
        let sink = move |event: &Event| drop(sender.send(event.clone()));
        let builder = self.builder(count).await.events(Arc::new(sink));
        (builder.open(&self.cx).await.expect("an empty state opens"), events)
    }

    /// The same, whose course is noted.
    pub async fn engine_told_to(&self, count: usize, course: Arc<Mutex<Course>>) -> Engine {
        let sink = move |event: &Event| course.lock().expect("no sink panicked").take(event);
        let builder = self.builder(count).await.events(Arc::new(sink));
        builder.open(&self.cx).await.expect("an empty state opens")
    }

    async fn builder(&self, count: usize) -> EngineBuilder {
        let objects: Vec<Json> = self.config_maps(count).collect();
        let file = |(index, part)| (format!("part-{index:03}.yaml"), manifests(part).into_bytes());
        let state = StateDir::open(&self.path("state"), &self.cx).expect("the state can be made");
        Engine::builder("bench")
            .source(Files::new(objects.chunks(100).enumerate().map(file)))
            .render(Arc::new(KubernetesRender::new("k").secret_key(key())))
            .target("k", Arc::new(target(&self.cx, &self.agent).await))
            .state(state)
    }

    /// What this world's engine asked the server so far.
    pub fn requests(&self) -> Vec<Request> {
        ApiServer::shared().requests(&self.agent)
    }
}

/// The application's target, as a user agent.
pub async fn target(cx: &Cx, agent: &str) -> Kubernetes {
    let connection = match std::env::var_os("BENCH_KUBECONFIG") {
        Some(path) => Connection::kubeconfig_file(Path::new(&path)),
        None => Connection::kubeconfig(ApiServer::shared().kubeconfig(User::Admin)),
    };
    let cluster: Cluster = connection.user_agent(agent).connect(cx).await.expect("the kubeconfig is ours");
    Kubernetes::builder(cluster, "bench")
        .secret_key(key())
        .concurrency(crate::apply::OPEN)
        .build()
        .expect("the name is plain")
}

fn key() -> SecretKey {
    SecretKey::new([7; 32])
}

/// The objects as one file.
pub fn manifests(objects: &[Json]) -> String {
    let documents: Vec<String> = objects.iter().map(Json::to_string).collect();
    format!("---\n{}\n", documents.join("\n---\n"))
}

pub fn name(index: usize) -> String {
    format!("object-{index:06}")
}
