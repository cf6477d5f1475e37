//! The kit for targets.

mod bench;
mod changes;
mod outside;
mod samples;
mod subject;

mod cancel;
mod concurrency;
mod conditional;
mod create;
mod deletion;
mod errors;
mod idempotence;
mod identity;
mod limits;
mod marks;
mod powers;
mod read;
mod secrets;

pub use outside::{Fault, Outside};
pub use samples::Samples;
pub use subject::Subject;

use futures::FutureExt;
use futures::future::BoxFuture;

use self::bench::TargetBench;
use super::check::{Asked, Check, run};
use super::report::{CheckResult, Report, Status};
use super::seed::{any_seed, seeded};
use crate::target::Tier;
use crate::{Cx, Result};

/// The kit for a target; `make` gives a fresh target, or a fresh part of a shared server, for each check.
pub fn target<F, Fut>(make: F) -> TargetKit
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Subject>> + Send + 'static,
{
    TargetKit { make: Box::new(move || make().boxed()), seed: None, only: None }
}

/// The kit for a target, to be [`run`](Self::run).
pub struct TargetKit {
    make: Box<dyn Fn() -> BoxFuture<'static, Result<Subject>> + Send + Sync>,
    seed: Option<u64>,
    only: Option<&'static [&'static str]>,
}

impl TargetKit {
    /// Takes all chance from a seed, to repeat a run that failed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Runs only the checks of these numbers, to look into a failure. The tier is then that of these checks.
    #[must_use]
    pub fn only(mut self, numbers: &'static [&'static str]) -> Self {
        self.only = Some(numbers);
        self
    }

    /// Runs the checks one after another, and prints the report and the tier that the target earned.
    pub async fn run(self) -> Report {
        let seed = self.seed.unwrap_or_else(any_seed);
        let cx = seeded(seed);
        let mut results = Vec::new();
        for check in checks().filter(|check| self.only.is_none_or(|only| only.contains(&check.number))) {
            results.push((check.asked, run(check, &cx, self.bench(&cx).await).await));
        }
        let report = match self.bench(&cx).await {
            Ok(bench) => self.report(seed, results, &bench),
            Err(error) => unmade(seed, results, &error.to_string()),
        };
        println!("{report}");
        report
    }

    async fn bench(&self, cx: &Cx) -> Result<TargetBench> {
        Ok(TargetBench::new(cx.clone(), (self.make)().await?))
    }

    fn report(&self, seed: u64, mut results: Vec<(Asked, CheckResult)>, bench: &TargetBench) -> Report {
        if self.only.is_none() {
            results.extend(bench.powers().filter_map(|power| unproven(power, &results)).collect::<Vec<_>>());
        }
        let info = bench.target().info();
        let earned = earned(info.tier, &results);
        let checks = results.into_iter().map(|(_, result)| result).collect();
        Report { subject: info.name, seed, declared: Some(info.tier), earned, checks }
    }
}

/// Every check, in the order of the numbers.
pub(super) fn checks() -> impl Iterator<Item = &'static Check<TargetBench>> {
    let groups = [
        identity::CHECKS,
        read::CHECKS,
        create::CHECKS,
        conditional::CHECKS,
        idempotence::CHECKS,
        deletion::CHECKS,
        errors::CHECKS,
        cancel::CHECKS,
        marks::CHECKS,
        secrets::CHECKS,
        concurrency::CHECKS,
        limits::CHECKS,
        powers::CHECKS,
    ];
    groups.into_iter().flatten()
}

/// The failure of a power that is offered and of which no check was run.
fn unproven(power: &'static str, results: &[(Asked, CheckResult)]) -> Option<(Asked, CheckResult)> {
    let was_run = |status: &Status| matches!(status, Status::Pass | Status::Fail { .. });
    let asked = Asked::Power(power);
    if results.iter().any(|(of, result)| *of == asked && was_run(&result.status)) {
        return None;
    }
    let why =
        format!("the target offers {power}, and no check of it could be run: give what those above miss");
    let sentence = "A power that is offered is checked.".to_owned();
    Some((asked, CheckResult { number: "C00".to_owned(), sentence, status: Status::Fail { why } }))
}

/// The highest tier up to the declared one of which no check failed.
fn earned(declared: Tier, results: &[(Asked, CheckResult)]) -> Option<Tier> {
    let failed = |asked: &dyn Fn(Asked) -> bool| {
        results.iter().any(|(of, result)| asked(*of) && matches!(result.status, Status::Fail { .. }))
    };
    let tiers = [Tier::Keyed, Tier::Discoverable, Tier::Opaque];
    tiers.into_iter().filter(|tier| *tier <= declared).find(|tier| {
        !failed(&|asked| match asked {
            Asked::All | Asked::Power(_) => true,
            Asked::Keyed => *tier == Tier::Keyed,
            Asked::Marked => *tier != Tier::Opaque,
            Asked::Opaque => *tier == Tier::Opaque,
        })
    })
}

/// The report of a factory that makes nothing.
fn unmade(seed: u64, results: Vec<(Asked, CheckResult)>, why: &str) -> Report {
    let checks = results.into_iter().map(|(_, result)| result).collect();
    Report { subject: format!("nothing ({why})"), seed, declared: None, earned: None, checks }
}
