//! Who is at work, for the audit log.

use std::os::unix::fs::MetadataExt;

/// The name under which what is done is recorded: `GITOPS_ACTOR`, else the user's name, else the user's number.
pub fn actor() -> String {
    let named = |name: &&str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    ["GITOPS_ACTOR", "USER", "LOGNAME"].iter().find_map(named).unwrap_or_else(number)
}

fn number() -> String {
    // The folder of a process belongs to its user.
    std::fs::metadata("/proc/self").map_or("unknown".to_owned(), |own| format!("uid {}", own.uid()))
}
