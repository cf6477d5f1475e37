//! The folder in which an application keeps its state.

mod lock;

pub use lock::StateHolder;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::cx::Cx;
use crate::engine::{State, look};
use crate::process::fs;
use crate::process::fs::Standing;
use crate::process::under_way::UnderWay;
use crate::state::audit::{AuditEntry, AuditReport, AuditSink, FileAudit};
use crate::state::inventory::Inventory;
use crate::state::journal::FileJournalIo;
use crate::state::record::AuditPosition;
use crate::state::store::FileStore;
use crate::value::{Error, ErrorKind, Result, SecretKey};

const LOCK: &str = "lock";
const STORE: &str = "store";
const JOURNAL: &str = "journal";
const AUDIT: &str = "audit.jsonl";
const SECRET_KEY: &str = "secret-key";

/// The folder in which an application keeps its state, locked for one process.
///
/// | Name | What it is |
/// | --- | --- |
/// | `store/` | documents: the inventory, a pin, the requests of people ([`FileStore`]) |
/// | `journal`, `journal.anchor` | what was begun and what came of it ([`FileJournalIo`]), and how far that had come |
/// | `audit.jsonl`, `audit.jsonl.checkpoint` | who did what, when ([`FileAudit`]) |
/// | `secret-key` | the key under which secrets are compared ([`SecretKey`]) |
/// | `lock`, `lock.note` | which process is at work, and what it says of itself |
///
/// Only the owner may read and write it. Keep this value for as long as anything that it gave is in use: the lock
/// ends with it, as soon as the writes are over that are under way then, for which dropping it waits. Where nothing is to be changed, [`peek`](Self::peek) needs no lock.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    store: Arc<FileStore>,
    lock: Held,
}

impl StateDir {
    /// Makes the folder if it is not there, and locks it. It waits for the disk: where other tasks share the thread, call it by
    /// [`Cx::off_thread`].
    ///
    /// # Errors
    /// `Locked` if another process is at work there, saying which and since when. `Invalid` if the path is not a
    /// folder, `Forbidden` if it may not be written or is not ours alone, `Storage` if the disk is full, read
    /// only or failing.
    pub fn open(path: &Path, cx: &Cx) -> Result<Self> {
        let failed = |error| fs::failed("use the state folder", path, error);
        check_is_folder(path)?;
        fs::create_private_dir(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        check_rights(&path)?;
        let lock = lock::take(&path.join(LOCK), cx)?;
        fs::remove_stray_temps(&path).map_err(failed)?;
        let lock = Held { lock, under_way: UnderWay::default() };
        let store = Arc::new(FileStore::open(path.join(STORE))?.counted_with(&lock.under_way));
        Ok(Self { path, store, lock })
    }

    /// Looks into the folder without a lock, also while another process is at work; changes nothing.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder yet, `Forbidden` if it is not ours alone.
    pub fn peek(path: &Path) -> Result<StatePeek> {
        match path.is_dir() {
            true => check_rights(path).map(|()| StatePeek { path: path.to_owned() }),
            false => Err(Error::new(ErrorKind::NotFound, "there is no state folder yet")
                .with("path", path.display())
                .help("apply something first, or name the folder that was used")),
        }
    }

    /// Where it is, without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The documents.
    pub fn store(&self) -> Arc<FileStore> {
        self.store.clone()
    }

    /// The journal's file.
    #[doc(hidden)]
    pub fn journal_io(&self) -> FileJournalIo {
        FileJournalIo::new(self.path.join(JOURNAL))
    }

    /// The audit log, opened and checked.
    ///
    /// # Errors
    /// As [`FileAudit::open`].
    pub fn audit(&self) -> Result<FileAudit> {
        Ok(FileAudit::open(self.path.join(AUDIT))?.counted_with(&self.lock.under_way))
    }

    /// The key under which secrets are compared; it is made by the first call ever.
    ///
    /// # Errors
    /// `Corrupt` if its file is damaged: it is not made anew, for every secret would then seem to have changed.
    pub fn secret_key(&self, cx: &Cx) -> Result<SecretKey> {
        let path = self.path.join(SECRET_KEY);
        if let Some(key) = read_key(&path)? {
            return Ok(key);
        }
        let bytes: [u8; 32] = cx.random_bytes();
        fs::atomic_write(&path, &bytes, fs::PRIVATE)
            .map_err(|error| fs::failed("write the secret key", &path, error))?;
        Ok(SecretKey::new(bytes))
    }
}

/// The whole folder as an engine's state; the lock goes with it. The audit log is opened by its first entry.
impl From<StateDir> for State {
    fn from(dir: StateDir) -> Self {
        let under_way = dir.lock.under_way.clone();
        let audit = OpenedByFirstEntry {
            path: dir.path.join(AUDIT),
            audit: Arc::default(),
            under_way: under_way.clone(),
        };
        Self {
            store: dir.store(),
            journal: Box::new(dir.journal_io()),
            audit: Arc::new(audit),
            under_way,
            guard: Some(Arc::new(dir)),
        }
    }
}

struct OpenedByFirstEntry {
    path: PathBuf,
    audit: Arc<Mutex<Option<FileAudit>>>,
    under_way: UnderWay,
}

#[async_trait]
impl AuditSink for OpenedByFirstEntry {
    async fn record(&self, cx: &Cx, entries: &[AuditEntry]) -> Result<()> {
        self.opened().await?.record(cx, entries).await
    }

    async fn position(&self) -> Option<AuditPosition> {
        let audit = self.audit.lock().await.clone();
        audit?.position().await
    }

    async fn holds(&self, cx: &Cx, position: &AuditPosition) -> Result<()> {
        self.opened().await?.holds(cx, position).await
    }
}

impl OpenedByFirstEntry {
    /// An opening whose caller goes away goes on, and keeps its turn: no two read and mend the log at once.
    async fn opened(&self) -> Result<FileAudit> {
        let mut audit = self.audit.clone().lock_owned().await;
        if let Some(audit) = &*audit {
            return Ok(audit.clone());
        }
        let (path, under_way) = (self.path.clone(), self.under_way.clone());
        let opening = self.under_way.blocking(move || {
            let opened = FileAudit::open(path)?.counted_with(&under_way);
            Ok(audit.insert(opened).clone())
        });
        opening.await
    }
}

/// What is there, for an engine that plans and shows and never applies: whatever would write is refused.
impl From<StatePeek> for State {
    fn from(peek: StatePeek) -> Self {
        Self {
            store: peek.store(),
            journal: Box::new(peek.journal_io()),
            audit: Arc::new(NotToBeWritten),
            under_way: UnderWay::default(),
            guard: None,
        }
    }
}

struct NotToBeWritten;

#[async_trait]
impl AuditSink for NotToBeWritten {
    async fn record(&self, _: &Cx, _: &[AuditEntry]) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "the state was opened to be read only")
            .help("open it to be written, which takes its lock"))
    }
}

/// A state folder that is looked into and not changed.
#[derive(Clone, Debug)]
pub struct StatePeek {
    path: PathBuf,
}

impl StatePeek {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who is at work with the state now; nothing if nobody is.
    ///
    /// # Errors
    /// A lock that can't be read.
    pub fn holder(&self) -> Result<Option<StateHolder>> {
        lock::holder(&self.path.join(LOCK))
    }

    /// Leaves a note for whoever asks for the [`holder`](Self::holder): for the process that has the lock, and for no other. It says
    /// nothing once that process has given the lock up. Nothing is lost with it.
    ///
    /// # Errors
    /// `Locked` if another process has the state, `Storage` if the note can't be written.
    pub fn leave_note(&self, note: impl Into<String>) -> Result<()> {
        lock::leave_note(&self.path.join(LOCK), note.into())
    }

    /// The documents, to be read.
    pub fn store(&self) -> Arc<FileStore> {
        Arc::new(FileStore::read_only(self.path.join(STORE)))
    }

    /// The documents, to be written by who has no lock: for a request to the process that is at work
    /// ([`Requests`](crate::Requests)), and for nothing else.
    ///
    /// # Errors
    /// As [`FileStore::open`].
    pub fn store_to_ask(&self) -> Result<FileStore> {
        FileStore::open(self.path.join(STORE))
    }

    /// The journal's file, to be read by [`Journal::read`](crate::state::journal::Journal::read).
    #[doc(hidden)]
    pub fn journal_io(&self) -> FileJournalIo {
        FileJournalIo::read_only(self.path.join(JOURNAL))
    }

    /// The key under which secrets are compared, if one was made yet.
    ///
    /// # Errors
    /// As [`StateDir::secret_key`].
    pub fn secret_key(&self) -> Result<Option<SecretKey>> {
        read_key(&self.path.join(SECRET_KEY))
    }

    /// What the state says; nothing if nothing was ever written to it.
    ///
    /// # Errors
    /// `Corrupt` if it is damaged.
    pub async fn inventory(&self, cx: &Cx) -> Result<Option<Inventory>> {
        look(cx, self.store(), self.journal_io()).await
    }

    /// Checks every line of the audit log, its checkpoint, and that it is the log of this application that the journal
    /// knows: one that was cut short together with its checkpoint is found.
    ///
    /// # Errors
    /// As [`FileAudit::verify`]; `NotOwned` if the log or the state is of another application.
    pub async fn verify_audit(&self, cx: &Cx, application: &str) -> Result<AuditReport> {
        // The journal is read first: a log that another process writes may only be ahead of it.
        let inventory = self.inventory(cx).await?;
        let of_another = |found: &str| {
            let message = format!("this is the audit log of `{found}`, and not of `{application}`");
            Error::new(ErrorKind::NotOwned, message).help("name the state folder of the application")
        };
        if let Some(found) =
            inventory.as_ref().map(Inventory::application).filter(|found| *found != application)
        {
            return Err(of_another(found));
        }
        let (path, known) = (self.audit_path(), inventory.as_ref().and_then(Inventory::audited).cloned());
        let verify = fs::blocking(move || match known {
            Some(position) => FileAudit::verify_beyond(path, &position),
            None => FileAudit::verify(path),
        });
        let report = verify.await?;
        match report.application.as_deref().filter(|found| *found != application) {
            Some(found) => Err(of_another(found)),
            None => Ok(report),
        }
    }

    /// Where the audit log is, for [`FileAudit::verify`] and [`FileAudit::read`].
    pub fn audit_path(&self) -> PathBuf {
        self.path.join(AUDIT)
    }
}

fn read_key(path: &Path) -> Result<Option<SecretKey>> {
    let stored = fs::read(path, 4096).map_err(|error| fs::failed("read the secret key", path, error))?;
    stored.map(|bytes| parse_key(&bytes, path)).transpose()
}

fn parse_key(bytes: &[u8], path: &Path) -> Result<SecretKey> {
    bytes.try_into().map(SecretKey::new).map_err(|_| {
        Error::new(ErrorKind::Corrupt, "the secret key is damaged: it has 32 bytes")
            .with("path", path.display())
            .help("put it back from a backup; without one, remove it: everything with a secret is then applied anew")
    })
}

/// A link is right if it leads to a folder.
fn check_is_folder(path: &Path) -> Result<()> {
    match path.symlink_metadata().is_ok() && !path.is_dir() {
        false => Ok(()),
        true => Err(Error::new(ErrorKind::Invalid, "what is in the place of the state folder is no folder")
            .with("path", path.display())
            .help("name another path, or move away what is in the way")),
    }
}

fn check_rights(path: &Path) -> Result<()> {
    let failed = |error| fs::failed("use the state folder", path, error);
    let refused = |what: String, help: String| {
        Err(Error::new(ErrorKind::Forbidden, what).with("path", path.display()).help(help))
    };
    let found = path.display();
    match fs::standing(path).map_err(failed)? {
        Standing::Ours => Ok(()),
        Standing::OfAnother(owner) => refused(
            format!("the state folder belongs to user {owner}, who could change what we own"),
            format!("run as that user, or give it to yours: `chown -R \"$(id -u)\" {found}`"),
        ),
        Standing::OpenToOthers(mode) => refused(
            format!("others may use the state folder: its mode is {mode:04o}"),
            format!("run `chmod 700 {found}`"),
        ),
    }
}

/// A lock that ends with this value, once no write is under way: one whose caller is gone still ends. Without the explicit end, a child that is just being started would keep it until it is its
/// own program, and who opens the folder again at once would be refused.
#[derive(Debug)]
struct Held {
    lock: File,
    under_way: UnderWay,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.under_way.wait();
        let _ = self.lock.unlock();
    }
}
