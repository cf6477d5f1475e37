//! Which of the branches and tags is meant.

use gitops_core::{Error, ErrorKind, Result, Revision};
use gix::ObjectId;
use semver::{Version, VersionReq};

use super::Advertised;
use crate::fault::{invalid, not_found, shown};
use crate::nearest::nearest;
use crate::reference::GitRef;

/// The revision that a reference means now.
///
/// # Errors
/// `NotFound`, saying what there is instead.
pub(crate) fn newest(refs: &Advertised, follows: &GitRef) -> Result<Revision> {
    match follows {
        GitRef::Commit(id) => Ok(Revision::new(id.to_string(), id.to_string())),
        _ if refs.is_empty() => Err(empty()),
        GitRef::Branch(name) => exactly(refs, "branch", "refs/heads/", name.as_str()),
        GitRef::Tag(name) => exactly(refs, "tag", "refs/tags/", name.as_str()),
        GitRef::Semver(range) => highest(refs, range),
    }
}

/// The branch or tag that a person named, by its short or its full name; `None` if there is none.
///
/// # Errors
/// `Invalid` if a branch and a tag have that name and are not the same.
pub(crate) fn named(refs: &Advertised, name: &str) -> Result<Option<ObjectId>> {
    if name.starts_with("refs/") {
        return Ok(refs.get(name));
    }
    let both = ["refs/heads/", "refs/tags/"].map(|place| refs.get(&format!("{place}{name}")));
    match both {
        [Some(branch), Some(tag)] if branch != tag => {
            let name = shown(name, 120);
            Err(invalid(format!("`{name}` is a branch and a tag, and they are not the same"))
                .help(format!("write `refs/heads/{name}` or `refs/tags/{name}`")))
        }
        [branch, tag] => Ok(branch.or(tag)),
    }
}

fn exactly(refs: &Advertised, what: &str, place: &str, name: &str) -> Result<Revision> {
    match refs.get(&format!("{place}{name}")) {
        Some(id) => Ok(Revision::new(id.to_string(), name)),
        None => match refs.broken(&format!("{place}{name}")) {
            Some(why) => Err(broken(what, name, why)),
            None => Err(absent(refs, what, place, name)),
        },
    }
}

fn broken(what: &str, name: &str, why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the {what} `{name}` of the repository can't be read"))
        .with("reason", shown(why, 200))
        .help("run `git fsck` in it; `git update-ref` or a push sets it again")
}

fn absent(refs: &Advertised, what: &str, place: &str, name: &str) -> Error {
    let names: Vec<_> = refs.below(place).map(|(name, _)| name.to_owned()).collect();
    not_found(format!("the repository has no {what} `{name}`")).help(nearest(what, name, &names))
}

fn highest(refs: &Advertised, range: &VersionReq) -> Result<Revision> {
    let mut fitting: Vec<_> =
        refs.below("refs/tags/").filter_map(|(name, id)| Some((version(name)?, name, id))).collect();
    fitting.retain(|(version, ..)| range.matches(version));
    fitting.sort();
    match fitting.as_slice() {
        [] => Err(none_fits(refs, range)),
        [.., (low, a, other), (high, b, id)] if low == high && other != id => {
            Err(invalid(format!("the tags `{a}` and `{b}` are one version, and they are not the same"))
                .help("delete one of them"))
        }
        [.., (_, name, id)] => Ok(Revision::new(id.to_string(), *name)),
    }
}

fn version(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

fn none_fits(refs: &Advertised, range: &VersionReq) -> Error {
    let names: Vec<_> = refs
        .below("refs/tags/")
        .map(|(name, _)| name.to_owned())
        .filter(|name| version(name).is_some())
        .collect();
    not_found(format!("no tag of the repository is a version within `{range}`")).help(nearest(
        "tag with a version",
        &range.to_string(),
        &names,
    ))
}

fn empty() -> Error {
    not_found("the repository is empty: it has no branch and no tag").help("commit something and push it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs(names: &[(&str, u8)]) -> Advertised {
        let mut refs = Advertised::default();
        for (name, id) in names {
            refs.add(name, ObjectId::from_bytes_or_panic(&[*id; 20]), 100).unwrap();
        }
        refs
    }

    fn name_of(refs: &Advertised, range: &str) -> String {
        newest(refs, &GitRef::semver(range).unwrap())
            .map_or_else(|error| error.to_string(), |found| found.name().into())
    }

    #[test]
    fn versions_are_ordered_as_numbers_and_pre_releases_wait() {
        let tags = refs(&[
            ("refs/tags/v1.9.0", 1),
            ("refs/tags/1.10.0", 2),
            ("refs/tags/v2.0.0-rc.1", 3),
            ("refs/tags/junk", 4),
        ]);
        assert_eq!(name_of(&tags, "1"), "1.10.0");
        assert_eq!(name_of(&tags, "*"), "1.10.0");
        assert_eq!(name_of(&tags, ">=2.0.0-rc.0"), "v2.0.0-rc.1");
        assert_eq!(name_of(&tags, "3"), "no tag of the repository is a version within `^3`");
    }

    #[test]
    fn one_version_with_two_meanings_is_refused() {
        let same = refs(&[("refs/tags/v1.0.0", 1), ("refs/tags/1.0.0", 1)]);
        assert_eq!(name_of(&same, "1"), "v1.0.0");
        let other = refs(&[("refs/tags/v1.0.0", 1), ("refs/tags/1.0.0", 2)]);
        assert_eq!(
            name_of(&other, "1"),
            "the tags `1.0.0` and `v1.0.0` are one version, and they are not the same"
        );
    }

    #[test]
    fn a_name_that_is_a_branch_and_a_tag_must_be_written_out() {
        let both = refs(&[("refs/heads/x", 1), ("refs/tags/x", 2)]);
        assert!(named(&both, "x").is_err());
        assert_eq!(named(&both, "refs/tags/x").unwrap(), both.get("refs/tags/x"));
        assert_eq!(named(&both, "y").unwrap(), None);
    }
}
