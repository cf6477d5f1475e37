//! The service behind the counting provider: it counts every effect, and does to answers what a test asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::extract::{Path as Name, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gitops_core::Cx;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    #[serde(default)]
    pub id: String,
    pub name: String,
    pub value: String,
    #[serde(default)]
    pub secret: String,
}

#[derive(Default)]
pub struct Inner {
    pub things: BTreeMap<String, Thing>,
    /// How often something was made, by name.
    pub made: BTreeMap<String, u32>,
    pub reads: u32,
    /// How long the first creation takes to be answered; each later one takes so much longer.
    pub takes: Duration,
    /// How many creations were answered.
    pub answered: u32,
    /// Names whose creation is done and kills the provider.
    pub deadly: BTreeSet<String>,
    /// Whether reads are never answered.
    pub silent: bool,
    /// The token that is asked for; none if it is empty.
    pub token: String,
    /// Names whose creation is refused.
    pub refused: BTreeSet<String>,
}

/// The service, for as long as it is not dropped.
pub struct Things {
    pub endpoint: String,
    pub inner: Arc<Mutex<Inner>>,
    answered: Arc<Notify>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Inner>>, Arc<Notify>);

impl Things {
    pub async fn start() -> Self {
        let (inner, answered) = (Arc::<Mutex<Inner>>::default(), Arc::<Notify>::default());
        let app = Router::new()
            .route("/things", post(make))
            .route("/things/{id}", get(read).put(change).delete(remove))
            .with_state(Shared(inner.clone(), answered.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { endpoint, inner, answered }
    }

    /// The names of all things, in order: a name that is there twice was made twice.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.inner.lock().unwrap().things.values().map(|thing| thing.name.clone()).collect();
        names.sort();
        names
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap())
    }

    /// Waits until so many things were made, answered or not.
    pub async fn made(&self, count: u32) {
        let cx = Cx::system().within(Duration::from_secs(60));
        while self.with(|inner| inner.made.values().sum::<u32>()) < count {
            cx.sleep(Duration::from_millis(10)).await.expect("it is made in time");
        }
    }

    /// Waits until so many creations were answered.
    pub async fn answered(&self, count: u32) {
        loop {
            let answered = self.answered.notified();
            if self.with(|inner| inner.answered) >= count {
                return;
            }
            answered.await;
        }
    }

    /// The configuration of a root that keeps things here; each has a name, a value and attributes of its own.
    pub fn root(&self, things: &[(&str, &str)]) -> String {
        let head = format!(
            "terraform {{\n  required_providers {{\n    counting = {{ source = \"providers.example/gitops/counting\" }}\n  }}\n}}\n\
             provider \"counting\" {{\n  endpoint = \"{}\"\n}}\n",
            self.endpoint
        );
        let block = |(name, value): &(&str, &str)| {
            format!(
                "resource \"counting_thing\" \"{name}\" {{\n  name  = \"{name}\"\n  value = \"{value}\"\n}}\n"
            )
        };
        std::iter::once(head).chain(things.iter().map(block)).collect()
    }
}

async fn make(State(Shared(inner, answered)): State<Shared>, Json(mut thing): Json<Thing>) -> Response {
    let (takes, deadly) = {
        let mut inner = inner.lock().unwrap();
        if inner.refused.contains(&thing.name) {
            return (StatusCode::FORBIDDEN, format!("not this one: {}", thing.value)).into_response();
        }
        let number = inner.made.values().sum::<u32>();
        thing.id = format!("thing-{number}");
        *inner.made.entry(thing.name.clone()).or_default() += 1;
        inner.things.insert(thing.id.clone(), thing.clone());
        (inner.takes * (number + 1), inner.deadly.contains(&thing.name))
    };
    if !takes.is_zero() {
        Cx::system().sleep(takes).await.unwrap();
    }
    inner.lock().unwrap().answered += 1;
    answered.notify_waiters();
    if deadly {
        return StatusCode::from_u16(599).unwrap().into_response();
    }
    Json(thing).into_response()
}

async fn read(
    State(Shared(inner, _)): State<Shared>,
    Name(id): Name<String>,
    headers: HeaderMap,
) -> Response {
    if inner.lock().unwrap().silent {
        std::future::pending::<()>().await;
    }
    let mut inner = inner.lock().unwrap();
    inner.reads += 1;
    let given = headers.get("authorization").and_then(|given| given.to_str().ok()).unwrap_or_default();
    if !inner.token.is_empty() && given != format!("Bearer {}", inner.token) {
        return (StatusCode::UNAUTHORIZED, "the token is revoked").into_response();
    }
    match inner.things.get(&id) {
        Some(thing) => Json(thing.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn change(
    State(Shared(inner, _)): State<Shared>,
    Name(id): Name<String>,
    Json(mut thing): Json<Thing>,
) -> Json<Thing> {
    thing.id.clone_from(&id);
    inner.lock().unwrap().things.insert(id, thing.clone());
    Json(thing)
}

async fn remove(State(Shared(inner, _)): State<Shared>, Name(id): Name<String>) -> StatusCode {
    match inner.lock().unwrap().things.remove(&id) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

fn program(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    PathBuf::from(path.unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`")))
}

/// The host of the providers' addresses. Both tools look for it in the mirror, and it is nobody's.
const HOST: &str = "providers.example";

/// A folder of providers as `providers mirror` lays it out, with the counting one and the one of times.
pub fn mirror() -> &'static Path {
    static MIRROR: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let providers = [
            ("gitops", "counting", "0.1.0", program("GITOPS_PROVIDER_COUNTING")),
            ("hashicorp", "time", "0.14.2", program("GITOPS_PROVIDER_TIME")),
        ];
        for (space, name, version, binary) in providers {
            let place = format!("{HOST}/{space}/{name}/{version}/{}_{}", os(), architecture());
            let place = folder.path().join(place);
            std::fs::create_dir_all(&place).unwrap();
            let program = place.join(format!("terraform-provider-{name}_v{version}"));
            // A link takes no room; another file system needs a copy.
            if std::fs::hard_link(&binary, &program).is_err() {
                std::fs::copy(&binary, &program).unwrap();
            }
        }
        folder
    };
    MIRROR.get_or_init(make).path()
}

fn os() -> &'static str {
    if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS }
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The lock file of providers for a root that uses some of them, as a person would make and commit it.
pub fn lock_file(providers: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let required = |source: &&str| format!("x{} = {{ source = \"{HOST}/{source}\" }}\n", source.len());
    let required: Vec<String> = providers.iter().map(required).collect();
    let main = format!("terraform {{\n  required_providers {{\n{}  }}\n}}\n", required.concat());
    std::fs::write(folder.path().join("main.tf"), main).unwrap();
    let config = folder.path().join("cli.tfrc");
    let mirror = mirror().display().to_string();
    std::fs::write(
        &config,
        format!("provider_installation {{\n filesystem_mirror {{ path = {mirror:?} }}\n}}\n"),
    )
    .unwrap();
    let mut init = std::process::Command::new(program("GITOPS_TOFU"));
    init.args(["init", "-input=false", "-no-color"])
        .current_dir(folder.path())
        .env("TF_CLI_CONFIG_FILE", config);
    let output = init.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(folder.path().join(".terraform.lock.hcl")).unwrap()
}
