//! The backend against the real service, through a whole engine.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use custom_backend::protocol::{Item, Reply, Request};
use custom_backend::{Client, KeyValue};
use gitops_core::*;

use support::Service;

struct Files(Vec<(&'static str, &'static str)>);

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("files", "")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new(Digest::of(format!("{:?}", self.0).as_bytes()).to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("files", revision.clone(), self.0.iter().copied())
    }
}

fn setting(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let key = Key::new("kv", GroupKind::new("", "Setting"), "", part.path());
    Ok(vec![Object::new(key, Value::text_or_bytes(part.bytes()?), part.provenance(0))])
}

async fn converge(
    state: &std::path::Path,
    client: &Client,
    files: &[(&'static str, &'static str)],
) -> Report {
    let cx = Cx::system();
    let mut engine = Engine::builder("settings")
        .source(Arc::new(Files(files.to_vec())))
        .render(Arc::new(render_files("settings 1", setting)))
        .target("kv", Arc::new(KeyValue(client.clone())))
        .state(StateDir::open(&state.join("state"), &cx).unwrap())
        .open(&cx)
        .await
        .unwrap();
    let plan = engine.plan(&cx).await.unwrap();
    engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap()
}

async fn value(client: &Client, name: &str) -> Option<String> {
    match client.ask(Request::Get { name: name.to_owned() }).await.unwrap() {
        Reply::Item { item, .. } => Some(item.value),
        _ => None,
    }
}

#[tokio::test]
async fn settings_are_made_changed_repaired_and_removed_and_foreign_ones_left_alone() {
    let (service, state) = (Service::start(), tempfile::tempdir().unwrap());
    let client = service.client();
    let foreign = Item { value: "theirs".into(), owner: "them".into(), label: "x".into() };
    client.ask(Request::Put { name: "foreign".into(), expect: None, item: foreign }).await.unwrap();

    assert!(converge(state.path(), client, &[("a", "1"), ("b", "2")]).await.is_converged());
    assert_eq!(value(client, "a").await.as_deref(), Some("1"));

    let report = converge(state.path(), client, &[("a", "3")]).await;
    let actions: Vec<_> = report.results.iter().map(|result| (result.key.name(), result.action)).collect();
    assert_eq!(actions, [("b", Action::Delete), ("a", Action::Update)]);
    assert_eq!(value(client, "b").await, None);

    let report = converge(state.path(), client, &[("a", "3"), ("foreign", "ours")]).await;
    assert_eq!(report.plan.blocked[0].why, BlockedBecause::OwnedByOther { owner: "them".into() });
    assert_eq!(value(client, "foreign").await.as_deref(), Some("theirs"));
}

#[tokio::test]
async fn a_service_that_is_gone_is_an_error_that_says_so() {
    let client = {
        let service = Service::start();
        service.client().clone()
    };
    let error = client.ask(Request::Get { name: "a".into() }).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable(), error.is_unknown()),
        (ErrorKind::Unavailable, true, false)
    );
}

#[test]
fn the_backend_is_at_most_sixty_lines() {
    let lines = include_str!("../src/backend.rs").lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 60, "the backend has {lines} lines that are not blank");
}
