use std::path::Path;

use gitops_core::Cx;

use super::Lock;
use crate::git::{GitProgram, succeeded};

/// Each fetch leaves one pack; with so many, reading slows down.
const MANY: usize = 50;

/// Puts many small packs together, with everything in them; or all, without what no reference reaches any more.
const TOGETHER: &[&str] = &["repack", "--geometric=2", "-d", "-q"];
const WITHOUT_REST: &[&str] = &["repack", "-a", "-d", "-q"];

/// Objects outside of packs are ours: commits to be pushed. A day old, they were, or will never be.
const PRUNE: &[&str] = &["prune", "--expire=1.day.ago"];

/// Keeps the number of packs down, and throws away what was `forgotten`. Says whether it did anything.
///
/// New packs are there before old ones go, and whoever reads an old one has it open: nobody misses an object. A
/// failure changes nothing but speed and size, so it is no error: a later fetch tries again.
pub(crate) async fn tidy_packs(
    cx: &Cx,
    git: &GitProgram,
    folder: &Path,
    lock: &Lock,
    forgotten: bool,
) -> bool {
    let calls: &[&[&str]] = match forgotten {
        true => &[WITHOUT_REST, PRUNE],
        false if packs(folder) > MANY => &[TOGETHER],
        false => &[],
    };
    for arguments in calls {
        let Ok(lock) = lock.copy() else { break };
        let call = git.call().in_repository(folder).holding(lock).args(*arguments);
        if !call.run(cx).await.is_ok_and(|output| succeeded(&output)) {
            break;
        }
    }
    !calls.is_empty()
}

fn packs(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join("objects/pack")).into_iter().flatten();
    files
        .filter_map(std::result::Result::ok)
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "pack"))
        .count()
}
