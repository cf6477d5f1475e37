//! Entries for the fuzzer into parsers that are not public.

use gix::ObjectId;

use crate::limits::GitLimits;
use crate::remote::Advertised;
use crate::rules::Rules;
use crate::tree::listed;
use crate::wire::{Request, Talk};

/// What a server says to a question for a pack, directly and through a helper. The talk ends.
pub fn answer(bytes: &[u8]) {
    let request = || Request { want: ObjectId::null(gix::hash::Kind::Sha1), haves: Vec::new() };
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().expect("it needs nothing of the system");
    for through_helper in [false, true] {
        let talk = Talk { from: bytes, to: tokio::io::sink(), pack: tokio::io::sink(), through_helper };
        runtime.block_on(talk.ask(&request()));
    }
}

/// The references that a server lists.
pub fn references(bytes: &[u8]) {
    if let Ok(refs) = Advertised::parse(bytes, 100) {
        assert!(refs.below("").count() <= 100);
    }
}

/// A folder as Git stores it; what is let through has names in order, each of them one name.
pub fn folder(bytes: &[u8]) {
    let rules = Rules::new(&[], &["/x/*.md".into()]).expect("it is a pattern");
    let Ok(listed) = listed(&rules, &GitLimits::default(), "x", bytes) else { return };
    let entries = listed.entries;
    assert!(entries.windows(2).all(|pair| pair[0].name < pair[1].name));
    assert!(entries.iter().all(|entry| !entry.name.is_empty() && !entry.name.contains(['/', '\0'])));
}

/// Whether a pattern ignores a path; `None` if it is no pattern.
pub fn ignores(pattern: &str, path: &str) -> Option<bool> {
    let rules = Rules::new(&[], &[pattern.into()]).ok()?;
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    Some(rules.within(folder).ignores(name, false))
}
