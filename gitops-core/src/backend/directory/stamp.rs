//! Telling that a file is as it was without reading it.

use std::path::Path;
use std::time::Duration;

use rustix::fs::Stat;

use super::folder::Folder;
use super::path::Place;
use super::state::descend;
use crate::cx::{Cx, Time};
use crate::value::{Digest, Hasher, Key, Result};

/// What was changed so shortly ago may be changed once more without another time: clocks of file systems go in steps.
const STEP: Duration = Duration::from_secs(1);

/// So many files are worth a thread of their own, and there are at most so many threads: each waits for the kernel.
const FEW: usize = 2_000;
const THREADS: usize = 4;

/// The stamps of files, in the order of the keys.
///
/// A stamp is of the file and its owner label: of each the device and inode, the size, the mode, and the times. That of the inode
/// moves with content, mode, owner and name, and nobody can set it.
pub(super) fn stamps(root: &Path, cx: &Cx, keys: &[Key]) -> Result<Vec<Option<Digest>>> {
    let threads = keys.len().div_ceil(FEW).clamp(1, THREADS);
    let share = keys.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let shares: Vec<_> =
            keys.chunks(share).map(|keys| scope.spawn(move || stamps_of(root, cx, keys))).collect();
        let mut found = Vec::with_capacity(keys.len());
        for share in shares {
            found.extend(share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(found)
    })
}

fn stamps_of(root: &Path, cx: &Cx, keys: &[Key]) -> Result<Vec<Option<Digest>>> {
    let mut found = vec![None; keys.len()];
    let settled = cx.now().as_micros() - i64::try_from(STEP.as_micros()).unwrap_or(i64::MAX);
    let mut open: Option<(Vec<String>, Option<Folder>)> = None;
    for (stamp, key) in found.iter_mut().zip(keys) {
        cx.check()?;
        // What can't lie there, or be looked at, is told by an observation.
        let Ok(place) = Place::of(key) else { continue };
        if open.as_ref().is_none_or(|(folders, _)| folders != place.folders()) {
            open = Some((place.folders().to_vec(), descend(root, &place).unwrap_or_default()));
        }
        if let Some((_, Some(folder))) = &open {
            *stamp = of_file(folder, &place, Time::from_micros(settled));
        }
    }
    Ok(found)
}

fn of_file(folder: &Folder, place: &Place, settled: Time) -> Option<Digest> {
    let mut hasher = Hasher::new("gitops stamp");
    for name in [place.file(), &place.owner_label()] {
        let stat = folder.look(name).ok()??;
        if Time::from_micros(changed_at(&stat)) > settled {
            return None;
        }
        hasher.field(stat.st_dev.to_le_bytes()).field(stat.st_ino.to_le_bytes());
        hasher.field(stat.st_size.to_le_bytes()).field(stat.st_mode.to_le_bytes());
        // Where a file system keeps no time of its own for the inode, that of the content is all there is.
        for time in [stat.st_ctime, stat.st_mtime] {
            hasher.field(i128::from(time).to_le_bytes());
        }
        for nanos in [stat.st_ctime_nsec, stat.st_mtime_nsec] {
            hasher.field(i128::from(nanos).to_le_bytes());
        }
    }
    Some(hasher.finish())
}

/// In microseconds since 1970.
fn changed_at(stat: &Stat) -> i64 {
    let (seconds, nanos) = (i128::from(stat.st_ctime), i128::from(stat.st_ctime_nsec));
    i64::try_from(seconds * 1_000_000 + nanos / 1_000).unwrap_or(i64::MAX)
}
