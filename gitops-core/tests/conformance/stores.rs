//! The kit for state stores: our stores keep the contract, and each check catches the store that is broken in just that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use gitops_core::conformance::{self, Report, StoreSubject, all_checks};
use gitops_core::*;
use tokio::task::yield_now;

use crate::broken::wrong;

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    let store = || async { Ok(StoreSubject::new("memory store", Arc::new(MemoryStore::new()))) };
    conformance::store(store).run().await.assert_passed();
}

#[tokio::test]
async fn the_file_store_keeps_the_contract() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let store = move || {
        let folder = folder.clone();
        async move {
            let (store, beside) = (FileStore::open(folder.path())?, FileStore::open(folder.path())?);
            let subject = StoreSubject::new("file store", Arc::new(store)).beside(Arc::new(beside));
            Ok(subject.damage(move |name| Ok(std::fs::write(folder.path().join(name), "damaged")?)))
        }
    };
    let report = conformance::store(store).run().await;
    report.assert_passed();
    assert_eq!(report.skipped(), [""; 0], "{report}");
}

/// A store with one fault; clones share the documents.
#[derive(Clone)]
struct Store {
    fault: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    documents: BTreeMap<String, Stored>,
    damaged: BTreeSet<String>,
    versions: u64,
    loads: u64,
    writing: usize,
}

struct Writing(Store);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().writing -= 1;
    }
}

impl Store {
    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn slot(&self, name: &str) -> String {
        if self.is("T07") { name.replace('.', "-") } else { name.to_owned() }
    }

    fn check(&self, slot: &str, expect: Option<&Version>, document: &Document) -> Result<()> {
        let state = self.state.lock().unwrap();
        if state.damaged.contains(slot) {
            return Err(Error::new(ErrorKind::Corrupt, "damaged"));
        }
        let stored = state.documents.get(slot);
        let is_older = stored.is_some_and(|stored| stored.document.epoch > document.epoch);
        let is_expected = match (stored, expect) {
            (Some(_), None) if self.is("T03") => true,
            (Some(_), Some(_)) if self.is("T04") || (self.is("T08") && state.writing > 2) => true,
            (stored, expect) => stored.map(|stored| &stored.version) == expect,
        };
        match is_expected && (!is_older || self.is("T05")) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Conflict, "another version")),
        }
    }

    fn write(&self, slot: &str, mut document: Document) -> Version {
        let mut state = self.state.lock().unwrap();
        state.versions += 1;
        let count = state.versions.to_string();
        let content = Digest::of(&document.bytes).to_string();
        let version = Version::new(if self.is("T06") { content } else { count });
        if self.is("T02") {
            document.bytes = document.bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        }
        state.documents.insert(slot.to_owned(), Stored { document, version: version.clone() });
        version
    }
}

#[async_trait]
impl StateStore for Store {
    async fn load(&self, _: &Cx, name: &str) -> Result<Option<Stored>> {
        yield_now().await;
        let slot = self.slot(name);
        let mut state = self.state.lock().unwrap();
        state.loads += 1;
        if self.is("T11") && state.loads.is_multiple_of(7) {
            let version = Version::new(format!("read-{}", state.loads));
            state.documents.get_mut(&slot).into_iter().for_each(|stored| stored.version = version.clone());
        }
        if state.damaged.contains(&slot) {
            return if self.is("T13") { Ok(None) } else { Err(Error::new(ErrorKind::Corrupt, "damaged")) };
        }
        let nothing =
            || Stored { document: Document { epoch: 0, bytes: Vec::new() }, version: Version::new("0") };
        Ok(state.documents.get(&slot).cloned().or_else(|| self.is("T01").then(nothing)))
    }

    async fn swap(
        &self,
        _: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        self.state.lock().unwrap().writing += 1;
        let _writing = Writing(self.clone());
        yield_now().await;
        let slot = self.slot(name);
        self.check(&slot, expect, &document)?;
        if self.is("T10") {
            yield_now().await;
        }
        if self.is("T09") {
            self.write(&slot, Document { bytes: Vec::new(), ..document.clone() });
            yield_now().await;
        }
        let version = self.write(&slot, document);
        yield_now().await;
        Ok(version)
    }
}

async fn report_of(fault: &'static str) -> Report {
    let store = move || async move {
        let store = Store { fault, state: Arc::default() };
        let elsewhere = Store { fault, state: Arc::default() };
        let (beside, damaged) = (if fault == "T12" { elsewhere } else { store.clone() }, store.clone());
        let subject = StoreSubject::new("model", Arc::new(store)).beside(Arc::new(beside));
        Ok(subject.damage(move |name| {
            damaged.state.lock().unwrap().damaged.insert(name.to_owned());
            Ok(())
        }))
    };
    conformance::store(store).seed(1).run().await
}

#[tokio::test]
async fn each_check_catches_the_store_that_is_broken_in_just_that() {
    report_of("").await.assert_passed();
    let mut faults = Vec::new();
    for (number, _) in all_checks().into_iter().filter(|(number, _)| number.starts_with('T')) {
        let also: &[&str] = match number {
            "T04" => &["T08", "T10"],
            "T10" => &["T08"],
            _ => &[],
        };
        faults.extend(wrong(&report_of(number).await, number, also));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
