//! `kustomize.toolkit.fluxcd.io/…` and `reconcile.fluxcd.io/…`

use super::words::{unknown_key, unknown_value};
use super::{Draft, Mark, PolicyFault, Write};

/// Keys of one object's policy; `name`, `namespace` and `checksum` are marks of Flux itself.
const KEYS: &[&str] =
    &["ssa", "force", "prune", "reconcile", "substitute", "decrypt", "name", "namespace", "checksum"];
/// Keys by which a person asks Flux to act; without meaning here.
const REQUESTS: &[&str] = &["requestedAt", "forceAt", "resetAt", "watch"];

pub(super) fn read(mark: &Mark<'_>, group: &str, name: &str, draft: &mut Draft) -> Result<(), PolicyFault> {
    if group == "reconcile.fluxcd.io" {
        return if REQUESTS.contains(&name) { Ok(()) } else { Err(unknown_key(mark, group, name, REQUESTS)) };
    }
    let policy = &mut draft.policy;
    match name {
        "ssa" => policy.write = write(mark)?,
        "force" => policy.recreate = switch(mark)?,
        "prune" => policy.keep = !switch(mark)?,
        "reconcile" if !switch(mark)? => policy.write = Write::Leave,
        "substitute" => policy.verbatim = !switch(mark)?,
        "decrypt" | "reconcile" => drop(switch(mark)?),
        _ if KEYS.contains(&name) => {}
        _ => return Err(unknown_key(mark, group, name, KEYS)),
    }
    Ok(())
}

fn write(mark: &Mark<'_>) -> Result<Write, PolicyFault> {
    match mark.value.to_ascii_lowercase().as_str() {
        "override" => Ok(Write::Apply),
        "merge" => Ok(Write::Merge),
        "ifnotpresent" => Ok(Write::Create),
        "ignore" => Ok(Write::Leave),
        _ => Err(unknown_value(mark, mark.value, &["Override", "Merge", "IfNotPresent", "Ignore"])),
    }
}

fn switch(mark: &Mark<'_>) -> Result<bool, PolicyFault> {
    match mark.value.to_ascii_lowercase().as_str() {
        "enabled" => Ok(true),
        "disabled" => Ok(false),
        _ => Err(unknown_value(mark, mark.value, &["enabled", "disabled"])),
    }
}
