//! A small world for engine tests: files in memory, a target in memory, faults on demand.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod previews;
mod shared;

pub use shared::Shared;

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use gitops_core::internals::journal::MemoryJournalIo;
use gitops_core::*;

pub fn key(name: &str) -> Key {
    Key::new("t", GroupKind::new("", "K"), "", name)
}

pub fn body(content: &str) -> Value {
    Value::map([("content", content.into())])
}

pub fn owned(pair: (&str, &str)) -> (String, String) {
    (pair.0.to_owned(), pair.1.to_owned())
}

pub fn yes() -> ApplyOptions {
    ApplyOptions::naming_the_plan("tester")
}

/// Runs a future for so many polls, and drops it if it is not through by then.
pub async fn for_polls<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|task| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(task) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits until the status is as it should be.
pub async fn until(handle: &EngineHandle, is: impl Fn(&EngineStatus) -> bool) -> Arc<EngineStatus> {
    let mut status = handle.status();
    let status = status.wait_for(|status| is(status)).await.unwrap();
    status.clone()
}

/// Runs the supervisor while somebody does something, and then stops it.
pub async fn while_it_runs(supervisor: &Supervisor, work: impl Future<Output = ()>) {
    let cx = Cx::system();
    let work = async {
        Box::pin(work).await;
        cx.cancel();
    };
    let both = async { Ok(tokio::join!(Box::pin(supervisor.run(&cx)), work)) };
    let limit = Cx::system().within(Duration::from_secs(60));
    limit.bounded(both).await.expect("it ends when it is told to");
}

/// What the target does besides what it is told.
#[derive(Default)]
struct Faults {
    refused: BTreeSet<String>,
    panics: BTreeSet<String>,
    cancels: BTreeSet<String>,
    loses_answers: bool,
}

pub struct World {
    pub cx: Cx,
    pub memory: Arc<Memory>,
    pub audit: Arc<MemoryAudit>,
    files: Arc<Mutex<Vec<(String, String)>>>,
    reads: Arc<AtomicU64>,
    store: Arc<dyn StateStore>,
    recovers: bool,
    journal: MemoryJournalIo,
    faults: Arc<Mutex<Faults>>,
    events: Arc<Mutex<Vec<Event>>>,
    options: Options,
}

impl World {
    pub fn with(files: &[(&str, &str)]) -> Self {
        let world = Self {
            cx: Cx::system(),
            memory: Arc::default(),
            audit: Arc::default(),
            files: Arc::default(),
            reads: Arc::default(),
            store: Arc::new(MemoryStore::new()),
            recovers: false,
            journal: MemoryJournalIo::default(),
            faults: Arc::default(),
            events: Arc::default(),
            options: Options::default(),
        };
        world.declare(files);
        world
    }

    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Keeps documents in a store that other machines share.
    pub fn sharing(mut self, store: &Arc<Shared>) -> Self {
        self.store = store.clone();
        self
    }

    /// Keeps documents in a store of another kind.
    pub fn storing(mut self, store: impl StateStore + 'static) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// The same source, target and store, seen from another machine: its journal and audit log are its own. So it is
    /// also after the loss of a disk.
    pub fn other_machine(&self) -> Self {
        Self {
            cx: self.cx.clone(),
            memory: self.memory.clone(),
            audit: Arc::default(),
            files: self.files.clone(),
            reads: self.reads.clone(),
            store: self.store.clone(),
            recovers: self.recovers,
            journal: MemoryJournalIo::default(),
            faults: self.faults.clone(),
            events: self.events.clone(),
            options: self.options.clone(),
        }
    }

    /// Lets engines go on from a shared store without a journal.
    pub fn recovering(mut self) -> Self {
        self.recovers = true;
        self
    }

    pub fn declare(&self, files: &[(&str, &str)]) {
        *self.files.lock().unwrap() = files.iter().copied().map(owned).collect();
    }

    pub fn refuse(&self, name: &str) {
        self.faults.lock().unwrap().refused.insert(name.to_owned());
    }

    pub fn panic_at(&self, name: &str) {
        self.faults.lock().unwrap().panics.insert(name.to_owned());
    }

    pub fn cancel_at(&self, name: &str) {
        self.faults.lock().unwrap().cancels.insert(name.to_owned());
    }

    pub fn lose_answers(&self) {
        self.faults.lock().unwrap().loses_answers = true;
    }

    pub fn allow(&self) {
        *self.faults.lock().unwrap() = Faults::default();
    }

    pub fn contents(&self) -> Vec<(String, String)> {
        let content = |key: &Key| {
            let live = self.memory.get(key).unwrap();
            live.body.get("content").and_then(Value::as_text).unwrap().to_owned()
        };
        self.memory.keys().iter().map(|key| (key.name().to_owned(), content(key))).collect()
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub fn clear_events(&self) {
        self.events.lock().unwrap().clear();
    }

    pub fn applied(&self) -> Vec<String> {
        let name = |event: &Event| match event {
            Event::Applied { key, .. } => Some(key.name().to_owned()),
            _ => None,
        };
        self.events().iter().filter_map(name).collect()
    }

    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    pub fn journal_bytes(&self) -> usize {
        self.journal.bytes().map_or(0, |bytes| bytes.len())
    }

    /// A new engine on the same state, as after a restart.
    pub async fn engine(&self) -> Engine {
        self.engine_named("test").await
    }

    pub async fn engine_named(&self, name: &str) -> Engine {
        self.open(name).await.unwrap()
    }

    pub async fn open(&self, name: &str) -> Result<Engine> {
        self.open_with(|builder| builder, name).await
    }

    /// The same, put together in another way.
    pub async fn open_with(
        &self,
        how: impl FnOnce(EngineBuilder) -> EngineBuilder,
        name: &str,
    ) -> Result<Engine> {
        let target = Faulty { inner: self.memory.clone(), faults: self.faults.clone(), cx: self.cx.clone() };
        how(self.builder(name)).target("t", Arc::new(target)).open(&self.cx).await
    }

    /// An engine on the same state that has no target yet.
    pub fn builder(&self, name: &str) -> EngineBuilder {
        self.without_render(name).render(Arc::new(render_files("test 1", render)))
    }

    /// The same, for an engine whose renderers come with its mounts.
    pub fn without_render(&self, name: &str) -> EngineBuilder {
        let events = self.events.clone();
        let state = State::in_memory().with_store(self.store.clone()).with_audit(self.audit.clone());
        let state = state.with_journal(self.journal.clone());
        Engine::builder(name)
            .source(Arc::new(Files { files: self.files.clone(), reads: self.reads.clone() }))
            .options(self.options.clone())
            .events(Arc::new(move |event: &Event| events.lock().unwrap().push(event.clone())))
            .state(state)
            .recover_from_store(self.recovers)
    }

    /// Where documents are kept.
    pub fn store(&self) -> Arc<dyn StateStore> {
        self.store.clone()
    }

    /// All bytes of the journal.
    pub fn journal(&self) -> Vec<u8> {
        self.journal.bytes().unwrap_or_default()
    }

    /// A new engine, a plan, and its apply.
    pub async fn converge(&self) -> Report {
        let mut engine = self.engine().await;
        let plan = engine.plan(&self.cx).await.unwrap();
        engine.apply(&self.cx, &plan, &yes()).await.unwrap()
    }
}

/// `needs: NAME` makes a need; `fault: …` is a fault.
fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let bytes = part.bytes()?;
    let content = std::str::from_utf8(&bytes).unwrap();
    if content.starts_with("fault:") {
        return Err(vec![Diagnostic::error("GO9999", part.path(), content)]);
    }
    let object = Object::new(key(part.path()), body(content), part.provenance(0));
    Ok(vec![match content.strip_prefix("needs: ") {
        Some(need) => object.with_need(Need::Object(key(need))),
        None => object,
    }])
}

struct Files {
    files: Arc<Mutex<Vec<(String, String)>>>,
    reads: Arc<AtomicU64>,
}

struct Counted {
    inner: Arc<dyn Tree>,
    reads: Arc<AtomicU64>,
}

impl Tree for Counted {
    fn list(&self, path: &str, id: &Digest) -> Result<Vec<Entry>> {
        self.inner.list(path, id)
    }

    fn read(&self, path: &str, id: &Digest) -> Result<Arc<[u8]>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.read(path, id)
    }
}

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("memory", "files").reference(format!("{:p}", Arc::as_ptr(&self.files)))
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        let text = format!("{:?}", self.files.lock().unwrap());
        Ok(Revision::new(Digest::of(text.as_bytes()).to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let files = self.files.lock().unwrap().clone();
        let mut snapshot = Snapshot::from_files("memory", revision.clone(), files)?;
        snapshot.tree = Arc::new(Counted { inner: snapshot.tree.clone(), reads: self.reads.clone() });
        Ok(snapshot)
    }
}

struct Faulty {
    inner: Arc<Memory>,
    faults: Arc<Mutex<Faults>>,
    cx: Cx,
}

#[async_trait]
impl Target for Faulty {
    fn info(&self) -> TargetInfo {
        self.inner.info().concurrency(1)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.inner.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let name = change.key().name();
        let (refuses, panics, cancels, loses) = {
            let faults = self.faults.lock().unwrap();
            let has = |names: &BTreeSet<String>| names.contains(name);
            (has(&faults.refused), has(&faults.panics), has(&faults.cancels), faults.loses_answers)
        };
        assert!(!panics, "told to panic");
        if refuses {
            return Err(Error::new(ErrorKind::Forbidden, "refused for the test"));
        }
        if cancels {
            self.cx.cancel();
        }
        tokio::task::yield_now().await;
        let applied = self.inner.apply(cx, change).await;
        tokio::task::yield_now().await;
        match loses {
            true => Err(Error::new(ErrorKind::Unavailable, "the answer was lost").outcome_unknown()),
            false => applied,
        }
    }

    fn watch(&self) -> Option<&dyn capability::Watch> {
        self.inner.watch()
    }
}
