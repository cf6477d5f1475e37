use std::time::SystemTime;

use gitops_core::{ErrorKind, Result, Time};
use gix::ObjectId;
use gix::refs::transaction::{Change, PreviousValue, RefEdit, RefLog};

use crate::fault::unreadable;
use crate::history::{Look, is_ancestor, is_reached};

/// Where the references to what was fetched stand: `refs/gitops/ID`.
pub(crate) const FETCHED: &str = "refs/gitops/";

/// Every place in a mirror where a reference says: this commit is here with all that it needs.
const COMPLETE: [&str; 2] = [FETCHED, "refs/all/"];

/// The commits that are here whole, with all their ancestors.
pub(crate) fn tips(repository: &gix::Repository) -> Result<Vec<ObjectId>> {
    let mut tips = Vec::new();
    let references = repository.references().map_err(|error| unreadable("the references", error))?;
    for place in COMPLETE {
        let found = references.prefixed(place).map_err(|error| unreadable("the references", error))?;
        tips.extend(
            found.filter_map(|reference| Some(reference.ok()?.into_fully_peeled_id().ok()?.detach())),
        );
    }
    tips.sort_unstable();
    tips.dedup();
    Ok(tips)
}

/// Whether a commit is here whole.
pub(crate) fn holds(look: &Look<'_>, commit: ObjectId) -> Result<bool> {
    let repository = look.repository;
    if !repository.has_object(commit) {
        return Ok(false);
    }
    let tips = tips(repository)?;
    if tips.contains(&commit) {
        return Ok(true);
    }
    is_reached(look, commit, &tips)
}

/// Sets the reference of a commit that was fetched, and takes away those of its ancestors.
pub(crate) fn keep(look: &Look<'_>, commit: ObjectId) -> Result<()> {
    look.repository
        .reference(format!("{FETCHED}{commit}"), commit, PreviousValue::Any, "")
        .map_err(|error| unreadable("a reference", error))?;
    drop_ancestors(look, commit)
}

/// Takes away the references of a fetched commit's ancestors, which its own makes needless. Where the history is too long to
/// tell, they stay.
fn drop_ancestors(look: &Look<'_>, commit: ObjectId) -> Result<()> {
    let repository = look.repository;
    let references = repository.references().map_err(|error| unreadable("the references", error))?;
    let fetched = references.prefixed(FETCHED).map_err(|error| unreadable("the references", error))?;
    for reference in fetched.filter_map(std::result::Result::ok) {
        let Some(id) = reference.try_id().map(gix::Id::detach) else { continue };
        let is_needless = || match is_ancestor(&look.anew(), id, commit) {
            Err(error) if error.kind() == ErrorKind::Limit => Ok(false),
            is_ancestor => is_ancestor,
        };
        if id != commit && is_needless()? {
            delete(repository, reference.name().to_owned())?;
        }
    }
    Ok(())
}

/// Takes away the references that were not used for the longest, if there are more than so many: then only half of them
/// stay. Says whether it did. What they alone reached can be fetched again, if the server still has it.
pub(crate) fn forget_unused(repository: &gix::Repository, newest: ObjectId, most: usize) -> Result<bool> {
    let newest = newest.to_string();
    let mut others: Vec<_> = uses(repository)?.into_iter().filter(|(_, name)| *name != newest).collect();
    if others.len() < most {
        return Ok(false);
    }
    others.sort_unstable();
    for (_, name) in &others[..others.len() + 1 - most.div_ceil(2).max(1)] {
        let name = format!("{FETCHED}{name}").try_into();
        delete(repository, name.map_err(|error| unreadable("a reference", gix::Error::from_error(error)))?)?;
    }
    Ok(true)
}

/// When each reference to what was fetched was used last, and its name below [`FETCHED`].
fn uses(repository: &gix::Repository) -> Result<Vec<(SystemTime, String)>> {
    let mut uses = Vec::new();
    for file in std::fs::read_dir(repository.git_dir().join(FETCHED))? {
        let file = file?;
        uses.push((file.metadata()?.modified()?, file.file_name().to_string_lossy().into_owned()));
    }
    Ok(uses)
}

/// Notes that a commit was asked for, if it has a reference of its own. A mirror that can't be written goes without.
pub(crate) fn note_use(repository: &gix::Repository, commit: ObjectId, now: Time) {
    let path = repository.git_dir().join(format!("{FETCHED}{commit}"));
    let now = SystemTime::UNIX_EPOCH + now.since(Time::default());
    let _ = std::fs::OpenOptions::new().append(true).open(path).and_then(|file| file.set_modified(now));
}

fn delete(repository: &gix::Repository, name: gix::refs::FullName) -> Result<()> {
    let change = Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference };
    let edit = RefEdit { change, name, deref: false };
    repository.edit_reference(edit).map(drop).map_err(|error| unreadable("a reference", error))
}
