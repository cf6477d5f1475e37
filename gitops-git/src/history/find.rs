use gitops_core::Result;
use gix::ObjectId;
use gix::hash::Prefix;

use super::{Look, is_reached};
use crate::fault::{invalid, unreadable};

/// The fewest digits that git prints for an id.
const FEWEST: usize = 4;

/// The commit whose id begins with some digits, among those that are reached from these tips; `None` if the text is no such
/// thing or fits none.
///
/// # Errors
/// `Invalid` if it fits several.
pub(crate) fn by_abbreviation(look: &Look<'_>, digits: &str, tips: &[ObjectId]) -> Result<Option<ObjectId>> {
    if digits.len() < FEWEST || digits.len() > 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let Ok(prefix) = Prefix::from_hex(&digits.to_ascii_lowercase()) else { return Ok(None) };
    let mut found = Vec::new();
    for candidate in candidates(look.repository, prefix)? {
        if is_reached(look, candidate, tips)? {
            found.push(candidate);
        }
    }
    match found.as_slice() {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        several => {
            let list: Vec<_> = several.iter().map(ObjectId::to_string).collect();
            Err(invalid(format!("`{digits}` is the beginning of several commits' ids"))
                .help(format!("write more digits: {}", list.join(", "))))
        }
    }
}

#[expect(clippy::disallowed_types, reason = "gix asks for one; what it finds is sorted")]
fn candidates(repository: &gix::Repository, prefix: Prefix) -> Result<Vec<ObjectId>> {
    let mut found = std::collections::HashSet::new();
    repository
        .objects
        .lookup_prefix(prefix, Some(&mut found))
        .map_err(|error| unreadable("the mirror", error))?;
    let mut commits: Vec<_> = found.into_iter().filter(|id| repository.find_commit(*id).is_ok()).collect();
    commits.sort_unstable();
    Ok(commits)
}
