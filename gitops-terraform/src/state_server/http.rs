use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use gitops_core::{Cx, Key};
use serde::{Deserialize, Serialize};

use super::StateLock;
use super::head::Refused;
use super::keep::{NotDone, States, Writer};
use super::password::Passwords;

/// The most bytes that a state may have.
const STATE_BYTES: usize = 256 << 20;

#[derive(Clone)]
struct Shared {
    cx: Cx,
    states: Arc<States>,
}

/// The lock as the tool writes it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LockInfo {
    #[serde(rename = "ID")]
    id: String,
    operation: String,
    info: String,
    who: String,
    version: String,
    created: String,
    path: String,
}

/// What stands in the address: which root's state it is, and under which lock it is written.
#[derive(Deserialize)]
struct Asked {
    root: Key,
    #[serde(rename = "ID", default)]
    lock: String,
}

/// The run of ours that asks: the name by which it signs in.
#[derive(Clone)]
struct Run(String);

/// All that the tool may ask for; everything needs the password of exactly this run, root and state.
pub(super) fn app(cx: Cx, states: Arc<States>, passwords: Arc<Passwords>) -> Router {
    let check = move |mut request: Request, next: Next| {
        let run = run_of(&request, &passwords);
        async move {
            match run {
                Some(run) => {
                    request.extensions_mut().insert(run);
                    next.run(request).await
                }
                None => StatusCode::UNAUTHORIZED.into_response(),
            }
        }
    };
    Router::new()
        .route("/states/{name}", any(answer))
        .layer(DefaultBodyLimit::max(STATE_BYTES))
        .layer(middleware::from_fn(check))
        .with_state(Shared { cx, states })
}

/// The run that asks, if it knows the password for what it asks for.
fn run_of(request: &Request, passwords: &Passwords) -> Option<Run> {
    let (run, given) = signed_in(request.headers())?;
    let name = request.uri().path().strip_prefix("/states/")?;
    let Query(asked) = Query::<Asked>::try_from_uri(request.uri()).ok()?;
    passwords.fits(&given, name, &asked.root, &run).then_some(Run(run))
}

/// The name and the password that a request signs in with.
fn signed_in(headers: &HeaderMap) -> Option<(String, String)> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let plain = String::from_utf8(BASE64.decode(given.strip_prefix("Basic ")?).ok()?).ok()?;
    let (run, password) = plain.split_once(':')?;
    Some((run.to_owned(), password.to_owned()))
}

async fn answer(
    State(Shared { cx, states }): State<Shared>,
    method: Method,
    Path(name): Path<String>,
    Extension(Run(run)): Extension<Run>,
    Query(asked): Query<Asked>,
    body: Bytes,
) -> Response {
    match method.as_str() {
        "GET" => match states.read(&cx, &name).await {
            Ok(Some(bytes)) => bytes.into_response(),
            Ok(None) => StatusCode::NO_CONTENT.into_response(),
            Err(error) => failed(NotDone::Failed(error)),
        },
        "POST" => {
            let writer = Writer { root: asked.root, run, lock: asked.lock };
            done(states.write(&cx, &name, &writer, body.into()).await)
        }
        "LOCK" => match lock(&body, run) {
            Some(lock) => done(states.lock(&cx, &name, &lock).await),
            None => (StatusCode::BAD_REQUEST, "a lock needs an id").into_response(),
        },
        // A lock is given back by who names it: an empty body is somebody who forces it.
        "UNLOCK" => match lock(&body, run) {
            Some(lock) => done(states.unlock(&cx, &name, &lock.id).await),
            None => (StatusCode::CONFLICT, "name the lock's id").into_response(),
        },
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

fn lock(body: &[u8], run: String) -> Option<StateLock> {
    let info: LockInfo = serde_json::from_slice(body).ok()?;
    let LockInfo { id, operation, who, created, .. } = info;
    (!id.is_empty()).then_some(StateLock { id, operation, who, created, run })
}

fn done(done: Result<(), NotDone>) -> Response {
    match done {
        Ok(()) => StatusCode::OK.into_response(),
        Err(why) => failed(why),
    }
}

fn failed(why: NotDone) -> Response {
    match why {
        NotDone::Refused(Refused::Locked(holder)) => {
            let StateLock { id, operation, who, created, .. } = holder;
            let info = LockInfo { id, operation, who, created, ..LockInfo::default() };
            (StatusCode::LOCKED, axum::Json(info)).into_response()
        }
        NotDone::Refused(Refused::NotTheLock) => {
            (StatusCode::CONFLICT, "nobody holds the lock").into_response()
        }
        NotDone::Refused(Refused::NotTheNext(why)) => (StatusCode::CONFLICT, why).into_response(),
        NotDone::Failed(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("the state could not be kept: {}", error.message()))
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use gitops_core::{GroupKind, MemoryStore};

    use super::*;

    const CANARY: &str = "canary-7f3a9";

    /// States that are not sound, each with the secret where a reader may stumble over it.
    fn broken() -> Vec<String> {
        let head = r#""version":4,"serial":2,"lineage":"l""#;
        let resource = |rest: &str| {
            format!(r#"{{{head},"resources":[{{"mode":"managed","type":"t","name":"n",{rest}}}]}}"#)
        };
        vec![
            CANARY.to_owned(),
            format!(r#"{{{head},"outputs":{{"o":{{"value":"{CANARY}","sensitive":true}}"#),
            format!(r#"{{{head},"outputs":"{CANARY}"}}"#),
            format!(r#"{{{head},"outputs":["{CANARY}"]}}"#),
            format!(r#"{{{head},"resources":"{CANARY}"}}"#),
            format!(r#"{{{head},"resources":[{{"mode":"managed","type":["{CANARY}"],"name":"n"}}]}}"#),
            format!(r#"{{{head},"check_results":[{{"objects":"{CANARY}"}}]}}"#),
            format!(r#"{{"version":"{CANARY}","serial":"{CANARY}","lineage":"l"}}"#),
            format!(r#"{{"version":4,"serial":2,"lineage":["{CANARY}"]}}"#),
            format!(r#"{{{head},"outputs":{{"o":{{"value":{}}}}}}}"#, "[".repeat(200) + CANARY),
            resource(&format!(r#""instances":"{CANARY}""#)),
            resource(&format!(
                r#""instances":[{{"index_key":"{CANARY}","attributes":{{"id":"\u{CANARY}"}}}}]"#
            )),
        ]
    }

    async fn said(response: Response) -> String {
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        format!("{status} {}", String::from_utf8_lossy(&body))
    }

    /// People found a password in the log of a pipeline: a state that was cut short was quoted by who could not read it.
    #[tokio::test]
    async fn no_answer_about_a_state_quotes_what_is_in_it() {
        let (cx, states) = (Cx::system(), States::new(Arc::new(MemoryStore::default()), None));
        let lock = lock(br#"{"ID":"1","Who":"ann"}"#, "run".to_owned()).unwrap();
        assert!(states.lock(&cx, "s", &lock).await.is_ok());
        let root = Key::new("tf", GroupKind::new("", "Root"), "", "app");
        let writer = || Writer { root: root.clone(), run: "run".to_owned(), lock: "1".to_owned() };
        for state in broken() {
            let Err(why) = states.write(&cx, "s", &writer(), state.clone().into_bytes()).await else {
                panic!("it is taken: {state}")
            };
            let shown = format!("{why:?}") + &said(failed(why)).await;
            assert!(!shown.contains(CANARY), "{state}: {shown}");
        }
        // A digit is a secret too.
        let number = r#"{"version":4,"serial":2,"lineage":"l","outputs":{"o":{"value":4111111e9999999}}}"#;
        let why = states.write(&cx, "s", &writer(), number.into()).await.unwrap_err();
        let shown = format!("{why:?}") + &said(failed(why)).await;
        assert!(!shown.contains("4111111"), "{shown}");
        // What is sound and comes at the wrong time.
        let sound = |serial: u64, value: &str| {
            let output = format!(r#"{{"o":{{"value":"{value}","sensitive":true}}}}"#);
            format!(r#"{{"version":4,"serial":{serial},"lineage":"l","outputs":{output}}}"#).into_bytes()
        };
        assert!(states.write(&cx, "s", &writer(), sound(3, CANARY)).await.is_ok());
        for (writer, serial) in [(writer(), 2), (Writer { lock: "2".to_owned(), ..writer() }, 4)] {
            let why = states.write(&cx, "s", &writer, sound(serial, CANARY)).await.unwrap_err();
            let shown = format!("{why:?}") + &said(failed(why)).await;
            assert!(!shown.contains(CANARY), "{shown}");
        }
    }
}
