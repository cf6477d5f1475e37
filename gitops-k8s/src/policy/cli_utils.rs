//! The groups of cli-utils and kpt.

use super::depends_on;
use super::words::{unknown_key, unknown_value};
use super::{Draft, Mark, PolicyFault, Write};

pub(super) const GROUPS: [&str; 4] =
    ["config.kubernetes.io", "config.k8s.io", "cli-utils.sigs.k8s.io", "client.lifecycle.config.k8s.io"];

/// The keys of each group; those that [`read`] does not name are marks of a tool, without meaning here.
const KEYS: &[(&str, &[&str])] = &[
    (
        "config.kubernetes.io",
        &[
            "depends-on",
            "apply-time-mutation",
            "local-config",
            "function",
            "id",
            "index",
            "origin",
            "package",
            "path",
        ],
    ),
    ("config.k8s.io", &["owning-inventory", "id", "function"]),
    ("cli-utils.sigs.k8s.io", &["on-remove", "inventory-id"]),
    ("client.lifecycle.config.k8s.io", &["deletion", "mutation"]),
];

pub(super) fn read(mark: &Mark<'_>, group: &str, name: &str, draft: &mut Draft) -> Result<(), PolicyFault> {
    let policy = &mut draft.policy;
    let only = |known: &'static str| match mark.value == known {
        true => Ok(()),
        false => Err(unknown_value(mark, mark.value, &[known])),
    };
    match (group, name) {
        ("config.kubernetes.io", "depends-on") => policy.depends_on = depends_on::read(mark)?,
        ("config.kubernetes.io", "apply-time-mutation") => {
            let help = "write the value, or an output of another object";
            return Err(PolicyFault::unsupported(mark, "`apply-time-mutation`", help));
        }
        ("config.kubernetes.io", "local-config") => policy.skip = mark.value != "false",
        ("cli-utils.sigs.k8s.io", "on-remove") => {
            only("keep")?;
            policy.keep = true;
        }
        ("client.lifecycle.config.k8s.io", "deletion") => {
            only("detach")?;
            policy.keep = true;
        }
        ("client.lifecycle.config.k8s.io", "mutation") => {
            only("ignore")?;
            policy.write = Write::Leave;
        }
        _ => return known(mark, group, name),
    }
    Ok(())
}

fn known(mark: &Mark<'_>, group: &str, name: &str) -> Result<(), PolicyFault> {
    let keys = KEYS.iter().find(|(known, _)| *known == group).map_or(&[][..], |(_, keys)| keys);
    if keys.contains(&name) { Ok(()) } else { Err(unknown_key(mark, group, name, keys)) }
}
