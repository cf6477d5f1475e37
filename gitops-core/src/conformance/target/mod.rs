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
mod lists;
mod owner_labels;
mod pages;
mod places;
mod powers;
mod read;
mod secrets;
mod traces;

pub use outside::{Fault, Outside};
pub use pages::CountedPages;
pub use samples::Samples;
pub use subject::Subject;

use self::bench::TargetBench;
use super::check::Check;
use super::kit::Kit;
use crate::value::Result;

/// The kit for a target; `make` gives a fresh target, or a fresh part of a shared server, for each check.
pub fn target<F, Fut>(make: F) -> Kit
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Subject>> + Send + 'static,
{
    Kit::of(checks(), move |cx| {
        let subject = make();
        async move { Ok(TargetBench::new(cx, subject.await?)) }
    })
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
        owner_labels::CHECKS,
        secrets::CHECKS,
        concurrency::CHECKS,
        limits::CHECKS,
        powers::CHECKS,
        traces::CHECKS,
        places::CHECKS,
        lists::CHECKS,
    ];
    groups.into_iter().flatten()
}
