//! An admission webhook that answers every question in the same way, until it is told another one.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No, and this is why.
    Refuse(&'static str),
    /// Nothing, ever.
    Never,
    /// Yes, with another value at this path; where it is asked without an effect, yes and nothing else.
    Rewrite(&'static str, &'static str),
    /// Yes, with this value at this path, also where it is asked without an effect.
    Set(&'static str, &'static str),
    /// The same, with another value each time.
    Stamp(&'static str),
}

/// A webhook that listens; it ends with the runtime that it was started on.
pub struct Webhook {
    port: u16,
    ca: Vec<u8>,
    answer: Arc<Mutex<Answer>>,
}

impl Webhook {
    /// Begins to listen, under a certificate of its own.
    pub async fn start(answer: Answer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_certificate(folder.path());
        let ca = fs::read(folder.path().join("cert.pem")).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(identity(folder.path())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(Mutex::new(answer));
        let now = answer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, now.clone()));
            }
        });
        Self { port, ca, answer }
    }

    /// Gives this answer from now on.
    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// A configuration that has the server ask it about every write of `ConfigMap`s in a namespace, for at most a second.
    pub fn configuration(&self, name: &str, namespace: &str) -> Json {
        use base64::Engine;
        let ca = base64::engine::general_purpose::STANDARD.encode(&self.ca);
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": "policy.example.org", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": "Fail", "timeoutSeconds": 1,
                "clientConfig": {"url": format!("https://127.0.0.1:{}/", self.port), "caBundle": ca},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
                    "operations": ["CREATE", "UPDATE", "DELETE"]
                }]
            }]
        })
    }
}

impl Webhook {
    /// The same of a webhook that may change what is written, `Secret`s too.
    pub fn mutating(&self, name: &str, namespace: &str) -> Json {
        let mut configuration = self.configuration(name, namespace);
        configuration["kind"] = "MutatingWebhookConfiguration".into();
        configuration["webhooks"][0]["rules"][0]["operations"] = json!(["CREATE", "UPDATE"]);
        configuration["webhooks"][0]["rules"][0]["resources"] = json!(["configmaps", "secrets"]);
        configuration
    }
}

/// A certificate for this machine that is its own authority.
fn make_certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=webhook"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .expect("`openssl` is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn identity(folder: &Path) -> ServerConfig {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    versions.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, now: Arc<Mutex<Answer>>) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |request| reply(request, *now.lock().unwrap()));
    // The server gives up on a connection that does not answer, which is no fault here.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn reply(
    request: hyper::Request<Incoming>,
    answer: Answer,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    if answer == Answer::Never {
        return std::future::pending().await;
    }
    let asked = request.into_body().collect().await.unwrap().to_bytes();
    let review: Json = serde_json::from_slice(&asked).unwrap();
    let asked = &review["request"];
    let mut verdict = json!({"uid": asked["uid"], "allowed": !matches!(answer, Answer::Refuse(_))});
    let change = match answer {
        Answer::Refuse(why) => {
            verdict["status"] = json!({"message": why});
            None
        }
        Answer::Rewrite(path, value) if asked["dryRun"] != true => {
            Some(json!({"op": "replace", "path": path, "value": value}))
        }
        Answer::Set(path, value) => Some(json!({"op": "add", "path": path, "value": value})),
        // The id of a question is another one each time.
        Answer::Stamp(path) => Some(json!({"op": "add", "path": path, "value": asked["uid"]})),
        Answer::Rewrite(..) | Answer::Never => None,
    };
    if let Some(change) = change {
        use base64::Engine;
        let patch = json!([change]).to_string();
        verdict["patchType"] = "JSONPatch".into();
        verdict["patch"] = base64::engine::general_purpose::STANDARD.encode(patch).into();
    }
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": verdict});
    let answer = hyper::Response::builder().header("content-type", "application/json");
    Ok(answer.body(Full::from(body.to_string())).unwrap())
}
