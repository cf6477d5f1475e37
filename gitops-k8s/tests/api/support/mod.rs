mod drivers;
mod files;

pub use drivers::drivers;
pub use files::{Files, render};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gitops_core::capability::Readiness;
use gitops_core::*;
use gitops_k8s::{Cluster, Connection, Kubernetes, KubernetesBuilder};
use serde_json::{Value as Json, json};
use testbed::{Admin, ApiServer, FaultProxy, Request, User};

/// A namespace of its own on the shared server, an application in it, and somebody else.
pub struct World {
    server: &'static ApiServer,
    pub cx: Cx,
    pub namespace: String,
    pub cluster: Cluster,
    pub admin: Admin,
    pub agent: String,
}

static NAMES: AtomicU64 = AtomicU64::new(0);

impl World {
    pub async fn new(name: &str) -> Self {
        Self::by(name, |server, _| Connection::kubeconfig(server.kubeconfig(User::Admin))).await
    }

    /// The same by way of a proxy that fails on demand.
    pub async fn behind(name: &str) -> (Self, FaultProxy) {
        Self::behind_of(ApiServer::shared(), name).await
    }

    /// The same before a server with controllers.
    pub async fn controlled_behind(name: &str) -> (Self, FaultProxy) {
        Self::behind_of(ApiServer::controlled(), name).await
    }

    async fn behind_of(server: &'static ApiServer, name: &str) -> (Self, FaultProxy) {
        let proxy = FaultProxy::before(server).await;
        let url = proxy.url();
        let connect =
            |server: &ApiServer, _: &str| Connection::kubeconfig(server.kubeconfig_by(&url, User::Admin));
        (Self::on(server, name, connect).await, proxy)
    }

    pub async fn by(name: &str, connect: impl Fn(&ApiServer, &str) -> Connection) -> Self {
        Self::on(ApiServer::shared(), name, connect).await
    }

    /// The same on a server of its own, for what counts for the whole cluster.
    pub async fn alone(name: &str) -> Self {
        let connect = |server: &ApiServer, _: &str| Connection::kubeconfig(server.kubeconfig(User::Admin));
        Self::on(Box::leak(Box::new(ApiServer::start())), name, connect).await
    }

    /// The same with controllers.
    pub async fn alone_controlled(name: &str) -> Self {
        let connect = |server: &ApiServer, _: &str| Connection::kubeconfig(server.kubeconfig(User::Admin));
        Self::on(Box::leak(Box::new(ApiServer::start_controlled())), name, connect).await
    }

    /// The same on a server with controllers, where what was declared comes about.
    pub async fn controlled(name: &str) -> Self {
        let connect = |server: &ApiServer, _: &str| Connection::kubeconfig(server.kubeconfig(User::Admin));
        Self::on(ApiServer::controlled(), name, connect).await
    }

    async fn on(
        server: &'static ApiServer,
        name: &str,
        connect: impl Fn(&ApiServer, &str) -> Connection,
    ) -> Self {
        let number = NAMES.fetch_add(1, Ordering::SeqCst);
        let namespace = match server.is_lent() {
            true => format!("{name}-{}-{number}", std::process::id()),
            false => format!("{name}-{number}"),
        };
        let agent = format!("test/{namespace}");
        let cx = Cx::system();
        let cluster = connect(server, &namespace).user_agent(&agent).connect(&cx).await.unwrap();
        let admin = Admin::of(server).await;
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        admin.post("/api/v1/namespaces", &body).await;
        Self { server, cx, namespace, cluster, admin, agent }
    }

    pub fn server(&self) -> &'static ApiServer {
        self.server
    }

    pub fn builder(&self) -> KubernetesBuilder {
        Kubernetes::builder(self.cluster.clone(), "shop").secret_key(SecretKey::new([7; 32]))
    }

    pub fn target(&self) -> Kubernetes {
        self.builder().build().unwrap()
    }

    /// The requests that the server got from this world's cluster.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests(&self.agent)
    }

    pub fn writes(&self) -> usize {
        self.requests().iter().filter(|request| request.writes()).count()
    }

    pub fn key(&self, kind: &str, name: &str) -> Key {
        let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
        Key::new("k", GroupKind::new(group, kind), self.namespace.as_str(), name)
    }

    pub fn uri(&self, plural: &str, name: &str) -> String {
        let (plural, root) = match plural.split_once('.') {
            Some((plural, group)) => (plural, format!("/apis/{group}/v1")),
            None => (plural, "/api/v1".to_owned()),
        };
        format!("{root}/namespaces/{}/{plural}/{name}", self.namespace)
    }

    /// A declared object in the world's namespace.
    pub fn object(&self, body: Json) -> Arc<Object> {
        let api_version = body["apiVersion"].as_str().unwrap();
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let kind = GroupKind::new(group, body["kind"].as_str().unwrap());
        let key = Key::new("k", kind, self.namespace.as_str(), body["metadata"]["name"].as_str().unwrap());
        Arc::new(Object::new(key, Value::from_json(body), provenance()))
    }

    pub fn config_map(&self, name: &str, data: Json) -> Arc<Object> {
        self.object(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}),
        )
    }

    pub async fn observe(&self, target: &Kubernetes, key: &Key) -> Option<Live> {
        let scope: Scope = [key.clone()].into_iter().collect();
        target.observe(&self.cx, &scope).await.unwrap().pop()
    }
}

fn provenance() -> Provenance {
    Provenance::new("test", "1", "a.json", 0)
}

pub fn owner_label(op: &str) -> OwnerLabel {
    OwnerLabel { owner: "shop/1".into(), op: op.into() }
}

pub fn create(object: &Arc<Object>, op: &str) -> Change {
    Change::Create { object: object.clone(), owner_label: owner_label(op), preview: None }
}

pub fn update(object: &Arc<Object>, live: &Live, op: &str) -> Change {
    Change::Update {
        object: object.clone(),
        expect: Expect::from(live),
        owner_label: owner_label(op),
        preview: None,
    }
}

pub fn replace(object: &Arc<Object>, live: &Live, op: &str) -> Change {
    Change::Replace {
        object: object.clone(),
        expect: Expect::from(live),
        owner_label: owner_label(op),
        preview: None,
    }
}

pub fn delete(live: &Live, op: &str) -> Change {
    Change::Delete {
        key: live.key.clone(),
        expect: Expect::from(live),
        owner_label: owner_label(op),
        preview: None,
    }
}

pub fn deployment(name: &str, replicas: u32, image: &str) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": image}]}
            }
        }
    })
}

/// The definition of a kind `Thing` of a group, in namespaces, with a status or without.
pub fn definition(group: &str, has_status: bool) -> Json {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let subresources = if has_status { json!({"status": {}}) } else { json!({}) };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": subresources,
                "schema": {"openAPIV3Schema": schema}
            }]
        }
    })
}

/// Applies the definition of a kind, and waits until the kind is served.
pub async fn define(world: &World, definition: Json) {
    let target = world.target();
    let mut object = Object::clone(&world.object(definition));
    object.key = Key::new("k", object.key.kind().clone(), "", object.key.name());
    let object = Arc::new(object);
    let applied = target.apply(&world.cx, &create(&object, "crd")).await.unwrap();
    let cx = world.cx.within(Duration::from_secs(60));
    let readiness = target.health().unwrap().ready(&cx, &object.key, &applied).await.unwrap();
    assert_eq!(readiness, Readiness::Ready);
}
