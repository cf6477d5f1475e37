use http::{Method, Request};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value as Json;

use super::{ApiServer, User};

/// As whom the server records what is changed without a field manager: a client of a person.
const AGENT: &str = "k9s/testbed";

/// Somebody else at the server, straight and with all rights: a person, a controller, a test.
#[derive(Clone)]
pub struct Admin {
    client: kube::Client,
    acting_as: Option<String>,
}

impl Admin {
    /// A client of this runtime.
    pub async fn of(server: &ApiServer) -> Self {
        let kubeconfig = Kubeconfig::from_yaml(&server.kubeconfig(User::Admin)).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        config.default_retry = false;
        Self { client: kube::Client::try_from(config).unwrap(), acting_as: None }
    }

    /// The same client with the rights of another user alone.
    #[must_use]
    pub fn acting_as(&self, user: &str) -> Self {
        Self { acting_as: Some(user.to_owned()), ..self.clone() }
    }

    /// Any request: the answer's code and body.
    pub async fn send(&self, method: &str, uri: &str, content: &str, body: &Json) -> (u16, Json) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = Request::builder().method(method).uri(uri).header("content-type", content);
        let request = request.header("user-agent", AGENT);
        let request = match &self.acting_as {
            Some(user) => request.header("impersonate-user", user),
            None => request,
        };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.client.send(request.body(Body::from(body)).unwrap()).await.unwrap();
        let code = answer.status().as_u16();
        let bytes = answer.into_body().collect_bytes().await.unwrap();
        (code, serde_json::from_slice(&bytes).unwrap_or(Json::Null))
    }

    /// What is at a URL; `None` if there is nothing.
    pub async fn get(&self, uri: &str) -> Option<Json> {
        let (code, body) = self.send("GET", uri, "application/json", &Json::Null).await;
        match code {
            200 => Some(body),
            404 => None,
            _ => panic!("GET {uri}: {code} {body}"),
        }
    }

    /// Makes an object.
    pub async fn post(&self, uri: &str, body: &Json) -> Json {
        self.must("POST", uri, "application/json", body).await
    }

    /// Changes fields of an object, as a controller or a person with an editor would.
    pub async fn merge(&self, uri: &str, body: &Json) -> Json {
        self.must("PATCH", uri, "application/merge-patch+json", body).await
    }

    /// Applies as another field manager, taking what it wants.
    pub async fn apply(&self, uri: &str, manager: &str, body: &Json) -> Json {
        let uri = format!("{uri}?fieldManager={manager}&force=true");
        self.must("PATCH", &uri, "application/apply-patch+yaml", body).await
    }

    /// Deletes what is at a URL.
    pub async fn delete(&self, uri: &str) -> Json {
        self.must("DELETE", uri, "application/json", &Json::Null).await
    }

    async fn must(&self, method: &str, uri: &str, content: &str, body: &Json) -> Json {
        let (code, answer) = self.send(method, uri, content, body).await;
        assert!((200..300).contains(&code), "{method} {uri}: {code} {answer}");
        answer
    }
}

/// The path of the collection that an object of a manifest belongs to.
pub fn collection_of(object: &Json) -> String {
    let api = object["apiVersion"].as_str().unwrap();
    let root = if api.contains('/') { format!("/apis/{api}") } else { format!("/api/{api}") };
    let plural = match object["kind"].as_str().unwrap() {
        "ValidatingAdmissionPolicy" => "validatingadmissionpolicies".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{plural}"),
    }
}
