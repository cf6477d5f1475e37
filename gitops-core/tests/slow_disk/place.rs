//! A folder with a state, on a disk that a test can have hang or fail.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};

use gitops_core::internals::journal::{FileJournalIo, JournalIo};
use gitops_core::*;
use tokio::sync::Notify;

use crate::support::World;

/// What a disk does with the reads and writes of a journal.
pub struct Disk {
    /// Where the engine runs: nothing may come from there.
    executor: ThreadId,
    pub now: Mutex<Now>,
    changed: Condvar,
    pub hangs: Notify,
}

#[derive(Default)]
pub struct Now {
    reads: usize,
    /// Whether the next read hangs.
    hangs_reading: bool,
    writes: usize,
    hangs_at: Option<usize>,
    pub fails: bool,
}

impl Disk {
    pub fn new() -> Arc<Self> {
        let executor = thread::current().id();
        Arc::new(Self { executor, now: Mutex::default(), changed: Condvar::new(), hangs: Notify::new() })
    }

    /// The write after so many others hangs until it is released.
    pub fn hang_after(&self, writes: usize) {
        let mut now = self.now.lock().unwrap();
        now.hangs_at = Some(now.writes + writes + 1);
    }

    /// The next read hangs until it is released.
    pub fn hang_reading(&self) {
        self.now.lock().unwrap().hangs_reading = true;
    }

    pub fn reads(&self) -> usize {
        self.now.lock().unwrap().reads
    }

    pub fn release(&self) {
        let mut now = self.now.lock().unwrap();
        (now.hangs_at, now.hangs_reading) = (None, false);
        drop(now);
        self.changed.notify_all();
    }

    /// Lets the write fail that hangs.
    pub fn fail(&self) {
        self.now.lock().unwrap().fails = true;
        self.release();
    }

    pub fn check_thread(&self) -> io::Result<()> {
        match thread::current().id() == self.executor {
            true => Err(io::Error::other("the executor waits for the disk")),
            false => Ok(()),
        }
    }

    pub fn read<T>(&self, read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.check_thread()?;
        let mut now = self.now.lock().unwrap();
        now.reads += 1;
        if now.hangs_reading {
            self.hangs.notify_one();
        }
        drop(self.changed.wait_while(now, |now| now.hangs_reading).unwrap());
        read()
    }

    pub fn write(&self, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.check_thread()?;
        let mut now = self.now.lock().unwrap();
        now.writes += 1;
        let number = now.writes;
        if now.hangs_at == Some(number) {
            self.hangs.notify_one();
        }
        let now = self.changed.wait_while(now, |now| now.hangs_at == Some(number)).unwrap();
        match now.fails {
            true => Err(io::Error::other("the disk failed")),
            false => write(),
        }
    }
}

/// The journal of a folder on such a disk.
pub struct Journal(pub FileJournalIo, pub Arc<Disk>);

impl JournalIo for Journal {
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.1.read(|| self.0.read())
    }

    fn read_from(&mut self, offset: u64) -> io::Result<Option<Vec<u8>>> {
        self.1.read(|| self.0.read_from(offset))
    }

    fn length(&mut self) -> io::Result<Option<u64>> {
        self.1.read(|| self.0.length())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.1.write(|| self.0.sync())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.1.write(|| self.0.truncate(length))
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.write(|| self.0.replace(bytes))
    }

    fn read_anchor(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.1.read(|| self.0.read_anchor())
    }

    fn replace_anchor(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.write(|| self.0.replace_anchor(bytes))
    }
}

/// An application whose state is in a folder.
pub struct Place {
    pub world: World,
    pub folder: tempfile::TempDir,
    pub disk: Arc<Disk>,
}

impl Place {
    pub fn new() -> Self {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(mode).tempdir().unwrap();
        Self { world: World::with(&[("a", "1"), ("b", "needs: a")]), folder, disk: Disk::new() }
    }

    pub async fn engine(&self) -> Engine {
        let folder = StateDir::open(self.folder.path(), &self.world.cx).unwrap();
        let journal = Journal(folder.journal_io(), self.disk.clone());
        self.open(State::from(folder).with_journal(journal)).await
    }

    /// An engine that looks while another one works.
    pub async fn onlooker(&self) -> Engine {
        let peek = StateDir::peek(self.folder.path()).unwrap();
        let journal = Journal(peek.journal_io(), self.disk.clone());
        self.open(State::from(peek).with_journal(journal)).await
    }

    pub async fn open(&self, state: State) -> Engine {
        let builder = self.world.builder("test").target("t", self.world.memory.clone());
        builder.state(state).open(&self.world.cx).await.unwrap()
    }

    /// Begins a reconciliation and lets go of it where the disk hangs; says whether it did.
    pub async fn reconcile_until_it_hangs(&self, engine: &mut Engine) -> bool {
        tokio::select! {
            biased;
            report = engine.reconcile(&self.world.cx) => {
                report.unwrap();
                false
            }
            () = self.disk.hangs.notified() => true,
        }
    }

    /// What the next process would go on from.
    pub async fn stored(&self) -> String {
        let stored = StateDir::peek(self.folder.path()).unwrap().inventory(&self.world.cx).await.unwrap();
        stored.as_ref().map(known).unwrap_or_default()
    }

    pub fn assert_all_is_owned(&self, engine: &Engine, when: &str) {
        let inventory = engine.inventory();
        assert_eq!(inventory.open().count(), 0, "{when}");
        let owned: Vec<Key> = inventory.entries().keys().cloned().collect();
        assert_eq!(owned, self.world.memory.keys(), "{when}");
        assert_eq!(owned.len(), 2, "{when}");
    }
}

pub fn known(inventory: &Inventory) -> String {
    let (entries, open) =
        (inventory.entries().iter().collect::<Vec<_>>(), inventory.open().collect::<Vec<_>>());
    format!("{} {:?} {entries:?} {open:?}", inventory.owner(), inventory.accepted())
}
