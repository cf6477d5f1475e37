//! Changing a file in place, and replacing it by a new incarnation.

use super::body::FileBody;
use super::claim::Claim;
use super::folder::Folder;
use super::job::{Job, Standing};
use super::owner_label::StoredOwnerLabel;
use super::state::{State, descend, version};
use crate::value::{Applied, Error, Expect, Result, Version};

/// Changes the content; identity, owner and permissions stay, and so does the owner label, unless the application was renamed.
pub(super) fn update(job: &Job<'_>, body: &FileBody<'_>, expect: &Expect) -> Result<Applied> {
    let wanted = version(body);
    let labelled = |state: &State| {
        state.owner_label.as_ref().map(|owner_label| owner_label.labelled(&job.owner_label.owner))
    };
    let folder = rewrite(job, body, |found, _| standing_of_update(found, expect, &wanted), labelled)?;
    Ok(job.holds(&folder, body, expect.uid.clone()))
}

fn standing_of_update(found: &Expect, expect: &Expect, wanted: &Version) -> Option<Standing> {
    match found {
        found if found.uid != expect.uid => None,
        found if found.version == *wanted => Some(Standing::Done),
        found => (found.version == expect.version).then_some(Standing::Ready),
    }
}

/// Changes content and identity: the new owner label first, so that a repeat knows a replacement that was cut short.
pub(super) fn replace(job: &Job<'_>, body: &FileBody<'_>, expect: &Expect) -> Result<Applied> {
    let wanted = version(body);
    let standing = |found: &Expect, state: &State| match job.is_from_this(state) {
        true if found.version == wanted => Some(Standing::Done),
        true => (found.version == expect.version).then_some(Standing::Ready),
        false => (found == expect).then_some(Standing::Ready),
    };
    let folder = rewrite(job, body, standing, |_| Some(StoredOwnerLabel::of(job.owner_label, &job.place)))?;
    Ok(job.holds(&folder, body, job.uid()))
}

/// Writes the new content aside, and puts it in place only if the file is then still as expected.
///
/// Between that last look and the rename lie a few microseconds in which a program that is none of ours could
/// write to the file; its edit would be lost. Nothing that a file system offers closes that gap.
fn rewrite(
    job: &Job<'_>,
    body: &FileBody<'_>,
    standing: impl Fn(&Expect, &State) -> Option<Standing>,
    owner_label: impl Fn(&State) -> Option<StoredOwnerLabel>,
) -> Result<Folder> {
    let folder = descend(job.root, &job.place)?.ok_or_else(|| job.conflict(None))?;
    let check = || check(&folder, job, &standing);
    check()?;
    let mut claim = Claim::take(&folder, &job.place, 0o600)?;
    let (state, standing) = check()?;
    let owner_label =
        owner_label(&state).filter(|owner_label| state.owner_label.as_ref() != Some(owner_label));
    if standing == Standing::Done {
        owner_label.iter().try_for_each(|owner_label| put_owner_label(&folder, job, owner_label))?;
        folder.sync()?;
        drop(claim);
        return Ok(folder);
    }
    if let Some(stat) = state.stat() {
        claim.dress(stat, body.executable)?;
    }
    claim.write(body.content)?;
    owner_label.iter().try_for_each(|owner_label| owner_label.write_pending(&folder, &job.place))?;
    check()?;
    put_in_place(&folder, job, &mut claim, owner_label.is_some())?;
    drop(claim);
    Ok(folder)
}

/// Replaces the owner label of a file whose content is as wanted.
fn put_owner_label(folder: &Folder, job: &Job<'_>, owner_label: &StoredOwnerLabel) -> Result<()> {
    owner_label.write_pending(folder, &job.place)?;
    folder.rename(&job.place.pending(), &job.place.owner_label()).map_err(Error::outcome_unknown)
}

fn put_in_place(folder: &Folder, job: &Job<'_>, claim: &mut Claim<'_>, has_owner_label: bool) -> Result<()> {
    if has_owner_label {
        folder.rename(&job.place.pending(), &job.place.owner_label())?;
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
