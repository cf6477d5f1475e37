use gitops_core::Result;
use gix::ObjectId;
use gix::blame::BlameRanges;
use gix::bstr::ByteSlice;
use gix::repository::blame_file::Options;

use super::log::entry_at;
use crate::fault::{invalid, not_found, shown, unreadable};

/// The commit that last changed a line, counted from 1.
pub(crate) fn blame(
    repository: &gix::Repository,
    commit: ObjectId,
    path: &str,
    line: u32,
) -> Result<ObjectId> {
    let lines = lines(repository, commit, path)?;
    if line == 0 || line > lines {
        return Err(invalid(format!("`{}` has no line {line}", shown(path, 200)))
            .help(format!("it has {lines} lines, counted from 1")));
    }
    let damaged = |error| unreadable("the history of a line", error);
    let ranges = BlameRanges::from_one_based_inclusive_range(line..=line).map_err(damaged)?;
    let options = Options { ranges, ..Options::default() };
    let outcome = repository.blame_file(path.as_bytes().as_bstr(), commit, options).map_err(damaged)?;
    outcome.entries.first().map(|entry| entry.commit_id).ok_or_else(|| absent(path))
}

fn lines(repository: &gix::Repository, commit: ObjectId, path: &str) -> Result<u32> {
    let (id, mode) = entry_at(repository, commit, path)?.ok_or_else(|| absent(path))?;
    if !mode.is_blob() {
        return Err(invalid(format!("`{}` is not a file", shown(path, 200))).help("name a file"));
    }
    let blob = repository.find_blob(id).map_err(|error| unreadable("a file", error))?;
    Ok(u32::try_from(blob.data.lines().count()).unwrap_or(u32::MAX))
}

fn absent(path: &str) -> gitops_core::Error {
    not_found(format!("there is no file `{}` in the revision", shown(path, 200)))
        .help("name a file by its path from the followed folder")
}
