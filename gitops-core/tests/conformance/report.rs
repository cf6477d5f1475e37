//! What the kit says.

use std::sync::Arc;

use gitops_core::conformance::{self, Report, Samples, Status, Subject};
use gitops_core::{Error, ErrorKind, GroupKind, Key, Memory, RecoveryClass, Value};

use crate::model::{Model, subject};

fn bare() -> Samples {
    Samples::new(
        |n| Key::new("memory", GroupKind::new("", "Note"), "", format!("note-{n}")),
        |n| Value::from(format!("text {n}").as_str()),
    )
}

#[tokio::test]
async fn nothing_to_check_is_a_failure() {
    let report =
        conformance::target(|| async { Err(Error::new(ErrorKind::Unavailable, "no server")) }).run().await;
    assert!(!report.is_passed() && report.earned.is_none());
    assert_eq!(report.failed().len(), report.checks.len());
    let none = conformance::target(|| async { Ok(subject(Model::broken("", RecoveryClass::Keyed))) })
        .only(&[])
        .run()
        .await;
    assert!(!none.is_passed(), "no check was run: {none}");
}

#[tokio::test]
async fn what_is_not_given_is_skipped_with_the_reason_and_counted() {
    let report =
        conformance::target(|| async { Ok(Subject::new(Arc::new(Memory::new()), bare())) }).run().await;
    let skip = report.checks.iter().find(|check| check.number == "C57").unwrap();
    assert_eq!(skip.status, Status::Skip { why: "the samples have no body that holds a secret".into() });
    assert!(report.to_string().contains(&format!("{} skipped", report.skipped().len())), "{report}");
}

#[tokio::test]
async fn a_power_that_is_offered_and_not_checked_is_a_failure() {
    let unproven = || async {
        let model = Model::broken("", RecoveryClass::Keyed);
        Ok(Subject::new(model, crate::model::samples()))
    };
    let report = conformance::target(unproven).run().await;
    let failed: Vec<_> =
        report.checks.iter().filter(|check| matches!(check.status, Status::Fail { .. })).collect();
    assert_eq!(report.failed(), ["C00"], "{report}");
    assert!(
        failed[0].status.word() == "FAIL" && report.to_string().contains("import is offered, and no check")
    );
}

#[tokio::test]
async fn a_known_divergence_is_skipped_and_said() {
    let diverging = || async {
        Ok(subject(Model::broken("C05", RecoveryClass::Keyed)).diverges("C05", "it counts by sevens"))
    };
    let report = conformance::target(diverging).run().await;
    report.assert_earned(RecoveryClass::Keyed);
    assert_eq!(report.skipped(), ["C05"]);
    assert!(report.to_string().contains("known divergence: it counts by sevens"), "{report}");
}

#[tokio::test]
async fn one_seed_makes_one_run_and_a_report_is_read_back() {
    let run = || {
        conformance::target(|| async { Ok(subject(Model::broken("C22", RecoveryClass::Keyed))) })
            .seed(42)
            .run()
    };
    let (first, second) = (run().await, run().await);
    assert_eq!(first, second);
    assert!(first.to_string().ends_with("earned opaque; seed 42\n") || first.to_string().contains("seed 42"));
    let json = serde_json::to_string(&first).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), first);
}
