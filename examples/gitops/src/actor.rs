//! Who is at work, for the audit log.

use std::os::unix::fs::MetadataExt;

/// The name under which what is done is recorded: `GITOPS_ACTOR`, else the user's name, else the user's number.
pub fn actor() -> String {
    let named = |name: &&str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    ["GITOPS_ACTOR", "USER", "LOGNAME"].iter().find_map(named).unwrap_or_else(number)
}

/// The user's number, which the operating system vouches for.
pub fn uid() -> u32 {
    // The folder of a process belongs to its user.
    std::fs::metadata("/proc/self").map_or(u32::MAX, |own| own.uid())
}

fn number() -> String {
    match uid() {
        u32::MAX => "unknown".to_owned(),
        uid => format!("uid {uid}"),
    }
}
