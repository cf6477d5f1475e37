//! The kit for audit sinks: ours keep the contract, and each check catches the sink that is broken in just that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::conformance::{self, AuditSubject, Report, all_checks};
use gitops_core::*;
use tokio::task::yield_now;

use crate::broken::wrong;

#[tokio::test]
async fn the_memory_audit_keeps_the_contract() {
    let audit = || async {
        let audit = MemoryAudit::new();
        let read = audit.clone();
        Ok(AuditSubject::new("memory audit", Arc::new(audit), move || Ok(read.entries())))
    };
    conformance::audit(audit).run().await.assert_passed();
}

#[tokio::test]
async fn the_audit_log_of_a_store_keeps_the_contract() {
    let audit = || async {
        let cx = Cx::system();
        let audit = StoreAudit::open(&cx, Arc::new(MemoryStore::new())).await?;
        let read = audit.clone();
        Ok(AuditSubject::new("audit log of a store", Arc::new(audit), move || {
            let records = cx.block_on(Duration::MAX, read.records(&cx))??;
            Ok(records.into_iter().map(|record| record.entry).collect())
        }))
    };
    conformance::audit(audit).run().await.assert_passed();
}

#[tokio::test]
async fn the_audit_file_keeps_the_contract() {
    let audit = || async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.log");
        let sink = FileAudit::open(&path)?;
        Ok(AuditSubject::new("audit file", Arc::new(sink), move || {
            let _folder = &folder;
            FileAudit::verify(&path)?;
            let records = FileAudit::read(&path, usize::MAX)?;
            Ok(records.into_iter().map(|record| record.entry).collect())
        }))
    };
    conformance::audit(audit).run().await.assert_passed();
}

/// A sink in memory with one fault.
struct Sink {
    fault: &'static str,
    entries: Arc<Mutex<Vec<AuditEntry>>>,
    recording: Mutex<usize>,
}

struct Recording<'a>(&'a Sink);

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        *self.0.recording.lock().unwrap() -= 1;
    }
}

impl Sink {
    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn push(&self, entries: &[AuditEntry]) {
        self.entries.lock().unwrap().extend_from_slice(entries);
    }
}

#[async_trait]
impl AuditSink for Sink {
    async fn record(&self, cx: &Cx, entries: &[AuditEntry]) -> Result<()> {
        *self.recording.lock().unwrap() += 1;
        let _recording = Recording(self);
        yield_now().await;
        let mut entries = entries.to_vec();
        match self.fault {
            "A01" if [4, 5].contains(&entries.len()) => entries.reverse(),
            "A02" => entries.iter_mut().for_each(|entry| {
                if let AuditEvent::Unpinned { by } = &mut entry.what {
                    *by = by.replace('\u{1b}', "?");
                }
            }),
            "A03" if entries.is_empty() => {
                let what = AuditEvent::Unpinned { by: "nobody".into() };
                entries.push(AuditEntry::new(cx.now(), String::new(), String::new(), what));
            }
            "A05" if !entries.is_empty() => {
                self.push(&entries[entries.len() - 1..]);
                yield_now().await;
                let last = entries.pop().unwrap();
                self.entries.lock().unwrap().retain(|entry| *entry != last);
                entries.push(last);
            }
            _ => {}
        }
        if self.is("A04") && *self.recording.lock().unwrap() > 1 {
            for entry in entries {
                self.push(&[entry]);
                yield_now().await;
            }
            return Ok(());
        }
        self.push(&entries);
        yield_now().await;
        Ok(())
    }
}

async fn report_of(fault: &'static str) -> Report {
    let audit = move || async move {
        let entries = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink { fault, entries: entries.clone(), recording: Mutex::default() };
        Ok(AuditSubject::new("model", Arc::new(sink), move || Ok(entries.lock().unwrap().clone())))
    };
    conformance::audit(audit).seed(1).run().await
}

#[tokio::test]
async fn each_check_catches_the_sink_that_is_broken_in_just_that() {
    report_of("").await.assert_passed();
    let mut faults = Vec::new();
    for (number, _) in all_checks().into_iter().filter(|(number, _)| number.starts_with('A')) {
        faults.extend(wrong(&report_of(number).await, number, &[]));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
