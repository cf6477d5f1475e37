use gitops_core::{AuditEntry, Digest, PlanId, Time};

use super::*;

fn ended(name: &str, result: SyncResult, failed: usize, missing: usize) -> AuditEvent {
    AuditEvent::SyncEnded {
        plan: PlanId::new(Digest::of(name.as_bytes())),
        revision: Revision::new(name, "main"),
        applied: 1,
        failed,
        unchanged: 0,
        result: Some(result),
        not_ready: 0,
        missing,
        left: Vec::new(),
    }
}

fn whole(name: &str) -> AuditEvent {
    ended(name, SyncResult::Succeeded, 0, 0)
}

fn completed(name: &str) -> AuditEvent {
    AuditEvent::Completed { revision: Revision::new(name, "main") }
}

fn pinned(name: &str) -> AuditEvent {
    AuditEvent::Pinned { revision: Revision::new(name, "main"), by: "ada".to_owned() }
}

/// The revisions to take back and to go back to.
fn found(events: Vec<AuditEvent>) -> (String, String) {
    let entry = |what| AuditEntry::new(Time::from_micros(1), "site".to_owned(), "runner", what);
    let entries = events.into_iter().map(entry);
    let records: Vec<AuditRecord> =
        (1u64..).zip(entries).map(|(number, entry)| AuditRecord::new(number, entry)).collect();
    let (bad, good) = chosen(&records, None, None).unwrap();
    (bad.id().to_owned(), good.id().to_owned())
}

/// Met with roots that use each other's outputs: where the output stayed as it was, the revision counted as applied in part
/// for good, and nobody was sent back to it.
#[test]
fn a_revision_of_which_the_rest_needed_no_change_is_good() {
    let waits = || ended("2", SyncResult::Partial, 0, 1);
    let good = |events| found(events).1;
    assert_eq!(good(vec![whole("1"), waits(), completed("2"), whole("3")]), "2");
    assert_eq!(good(vec![whole("1"), waits(), whole("3")]), "1");
    let failed = ended("2", SyncResult::Partial, 1, 1);
    let ended = vec![whole("1"), failed, completed("2"), whole("3")];
    assert_eq!(good(ended), "1", "what failed did fail");
}

/// Met with somebody who went back twice: the second time led to the bad revision again.
#[test]
fn nobody_is_sent_to_a_revision_from_which_somebody_went_back() {
    let (bad, good) = found(vec![whole("0"), whole("1"), whole("2"), pinned("1"), whole("1")]);
    assert_eq!((bad.as_str(), good.as_str()), ("1", "0"));
}

#[test]
fn a_status_names_the_request_that_takes_a_commit_back() {
    assert_eq!(named("rolled back to 1a2b3c4d5e6f; #17 takes it back"), Some(17));
    assert_eq!(named("rolled back to 1a2b3c4d5e6f; !17 takes it back"), Some(17));
    for end in [CLOSED, GONE] {
        assert_eq!(named(&format!("goes back to 1a2b3c4d5e6f; #17{end}")), Some(17));
    }
    assert_eq!(named("rolled back to 1a2b3c4d5e6f; #x takes it back"), None);
    assert_eq!(named("live"), None);
}
