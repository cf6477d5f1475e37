//! What programs printed, kept from process to process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use gitops_core::process::fs::{PRIVATE, atomic_write, create_private_dir};
use gitops_core::{Digest, Hasher};

use super::jail::Printed;

/// What all entries take together, by default.
const BYTES: u64 = 256 << 20;

/// A folder in which what `helm` and `kustomize` printed is kept, so that a new process does not run them again on what they saw
/// before.
///
/// An entry is found by the digest of all that the program was given: which program it is, its arguments, and every file.
/// Several applications and processes may use one folder at once. An entry whose bytes changed is found and not used. Beyond
/// 256 MiB the entries that were not used for longest go. The folder may be removed at any time: then the programs run again.
///
/// Entries hold what manifests hold, and may be secret: the folder is its owner's alone.
#[derive(Clone, Debug)]
pub struct RenderCache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    limit: u64,
    /// How many bytes may still be written before the entries are counted again.
    left: AtomicU64,
}

impl RenderCache {
    /// The cache in a folder, which is made with the first entry.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::with_limit(folder, BYTES)
    }

    /// The same with another bound in bytes.
    #[must_use]
    pub fn with_limit(folder: impl Into<PathBuf>, limit: u64) -> Self {
        Self(Arc::new(Inner { folder: folder.into(), limit, left: AtomicU64::new(0) }))
    }

    /// What was printed, if it is there as it was written.
    pub(super) fn get(&self, key: &Digest) -> Option<Printed> {
        let path = self.path(key);
        let bytes = fs::read(&path).ok()?;
        let Some(printed) = decode(key, &bytes) else {
            // It was changed, or cut short: it is made anew.
            let _ = fs::remove_file(&path);
            return None;
        };
        touch(&path);
        Some(printed)
    }

    /// Keeps what was printed. Where that fails, it is printed again the next time.
    pub(super) fn put(&self, key: &Digest, printed: &Printed) {
        let bytes = encode(key, printed);
        let length = bytes.len() as u64;
        let written =
            create_private_dir(&self.0.folder).and_then(|()| atomic_write(&self.path(key), &bytes, PRIVATE));
        let has_room = self.0.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(length)).is_ok();
        if written.is_ok() && !has_room {
            self.make_room();
        }
    }

    /// Removes what was not used for longest until a fifth is free.
    fn make_room(&self) {
        let mut entries = entries(&self.0.folder);
        entries.sort();
        let mut taken: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        let goal = self.0.limit - self.0.limit / 5;
        for (_, bytes, path) in entries {
            if taken <= goal {
                break;
            }
            let _ = fs::remove_file(path);
            taken -= bytes;
        }
        self.0.left.store(self.0.limit.saturating_sub(taken) / 2, Relaxed);
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.0.folder.join(key.to_string())
    }
}

/// Notes the time of the last use; where that fails, the entry only goes earlier.
fn touch(path: &Path) {
    #[allow(clippy::disallowed_methods, reason = "only what goes first when there is no room rests on it")]
    let now = SystemTime::now();
    let _ = fs::File::open(path).and_then(|file| file.set_modified(now));
}

/// Each file with the time of its last use and its size.
fn entries(folder: &Path) -> Vec<(SystemTime, u64, PathBuf)> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let entry = |file: fs::DirEntry| {
        let metadata = file.metadata().ok()?;
        Some((metadata.modified().ok()?, metadata.len(), file.path()))
    };
    files.filter_map(entry).collect()
}

/// The digest over all, the length of the answer, the answer, and what was said besides.
fn encode(key: &Digest, Printed { answer, aside }: &Printed) -> Vec<u8> {
    let length = (answer.len() as u64).to_le_bytes();
    let content = [&length, &answer[..], aside.as_bytes()].concat();
    [seal(key, &content).as_bytes(), &content[..]].concat()
}

fn decode(key: &Digest, bytes: &[u8]) -> Option<Printed> {
    let (sealed, content) = bytes.split_first_chunk::<32>()?;
    if seal(key, content).as_bytes() != sealed {
        return None;
    }
    let (length, content) = content.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (answer, aside) = content.split_at_checked(length)?;
    Some(Printed { answer: answer.to_vec(), aside: String::from_utf8(aside.to_vec()).ok()? })
}

/// The key is covered too: an entry under another's name is none.
fn seal(key: &Digest, content: &[u8]) -> Digest {
    Hasher::new("gitops rendered 1").field(key.as_bytes()).field(content).finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn printed(answer: &str) -> Printed {
        Printed { answer: answer.as_bytes().to_vec(), aside: "said".to_owned() }
    }

    fn answer(cache: &RenderCache, key: &Digest) -> Option<String> {
        cache.get(key).map(|printed| String::from_utf8(printed.answer).unwrap())
    }

    #[test]
    fn any_flipped_bit_any_cut_and_any_other_name_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RenderCache::new(folder.path().join("renders"));
        let (key, other) = (Digest::of(b"key"), Digest::of(b"other"));
        assert!(cache.get(&key).is_none());
        cache.put(&key, &printed("made"));
        let path = cache.path(&key);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut spoiled = whole.clone();
            spoiled[at] ^= 1;
            for spoiled in [&spoiled[..], &whole[..at]] {
                fs::write(&path, spoiled).unwrap();
                assert!(cache.get(&key).is_none(), "byte {at}");
                assert!(!path.exists(), "it is in the way of nothing");
            }
        }
        fs::write(cache.path(&other), &whole).unwrap();
        assert!(cache.get(&other).is_none());
        cache.put(&key, &printed("made"));
        assert_eq!(answer(&cache, &key).as_deref(), Some("made"));
        fs::remove_dir_all(folder.path().join("renders")).unwrap();
        assert!(cache.get(&key).is_none());
        cache.put(&key, &printed("made again"));
        assert_eq!(answer(&cache.clone(), &key).as_deref(), Some("made again"));
    }

    #[test]
    fn what_was_not_used_for_longest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RenderCache::with_limit(folder.path(), 100_000);
        let keys: Vec<Digest> = (0..100_u8).map(|number| Digest::of(&[number])).collect();
        for (seconds, key) in (1..).zip(&keys) {
            cache.put(key, &printed(&"x".repeat(5_000)));
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            if let Ok(file) = fs::File::open(cache.path(key)) {
                file.set_modified(time).unwrap();
            }
            assert!(cache.get(&keys[0]).is_some(), "it is used all the time");
            let taken: u64 = entries(folder.path()).iter().map(|(_, bytes, _)| bytes).sum();
            assert!(taken <= 100_000, "{taken} bytes");
        }
        assert!(cache.get(&keys[1]).is_none());
        assert!(cache.get(&keys[99]).is_some());
    }
}
