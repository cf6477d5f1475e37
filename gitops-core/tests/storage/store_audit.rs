//! An audit log in a store, beside the other documents of an application.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use gitops_core::*;

fn entry(by: &str) -> AuditEntry {
    let what = AuditEvent::Unpinned { by: by.to_owned() };
    AuditEntry::new(Time::default(), "shop", "alice", what)
}

async fn open(store: &Arc<dyn StateStore>) -> Result<StoreAudit> {
    StoreAudit::open(&Cx::system(), Arc::clone(store)).await
}

/// Who is named by each entry that is there, with its number.
async fn there(audit: &StoreAudit) -> Vec<(u64, String)> {
    let records = audit.records(&Cx::system()).await.unwrap();
    let by = |what| match what {
        AuditEvent::Unpinned { by } => by,
        other => panic!("{other:?}"),
    };
    records.into_iter().map(|record| (record.number, by(record.entry.what))).collect()
}

fn memory() -> Arc<dyn StateStore> {
    Arc::new(MemoryStore::new())
}

#[tokio::test]
async fn the_next_process_goes_on_where_the_last_one_ended_and_the_oldest_give_way() {
    let (cx, store) = (Cx::system(), memory());
    // Two entries fill a page.
    let long = "x".repeat(30 << 10);
    for process in 0..9 {
        let audit = open(&store).await.unwrap();
        assert_eq!(audit.verify(&cx).await.unwrap().entries, process * 60);
        for number in 0..60 {
            audit.record(&cx, &[entry(&format!("{process}/{number}/{long}"))]).await.unwrap();
        }
    }
    let audit = open(&store).await.unwrap();
    let found = there(&audit).await;
    let numbers: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (29..=540).collect::<Vec<_>>(), "256 pages of two");
    assert!(found[0].1.starts_with("0/28/") && found[511].1.starts_with("8/59/"));
    let report = audit.verify(&cx).await.unwrap();
    assert_eq!((report.entries, report.application.as_deref()), (540, Some("shop")));
}

#[tokio::test]
async fn of_two_that_write_each_has_its_entries_once() {
    let (cx, store) = (Cx::system(), memory());
    let (one, two) = (open(&store).await.unwrap(), open(&store).await.unwrap());
    let long = "x".repeat(20 << 10);
    for number in 0..20 {
        one.record(&cx, &[entry(&format!("one {number} {long}"))]).await.unwrap();
        two.record(&cx, &[entry(&format!("two {number}")), entry("two too")]).await.unwrap();
    }
    let found = there(&one).await;
    assert_eq!(found.len(), 60);
    let of_two: Vec<&str> =
        found.iter().map(|(_, by)| by.as_str()).filter(|by| by.starts_with("two")).collect();
    assert_eq!((of_two[0], of_two[1], of_two[38], of_two[39]), ("two 0", "two too", "two 19", "two too"));
}

/// Loses the answer of each third write: the document is replaced, or it is not.
struct Forgetful(MemoryStore, AtomicUsize);

#[async_trait]
impl StateStore for Forgetful {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.0.load(cx, name).await
    }

    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        let lost = || Err(Error::new(ErrorKind::Timeout, "no answer").outcome_unknown());
        match self.1.fetch_add(1, Ordering::Relaxed) % 6 {
            2 => lost(),
            5 => self.0.swap(cx, name, expect, document).await.and_then(|_| lost()),
            _ => self.0.swap(cx, name, expect, document).await,
        }
    }
}

#[tokio::test]
async fn a_lost_answer_neither_loses_an_entry_nor_doubles_it() {
    let store: Arc<dyn StateStore> = Arc::new(Forgetful(MemoryStore::new(), AtomicUsize::new(0)));
    let audit = open(&store).await.unwrap();
    for number in 0..60 {
        audit.record(&Cx::system(), &[entry(&format!("{number}"))]).await.unwrap();
    }
    let expected: Vec<(u64, String)> = (0..60).map(|number| (number + 1, number.to_string())).collect();
    assert_eq!(there(&open(&store).await.unwrap()).await, expected);
}

#[tokio::test]
async fn a_page_that_was_changed_or_is_gone_is_found() {
    let (cx, store) = (Cx::system(), memory());
    let audit = open(&store).await.unwrap();
    let long = "x".repeat(30 << 10);
    for number in 0..7 {
        audit.record(&cx, &[entry(&format!("{number} {long}"))]).await.unwrap();
    }
    let replace = async |name: &str, bytes: Vec<u8>| {
        let version = store.load(&cx, name).await.unwrap().unwrap().version;
        store.swap(&cx, name, Some(&version), Document { epoch: 0, bytes }).await.unwrap();
    };
    let second = store.load(&cx, "audit-001").await.unwrap().unwrap().document.bytes;
    let mut changed = second.clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    let third = store.load(&cx, "audit-002").await.unwrap().unwrap().document.bytes;
    for forged in [changed, third, b"".to_vec()] {
        replace("audit-001", forged).await;
        let error = audit.verify(&cx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
    }
    replace("audit-001", b"{\"v\":2,\"more\":1}\n".to_vec()).await;
    let error = audit.verify(&cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "a newer version wrote it: {error:?}");
    replace("audit-001", second).await;
    assert_eq!(audit.verify(&cx).await.unwrap().entries, 7);
    // The page that is written is another one than was left.
    replace("audit-003", b"nonsense".to_vec()).await;
    assert_eq!(audit.record(&cx, &[entry("8")]).await.unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(open(&store).await.unwrap_err().kind(), ErrorKind::Corrupt);
}

/// Somebody who may write the store puts back what was there before, or takes the newest page away.
#[tokio::test]
async fn a_log_whose_end_was_cut_off_is_found_by_what_was_noted_of_it() {
    let (cx, store) = (Cx::system(), memory());
    let audit = open(&store).await.unwrap();
    let long = "x".repeat(30 << 10);
    let mut positions = vec![audit.position().await.unwrap()];
    let mut pages = Vec::new();
    for number in 0..7 {
        audit.record(&cx, &[entry(&format!("{number} {long}"))]).await.unwrap();
        positions.push(audit.position().await.unwrap());
        pages.push(store.load(&cx, &format!("audit-{:03}", number / 2)).await.unwrap().unwrap().document);
    }
    assert_eq!(positions[7].entries, 7);
    for position in &positions {
        open(&store).await.unwrap().holds(&cx, position).await.unwrap();
    }
    // The third page as it was after its first entry, and no fourth.
    let third = store.load(&cx, "audit-002").await.unwrap().unwrap().version;
    store.swap(&cx, "audit-002", Some(&third), pages[4].clone()).await.unwrap();
    let cut: Arc<dyn StateStore> = Arc::new(Without(Arc::clone(&store), "audit-003"));
    let audit = open(&cut).await.unwrap();
    assert_eq!(audit.verify(&cx).await.unwrap().entries, 5, "what is left is right for itself");
    for position in &positions[..=5] {
        audit.holds(&cx, position).await.unwrap();
    }
    for position in &positions[6..] {
        let error = audit.holds(&cx, position).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("its end was cut off"), "{error}");
    }
    // A longer one is another one all the same.
    let other = memory();
    let audit = open(&other).await.unwrap();
    for number in 0..9 {
        audit.record(&cx, &[entry(&format!("other {number}"))]).await.unwrap();
    }
    let error = audit.holds(&cx, &positions[7]).await.unwrap_err();
    assert!(error.to_string().contains("its entry 7 is another one"), "{error}");
}

/// What is older than all that is kept was written over, and nobody can say anything about it.
#[tokio::test]
async fn a_position_that_was_written_over_since_is_taken_for_held() {
    let (cx, store) = (Cx::system(), memory());
    let audit = open(&store).await.unwrap();
    let long = "x".repeat(60 << 10);
    audit.record(&cx, &[entry("first")]).await.unwrap();
    let position = audit.position().await.unwrap();
    for number in 0..260 {
        audit.record(&cx, &[entry(&format!("{number} {long}"))]).await.unwrap();
    }
    audit.holds(&cx, &position).await.unwrap();
}

/// A store that has lost a document.
struct Without(Arc<dyn StateStore>, &'static str);

#[async_trait]
impl StateStore for Without {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        if name == self.1 { Ok(None) } else { self.0.load(cx, name).await }
    }

    async fn swap(&self, _: &Cx, _: &str, _: Option<&Version>, _: Document) -> Result<Version> {
        Err(Error::new(ErrorKind::Forbidden, "who reads a log writes nothing"))
    }
}

/// Who reads has the store, and nothing of the engine that writes.
#[tokio::test]
async fn a_reader_sees_what_a_writer_adds_and_names_the_document_that_is_wrong() {
    let (cx, store) = (Cx::system(), memory());
    let log = StoreAuditLog::new(Arc::clone(&store), "the namespace home");
    assert_eq!(log.newest(&cx, 5).await.unwrap(), []);
    let audit = open(&store).await.unwrap();
    let filler = "x".repeat(30 << 10);
    for number in 1..=9 {
        audit.record(&cx, &[entry(&format!("{number} {filler}"))]).await.unwrap();
        let mut seen = 0;
        let mut take = |record: AuditRecord| {
            seen += 1;
            assert_eq!(record.number, seen);
            Ok(())
        };
        log.each(&cx, &mut take).await.unwrap();
        assert_eq!(seen, number, "a reader sees the newest entry");
    }
    let newest = log.newest(&cx, 4).await.unwrap();
    assert_eq!(newest.iter().map(|record| record.number).collect::<Vec<_>>(), [6, 7, 8, 9]);

    for lost in ["audit-000", "audit-001", "audit-003"] {
        let log = StoreAuditLog::new(Arc::new(Without(Arc::clone(&store), lost)), "");
        let each = log.each(&cx, &mut |_| Ok(())).await;
        let error = each.or(log.verify(&cx).await.map(drop)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{lost}: {error:?}");
        assert!(format!("{error:?}").contains("audit-00"), "{lost}: {error:?}");
    }

    // The second page in the place of the third: each is right for itself.
    let second = store.load(&cx, "audit-001").await.unwrap().unwrap().document;
    let third = store.load(&cx, "audit-002").await.unwrap().unwrap();
    store.swap(&cx, "audit-002", Some(&third.version), second).await.unwrap();
    let error = log.each(&cx, &mut |_| Ok(())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(format!("{error:?}").contains("audit-002"), "{error:?}");
}
