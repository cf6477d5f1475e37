//! The full plans that comments link.

mod page;

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gitops_app::documents::document;
use gitops_app::documents::review::ReviewDocument;
use gitops_app::review::{Reviewed, Shelf, Sides};
use gitops_core::process::fs;
use gitops_core::review::{Outcome, Review};
use gitops_core::{Cx, Digest, Error, ErrorKind, Result, async_trait};
use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many plans are kept, and how many bytes of them; those that no review made for the longest time go first.
const KEPT: usize = 2_000;
const KEPT_BYTES: u64 = 1 << 30;

/// How long a document may be.
const DOCUMENT_BYTES: usize = 64 << 20;

/// How many KiB of plans are in memory at once because somebody reads them.
const READ_KIB: u32 = 128 << 10;

/// The full plans of reviews, in a folder that outlives the process.
///
/// A plan is found by the digest of its document and by nothing else: who knows that has read the comment, or the plan.
pub(crate) struct Plans {
    folder: PathBuf,
    url: String,
    room: Arc<Semaphore>,
}

impl Plans {
    /// The plans in a folder, of which comments link pages below a URL.
    ///
    /// # Errors
    /// A folder that can't be made.
    pub fn open(folder: PathBuf, url: &str) -> Result<Self> {
        fs::create_private_dir(&folder)
            .map_err(|error| fs::failed("make the folder of plans", &folder, error))?;
        Ok(Self { folder, url: url.to_owned(), room: Arc::new(Semaphore::new(READ_KIB as usize)) })
    }

    /// The page of a name, or its document if the name ends in `.json`, with its type.
    ///
    /// # Errors
    /// A file that can't be read; `Cancelled` if others read so much that there is no room in time.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn find(&self, cx: &Cx, name: &str) -> Result<Option<(&'static str, Bytes)>> {
        let (digest, kind, ending) = match name.strip_suffix(".json") {
            Some(digest) => (digest, "application/json", "json"),
            None => (name, "text/html; charset=utf-8", "html"),
        };
        // Nothing else is a name, so that none leads out of the folder.
        let Some(digest) = digest.parse::<Digest>().ok().filter(|found| found.to_string() == digest) else {
            return Ok(None);
        };
        let path = self.folder.join(format!("{digest}.{ending}"));
        let Ok(length) = std::fs::metadata(&path).map(|found| found.len()) else { return Ok(None) };
        let kib = u32::try_from(length >> 10).unwrap_or(READ_KIB).saturating_add(1).min(READ_KIB);
        let room = self.room.clone();
        let place = cx.bounded(async { Ok(room.acquire_many_owned(kib).await.ok()) }).await?;
        let found = fs::blocking(move || {
            fs::read(&path, length).map_err(|error| fs::failed("read the plan", &path, error))
        });
        // The place is given back when the last byte was sent.
        let held = |bytes| Bytes::from_owner(Held { bytes, _place: place });
        Ok(found.await?.map(|bytes| (kind, held(bytes))))
    }
}

/// Bytes that take a place.
struct Held {
    bytes: Vec<u8>,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[async_trait]
impl Shelf for Plans {
    async fn keep(&self, cx: &Cx, digest: Digest, document: String, review: &Review) -> Result<String> {
        if document.len() > DOCUMENT_BYTES {
            let message = format!("the full plan has more than {} MiB", DOCUMENT_BYTES >> 20);
            return Err(Error::new(ErrorKind::Limit, message));
        }
        let page = page::page(review, &digest);
        let (folder, now) = (self.folder.clone(), cx.now());
        let now = SystemTime::UNIX_EPOCH
            + Duration::from_micros(u64::try_from(now.as_micros()).unwrap_or_default());
        fs::blocking(move || {
            let path = |ending: &str| folder.join(format!("{digest}.{ending}"));
            // The page last: where it is, its document is.
            write(&path("json"), document.as_bytes(), now)?;
            write(&path("html"), page.as_bytes(), now)?;
            prune(&folder).map_err(|error| fs::failed("remove old plans", &folder, error))
        })
        .await?;
        Ok(format!("{}/plans/{digest}", self.url))
    }
}

/// Writes a file, and notes when; one that is there has the same bytes, but for a program of another version.
fn write(path: &Path, bytes: &[u8], now: SystemTime) -> Result<()> {
    let failed = |error| fs::failed("write the plan", path, error);
    let limit = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let is_there = fs::read(path, limit).ok().flatten().is_some_and(|found| found == bytes);
    if !is_there {
        fs::atomic_write(path, bytes, fs::PRIVATE).map_err(failed)?;
    }
    let file = File::options().append(true).open(path).map_err(failed)?;
    file.set_times(FileTimes::new().set_modified(now)).map_err(failed)
}

fn prune(folder: &Path) -> std::io::Result<()> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Another process may remove one at the same time.
        let Ok(about) = entry.metadata() else { continue };
        found.push((about.modified()?, entry.path(), about.len()));
    }
    found.sort();
    let (mut files, mut bytes) = (found.len(), found.iter().map(|(_, _, length)| length).sum::<u64>());
    for (_, path, length) in found {
        if files <= 2 * KEPT && bytes <= KEPT_BYTES {
            break;
        }
        fs::remove(&path)?;
        files -= 1;
        bytes -= length;
    }
    Ok(())
}

/// The document of a review, as `gitops review --output json` writes it.
pub(crate) fn document(sides: &Sides, reviewed: &Reviewed) -> String {
    let is_conflict = reviewed.failed.iter().any(|failed| failed.is_conflict);
    let code = match reviewed.review.outcome() {
        _ if is_conflict => 7,
        Outcome::Failed => 1,
        Outcome::Denied | Outcome::NeedsApproval => 3,
        _ => 0,
    };
    document::pretty(&ReviewDocument::new(sides, reviewed, code))
}

#[cfg(test)]
mod tests;
