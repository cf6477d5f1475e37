//! Each check is caught at work: the backend that is broken in just that fails it.

use std::collections::BTreeSet;

use gitops_core::RecoveryClass;
use gitops_core::conformance::{self, Report, all_checks};

use crate::model::{ENCODED, LATE, Model, subject};

/// What else must fail with a check, because it asks for the same and more.
const ALSO: &[(&str, &[&str])] = &[
    ("C02", &["C39", "C80"]),
    ("C03", &["C82"]),
    ("C09", &["C28"]),
    ("C16", &["C43", "C71"]),
    ("C17", &["C27"]),
    ("C20", &["C27", "C49"]),
    ("C21", &["C41"]),
    ("C22", &["C27", "C43", "C58", "C61", "C74"]),
    ("C23", &["C76"]),
    ("C25", &["C27", "C76"]),
    ("C27", &["C61"]),
    ("C32", &["C78"]),
    ("C37", &["C38"]),
    ("C41", &["C77"]),
    ("C43", &["C72"]),
    ("C49", &["C27"]),
    ("C51", &["C27"]),
    ("C60", &["C62"]),
    ("C70", &["C71"]),
    ("C75", &["C83"]),
    ("C76", &["C23"]),
    ("C77", &["C18"]),
];

async fn report_of(fault: &'static str, recovery_class: RecoveryClass) -> Report {
    conformance::target(move || async move { Ok(subject(Model::broken(fault, recovery_class))) })
        .seed(1)
        .run()
        .await
}

#[tokio::test]
async fn a_sound_model_passes_every_check_and_earns_its_tier() {
    for recovery_class in [RecoveryClass::Keyed, RecoveryClass::Discoverable, RecoveryClass::Opaque] {
        let report = report_of("", recovery_class).await;
        report.assert_earned(recovery_class);
        assert_eq!(report.skipped(), [""; 0], "{report}");
    }
}

#[tokio::test]
async fn each_check_catches_the_backend_that_is_broken_in_just_that() {
    let mut faults = Vec::new();
    for (number, sentence) in all_checks().into_iter().filter(|(number, _)| number.starts_with('C')) {
        let recovery_class = if number == "C21" { RecoveryClass::Opaque } else { RecoveryClass::Keyed };
        let report = report_of(number, recovery_class).await;
        let also = ALSO.iter().find(|(of, _)| *of == number).map_or(&[][..], |(_, also)| also);
        faults.extend(wrong(&report, number, also));
        if report.earned.is_none() == is_of_one_tier(number, also) {
            faults.push(format!("{number} {sentence}: earned {:?}", report.earned));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether only a higher recovery class asks for it, so that a lower one is earned without it.
fn is_of_one_tier(number: &str, also: &[&str]) -> bool {
    let higher = [
        "C09", "C10", "C16", "C17", "C18", "C19", "C20", "C22", "C24", "C25", "C26", "C27", "C43", "C52",
        "C53", "C54", "C55", "C56", "C61", "C74", "C76", "C77",
    ];
    [number].iter().chain(also).all(|number| higher.contains(number))
}

#[tokio::test]
async fn a_creation_that_lands_late_is_waited_for_unless_the_target_says_that_it_is_keyed() {
    let report = report_of(LATE, RecoveryClass::Discoverable).await;
    report.assert_earned(RecoveryClass::Discoverable);
    let report = report_of(LATE, RecoveryClass::Keyed).await;
    assert_eq!(report.failed(), ["C49"], "{report}");
}

#[tokio::test]
async fn a_secret_in_base64_is_a_secret() {
    let report = report_of(ENCODED, RecoveryClass::Keyed).await;
    assert_eq!(report.failed(), ["C58"], "{report}");
}

#[tokio::test]
async fn a_keyed_target_without_conditions_earns_a_lower_tier() {
    let report = report_of("C25", RecoveryClass::Keyed).await;
    assert_eq!(
        (report.declared, report.earned),
        (Some(RecoveryClass::Keyed), Some(RecoveryClass::Discoverable))
    );
    let report = report_of("C24", RecoveryClass::Discoverable).await;
    assert_eq!(
        (report.declared, report.earned),
        (Some(RecoveryClass::Discoverable), Some(RecoveryClass::Opaque))
    );
}

/// What is wrong unless exactly these checks failed.
pub fn wrong(report: &Report, number: &str, also: &[&str]) -> Option<String> {
    let expected: BTreeSet<&str> = [number].into_iter().chain(also.iter().copied()).collect();
    let failed: BTreeSet<&str> = report.failed().into_iter().collect();
    (failed != expected).then(|| format!("{number}: {failed:?} and not {expected:?}\n{report}"))
}
