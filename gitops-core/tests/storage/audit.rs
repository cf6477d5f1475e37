//! The audit log as long as nobody touches it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gitops_core::internals::audit::{
    AuditEntry, AuditEvent, AuditLog, AuditRecord, AuditSink, FileAudit, FileAuditLog, MemoryAudit,
};
use gitops_core::{Cx, Digest, Error, ErrorKind, PlanId, Purpose, Revision, Time};

use crate::records::key;

pub fn entry(number: i64) -> AuditEntry {
    let what = match number % 3 {
        0 => AuditEvent::SyncStarted {
            plan: PlanId::new(Digest::of(b"plan")),
            revision: Revision::new("0123456789abcdef", "main"),
            approved_by: Some("alice \"a\"\n".to_owned()),
            purpose: Purpose::Change,
        },
        1 => AuditEvent::Outcome {
            op: number.to_string().into(),
            key: key("a"),
            result: "done".to_owned(),
            detail: None,
        },
        _ => AuditEvent::Recovered { open: 1 },
    };
    AuditEntry::new(Time::from_micros(number), "site", "alice", what)
}

pub fn entries(numbers: std::ops::Range<i64>) -> Vec<AuditEntry> {
    numbers.map(entry).collect()
}

pub fn log() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    (folder, path)
}

pub async fn record(path: &Path, groups: &[Vec<AuditEntry>]) {
    let audit = FileAudit::open(path).unwrap();
    for group in groups {
        audit.record(&Cx::system(), group).await.unwrap();
    }
}

/// The newest entries.
pub fn read(path: &Path, limit: usize) -> Vec<AuditEntry> {
    FileAudit::read(path, limit).unwrap().into_iter().map(|record| record.entry).collect()
}

#[tokio::test]
async fn what_was_recorded_is_read_back_the_newest_last() {
    let (_folder, path) = log();
    record(&path, &[entries(0..3), entries(3..5)]).await;
    record(&path, &[entries(5..6)]).await;
    assert_eq!(read(&path, 100), entries(0..6));
    assert_eq!(read(&path, 2), entries(4..6));
    assert_eq!(read(&path, 0), []);
    let mut numbers = Vec::new();
    let mut take = |record: AuditRecord| {
        numbers.push(record.number);
        if numbers.len() < 4 { Ok(()) } else { Err(Error::new(ErrorKind::Cancelled, "enough")) }
    };
    let each = FileAuditLog::new(&path).each(&Cx::system(), &mut take).await;
    assert_eq!(each.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(numbers, [1, 2, 3, 4]);
    let newest = FileAudit::read(&path, 2).unwrap();
    assert_eq!(newest.iter().map(|record| record.number).collect::<Vec<_>>(), [5, 6]);
    let report = FileAudit::verify(&path).unwrap();
    assert_eq!((report.entries, report.first, report.last), (6, Some(entry(0).time), Some(entry(5).time)));
    assert!(!report.unfinished);
}

#[tokio::test]
async fn the_hash_of_the_report_stands_for_every_entry() {
    let (ours, other) = (log(), log());
    record(&ours.1, &[entries(0..3)]).await;
    record(&other.1, &[entries(1..4)]).await;
    assert_ne!(FileAudit::verify(&ours.1).unwrap().hash, FileAudit::verify(&other.1).unwrap().hash);
}

#[tokio::test]
async fn both_files_are_private() {
    let (folder, path) = log();
    record(&path, &[entries(0..3)]).await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn a_line_shows_a_person_what_happened() {
    let (_folder, path) = log();
    record(&path, &[vec![entry(1)]]).await;
    insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"{"v":1,"seq":1,"group":1,"prev":"70cdcd1e3adea05ad3574166b1ded6ddc80f8a80f0a5706193b0eb4267301547","entry":{"time":"1970-01-01T00:00:00.000001Z","application":"site","actor":"alice","what":{"event":"outcome","op":"1","key":"dir:File/-/a","result":"done","detail":null}},"hash":"e0b36760c46a416f1058d5964556f75f87b4fa7f3160774385eedac03e843988"}"#);
}

#[tokio::test]
async fn a_long_message_of_a_server_is_cut_and_says_so() {
    let (_folder, path) = log();
    let detail = Some("é".repeat(2 << 20));
    let what = AuditEvent::Outcome { op: "1".into(), key: key("a"), result: "refused".to_owned(), detail };
    let mut long = entry(1);
    long.what = what;
    record(&path, &[vec![long]]).await;
    FileAudit::verify(&path).unwrap();
    let AuditEvent::Outcome { detail: Some(detail), .. } = &FileAudit::read(&path, 1).unwrap()[0].entry.what
    else {
        panic!("another entry was read")
    };
    assert!(detail.len() < 9000 && detail.ends_with("é … (4186112 more bytes)"), "{}", &detail[8000..]);
}

#[tokio::test]
async fn an_entry_over_the_limit_is_an_error_and_nothing_is_written() {
    let (_folder, path) = log();
    let audit = FileAudit::open(&path).unwrap();
    let mut too_long = entry(2);
    too_long.actor = "a".repeat(2 << 20);
    let error = audit.record(&Cx::system(), &[entry(1), too_long]).await.unwrap_err();
    assert_eq!((error.kind(), std::fs::metadata(&path).unwrap().len()), (ErrorKind::Limit, 0));
    audit.record(&Cx::system(), &entries(0..1)).await.unwrap();
    assert_eq!(FileAudit::verify(&path).unwrap().entries, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_make_one_chain() {
    let (_folder, path) = log();
    let audit = FileAudit::open(&path).unwrap();
    let tasks = (0..20).map(|number| {
        let audit = audit.clone();
        tokio::spawn(async move { audit.record(&Cx::system(), &entries(number..number + 3)).await.unwrap() })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(FileAudit::verify(&path).unwrap().entries, 60);
}

#[tokio::test]
async fn in_memory_it_keeps_the_order() {
    let audit = MemoryAudit::new();
    audit.record(&Cx::system(), &entries(0..2)).await.unwrap();
    audit.clone().record(&Cx::system(), &entries(2..3)).await.unwrap();
    assert_eq!(audit.entries(), entries(0..3));
}
