//! The kit for layers: ours keep the contract, and each check catches the layer that is broken in just that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::capability::{Admission, Batch, DryRun, Health, Identity, Import, Watch};
use gitops_core::conformance::{self, Report, all_checks};
use gitops_core::*;

use crate::broken::wrong;

#[tokio::test]
async fn our_layers_keep_the_contract() {
    let second = Duration::from_secs(1);
    let layers: [Arc<dyn Layer>; 4] = [
        Arc::new(TraceLayer),
        Arc::new(RetryLayer::new(3)),
        Arc::new(RateLimitLayer::new(1000, second)),
        Arc::new(TimeoutLayer::new(second * 10)),
    ];
    for layer in layers {
        conformance::layer(move || layer.clone()).run().await.assert_passed();
    }
    let all = || -> Arc<dyn Layer> {
        let layers: Vec<Arc<dyn Layer>> = vec![
            Arc::new(TraceLayer),
            Arc::new(RetryLayer::new(3)),
            Arc::new(TimeoutLayer::new(Duration::from_secs(10))),
        ];
        Arc::new(layers)
    };
    conformance::layer(all).run().await.assert_passed();
}

/// A layer that passes calls on, with one fault.
struct Faulty {
    fault: &'static str,
    first: Mutex<Option<Arc<dyn Target>>>,
}

struct Passed {
    fault: &'static str,
    target: Arc<dyn Target>,
}

struct PassedSource(Arc<dyn Source>, &'static str);

impl Layer for Faulty {
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        let first = self.first.lock().unwrap().get_or_insert_with(|| inner.clone()).clone();
        let target = if self.fault == "Y07" { first } else { inner };
        Arc::new(Passed { fault: self.fault, target })
    }

    fn layer_source(&self, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        Arc::new(PassedSource(inner, self.fault))
    }
}

#[async_trait]
impl Target for Passed {
    fn info(&self) -> TargetInfo {
        let info = self.target.info();
        if self.fault == "Y01" { info.concurrency(1) } else { info }
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.target.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        if self.fault == "Y03" {
            drop(self.target.observe(cx, &[change.key().clone()].into_iter().collect()).await);
        }
        if self.fault == "Y08" {
            let (target, cx, change) = (self.target.clone(), cx.clone(), change.clone());
            let run = tokio::spawn(async move { target.apply(&cx, &change).await });
            return run.await.unwrap();
        }
        let answer = self.target.apply(cx, change).await;
        answer.map_err(|error| if self.fault == "Y04" { error.outcome_known() } else { error })
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        self.target.dry_run()
    }

    fn admission(&self) -> Option<&dyn Admission> {
        self.target.admission()
    }

    fn identity(&self) -> Option<&dyn Identity> {
        self.target.identity()
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.target.watch()
    }

    fn health(&self) -> Option<&dyn Health> {
        self.target.health().filter(|_| self.fault != "Y05")
    }

    fn import(&self) -> Option<&dyn Import> {
        self.target.import()
    }

    fn batch(&self) -> Option<&dyn Batch> {
        self.target.batch()
    }
}

#[async_trait]
impl Source for PassedSource {
    fn info(&self) -> SourceInfo {
        self.0.info()
    }

    async fn resolve(&self, cx: &Cx) -> Result<Revision> {
        self.0.resolve(cx).await
    }

    async fn fetch(&self, cx: &Cx, revision: &Revision) -> Result<Snapshot> {
        if self.1 == "Y06" {
            self.0.resolve(cx).await?;
        }
        self.0.fetch(cx, revision).await
    }

    fn history(&self) -> Option<&dyn History> {
        self.0.history().filter(|_| self.1 != "Y02")
    }

    fn watch(&self) -> Option<&dyn SourceWatch> {
        self.0.watch()
    }
}

async fn report_of(fault: &'static str) -> Report {
    conformance::layer(move || Arc::new(Faulty { fault, first: Mutex::default() })).seed(1).run().await
}

#[tokio::test]
async fn each_check_catches_the_layer_that_is_broken_in_just_that() {
    report_of("").await.assert_passed();
    let mut faults = Vec::new();
    for (number, _) in all_checks().into_iter().filter(|(number, _)| number.starts_with('Y')) {
        let also: &[&str] = match number {
            "Y02" => &["Y06"],
            "Y05" => &["Y02"],
            "Y03" => &["Y07"],
            "Y07" => &["Y02", "Y04"],
            _ => &[],
        };
        faults.extend(wrong(&report_of(number).await, number, also));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
