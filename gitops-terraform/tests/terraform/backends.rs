//! States that are kept elsewhere, by whatever backend a root declares.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gitops_core::Value;
use tokio::sync::Notify;

use crate::support::*;

/// Somebody's state server, as simple as the tool allows.
#[derive(Clone, Default)]
pub struct Remote {
    pub address: String,
    kept: Arc<Mutex<Option<Bytes>>>,
    refuses: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
    goes_down: Arc<AtomicBool>,
    is_down: Arc<AtomicBool>,
    /// Whether somebody else has the lock.
    is_locked: Arc<AtomicBool>,
    lock_was_refused: Arc<Notify>,
}

impl Remote {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/state", listener.local_addr().unwrap());
        let remote = Self { address, ..Self::default() };
        let app = Router::new()
            .route("/state", get(read).post(write))
            .route("/state/lock", post(lock).delete(unlock))
            .with_state(remote.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        remote
    }

    /// Whether it takes no state from now on.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }

    /// Whether it answers no state that it is given from now on.
    pub fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
    }

    /// Takes states, and gives none after the next one.
    pub fn go_down_after_a_write(&self) {
        self.goes_down.store(true, Ordering::Relaxed);
    }

    /// Whether it gives no state from now on.
    pub fn be_down(&self, is_down: bool) {
        self.goes_down.store(false, Ordering::Relaxed);
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    pub fn holds_a_state(&self) -> bool {
        self.kept.lock().unwrap().is_some()
    }
}

async fn read(State(remote): State<Remote>) -> Response {
    if remote.is_down.load(Ordering::Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    match &*remote.kept.lock().unwrap() {
        Some(state) => state.clone().into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn lock(State(remote): State<Remote>) -> (StatusCode, &'static str) {
    if !remote.is_locked.load(Ordering::Relaxed) {
        return (StatusCode::OK, "");
    }
    remote.lock_was_refused.notify_one();
    (StatusCode::LOCKED, r#"{"ID": "theirs", "Operation": "OperationTypePlan", "Who": "a pipeline"}"#)
}

async fn unlock() -> StatusCode {
    StatusCode::OK
}

async fn write(State(remote): State<Remote>, body: Bytes) -> StatusCode {
    if remote.refuses.load(Ordering::Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    if remote.hangs.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    *remote.kept.lock().unwrap() = Some(body);
    remote.is_down.fetch_or(remote.goes_down.load(Ordering::Relaxed), Ordering::Relaxed);
    StatusCode::OK
}

pub fn root(address: &str, value: u8) -> String {
    format!(
        "terraform {{\n  backend \"http\" {{ address = \"{address}\" }}\n}}\n\
         resource \"terraform_data\" \"a\" {{ input = {value} }}\noutput \"o\" {{ value = terraform_data.a.output }}\n"
    )
}

#[tokio::test]
async fn a_state_elsewhere_is_asked_for_once_and_then_taken_for_unchanged() {
    let Remote { address, kept, .. } = Remote::start().await;
    let world = World::new(&[("app/main.tf", &root(&address, 1))]);
    assert!(world.apply().await.is_converged());
    assert!(kept.lock().unwrap().is_some());
    assert_eq!(world.live("app").await.unwrap().outputs["o"].to_string(), "1");
    let target = world.target();
    let mut engine = world.engine(&target).await;
    assert!(converge(&world.cx, &mut engine).await.results.is_empty());
    assert_eq!(target.processes(), 1, "the state is asked for once");
    assert!(engine.reconcile(&world.cx).await.unwrap().results.is_empty());
    assert_eq!(target.processes(), 1, "and not again so soon");
    drop(engine);

    world.files.declare(&[("app/main.tf", &root(&address, 2))]);
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("app").await.unwrap().outputs["o"].to_string(), "2");
}

#[tokio::test]
async fn a_state_of_somebody_else_is_not_taken_for_ours() {
    let address = Remote::start().await.address;
    let first = World::new(&[("app/main.tf", &root(&address, 1))]);
    assert!(first.apply().await.is_converged());
    let second = World::new(&[("app/main.tf", &root(&address, 2))]);
    let plan = second.plan().await;
    assert!(plan.steps.is_empty());
    let why = plan.blocked[0].why.to_string();
    assert!(why.contains("already holds 1 resources"), "{why}");
}

#[tokio::test]
async fn a_backend_that_is_down_is_named() {
    let world = World::new(&[("app/main.tf", &root("http://127.0.0.1:9/state", 1))]);
    let plan = world.plan().await;
    assert!(plan.blocked[0].why.to_string().contains("127.0.0.1:9"), "{}", plan.blocked[0].why);
}

/// Met with `path: ./states/{root}.tfstate`: a run reads what lay beside the private folder when it began, so that the first plan could not
/// lock the state in a folder that it had just made.
#[tokio::test]
async fn a_local_state_beside_the_private_folder_works_from_the_first_plan_on() {
    let declared = |value: u8| format!("resource \"terraform_data\" \"a\" {{ input = {value} }}\n");
    let at = |path: &str| {
        let world = World::new(&[("app/main.tf", &declared(1))]);
        let file = world.folder.path().join(path).display().to_string();
        let settings = Value::map([("path", Value::from(file.as_str()))]);
        world.built(move |builder| builder.backend("local", settings.clone()))
    };
    let world = at("states/{root}/{workspace}.tfstate");
    let plan = world.plan().await;
    assert_eq!(plan.steps.len(), 1, "{:?}", plan.blocked);
    assert!(world.apply().await.is_converged());
    world.files.declare(&[("app/main.tf", &declared(2))]);
    assert!(world.apply().await.is_converged());
    assert!(world.plan().await.is_empty());
    let state = std::fs::read_to_string(world.folder.path().join("states/app/default.tfstate")).unwrap();
    assert!(state.contains("terraform_data"), "{state}");

    let plan = at("{root}.tfstate").plan().await;
    let why = plan.blocked[0].why.to_string();
    assert!(why.contains("give states a folder of their own"), "{why}");
}

/// A pipeline that planned the same root had the lock when an apply began, which failed for it.
#[tokio::test]
async fn an_apply_waits_for_who_has_the_lock_of_the_state_for_a_while() {
    for tool in tools() {
        waits_for_the_lock(tool).await;
    }
}

async fn waits_for_the_lock(tool: std::path::PathBuf) {
    let remote = Remote::start().await;
    let locked = format!(
        "\"{0}\"\n    lock_address = \"{0}/lock\"\n    unlock_address = \"{0}/lock\"\n    lock_method = \"POST\"\n    unlock_method = \"DELETE\"\n ",
        remote.address
    );
    let main = root(&remote.address, 1).replace("{ address", "{\n    address");
    let main = main.replace(&format!("\"{}\"", remote.address), &locked);
    let world = World::new(&[("app/main.tf", &main)]).with_tool(tool);
    let target = world.target();
    let mut engine = world.engine(&target).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.len(), 1, "{:?}", plan.blocked);
    remote.is_locked.store(true, Ordering::Relaxed);
    let (cx, approval) = (world.cx.clone(), yes());
    let gives_it_back = async {
        remote.lock_was_refused.notified().await;
        remote.is_locked.store(false, Ordering::Relaxed);
    };
    let (report, ()) = tokio::join!(engine.apply(&cx, &plan, &approval), gives_it_back);
    let report = report.unwrap();
    assert!(report.is_converged(), "{report:?}");
}
