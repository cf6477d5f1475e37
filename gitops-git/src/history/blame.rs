use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use gitops_core::{Relation, Result};
use gix::ObjectId;
use gix::blame::BlameRanges;
use gix::bstr::ByteSlice;
use gix::repository::blame_file::Options;

use super::log::entry_at;
use super::{Look, relation};
use crate::fault::{invalid, not_found, shown, unreadable};

/// The newest of the commits that last changed these lines, counted from 1.
pub(crate) fn blame(
    look: &Look<'_>,
    commit: ObjectId,
    path: &str,
    wanted: &RangeInclusive<u32>,
) -> Result<ObjectId> {
    let repository = look.repository;
    let lines = lines(repository, commit, path)?;
    if *wanted.start() == 0 || wanted.is_empty() || *wanted.end() > lines {
        let (name, first, last) = (shown(path, 200), wanted.start(), wanted.end());
        return Err(invalid(format!("`{name}` has no lines {first} to {last}"))
            .help(format!("it has {lines} lines, counted from 1")));
    }
    let damaged = |error| unreadable("the history of a line", error);
    let ranges = BlameRanges::from_one_based_inclusive_range(wanted.clone()).map_err(damaged)?;
    let Options { rewrites, since, .. } = Options::default();
    let diff_algorithm = repository.diff_algorithm().map_err(damaged)?;
    let options = gix::blame::Options { diff_algorithm, ranges, since, rewrites, debug_track_path: false };
    let mut cache = repository.diff_resource_cache_for_tree_diff().map_err(damaged)?;
    let start = gix::blame::Start::Commit(commit);
    let found = gix::blame::file(look, start, None, &mut cache, path.as_bytes().as_bstr(), options);
    let outcome = found.map_err(|error| look.failed("the history of a line", error))?;
    let commits: BTreeSet<ObjectId> = outcome.entries.iter().map(|entry| entry.commit_id).collect();
    newest(look, commits)?.ok_or_else(|| absent(path))
}

/// The one that was committed last; of the same second, the one that descends from the others.
fn newest(look: &Look<'_>, commits: BTreeSet<ObjectId>) -> Result<Option<ObjectId>> {
    let mut newest: Option<(i64, ObjectId)> = None;
    for id in commits {
        let commit = look.commit(id)?;
        let time = commit.time().map_err(|error| unreadable("a commit", error))?.seconds;
        let is_newer = match newest {
            None => true,
            Some((before, other)) if before == time => relation(look, other, id)? == Relation::Newer,
            Some((before, _)) => before < time,
        };
        if is_newer {
            newest = Some((time, id));
        }
    }
    Ok(newest.map(|(_, id)| id))
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
