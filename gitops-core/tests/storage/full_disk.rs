//! A real file system without room: a small tmpfs.

use std::path::Path;

use gitops_core::internals::audit::FileAudit;
use gitops_core::internals::journal::{Journal, Lineage};
use gitops_core::internals::record::Record;
use gitops_core::{Action, AuditEntry, AuditEvent, AuditSink, Cx, Document, ErrorKind, StateDir, StateStore};

use crate::records::key;
use testbed::SmallDisk;

fn large(number: usize) -> Record {
    Record::Forget { key: key(&format!("{number}-{}", "x".repeat(5000))) }
}

fn is_full(error: &gitops_core::Error) -> bool {
    error.kind() == ErrorKind::Storage && error.help_text().is_some_and(|help| help.contains("space"))
}

#[test]
fn a_journal_that_does_not_fit_keeps_what_fitted_and_goes_on_after_a_start() {
    let (disk, cx) = (SmallDisk::mount("512k"), Cx::system());
    let state = StateDir::open(&disk.path("state"), &cx).unwrap();
    let mut journal = Journal::init(state.journal_io(), Lineage::new([1; 16]), 1).unwrap();
    journal.append(&[large(0)]).unwrap();
    let ballast = disk.fill();
    let mut written = vec![large(0)];
    let error = loop {
        match journal.append(&[large(written.len())]) {
            Ok(()) => written.push(large(written.len())),
            Err(error) => break error,
        }
        assert!(written.len() < 100, "the disk has no end");
    };
    assert!(is_full(&error), "{error:?}");
    std::fs::remove_file(ballast).unwrap();
    let (mut journal, found) = Journal::open(state.journal_io(), None).unwrap();
    assert_eq!(found, written);
    journal.append(&[large(999)]).unwrap();
    assert_eq!(Journal::open(state.journal_io(), None).unwrap().1.last(), Some(&large(999)));
}

#[tokio::test]
async fn a_document_that_does_not_fit_leaves_the_old_one_and_no_rubbish() {
    let (disk, cx) = (SmallDisk::mount("512k"), Cx::system());
    let state = StateDir::open(&disk.path("state"), &cx).unwrap();
    let document = |size| Document { epoch: 1, bytes: vec![7; size] };
    let version = state.store().swap(&cx, "inventory", None, document(10)).await.unwrap();
    let error = state.store().swap(&cx, "inventory", Some(&version), document(1 << 20)).await.unwrap_err();
    assert!(is_full(&error), "{error:?}");
    let stored = state.store().load(&cx, "inventory").await.unwrap().unwrap();
    assert_eq!((stored.document, stored.version), (document(10), version));
    assert_eq!(names(&disk.path("state/store")), [".lock", ".temporary", "inventory"]);
    assert!(names(&disk.path("state/store/.temporary")).is_empty());
}

#[tokio::test]
async fn an_audit_log_that_can_not_be_written_stops_and_goes_on_after_a_start() {
    let (disk, cx) = (SmallDisk::mount("512k"), Cx::system());
    let state = StateDir::open(&disk.path("state"), &cx).unwrap();
    let audit = state.audit().unwrap();
    let is_outcome = |entry: &AuditEntry| matches!(entry.what, AuditEvent::Outcome { .. });
    let group: Vec<AuditEntry> =
        crate::audit::entries(0..400).into_iter().filter(is_outcome).take(40).collect();
    audit.record(&cx, &group).await.unwrap();
    let ballast = disk.fill();
    let mut groups = 1;
    let error = loop {
        match audit.record(&cx, &group).await {
            Ok(()) => groups += 1,
            Err(error) => break error,
        }
        assert!(groups < 100, "the disk has no end");
    };
    assert!(is_full(&error), "{error:?}");
    std::fs::remove_file(ballast).unwrap();
    let closed = audit.record(&cx, &group).await.expect_err("it went on without being checked");
    assert_eq!(closed.kind(), ErrorKind::Storage);
    drop(audit);
    state.audit().unwrap().record(&cx, &group).await.unwrap();
    let path = StateDir::peek(&disk.path("state")).unwrap().audit_path();
    let entries = FileAudit::verify(path).unwrap().entries;
    assert!(entries >= (groups + 1) * 40, "{entries} entries after {groups} groups");
}

#[tokio::test]
async fn an_audit_log_without_room_for_outcomes_takes_no_intent_and_is_not_closed() {
    let (disk, cx) = (SmallDisk::mount("512k"), Cx::system());
    let state = StateDir::open(&disk.path("state"), &cx).unwrap();
    let audit = state.audit().unwrap();
    let like = crate::audit::entries(0..1).remove(0);
    let intent = |number: usize| {
        let (op, key, action) = (format!("op-{number}").into(), key("object"), Action::Create);
        AuditEntry::new(like.time, &*like.application, &*like.actor, AuditEvent::Intent { op, key, action })
    };
    let (few, many): (Vec<AuditEntry>, Vec<AuditEntry>) =
        ((0..4).map(&intent).collect(), (4..24).map(&intent).collect());
    audit.record(&cx, &few).await.unwrap();
    let ballast = disk.fill();
    let error = audit.record(&cx, &many).await.expect_err("there is no room for their outcomes");
    assert!(is_full(&error), "{error:?}");
    // The outcomes of what was begun have their room.
    let outcomes = |entry: &AuditEntry| {
        let AuditEvent::Intent { op, key, .. } = &entry.what else { panic!("an intent") };
        let (op, key) = (op.clone(), key.clone());
        let what = AuditEvent::Outcome { op, key, result: "not-done".into(), detail: Some("x".repeat(4000)) };
        AuditEntry::new(entry.time, &*entry.application, &*entry.actor, what)
    };
    audit.record(&cx, &few.iter().map(outcomes).collect::<Vec<_>>()).await.unwrap();
    std::fs::remove_file(ballast).unwrap();
    audit.record(&cx, &many).await.unwrap();
    drop(audit);
    let path = StateDir::peek(&disk.path("state")).unwrap().audit_path();
    assert_eq!(FileAudit::verify(path).unwrap().entries, 28);
}

#[test]
fn a_journal_keeps_the_room_that_was_reserved_in_it() {
    let (disk, cx) = (SmallDisk::mount("512k"), Cx::system());
    let state = StateDir::open(&disk.path("state"), &cx).unwrap();
    let mut journal = Journal::init(state.journal_io(), Lineage::new([1; 16]), 1).unwrap();
    let error = journal.reserve(1 << 20).unwrap_err();
    assert!(is_full(&error), "{error:?}");
    journal.reserve(20_000).unwrap();
    disk.fill();
    assert!(is_full(&journal.reserve(200_000).unwrap_err()));
    for number in 0..3 {
        journal.append(&[large(number)]).unwrap();
    }
    let (_, found) = Journal::open(state.journal_io(), None).unwrap();
    assert_eq!(found, [large(0), large(1), large(2)]);
}

#[test]
fn a_state_folder_on_a_full_disk_says_what_to_do() {
    let (disk, cx) = (SmallDisk::mount("512k"), Cx::system());
    disk.fill();
    let error = StateDir::open(&disk.path("state"), &cx).unwrap_err();
    assert!(is_full(&error), "{error:?}");
}

#[test]
fn a_read_only_file_system_says_so_and_can_be_looked_at() {
    let (disk, cx) = (SmallDisk::mount("512k"), Cx::system());
    drop(StateDir::open(&disk.path("state"), &cx).unwrap());
    disk.remount("ro");
    for path in [disk.path("state"), disk.path("new")] {
        let error = StateDir::open(&path, &cx).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Storage && error.help_text().unwrap().contains("writable"),
            "{error:?}"
        );
    }
    StateDir::peek(&disk.path("state")).unwrap();
}

fn names(path: &Path) -> Vec<String> {
    let names = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
