//! What this project writes and reads again, after whatever happened to it in between.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use gitops_core::backend::directory::FileRender;
use gitops_core::internals::journal::{Journal, MemoryJournalIo};
use gitops_core::{
    ApplyOptions, AuditSink, Cx, Digest, Document, Engine, FileAudit, FileStore, Memory, MemoryAudit,
    MemoryStore, Plan, Result, Revision, Snapshot, Source, SourceInfo, State, StateStore, async_trait,
};

/// Two files.
struct Files;

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("files", "")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new(Digest::of(b"1").to_string(), "main"))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let files = [("a.yaml", b"a: 1".to_vec()), ("folder/b", Vec::new())];
        Snapshot::from_files("files", revision.clone(), files.map(|(path, bytes)| (path.to_owned(), bytes)))
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("it needs nothing of the system").block_on(future)
}

async fn engine(
    store: Arc<MemoryStore>,
    journal: MemoryJournalIo,
    audit: Arc<MemoryAudit>,
) -> Result<Engine> {
    let state = State::in_memory().with_store(store).with_journal(journal).with_audit(audit);
    let engine = Engine::builder("example").source(Arc::new(Files)).render(Arc::new(FileRender::new("dir")));
    engine.target("dir", Arc::new(Memory::new())).state(state).open(&Cx::system()).await
}

/// What an applied plan left.
struct Example {
    plan: Plan,
    journal: Vec<u8>,
    audit: MemoryAudit,
    inventory: Vec<u8>,
}

static EXAMPLE: LazyLock<Example> = LazyLock::new(|| {
    block_on(async {
        let cx = Cx::system();
        let (store, journal, audit) =
            (Arc::default(), MemoryJournalIo::default(), Arc::new(MemoryAudit::new()));
        let mut engine =
            engine(Arc::clone(&store), journal.clone(), Arc::clone(&audit)).await.expect("it opens");
        let plan = engine.plan(&cx).await.expect("two files can be planned");
        engine
            .apply(&cx, &plan, &ApplyOptions::naming_the_plan("example"))
            .await
            .expect("the plan can be applied");
        let inventory = store.load(&cx, "inventory").await.expect("memory does not fail");
        Example {
            plan,
            journal: journal.bytes().expect("it was written"),
            audit: audit.as_ref().clone(),
            inventory: inventory.map(|stored| stored.document.bytes).unwrap_or_default(),
        }
    })
});

/// A journal that opens opens again with the same records.
pub fn journal(bytes: &[u8]) {
    let open = || Journal::open(MemoryJournalIo::with_bytes(bytes), None);
    if let Ok((journal, records)) = open() {
        let (again, same) = open().expect("it was opened before");
        assert_eq!((journal.anchor(), records), (again.anchor(), same));
    }
}

pub fn journals() -> Vec<Vec<u8>> {
    vec![EXAMPLE.journal.clone()]
}

/// An engine opens with the document, or says why not.
pub fn inventory(bytes: &[u8]) {
    let records = EXAMPLE.journal.clone();
    block_on(async {
        let (cx, store) = (Cx::system(), Arc::<MemoryStore>::default());
        let document = Document { epoch: 1, bytes: bytes.to_vec() };
        store.swap(&cx, "inventory", None, document).await.expect("memory does not fail");
        let _ = engine(store, MemoryJournalIo::with_bytes(records), Arc::default()).await;
    });
}

pub fn inventories() -> Vec<Vec<u8>> {
    vec![EXAMPLE.inventory.clone()]
}

fn in_folder<T>(run: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    run(folder.path())
}

/// A document's file is whole, or an error.
pub fn store(bytes: &[u8]) {
    in_folder(|folder| {
        std::fs::write(folder.join("inventory"), bytes).expect("the folder can be written");
        let _ = block_on(FileStore::read_only(folder).load(&Cx::system(), "inventory"));
    });
}

pub fn stores() -> Vec<Vec<u8>> {
    in_folder(|folder| {
        let store = FileStore::open(folder).expect("the folder can be written");
        let document = Document { epoch: 1, bytes: EXAMPLE.inventory.clone() };
        block_on(store.swap(&Cx::system(), "inventory", None, document)).expect("there is room");
        vec![std::fs::read(folder.join("inventory")).expect("it was written")]
    })
}

/// A plan that can be read is the same when it is written and read again.
pub fn plan(bytes: &[u8]) {
    if let Ok(plan) = serde_json::from_slice::<Plan>(bytes) {
        let written = serde_json::to_vec(&plan).expect("a plan can be written");
        assert_eq!(serde_json::from_slice::<Plan>(&written).expect("what was written can be read"), plan);
    }
}

pub fn plans() -> Vec<Vec<u8>> {
    vec![serde_json::to_vec(&EXAMPLE.plan).expect("a plan can be written")]
}

/// A log is verified and read, or an error says what is wrong with it.
pub fn audit(bytes: &[u8]) {
    in_folder(|folder| {
        let path = folder.join("audit.jsonl");
        std::fs::write(&path, bytes).expect("the folder can be written");
        let _ = (FileAudit::verify(&path), FileAudit::read(&path, 10));
    });
}

pub fn audits() -> Vec<Vec<u8>> {
    in_folder(|folder| {
        let path = folder.join("audit.jsonl");
        let log = FileAudit::open(&path).expect("the folder can be written");
        block_on(log.record(&Cx::system(), &EXAMPLE.audit.entries())).expect("there is room");
        vec![std::fs::read(&path).expect("it was written")]
    })
}
