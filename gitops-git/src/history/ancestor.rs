use gitops_core::Result;
use gix::ObjectId;

use super::Look;
use crate::fault::not_found;

/// A name without its `~N` or `^`, and how many generations those go back.
///
/// A text that only looks like one is given back whole: it is a name then, or nothing.
pub(crate) fn split(name: &str) -> (&str, usize) {
    if let Some(base) = name.strip_suffix('^') {
        let (base, generations) = split(base);
        return (base, generations.saturating_add(1));
    }
    let Some((base, count)) = name.rsplit_once('~') else { return (name, 0) };
    let count = if count.is_empty() { Some(1) } else { count.parse().ok() };
    match count.filter(|_| !base.is_empty()) {
        Some(count) => {
            let (base, more) = split(base);
            (base, more.saturating_add(count))
        }
        None => (name, 0),
    }
}

/// The commit so many generations back, by first parents.
pub(crate) fn ancestor(look: &Look<'_>, commit: ObjectId, generations: usize) -> Result<ObjectId> {
    let mut id = commit;
    for generation in 0..generations {
        let commit = look.commit(id)?;
        let Some(parent) = commit.parent_ids().next() else {
            let message = format!("the history ends {generation} commits back, not {generations}");
            return Err(not_found(message).help("name a commit that `git log --first-parent` shows"));
        };
        id = parent.detach();
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn generations_add_up_and_odd_names_stay_whole() {
        for (name, expected) in [
            ("main", ("main", 0)),
            ("main~3", ("main", 3)),
            ("HEAD~", ("HEAD", 1)),
            ("HEAD^^", ("HEAD", 2)),
            ("v1~2^", ("v1", 3)),
            ("~3", ("~3", 0)),
            ("main~x", ("main~x", 0)),
            ("main~99999999999", ("main", 99_999_999_999)),
            ("main~99999999999999999999999", ("main~99999999999999999999999", 0)),
        ] {
            assert_eq!(split(name), expected);
        }
    }
}
