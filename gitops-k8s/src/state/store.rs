//! What an engine must not forget, kept in the cluster.

use async_trait::async_trait;
use gitops_core::{Cx, Digest, Document, Error, ErrorKind, Hasher, Result, StateStore, Stored, Version};
use k8s_openapi::ByteString;
use serde_json::{Value as Json, json};

use crate::client::cluster::{Call, Cluster, Failure};

const EPOCH: &str = "gitops/epoch";
const NAME: &str = "gitops/document";
const DIGEST: &str = "gitops/digest";
/// Differs from write to write: the server gives no new version to a write that changes nothing.
const WRITE: &str = "gitops/write";

/// A [`StateStore`] in a namespace of a cluster: each document is one `Secret`.
///
/// It outlives the machine, and every engine that may read and write the secrets sees the same documents. The server
/// compares versions, so of two writers who saw one version one is refused.
///
/// The secrets are named by digests; annotations say what they hold. A document that was edited by other means is
/// found by its digest, and is `Corrupt`.
///
/// Needs `get`, `create` and `update` on secrets in the namespace, and nothing else.
#[derive(Clone, Debug)]
pub struct ClusterStore {
    cluster: Cluster,
    secrets: String,
    application: String,
}

impl ClusterStore {
    /// The documents of an application, in a namespace that is there.
    pub fn new(cluster: Cluster, namespace: &str, application: impl Into<String>) -> Self {
        let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
        Self { cluster, secrets, application: application.into() }
    }

    /// The name of a document's secret: a document's own may hold what no secret's may.
    fn secret_name(&self, name: &str) -> String {
        let mut hasher = Hasher::new("gitops kubernetes document");
        hasher.field(&self.application).field(name);
        let digest: String = hasher.finish().to_string().chars().take(32).collect();
        format!("gitops-state-{digest}")
    }

    fn uri(&self, name: &str) -> String {
        format!("{}/{}", self.secrets, self.secret_name(name))
    }

    fn title(&self, name: &str) -> String {
        format!("{}/{name}", self.application)
    }

    fn secret(&self, cx: &Cx, name: &str, document: Document) -> Json {
        let digest = digest(&self.title(name), &document).to_string();
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "gitops/state",
            "metadata": {
                "name": self.secret_name(name),
                "annotations": {
                    NAME: self.title(name), EPOCH: document.epoch.to_string(), DIGEST: digest,
                    WRITE: format!("{:032x}", cx.random())
                }
            },
            "data": {"document": ByteString(document.bytes)}
        })
    }

    fn read(&self, name: &str, secret: &Json) -> Result<Stored> {
        let annotation = |name: &str| secret["metadata"]["annotations"][name].as_str().unwrap_or_default();
        let bytes: Option<ByteString> = serde_json::from_value(secret["data"]["document"].clone()).ok();
        let epoch = annotation(EPOCH).parse().ok();
        let (Some(bytes), Some(epoch)) = (bytes, epoch) else { return Err(self.damaged(name)) };
        let document = Document { epoch, bytes: bytes.0 };
        let is_whole = annotation(NAME) == self.title(name)
            && annotation(DIGEST) == digest(&self.title(name), &document).to_string();
        match is_whole {
            true => Ok(Stored { document, version: version(secret) }),
            false => Err(self.damaged(name)),
        }
    }

    fn damaged(&self, name: &str) -> Error {
        Error::new(ErrorKind::Corrupt, "the stored document is damaged: somebody else wrote its secret")
            .with("document", name)
            .with("secret", self.secret_name(name))
            .help("put the secret back from a backup; do not delete it: it records what is owned")
    }
}

/// The digest covers the title, so that a document under another's name is found out.
fn digest(title: &str, document: &Document) -> Digest {
    let mut hasher = Hasher::new("gitops kubernetes state");
    hasher.field(title).field(document.epoch.to_le_bytes()).field(&document.bytes);
    hasher.finish()
}

/// Incarnation and version: a secret that was deleted and made again is another.
fn version(secret: &Json) -> Version {
    let text = |name: &str| secret["metadata"][name].as_str().unwrap_or_default();
    Version::new(format!("{}/{}", text("uid"), text("resourceVersion")))
}

#[async_trait]
impl StateStore for ClusterStore {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        match self.cluster.wire().json(cx, Call::get(self.uri(name))).await {
            Ok(secret) => self.read(name, &secret).map(Some),
            Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        let stored = self.load(cx, name).await.map_err(Error::outcome_known)?;
        check(name, stored.as_ref(), expect, &document)?;
        let mut secret = self.secret(cx, name, document);
        let wire = self.cluster.wire();
        let written = match expect.and_then(|version| version.as_str().split_once('/')) {
            None => wire.json(cx, Call::post(&self.secrets, bytes(&secret)).with_secret(true)).await,
            Some((uid, version)) => {
                secret["metadata"]["uid"] = json!(uid);
                secret["metadata"]["resourceVersion"] = json!(version);
                wire.json(cx, Call::put(self.uri(name), bytes(&secret)).with_secret(true)).await
            }
        };
        written.map(|secret| version(&secret)).map_err(|failure| lost(name, failure))
    }

    fn is_shared(&self) -> bool {
        true
    }
}

fn bytes(secret: &Json) -> Vec<u8> {
    secret.to_string().into_bytes()
}

/// The server compares again, and refuses who lost the race between this and the write.
fn check(name: &str, stored: Option<&Stored>, expect: Option<&Version>, document: &Document) -> Result<()> {
    let epoch = stored.map_or(0, |stored| stored.document.epoch);
    if epoch > document.epoch {
        let message = format!("a newer engine took over: epoch {epoch}, ours is {}", document.epoch);
        return Err(conflict(name, message, "stop this engine: the newer one is at work"));
    }
    match stored.map(|stored| &stored.version) == expect {
        true => Ok(()),
        false => Err(moved(name)),
    }
}

fn lost(name: &str, failure: Failure) -> Error {
    match failure.kind() {
        ErrorKind::Conflict => moved(name),
        // The secret is gone: it was not the one that was loaded either.
        ErrorKind::NotFound => Error::from(failure).help("make the namespace of the state first"),
        _ => failure.into(),
    }
}

fn moved(name: &str) -> Error {
    let message = "the document is not the one that was loaded".to_owned();
    conflict(name, message, "load it again and make the change anew")
}

fn conflict(name: &str, message: String, help: &str) -> Error {
    Error::new(ErrorKind::Conflict, message).with("document", name).help(help)
}
