use gitops_core::Result;
use gix::ObjectId;

use super::tips;
use crate::fault::unreadable;

/// Commits that are named to a server at most.
const MOST: usize = 256;

/// How far back from each tip commits are named, at distances of 1, 2, 4 and so on.
const REACH: usize = 64;

/// Commits that are here whole, to be named to a server so that it leaves out what they have: the tips, and some of
/// their ancestors in case the server no longer knows a tip.
pub(crate) fn haves(repository: &gix::Repository) -> Result<Vec<ObjectId>> {
    let mut haves = tips(repository)?;
    for tip in haves.clone() {
        if haves.len() < MOST {
            haves.extend(ancestors(repository, tip)?);
        }
    }
    haves.truncate(MOST);
    Ok(haves)
}

fn ancestors(repository: &gix::Repository, tip: ObjectId) -> Result<Vec<ObjectId>> {
    let (mut found, mut id) = (Vec::new(), tip);
    for distance in 1..=REACH {
        let commit = repository.find_commit(id).map_err(|error| unreadable("a commit", error))?;
        let Some(parent) = commit.parent_ids().next() else { break };
        id = parent.detach();
        if distance.is_power_of_two() {
            found.push(id);
        }
    }
    Ok(found)
}
