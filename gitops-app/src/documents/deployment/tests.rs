use super::*;
use gitops_core::{AuditEntry, Digest, GroupKind, Key};

/// The records of attempts at revisions: what they were for, and how they ended.
fn records(attempts: &[(&str, Purpose, SyncResult)]) -> Vec<AuditRecord> {
    let mut records = Vec::new();
    let mut add = |what: AuditEvent| {
        let (number, application) = (records.len() as u64 + 1, "site".to_owned());
        let time = Time::from_micros(number.cast_signed() * 1_000_000);
        let entry = AuditEntry::new(time, application, "runner", what);
        records.push(AuditRecord::new(number, entry));
    };
    for (name, purpose, result) in attempts {
        let (plan, revision) = (PlanId::new(Digest::of(name.as_bytes())), Revision::new(*name, "main"));
        let fails = usize::from(!matches!(result, SyncResult::Succeeded | SyncResult::NotReady));
        let not_ready = usize::from(*result == SyncResult::NotReady);
        add(AuditEvent::SyncStarted {
            plan,
            revision: revision.clone(),
            approved_by: None,
            purpose: *purpose,
        });
        add(AuditEvent::SyncEnded {
            plan,
            revision,
            applied: usize::from(*result != SyncResult::Failed),
            failed: fails + not_ready,
            unchanged: 0,
            result: Some(*result),
            not_ready,
            missing: fails,
            left: Vec::new(),
        });
    }
    records
}

use Purpose::{Change, Repair, Retry, Rollback};
use SyncResult::{Failed, NotReady, Partial, Stopped, Succeeded};

/// Met with a runner that tried all night: the history was one failure, two hundred times.
#[test]
fn attempts_that_end_alike_are_one_and_a_success_is_told_apart() {
    let log = records(&[
        ("1", Change, Succeeded),
        ("2", Change, Failed),
        ("2", Retry, Failed),
        ("2", Retry, Failed),
        ("2", Retry, Succeeded),
        ("3", Change, Failed),
        ("4", Change, Failed),
        ("4", Repair, Failed),
        ("4", Repair, Failed),
    ]);
    let found = folded(all_of(&log));
    let words: Vec<String> = found.iter().map(Deployment::words).collect();
    let expected = [
        "applied: 1",
        "failed ×3: 0 applied, 1 not",
        "applied on retry: 1",
        "failed: 0 applied, 1 not",
        "failed: 0 applied, 1 not",
        "failed ×2: 0 applied, 1 not",
    ];
    assert_eq!(words, expected);
    assert_eq!((found[1].started_at, found[1].attempts), (Time::from_micros(3_000_000), 3));
    assert_eq!(found[1].purpose, Change, "what was tried again is still that change");
    assert_eq!((found[1].number, found[1].entry), (4, 7), "the numbers are those of the last attempt");
}

/// What it was for is what the engine recorded: nobody can tell a repair from a change by the revision.
#[test]
fn the_purpose_and_the_result_are_those_that_were_recorded() {
    let all = [
        ("1", Change, Partial),
        ("1", Repair, Succeeded),
        ("1", Change, Succeeded),
        ("2", Rollback, NotReady),
        ("3", Rollback, Stopped),
    ];
    let found = all_of(&records(&all));
    let told: Vec<(Purpose, String)> = found.iter().map(|one| (one.purpose, one.words())).collect();
    let expected = [
        (Change, "partly applied: 1 applied, 1 not"),
        (Repair, "drift repaired: 1"),
        (Change, "applied: 1"),
        (Rollback, "not ready: 1 applied, 1 not ready"),
        (Rollback, "stopped: 1 applied, 1 not"),
    ];
    assert_eq!(told, expected.map(|(purpose, words)| (purpose, words.to_owned())));
}

/// Met with a root that was destroyed: the history said "applied: 1".
#[test]
fn what_was_deleted_is_told_apart_from_what_was_made() {
    let of = |deletes: usize, all: usize, purpose| {
        let mut log = records(&[("1", purpose, Succeeded)]);
        let end = log.pop().unwrap();
        let mut add = |what| {
            let (number, time) = (log.len() as u64 + 1, Time::from_micros(7_000_000));
            log.push(AuditRecord::new(number, AuditEntry::new(time, "site", "runner", what)));
        };
        for number in 0..all {
            let (op, key) = (format!("{number}"), Key::new("t", GroupKind::new("", "K"), "", "a"));
            let action = if number < deletes { Action::Delete } else { Action::Create };
            add(AuditEvent::Intent { op: op.as_str().into(), key: key.clone(), action });
            add(AuditEvent::Outcome { op: op.as_str().into(), key, result: "done".to_owned(), detail: None });
        }
        let AuditEvent::SyncEnded { plan, revision, .. } = end.entry.what.clone() else { unreachable!() };
        add(AuditEvent::SyncEnded {
            plan,
            revision,
            applied: all,
            failed: 0,
            unchanged: 0,
            result: Some(Succeeded),
            not_ready: 0,
            missing: 0,
            left: Vec::new(),
        });
        let mut search = Search { number: 1, ..Search::default() };
        log.iter().for_each(|record| search.take(record));
        let shown = search.found().unwrap().deployment;
        let listed = all_of(&log);
        assert_eq!((listed.len(), &listed[0]), (1, &shown), "the list says what the entry in full says");
        shown.words()
    };
    assert_eq!(of(1, 1, Change), "deleted: 1");
    assert_eq!(of(1, 3, Change), "applied: 3 (1 deleted)");
    assert_eq!(of(0, 3, Change), "applied: 3");
    assert_eq!(of(2, 2, Rollback), "rolled back: 2 (2 deleted)");
}

/// A log of records, of which no window holds more than is asked for.
struct Log(Vec<AuditRecord>);

#[gitops_core::async_trait]
impl AuditLog for Log {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn each(&self, _: &Cx, take: &mut (dyn FnMut(AuditRecord) -> Result<()> + Send)) -> Result<()> {
        self.0.iter().cloned().try_for_each(take)
    }

    async fn newest(&self, _: &Cx, limit: usize) -> Result<Vec<AuditRecord>> {
        Ok(self.0[self.0.len().saturating_sub(limit)..].to_vec())
    }

    async fn verify(&self, _: &Cx) -> Result<gitops_core::AuditReport> {
        unreachable!("nothing is verified")
    }
}

/// Met with a history of three deployments, whose numbers were those of the log: 1, 45 and 89. They are counted, and stay as
/// they are when the log has grown beyond what is read of it at once.
#[tokio::test]
async fn deployments_are_counted_also_in_a_log_that_is_read_in_parts() {
    let names: Vec<String> = (0..2000).map(|name| name.to_string()).collect();
    let attempts: Vec<_> = names.iter().map(|name| (name.as_str(), Change, Succeeded)).collect();
    let (cx, log) = (Cx::system(), Log(records(&attempts)));
    let newest = last(&cx, &log, 2, false).await.unwrap();
    let told: Vec<(u64, u64, &str)> =
        newest.iter().map(|one| (one.number, one.entry, one.revision.id())).collect();
    assert_eq!(told, [(2000, 3999, "1999"), (1999, 3997, "1998")]);
    let all = last(&cx, &log, 5000, false).await.unwrap();
    assert_eq!((all[0].number, all[1999].number), (2000, 1), "the same numbers where all is read");
    let found = find(&cx, &log, 1999).await.unwrap().deployment;
    assert_eq!((found.number, found.entry, found.revision.id()), (1999, 3997, "1998"));
    let beyond = find(&cx, &log, 3997).await.unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::NotFound, "the number of an entry is none of a deployment");
}

#[test]
fn an_attempt_is_found_with_the_revision_before_it_and_a_wrong_number_is_told() {
    let log = records(&[("1", Change, Succeeded), ("2", Change, Failed), ("2", Retry, Succeeded)]);
    let attempt = |number| {
        let mut search = Search { number, ..Search::default() };
        log.iter().for_each(|record| search.take(record));
        search.found()
    };
    let (first, retry) = (attempt(1).unwrap(), attempt(3).unwrap());
    assert_eq!((first.previous, first.deployment.result), (None, Outcome::Succeeded));
    assert_eq!(retry.previous.unwrap().id(), "1", "both attempts bring what the first one brought");
    let error = attempt(5).unwrap_err();
    assert!(error.is_not_found() && error.help_text().unwrap().ends_with('3'), "{error:?}");
}

/// The records of a chain: the first plan changes one object, and others await its output; the rest is what comes then.
fn chain(purpose: Purpose, then: Vec<AuditEvent>) -> Vec<AuditRecord> {
    let mut log = records(&[("1", purpose, Partial)]);
    let AuditEvent::SyncEnded { failed, left, .. } = &mut log[1].entry.what else { unreachable!() };
    *failed = 0;
    let awaiting = serde_json::json!({ "key": "t:K/-/b", "state": "awaits", "reason": "an output" });
    left.push(serde_json::from_value(awaiting).unwrap());
    for what in then {
        let number = log.len() as u64 + 1;
        let time = Time::from_micros(number.cast_signed() * 1_000_000);
        log.push(AuditRecord::new(number, AuditEntry::new(time, "site".to_owned(), "runner", what)));
    }
    log
}

/// Met with roots that use each other's outputs: each first apply was "partly applied" and "applied on retry", and a repair of which
/// nothing else had to change was "partly applied" for good.
#[test]
fn what_awaited_an_output_is_no_part_that_was_left() {
    let told =
        |log: &[AuditRecord]| -> Vec<String> { folded(all_of(log)).iter().map(Deployment::words).collect() };
    let of = |log: &[AuditRecord]| {
        let mut search = Search { number: 1, ..Search::default() };
        log.iter().for_each(|record| search.take(record));
        let attempt = search.found().unwrap();
        (attempt.deployment.words(), attempt.left.len())
    };
    let alone = chain(Repair, vec![]);
    assert_eq!(told(&alone), ["partly applied: 1 applied, 1 not"], "nobody knows yet");
    let completed = AuditEvent::Completed { revision: Revision::new("1", "main") };
    let repaired = chain(Repair, vec![completed.clone()]);
    assert_eq!(
        (told(&repaired), of(&repaired)),
        (vec!["drift repaired: 1".to_owned()], ("drift repaired: 1".to_owned(), 0))
    );
    let second: Vec<AuditEvent> =
        records(&[("1", Retry, Succeeded)]).into_iter().map(|record| record.entry.what).collect();
    assert_eq!(told(&chain(Change, second)), ["applied: 2"]);
    let failed: Vec<AuditEvent> =
        records(&[("1", Retry, Failed)]).into_iter().map(|record| record.entry.what).collect();
    let both = ["partly applied: 1 applied, 1 not", "failed: 0 applied, 1 not"];
    assert_eq!(told(&chain(Change, failed)), both);
    let mut refused = chain(Change, vec![completed]);
    let AuditEvent::SyncEnded { failed, .. } = &mut refused[1].entry.what else { unreachable!() };
    *failed = 1;
    assert_eq!(told(&refused), both[..1], "what failed did fail");
}
