//! The checks of one kind of backend, and how they are run.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::check::{Asked, Bench, Check, run};
use super::report::{CheckResult, Report, Status};
use super::seed::{any_seed, seeded};
use crate::capability::RecoveryClass;
use crate::cx::Cx;
use crate::value::Result;

/// A kit that is ready to be [run](Self::run).
pub struct Kit {
    seed: Option<u64>,
    only: Option<&'static [&'static str]>,
    run: Box<dyn FnOnce(Order) -> BoxFuture<'static, Report> + Send>,
}

/// Which checks are run, and with which seed.
struct Order {
    seed: u64,
    only: Option<&'static [&'static str]>,
}

impl Kit {
    /// The kit of these checks, each on a bench of its own.
    pub(super) fn of<B, F, Fut>(checks: impl IntoIterator<Item = &'static Check<B>>, make: F) -> Self
    where
        B: Bench + 'static,
        F: Fn(Cx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<B>> + Send,
    {
        let checks: Vec<_> = checks.into_iter().collect();
        let run = move |order| async move { run_all(order, checks, make).await }.boxed();
        Self { seed: None, only: None, run: Box::new(run) }
    }

    /// Takes all chance from a seed, to repeat a run that failed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Runs only the checks of these numbers, to look into a failure. The recovery class is then that of these checks.
    #[must_use]
    pub fn only(mut self, numbers: &'static [&'static str]) -> Self {
        self.only = Some(numbers);
        self
    }

    /// Runs the checks one after another, and prints the report with the recovery class that a target earned.
    pub async fn run(self) -> Report {
        let order = Order { seed: self.seed.unwrap_or_else(any_seed), only: self.only };
        let report = (self.run)(order).await;
        println!("{report}");
        report
    }
}

async fn run_all<B, F, Fut>(order: Order, checks: Vec<&'static Check<B>>, make: F) -> Report
where
    B: Bench + 'static,
    F: Fn(Cx) -> Fut,
    Fut: Future<Output = Result<B>>,
{
    let Order { seed, only } = order;
    let cx = seeded(seed);
    let mut results = Vec::new();
    for check in checks {
        if only.is_none_or(|only| only.contains(&check.number)) {
            results.push((check.asked, run(check, &cx, make(cx.clone()).await).await));
        }
    }
    let Ok(bench) = make(cx).await else { return report("nothing".to_owned(), seed, None, results) };
    if only.is_none() {
        let unproven: Vec<_> =
            bench.powers().into_iter().filter_map(|power| unproven(power, &results)).collect();
        results.extend(unproven);
    }
    report(bench.subject(), seed, bench.recovery_class(), results)
}

fn report(
    subject: String,
    seed: u64,
    declared: Option<RecoveryClass>,
    results: Vec<(Asked, CheckResult)>,
) -> Report {
    let earned = declared.and_then(|declared| earned(declared, &results));
    let checks = results.into_iter().map(|(_, result)| result).collect();
    Report { subject, seed, declared, earned, checks }
}

/// The failure of a power that is offered and of which no check was run.
fn unproven(power: &'static str, results: &[(Asked, CheckResult)]) -> Option<(Asked, CheckResult)> {
    let was_run = |status: &Status| matches!(status, Status::Pass | Status::Fail { .. });
    let asked = Asked::Power(power);
    if results.iter().any(|(of, result)| *of == asked && was_run(&result.status)) {
        return None;
    }
    let why = format!("{power} is offered, and no check of it could be run: give what those above miss");
    let sentence = "A power that is offered is checked.".to_owned();
    Some((asked, CheckResult::new("C00", sentence, Status::Fail { why })))
}

/// The highest recovery class up to the declared one of which no check failed.
fn earned(declared: RecoveryClass, results: &[(Asked, CheckResult)]) -> Option<RecoveryClass> {
    let keeps = |recovery_class: &RecoveryClass| {
        !results.iter().any(|(asked, result)| {
            asked.is_of(Some(*recovery_class)) && matches!(result.status, Status::Fail { .. })
        })
    };
    let classes = [RecoveryClass::Keyed, RecoveryClass::Discoverable, RecoveryClass::Opaque];
    classes.into_iter().filter(|recovery_class| *recovery_class <= declared).find(keeps)
}
