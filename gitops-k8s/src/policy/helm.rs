//! `helm.sh/…`

use super::hook::{self, Phase, Word};
use super::words::{self, is_slip, unknown_key, unknown_value};
use super::{Draft, Mark, PolicyFault};

const KEYS: &[&str] =
    &["hook", "hook-weight", "hook-delete-policy", "hook-output-log-policy", "resource-policy", "chart"];

const HOOKS: &[(&str, Word)] = &[
    ("pre-install", Word::Phase(Phase::PreSync)),
    ("pre-upgrade", Word::Phase(Phase::PreSync)),
    ("post-install", Word::Phase(Phase::PostSync)),
    ("post-upgrade", Word::Phase(Phase::PostSync)),
    ("crd-install", Word::Ordinary),
    ("pre-delete", Word::Never),
    ("post-delete", Word::Never),
    ("pre-rollback", Word::Never),
    ("post-rollback", Word::Never),
    ("test", Word::Never),
    ("test-success", Word::Never),
    ("test-failure", Word::Never),
];

const DELETE_POLICIES: &[&str; 3] = &["before-hook-creation", "hook-succeeded", "hook-failed"];

pub(super) fn read(mark: &Mark<'_>, name: &str, draft: &mut Draft) -> Result<(), PolicyFault> {
    match name {
        // Argo CD's hook hides this one, so a fault in it counts only if there is no other.
        "hook" => {
            draft.helm_hook = Some(hook::read(mark, HOOKS));
        }
        "hook-weight" => draft.helm_weight = Some(words::integer(mark)?),
        "hook-delete-policy" => draft.helm_clean_up = hook::clean_up(mark, DELETE_POLICIES)?,
        "resource-policy" if mark.value.trim() == "keep" => draft.policy.keep = true,
        "resource-policy" => return Err(unknown_value(mark, mark.value, &["keep"])),
        // Charts put marks of their own into this group.
        _ if !KEYS.contains(&name) && is_slip(name, KEYS) => {
            return Err(unknown_key(mark, "helm.sh", name, KEYS));
        }
        _ => {}
    }
    Ok(())
}
