//! Taking over a file that was made by other means.

use super::claim::Claim;
use super::folder::Folder;
use super::job::{Job, Standing, present};
use super::owner_label::StoredOwnerLabel;
use super::state::{State, descend};
use crate::value::{Applied, Error, Expect, Result, Uid};

/// Puts our owner label beside a file that has none and is as expected.
pub(super) fn adopt(job: &Job<'_>, expect: &Expect) -> Result<Applied> {
    let folder = descend(job.root, &job.place)?.ok_or_else(|| job.conflict(None))?;
    check(&folder, job, expect)?;
    let _claim = Claim::take(&folder, &job.place, 0o600)?;
    if check(&folder, job, expect)? == Standing::Ready {
        StoredOwnerLabel::of(job.owner_label, &job.place).write_pending(&folder, &job.place)?;
        folder.rename(&job.place.pending(), &job.place.owner_label()).map_err(Error::outcome_unknown)?;
    }
    folder.sync().map_err(Error::outcome_unknown)?;
    Ok(present(Uid::new(job.owner_label.op.clone()), expect.version.clone()))
}

fn check(folder: &Folder, job: &Job<'_>, expect: &Expect) -> Result<Standing> {
    let state = State::read(folder, &job.place)?;
    let found = state.found().ok_or_else(|| job.conflict(None))?;
    let done = job.is_from_this(&state);
    if !done && state.owner_label.is_some() {
        job.require_owned(folder, &state)?;
    }
    match done {
        true if found.version == expect.version => Ok(Standing::Done),
        false if found == *expect => Ok(Standing::Ready),
        _ => Err(job.conflict(Some(&found))),
    }
}
