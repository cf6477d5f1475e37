//! The checks, and how they are run.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use gitops_core::conformance::{CheckResult, Report, Status};
use gitops_core::{Cx, Result};

use super::check::{Bench, Check, Stop};
use super::subject::ForgeSubject;
use super::{comments, faults, powers, requests, reviews, statuses};

/// How long a check may take. One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(300);

fn checks() -> impl Iterator<Item = &'static Check> {
    let tables = [
        requests::CHECKS,
        comments::CHECKS,
        statuses::CHECKS,
        reviews::CHECKS,
        powers::CHECKS,
        faults::CHECKS,
    ];
    tables.into_iter().flatten()
}

/// Every check: its number and what it asks, as the documentation lists them.
pub fn all_checks() -> Vec<(&'static str, &'static str)> {
    checks().map(|check| (check.number, check.sentence)).collect()
}

type Make = Box<dyn Fn() -> BoxFuture<'static, Result<ForgeSubject>> + Send + Sync>;

/// A kit that is ready to be [run](Self::run).
pub struct ForgeKit {
    make: Make,
    only: Option<&'static [&'static str]>,
}

/// The kit for a forge; `make` gives one for each check. It may be the same repository each time: the checks open
/// requests of their own.
pub fn forge<F, Fut>(make: F) -> ForgeKit
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<ForgeSubject>> + Send + 'static,
{
    ForgeKit { make: Box::new(move || make().boxed()), only: None }
}

impl ForgeKit {
    /// Runs only the checks of these numbers, to look into a failure.
    #[must_use]
    pub fn only(mut self, numbers: &'static [&'static str]) -> Self {
        self.only = Some(numbers);
        self
    }

    /// Runs the checks one after another, and prints the report.
    pub async fn run(self) -> Report {
        let mut report = Report::new("forge", 0);
        for check in checks() {
            if self.only.is_none_or(|only| only.contains(&check.number)) {
                let status = match (self.make)().await {
                    Err(error) => Status::Fail { why: format!("there is nothing to check: {error:?}") },
                    Ok(subject) => {
                        subject.forge.info().kind.clone_into(&mut report.subject);
                        status(check, subject).await
                    }
                };
                let (number, sentence) = (check.number.to_owned(), check.sentence.to_owned());
                report.checks.push(CheckResult::new(number, sentence, status));
            }
        }
        println!("{report}");
        report
    }
}

async fn status(check: &Check, subject: ForgeSubject) -> Status {
    if check.power.is_some_and(|has| !has(&*subject.forge)) {
        return Status::NotAsked { why: "the forge does not offer it".to_owned() };
    }
    if let Some(why) = subject.divergences.get(check.number) {
        return Status::Skip { why: format!("known divergence: {why}") };
    }
    let bench = Bench { cx: Cx::system(), subject };
    let run = AssertUnwindSafe((check.run)(&bench)).catch_unwind();
    match bench.cx.within(LIMIT).bounded(run.map(Ok)).await {
        Err(_) => Status::Fail { why: format!("it did not end within {} s", LIMIT.as_secs()) },
        Ok(Err(_)) => Status::Fail { why: "it panicked".to_owned() },
        Ok(Ok(Err(Stop::Fail(why)))) => Status::Fail { why },
        Ok(Ok(Err(Stop::Skip(why)))) => Status::Skip { why },
        Ok(Ok(Ok(()))) => Status::Pass,
    }
}
