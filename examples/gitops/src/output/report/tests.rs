//! What people read when not everything went well, and how the command ends then.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::backend::directory::FileRender;
use gitops_core::capability::{Health, Readiness};
use gitops_core::{
    Applied, ApplyOptions, Change, Cx, Engine, Error, ErrorKind, Key, Live, Memory, Result, Revision, Scope,
    Snapshot, Source, SourceInfo, State, Target, TargetInfo, async_trait,
};

use super::*;

/// A target in memory that treats objects as their names say.
#[derive(Default)]
struct Moody(Memory);

#[async_trait]
impl Target for Moody {
    fn info(&self) -> TargetInfo {
        self.0.info().concurrency(1)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.0.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        match change.key().name() {
            "fails" => Err(Error::new(ErrorKind::Forbidden, "may not\nbe written")),
            "lost" => Err(Error::new(ErrorKind::Timeout, "no answer")),
            _ => self.0.apply(cx, change).await,
        }
    }

    fn health(&self) -> Option<&dyn Health> {
        Some(self)
    }
}

#[async_trait]
impl Health for Moody {
    async fn ready(&self, _: &Cx, key: &Key, _: &Applied) -> Result<Readiness> {
        Ok(match key.name() {
            "sick" => Readiness::Failed("it does not start".to_owned()),
            _ => Readiness::Ready,
        })
    }
}

struct Names(&'static [&'static str]);

#[async_trait]
impl Source for Names {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("names", "all")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new("4a1b2c3d4e5f", "main"))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("names", revision.clone(), self.0.iter().map(|name| (*name, "content")))
    }
}

async fn report(names: &'static [&'static str]) -> Report {
    let cx = Cx::system();
    let state = State::in_memory();
    let mut engine = Engine::builder("site")
        .source(Arc::new(Names(names)))
        .render(Arc::new(FileRender::new("dir")))
        .target("dir", Arc::new(Moody::default()))
        .ready_timeout(Duration::from_secs(5))
        .state(state)
        .open(&cx)
        .await
        .unwrap();
    let plan = engine.plan(&cx).await.unwrap();
    engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("alice")).await.unwrap()
}

fn drawn(report: &Report) -> String {
    let text = human(report, Columns::Within(100), "gitops plan", "gitops why", "gitops plan --all");
    anstream::adapter::strip_str(&text).to_string()
}

#[tokio::test]
async fn what_is_applied_and_not_healthy_ends_with_6() {
    let report = report(&["a", "sick"]).await;
    assert_eq!(exit(&report), Exit::Degraded);
    insta::assert_snapshot!(drawn(&report), @r"
    Applied, not healthy: 2 changes applied at 4a1b2c3d4e5f (main), not everything is healthy.
      ~  not ready  create  dir  File/sick  it does not start
    Go on:  gitops plan
    ");
}

#[tokio::test]
async fn a_failure_weighs_more_and_an_unknown_outcome_is_told_apart() {
    let report = report(&["a", "fails", "lost", "sick"]).await;
    assert_eq!(exit(&report), Exit::Failure);
    insta::assert_snapshot!(drawn(&report), @r"
    Not everything is applied: 2 of 4 changes applied at 4a1b2c3d4e5f (main).
      x  failed     create  dir  File/fails  apply dir:File/-/fails: may not\nbe written
      ?  unknown    create  dir  File/lost   apply dir:File/-/lost: no answer
      ~  not ready  create  dir  File/sick   it does not start
    Go on:  gitops plan
    ");
}

#[tokio::test]
async fn all_done_is_one_line() {
    let report = report(&["a", "b"]).await;
    assert_eq!(exit(&report), Exit::Ok);
    insta::assert_snapshot!(drawn(&report), @"Applied: 2 changes; the target is as declared at 4a1b2c3d4e5f (main).");
}
