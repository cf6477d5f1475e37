use std::path::Path;

use gitops_core::{Cx, Result};

use super::Lock;
use crate::git::GitProgram;

/// Each fetch leaves one pack; with so many, reading slows down.
const MANY: usize = 50;

/// Puts many small packs together, with everything in them, reachable or not.
///
/// A failure changes nothing but speed, so it is no error: the next fetch tries again.
pub(crate) async fn repack_if_due(cx: &Cx, git: &GitProgram, folder: &Path, lock: &Lock) -> Result<()> {
    if packs(folder) > MANY {
        let call = git.call().in_repository(folder).holding(lock.copy()?);
        let _ = call.args(["repack", "--geometric=2", "-d", "-q"]).run(cx).await;
    }
    Ok(())
}

fn packs(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join("objects/pack")).into_iter().flatten();
    files
        .filter_map(std::result::Result::ok)
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "pack"))
        .count()
}
