//! `argocd.argoproj.io/…`

use super::hook::{self, Phase, Word};
use super::words::{self, unknown_key, unknown_value};
use super::{Draft, Mark, PolicyFault};

const KEYS: &[&str] = &[
    "sync-wave",
    "sync-options",
    "hook",
    "hook-delete-policy",
    "compare-options",
    "ignore-healthcheck",
    "client-side-apply-migration-manager",
    "deletion-approved",
    "ignore-default-links",
    "ignore-resource-updates",
    "ignore-restart-policy",
    "installation-id",
    "instance",
    "manifest-generate-paths",
    "managed-by",
    "refresh",
    "secret-type",
    "skip-reconcile",
    "tracking-id",
];

const HOOKS: &[(&str, Word)] = &[
    ("PreSync", Word::Phase(Phase::PreSync)),
    ("Sync", Word::Phase(Phase::Sync)),
    ("PostSync", Word::Phase(Phase::PostSync)),
    ("Skip", Word::Skip),
    ("SyncFail", Word::Never),
    ("PreDelete", Word::Never),
    ("PostDelete", Word::Never),
];

const DELETE_POLICIES: &[&str; 3] = &["BeforeHookCreation", "HookSucceeded", "HookFailed"];

const COMPARE_OPTIONS: &[&str] =
    &["IgnoreExtraneous", "ServerSideDiff=true", "ServerSideDiff=false", "IncludeMutationWebhook=true"];

pub(super) fn read(mark: &Mark<'_>, name: &str, draft: &mut Draft) -> Result<(), PolicyFault> {
    match name {
        "sync-wave" => draft.wave = Some(words::integer(mark)?),
        "sync-options" => return words::list(mark).try_for_each(|option| sync_option(mark, option, draft)),
        "hook" => draft.argo_hook = Some(hook::read(mark, HOOKS)?),
        "hook-delete-policy" => draft.argo_clean_up = hook::clean_up(mark, DELETE_POLICIES)?,
        "compare-options" => return each_known(mark, COMPARE_OPTIONS),
        "ignore-healthcheck" => draft.policy.ignore_health = truth(mark)?,
        _ if KEYS.contains(&name) => {}
        _ => return Err(unknown_key(mark, "argocd.argoproj.io", name, KEYS)),
    }
    Ok(())
}

/// What an option of `sync-options` does.
#[derive(Clone, Copy)]
enum Effect {
    /// It holds anyway, or has no meaning for one object.
    None,
    Keep,
    Recreate,
    Unsupported,
}

/// Every option with its value.
const SYNC_OPTIONS: &[(&str, Effect)] = &[
    ("Prune=false", Effect::Keep),
    ("Prune=confirm", Effect::Keep),
    ("Delete=false", Effect::Keep),
    ("Delete=confirm", Effect::Keep),
    ("Prune=true", Effect::None),
    ("Delete=true", Effect::None),
    ("Replace=true", Effect::Unsupported),
    ("Replace=false", Effect::None),
    ("Force=true", Effect::Recreate),
    ("Force=false", Effect::None),
    ("Validate=false", Effect::None),
    ("Validate=true", Effect::None),
    ("ServerSideApply=true", Effect::None),
    ("ServerSideApply=false", Effect::Unsupported),
    ("ClientSideApplyMigration=true", Effect::None),
    ("ClientSideApplyMigration=false", Effect::Unsupported),
    ("SkipDryRunOnMissingResource=true", Effect::None),
    ("SkipDryRunOnMissingResource=false", Effect::None),
    ("ApplyOutOfSyncOnly=true", Effect::None),
    ("ApplyOutOfSyncOnly=false", Effect::Unsupported),
    ("PruneLast=true", Effect::Unsupported),
    ("PruneLast=false", Effect::None),
    ("RespectIgnoreDifferences=true", Effect::None),
    ("RespectIgnoreDifferences=false", Effect::Unsupported),
    ("FailOnSharedResource=true", Effect::None),
    ("FailOnSharedResource=false", Effect::Unsupported),
    ("CreateNamespace=true", Effect::Unsupported),
    ("CreateNamespace=false", Effect::None),
    ("PrunePropagationPolicy=background", Effect::None),
    ("PrunePropagationPolicy=foreground", Effect::Unsupported),
    ("PrunePropagationPolicy=orphan", Effect::Unsupported),
];

fn sync_option(mark: &Mark<'_>, option: &str, draft: &mut Draft) -> Result<(), PolicyFault> {
    let Some((_, effect)) = SYNC_OPTIONS.iter().find(|(known, _)| *known == option) else {
        let known: Vec<&str> = SYNC_OPTIONS.iter().map(|(known, _)| *known).collect();
        return Err(unknown_value(mark, option, &known));
    };
    match effect {
        Effect::None => {}
        Effect::Keep => draft.policy.keep = true,
        Effect::Recreate => draft.policy.recreate = true,
        Effect::Unsupported => {
            let help = match option {
                "Replace=true" => {
                    "remove the option: no annotation holds the whole object here; `Force=true` lets it be made anew"
                }
                _ => "remove the option",
            };
            return Err(PolicyFault::unsupported(mark, &format!("`{option}`"), help));
        }
    }
    Ok(())
}

fn each_known(mark: &Mark<'_>, known: &[&str]) -> Result<(), PolicyFault> {
    match words::list(mark).find(|word| !known.contains(word)) {
        Some(word) => Err(unknown_value(mark, word, known)),
        None => Ok(()),
    }
}

fn truth(mark: &Mark<'_>) -> Result<bool, PolicyFault> {
    match mark.value {
        "true" => Ok(true),
        "false" => Ok(false),
        value => Err(unknown_value(mark, value, &["true", "false"])),
    }
}
