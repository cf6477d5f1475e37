//! A repository on a real forge, and a cluster whose controllers follow it.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{ApiServer, Gitea};

use super::World;

pub const SITE: &str = "/repos/platform/site";

/// A cluster whose controllers are told by a repository on a forge; Alice may push, and Bob reviews.
pub struct Forged {
    pub world: World,
    pub gitea: Gitea,
    /// The application, and the namespace that it keeps; its state is in another one.
    name: &'static str,
}

impl Forged {
    /// An application with more in its configuration, which begins with this manifest.
    pub async fn new(name: &'static str, more: &str, manifest: &str) -> Self {
        Self::of(World::empty().await, name, more, manifest).await
    }

    /// The same on a server with controllers, where what was declared comes about.
    pub async fn controlled(name: &'static str, more: &str, manifest: &str) -> Self {
        Self::of(World::on(ApiServer::controlled()).await, name, more, manifest).await
    }

    async fn of(world: World, name: &'static str, more: &str, manifest: &str) -> Self {
        let gitea = Gitea::start().await;
        let admin = Gitea::ADMIN;
        gitea.done(admin, "POST", "/orgs", json!({"username": "platform"})).await;
        let repository = json!({"name": "site", "default_branch": "main"});
        gitea.done(admin, "POST", "/orgs/platform/repos", repository).await;
        for login in ["alice", "bob"] {
            gitea.join(login).await;
            let path = format!("{SITE}/collaborators/{login}");
            gitea.done(admin, "PUT", &path, json!({"permission": "write"})).await;
        }
        let forged = Self { world, gitea, name };
        for namespace in [name, &forged.home()] {
            forged.world.kubectl(&["create", "namespace", namespace]);
        }
        std::fs::write(forged.world.path("token"), forged.gitea.token()).unwrap();
        forged.configure(more);
        forged.push("main", manifest);
        forged
    }

    /// The namespace of leases and state.
    pub fn home(&self) -> String {
        format!("gitops-{}", self.name)
    }

    fn configure(&self, more: &str) {
        let (url, name, home) = (self.gitea.url(), self.name, self.home());
        let auth = "auth: { token: { file: ./token } }";
        let config = format!(
            "name: {name}\n\
             source: {{ git: {{ url: \"{url}/platform/site.git\", ref: {{ branch: main }}, path: k8s, {auth} }} }}\n\
             forge: {{ gitea: {{ url: \"{url}\", repository: platform/site, {auth} }} }}\n\
             state: {{ kubernetes: {{ namespace: {home} }} }}\n\
             serve: {{ poll: 1s }}\n\
             sync: {{ interval: 1s }}\n\
             {more}\n\
             target: {{ kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {name}, namespaces: [{name}] }} }}\n"
        );
        std::fs::write(self.world.path("gitops.yaml"), config).unwrap();
    }

    /// Commits a manifest, and pushes it to a branch; gives the commit.
    pub fn push(&self, branch: &str, manifest: &str) -> String {
        let folder = self.world.path("repository/k8s");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("web.yaml"), manifest).unwrap();
        let host = self.gitea.url();
        let host = host.strip_prefix("http://").unwrap();
        let url = format!("http://{}:{}@{host}/platform/site.git", Gitea::ADMIN, self.gitea.token());
        let git = |arguments: &[&str]| self.world.git(&[&["-C", "repository"], arguments].concat());
        git(&["checkout", "-q", "-B", branch]);
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "Change"]);
        git(&["push", "-q", &url, branch]);
        git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Has Alice open a request of a branch; the forge knows it a moment after it was pushed.
    pub async fn open(&self, head: &str) -> Value {
        let new = json!({"head": head, "base": "main", "title": "A request"});
        self.until("the request", async || {
            let (status, request) =
                self.gitea.call("alice", "POST", &format!("{SITE}/pulls"), new.clone()).await;
            (status == 201).then_some(request)
        })
        .await
    }

    /// Has Alice merge a request; gives the merge commit.
    pub async fn merge(&self, number: u64) -> String {
        let merge = format!("{SITE}/pulls/{number}/merge");
        self.until("the merge", async || {
            let (status, _) = self.gitea.call("alice", "POST", &merge, json!({"do": "merge"})).await;
            (status == 200).then_some(())
        })
        .await;
        self.get(&format!("pulls/{number}")).await["merge_commit_sha"].as_str().unwrap().to_owned()
    }

    /// Has the writer of a comment put 👍 on it, in a later second than that in which others may have edited it.
    pub async fn confirms(&self, login: &str, said: &Value) {
        self.gitea.confirms(login, "platform/site", said).await;
    }

    pub async fn get(&self, path: &str) -> Value {
        self.gitea.done("bob", "GET", &format!("{SITE}/{path}"), Value::Null).await
    }

    /// Asks the forge until it gives something; fails after two minutes.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    pub async fn until<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..600 {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{what} is not so within two minutes");
    }

    pub async fn until_status(&self, commit: &str, context: &str, state: &str) {
        let path = format!("commits/{commit}/statuses?limit=50");
        let is_it = |status: &Value| status["context"] == context && status["status"] == state;
        self.until(&format!("{context} {state}"), async || {
            self.get(&path).await.as_array()?.iter().any(is_it).then_some(())
        })
        .await;
    }

    /// The comments of the controllers that begin with a marker.
    pub async fn ours(&self, marker: &str) -> Vec<String> {
        let found = self.get("issues/1/comments").await;
        let bodies = found.as_array().unwrap().iter().map(|comment| comment["body"].as_str().unwrap());
        let marker = format!("<!-- gitops: {marker}");
        bodies.filter(|body| body.starts_with(&marker)).map(str::to_owned).collect()
    }
}
