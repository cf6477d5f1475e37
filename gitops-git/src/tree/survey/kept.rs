use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use gitops_core::{Digest, Hasher};
use serde::{Deserialize, Serialize};

use super::Extent;
use crate::limits::GitLimits;
use crate::rules::Rules;

/// A larger file is not read.
const LIMIT: u64 = 64 << 20;

/// The file is written anew once so many folders, and a sixteenth of all, are not in it.
const WORTH: usize = 4;

/// Where a mirror keeps which folders were looked over, so that the next process does not read them again.
///
/// It is a cache: it may be missing, damaged, or of other rules and limits, and then all folders are read.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    of: Digest,
    /// How many folders the file has, and how many there were when none was known before.
    written: usize,
    whole: usize,
}

/// What the file holds behind its digest.
#[derive(Deserialize, Serialize)]
struct Content {
    of: Digest,
    whole: usize,
    folders: Vec<(Digest, Extent)>,
}

impl Kept {
    /// Reads what an earlier process left in a mirror.
    pub fn read(mirror: &Path, rules: &Rules, limits: &GitLimits) -> (Self, BTreeMap<Digest, Extent>) {
        let of = of(rules, limits);
        // Sources with other rules may share the mirror.
        let path = mirror.join(format!("gitops-looked-over-{}", &of.to_string()[..12]));
        let found = content(&path).filter(|content| content.of == of);
        let (whole, folders) = found.map(|found| (found.whole, found.folders)).unwrap_or_default();
        (Self { path, of, written: folders.len(), whole }, folders.into_iter().collect())
    }

    /// Keeps what is known now, if enough of it is new. A file that holds more of what was than of what is goes: the next process
    /// begins anew.
    ///
    /// Where that fails, the next process reads all folders.
    pub fn write(&mut self, known: &BTreeMap<Digest, Extent>) {
        let new = known.len().saturating_sub(self.written);
        if new < WORTH.max(known.len() / 16) {
            return;
        }
        if self.whole == 0 {
            self.whole = known.len();
        }
        let kept = if known.len() > 2 * self.whole.max(WORTH) {
            std::fs::remove_file(&self.path)
        } else {
            let folders = known.iter().map(|(id, extent)| (*id, extent.clone())).collect();
            write(&self.path, &Content { of: self.of, whole: self.whole, folders })
        };
        if kept.is_ok() {
            self.written = known.len();
        }
    }
}

/// All that decides what is found of a folder, besides its own content and the rules that its id has.
fn of(rules: &Rules, limits: &GitLimits) -> Digest {
    let GitLimits { file_bytes, folder_entries, path_bytes, .. } = limits;
    let mut hasher = Hasher::new("gitops-git looked over 2");
    hasher
        .field(env!("CARGO_PKG_VERSION"))
        .field(rules.scope("").map_or_else(String::new, |id| id.to_string()));
    hasher.field(format!("{file_bytes} {folder_entries} {path_bytes}"));
    hasher.finish()
}

fn content(path: &Path) -> Option<Content> {
    let length = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    let bytes = (length <= LIMIT).then(|| std::fs::read(path).ok()).flatten()?;
    let (digest, content) = bytes.split_first_chunk::<32>()?;
    (seal(content).as_bytes() == digest).then(|| serde_json::from_slice(content).ok()).flatten()
}

fn write(path: &Path, content: &Content) -> std::io::Result<()> {
    let content = serde_json::to_vec(content)?;
    // One that is left behind is swept away as other locks are.
    let named = tempfile::Builder::new().prefix("gitops-looked-over").suffix(".lock").to_owned();
    let mut file = named.tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(seal(&content).as_bytes())?;
    file.write_all(&content)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn seal(content: &[u8]) -> Digest {
    Hasher::new("gitops-git looked over, content").field(content).finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn read(mirror: &Path) -> (Kept, BTreeMap<Digest, Extent>) {
        Kept::read(mirror, &Rules::new(&[], &[]).unwrap(), &GitLimits::default())
    }

    fn folders(numbers: std::ops::Range<u64>) -> BTreeMap<Digest, Extent> {
        let extent = |entries| Extent { entries, height: 1, longest: 9, used: [1, 2].into() };
        numbers.map(|number| (Digest::of(&number.to_le_bytes()), extent(number))).collect()
    }

    #[test]
    fn what_was_kept_is_known_to_the_next_process_by_the_same_rules_and_limits() {
        let mirror = tempfile::tempdir().unwrap();
        let (mut kept, none) = read(mirror.path());
        assert!(none.is_empty());
        kept.write(&folders(0..10));
        let (mut kept, known) = read(mirror.path());
        assert_eq!(known.len(), 10);
        assert!(known.values().all(|extent| extent.height == 1 && extent.used.len() == 2));
        kept.write(&folders(0..11));
        assert_eq!(read(mirror.path()).1.len(), 10, "one more is not worth a file");
        let strict = GitLimits { path_bytes: 20, ..GitLimits::default() };
        let rules = Rules::new(&[], &[]).unwrap();
        assert!(Kept::read(mirror.path(), &rules, &strict).1.is_empty());
    }

    #[test]
    fn a_file_that_was_changed_or_cut_is_none() {
        let mirror = tempfile::tempdir().unwrap();
        read(mirror.path()).0.write(&folders(0..4));
        let path = read(mirror.path()).0.path;
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 4;
            std::fs::write(&path, &bad).unwrap();
            assert!(read(mirror.path()).1.is_empty(), "{at}");
            std::fs::write(&path, &good[..at]).unwrap();
            assert!(read(mirror.path()).1.is_empty(), "{at}");
        }
    }

    #[test]
    fn what_holds_more_of_what_was_than_of_what_is_goes() {
        let mirror = tempfile::tempdir().unwrap();
        read(mirror.path()).0.write(&folders(0..10));
        let (mut kept, known) = read(mirror.path());
        kept.write(&known.into_iter().chain(folders(10..20)).collect());
        assert_eq!(read(mirror.path()).1.len(), 20);
        let (mut kept, known) = read(mirror.path());
        kept.write(&known.into_iter().chain(folders(20..30)).collect());
        assert!(read(mirror.path()).1.is_empty());
        kept.write(&folders(0..40));
        assert!(read(mirror.path()).1.is_empty(), "this process knows too much that is gone");
    }
}
