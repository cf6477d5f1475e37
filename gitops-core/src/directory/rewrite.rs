//! Changing a file in place, and replacing it by a new incarnation.

use super::body::FileBody;
use super::claim::Claim;
use super::folder::Folder;
use super::job::{Job, Standing, present};
use super::mark::OwnerMark;
use super::state::{State, descend, version};
use crate::{Applied, Error, Expect, Result, Version};

/// Changes the content; identity, mark, owner and permissions stay.
pub(super) fn update(job: &Job<'_>, body: &FileBody<'_>, expect: &Expect) -> Result<Applied> {
    let wanted = version(body);
    rewrite(job, body, |found, _| standing_of_update(found, expect, &wanted), None)?;
    Ok(present(expect.uid.clone(), wanted))
}

fn standing_of_update(found: &Expect, expect: &Expect, wanted: &Version) -> Option<Standing> {
    match found {
        found if found.uid != expect.uid => None,
        found if found.version == *wanted => Some(Standing::Done),
        found => (found.version == expect.version).then_some(Standing::Ready),
    }
}

/// Changes content and identity: the new mark first, so that a repeat knows a replacement that was cut short.
pub(super) fn replace(job: &Job<'_>, body: &FileBody<'_>, expect: &Expect) -> Result<Applied> {
    let wanted = version(body);
    let standing = |found: &Expect, state: &State| match job.is_from_this(state) {
        true if found.version == wanted => Some(Standing::Done),
        true => (found.version == expect.version).then_some(Standing::Ready),
        false => (found == expect).then_some(Standing::Ready),
    };
    rewrite(job, body, standing, Some(OwnerMark::of(job.mark, &job.place)))?;
    Ok(job.made(body))
}

/// Writes the new content aside, and puts it in place only if the file is then still as expected.
///
/// Between that last look and the rename lie a few microseconds in which a program that is none of ours could
/// write to the file; its edit would be lost. Nothing that a file system offers closes that gap.
fn rewrite(
    job: &Job<'_>,
    body: &FileBody<'_>,
    standing: impl Fn(&Expect, &State) -> Option<Standing>,
    mark: Option<OwnerMark>,
) -> Result<()> {
    let folder = descend(job.root, &job.place)?.ok_or_else(|| job.conflict(None))?;
    let check = || check(&folder, job, &standing);
    check()?;
    let mut claim = Claim::take(&folder, &job.place, 0o600)?;
    let (state, standing) = check()?;
    if standing == Standing::Done {
        return folder.sync();
    }
    if let Some(stat) = state.stat() {
        claim.dress(stat, body.executable)?;
    }
    claim.write(body.content)?;
    mark.iter().try_for_each(|mark| mark.write_pending(&folder, &job.place))?;
    check()?;
    put_in_place(&folder, job, &mut claim, mark.is_some())
}

fn put_in_place(folder: &Folder, job: &Job<'_>, claim: &mut Claim<'_>, has_mark: bool) -> Result<()> {
    if has_mark {
        folder.rename(&job.place.pending(), &job.place.mark())?;
    }
    claim.replace_file().and_then(|()| folder.sync()).map_err(Error::outcome_unknown)
}

/// Whether the file is ours and as the change expects it.
fn check(
    folder: &Folder,
    job: &Job<'_>,
    standing: impl Fn(&Expect, &State) -> Option<Standing>,
) -> Result<(State, Standing)> {
    let state = State::read(folder, &job.place)?;
    let found = state.found().ok_or_else(|| job.conflict(None))?;
    job.require_owned(folder, &state)?;
    let standing = standing(&found, &state).ok_or_else(|| job.conflict(Some(&found)))?;
    Ok((state, standing))
}
