use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

#[cfg(feature = "watch")]
use super::StoreWatch;
use super::format::Sealed;
#[cfg(feature = "watch")]
use super::watch::Watching;
use super::{Document, StateStore, Stored, check};
use crate::cx::Cx;
use crate::process::fs;
use crate::process::under_way::UnderWay;
use crate::value::{Error, ErrorKind, Result, Version};

/// The most that a document may hold, in bytes.
const DOCUMENT_LIMIT: u64 = 1 << 30;
const NAME_LIMIT: usize = 128;
const LOCK: &str = ".lock";
/// The folder in which documents are written before they replace the ones of before.
const TEMPS: &str = ".temporary";

/// Documents as files in one folder, each replaced whole.
///
/// A name is 1 to 128 of `a-z`, `0-9`, `-`, `_` and `.`, and does not begin with a dot. Compare and replace are
/// one step for all stores of the folder, in this process and in others.
///
/// # Errors
/// `Corrupt` for a file that is damaged, cut short or empty; `Unsupported` for one that a newer version wrote,
/// which is left as it is; `Storage` or `Forbidden` if the disk or its rights are at fault; after such an error
/// of `swap` the old or the new document is there.
#[derive(Debug)]
pub struct FileStore {
    dir: Arc<Path>,
    writable: bool,
    turn: Arc<Mutex<()>>,
    under_way: UnderWay,
    #[cfg(feature = "watch")]
    watching: Watching,
}

impl FileStore {
    /// The store in a folder, which is made if it is not there.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir: PathBuf = dir.into();
        fs::create_private_dir(&dir).map_err(|error| fs::failed("create the store", &dir, error))?;
        let _lock = lock(&dir)?;
        clean(&dir).map_err(|error| fs::failed("clean the store", &dir, error))?;
        Ok(Self { writable: true, ..Self::read_only(dir) })
    }

    /// Its writes count with others.
    pub(crate) fn counted_with(self, under_way: &UnderWay) -> Self {
        Self { under_way: under_way.clone(), ..self }
    }

    /// A store that is read and never written; a folder that is not there has no documents.
    pub fn read_only(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into().into(),
            writable: false,
            turn: Arc::default(),
            under_way: UnderWay::default(),
            #[cfg(feature = "watch")]
            watching: Watching::default(),
        }
    }
}

#[async_trait]
impl StateStore for FileStore {
    async fn load(&self, _: &Cx, name: &str) -> Result<Option<Stored>> {
        let (dir, name) = (self.dir.clone(), checked_name(name)?);
        // A swap whose caller went away keeps its turn, so that what is read here stays true.
        let turn = self.turn.clone().lock_owned().await;
        fs::blocking(move || {
            let _turn = turn;
            Ok(read(&dir, &name)?.map(|sealed| sealed.stored))
        })
        .await
    }

    async fn swap(
        &self,
        _: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        if !self.writable {
            return Err(Error::new(ErrorKind::Unsupported, "the store was opened to be read only"));
        }
        let (dir, name, expect) = (self.dir.clone(), checked_name(name)?, expect.cloned());
        let turn = self.turn.clone().lock_owned().await;
        let replaced = self.under_way.blocking(move || {
            let _turn = turn;
            replace(&dir, &name, expect.as_ref(), document)
        });
        replaced.await
    }

    #[cfg(feature = "watch")]
    fn watch(&self) -> Option<&dyn StoreWatch> {
        Some(self)
    }
}

#[cfg(feature = "watch")]
#[async_trait]
impl StoreWatch for FileStore {
    async fn changed(&self, cx: &Cx, name: &str) -> Result<()> {
        self.watching.changed(cx, &self.dir, name).await
    }
}

/// Removes what a crash left behind. Earlier versions wrote beside the documents: one look through all of them, the first time.
fn clean(dir: &Path) -> std::io::Result<()> {
    let temps = dir.join(TEMPS);
    match temps.is_dir() {
        true => fs::remove_stray_temps(&temps),
        false => fs::remove_stray_temps(dir).and_then(|()| fs::create_private_dir(&temps)),
    }
}

fn replace(dir: &Path, name: &str, expect: Option<&Version>, document: Document) -> Result<Version> {
    let _lock = lock(dir)?;
    let before = read(dir, name)?;
    check(name, before.as_ref().map(|sealed| &sealed.stored), expect, &document)?;
    check_size(name, &document)?;
    let sealed = Sealed::after(before.as_ref(), name, document);
    let path = dir.join(name);
    fs::atomic_write_from(&dir.join(TEMPS), &path, &sealed.encode(name), fs::PRIVATE)
        .map_err(|error| fs::failed("write the document", &path, error).outcome_unknown())?;
    Ok(sealed.stored.version)
}

fn read(dir: &Path, name: &str) -> Result<Option<Sealed>> {
    let path = dir.join(name);
    let bytes = fs::read(&path, DOCUMENT_LIMIT + 4096)
        .map_err(|error| fs::failed("read the document", &path, error))?;
    bytes
        .map(|bytes| Sealed::decode(name, &bytes))
        .transpose()
        .map_err(|error| error.with("path", path.display()))
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK);
    let open = || {
        fs::regular(&path)?;
        let file = fs::private().write(true).create(true).truncate(false).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(|error| fs::failed("lock the store", &path, error))
}

fn checked_name(name: &str) -> Result<String> {
    let plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    let fits = (1..=NAME_LIMIT).contains(&name.len()) && !name.starts_with('.');
    match fits && name.bytes().all(plain) {
        true => Ok(name.to_owned()),
        false => Err(Error::new(ErrorKind::Invalid, format!("`{name}` can't name a document"))
            .help("use 1 to 128 of a-z, 0-9, `-`, `_` and `.`, not beginning with a dot")),
    }
}

fn check_size(name: &str, document: &Document) -> Result<()> {
    let size = document.bytes.len();
    match u64::try_from(size).is_ok_and(|size| size <= DOCUMENT_LIMIT) {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Limit, format!("a document of {size} bytes is over the limit"))
            .with("document", name)
            .with("limit", DOCUMENT_LIMIT)
            .help("split the application into smaller ones")),
    }
}
