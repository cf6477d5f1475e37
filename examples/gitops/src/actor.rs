//! Who is at work, for the audit log.

/// The name under which what is done is recorded: `GITOPS_ACTOR`, else the name of the user.
pub fn actor() -> String {
    let named = |name: &&str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    ["GITOPS_ACTOR", "USER", "LOGNAME"].iter().find_map(named).unwrap_or_else(|| "unknown".to_owned())
}
