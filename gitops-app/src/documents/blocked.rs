//! Objects about which nothing may be done now: each with the reason, and what a person can do.

use gitops_core::{Blocked, BlockedBecause, ForeignField, GroupKind, Key, Obstacle, Plan};
use serde::Serialize;

use super::beside;

/// One blocked object.
#[derive(Debug, Serialize)]
pub struct BlockedPart<'a> {
    /// Which one.
    pub key: &'a Key,
    #[serde(flatten)]
    why: &'a BlockedBecause,
    /// What kind of thing blocks it.
    pub obstacle: Obstacle,
    /// Why, for people.
    pub text: String,
    /// What a person can do about it.
    pub help: String,
}

/// Everything that a plan holds back.
pub fn all(plan: &Plan) -> Vec<BlockedPart<'_>> {
    plan.obstacles().map(|(blocked, obstacle)| BlockedPart::new(plan, blocked, obstacle)).collect()
}

/// What a plan holds back of one object.
pub fn of<'a>(plan: &'a Plan, key: &Key) -> Option<BlockedPart<'a>> {
    plan.obstacles()
        .find(|(blocked, _)| &blocked.key == key)
        .map(|(blocked, obstacle)| BlockedPart::new(plan, blocked, obstacle))
}

impl<'a> BlockedPart<'a> {
    fn new(plan: &Plan, blocked: &'a Blocked, obstacle: Obstacle) -> Self {
        let (key, why) = (&blocked.key, &blocked.why);
        let beside = beside::of(plan, key).map(|part| format!("; changed outside of Git too: {}", part.text));
        let text = why.to_string() + &beside.unwrap_or_default();
        Self { key, why, obstacle, text, help: help(key, why, obstacle) }
    }
}

/// Which of the backends of the configuration keeps an object.
enum Backend {
    Directory,
    Terraform,
    Kubernetes,
}

impl Backend {
    fn of(key: &Key) -> Self {
        let is = |kind: &str| *key.kind() == GroupKind::new("", kind);
        match () {
            () if is("File") => Self::Directory,
            () if is("Root") => Self::Terraform,
            () => Self::Kubernetes,
        }
    }
}

/// What a person can do, in keys of the configuration. Empty where the reason says it already.
fn help(key: &Key, why: &BlockedBecause, obstacle: Obstacle) -> String {
    match why {
        BlockedBecause::Unlabelled => {
            "adopt it: `sync: { adopt: true }`; or remove it from the target, or from the source".to_owned()
        }
        BlockedBecause::LabelLost => {
            "put the label back from a backup; or adopt the object: `sync: { adopt: true }`".to_owned()
        }
        BlockedBecause::OwnedByOther { owner } => {
            let name = owner.split('/').next().unwrap_or(owner);
            format!(
                "take it out of `{owner}` first, or out of this application's source; if this is `{name}` under a new name, \
                 say so: `apply --renamed-from {name}`"
            )
        }
        BlockedBecause::Deleting => {
            "nothing to do, unless it lasts: then see what holds its deletion".to_owned()
        }
        BlockedBecause::GoesWith { .. } if obstacle.ends_by_itself() => {
            "nothing to do: `apply` makes both anew once they are gone".to_owned()
        }
        BlockedBecause::GoesWith { of } => {
            format!("wait until {of} is gone, and make that again or declare it; or take this object out of Git")
        }
        BlockedBecause::Unreadable(_) | BlockedBecause::DryRunFailed(_) => refused(key, obstacle).to_owned(),
        BlockedBecause::DeletionRefused(_) => {
            "declare it again, or ask those whose rule refuses it".to_owned()
        }
        BlockedBecause::LeftUntilGone { .. } => {
            "nothing to do: `apply` goes on once that is gone".to_owned()
        }
        BlockedBecause::AwaitsOutput { .. } if obstacle.ends_by_itself() => {
            "nothing to do: `apply` goes on once the output is there".to_owned()
        }
        BlockedBecause::AwaitsOutput { of, .. } | BlockedBecause::LacksOutput { of, .. } => {
            format!("write one of the outputs that {of} has, or declare this one there")
        }
        BlockedBecause::UnfitOutput { .. } => {
            "use the output as a whole value, not inside of a text".to_owned()
        }
        BlockedBecause::Flapping { .. } => flapping(key).to_owned(),
        BlockedBecause::Quarantined { until: Some(_) } => {
            "nothing to do: `apply` and `run` go on after that time, or as soon as the target shows it"
                .to_owned()
        }
        BlockedBecause::Quarantined { .. } => {
            format!(
                "see in the target whether it was made, and say so: `confirm {key} change made`, or `not-made`"
            )
        }
        BlockedBecause::ForeignFields { fields } if fields.iter().all(ForeignField::is_stored_otherwise) => {
            "declare what is stored, name the field in a rule of `ignore`, or change the webhook or the policy"
                .to_owned()
        }
        BlockedBecause::ForeignFields { .. } => {
            "leave the fields to them with a rule of `ignore`, or take them over: `conflicts: take`"
                .to_owned()
        }
        BlockedBecause::Differs { .. } => {
            "declare what the target can hold, or change the object there; the next plan looks again"
                .to_owned()
        }
        BlockedBecause::NotReady { progresses: true, .. } => {
            "nothing to do: `apply` waits for it; `release` lets what needs it go on".to_owned()
        }
        BlockedBecause::NotReady { .. } => {
            "change its declaration, or let what needs it go on with `release`".to_owned()
        }
        BlockedBecause::Ended { .. } => {
            "change its declaration to run it again, or let what needs it go on with `release`".to_owned()
        }
        BlockedBecause::CannotAdopt { .. } => {
            "declare it as it is, or remove it from the target, or from the source".to_owned()
        }
        BlockedBecause::NeedsApproval { .. } => "review the plan, then `approve` it by its id".to_owned(),
        BlockedBecause::DeclaredTwice { .. } => {
            "both targets reach the same place: remove one of the two declarations; the object stays"
                .to_owned()
        }
        BlockedBecause::DeclaredAs { other } => format!("see first what blocks {other}"),
        BlockedBecause::TakesAlong { declared, .. } if declared.is_empty() => {
            "take off what says that these are to be kept, or declare it again".to_owned()
        }
        BlockedBecause::TakesAlong { .. } => {
            "declare it again, or take what is declared in it out of Git too".to_owned()
        }
        BlockedBecause::MayBeRenamed { from, in_place } => renamed(key, from, *in_place),
        BlockedBecause::NotFollowed => {
            "nothing to do here: see why the source, or the application that this one needs, does not go on"
                .to_owned()
        }
        BlockedBecause::Unresolved => {
            "see whose it is in the target; remove it there, or declare it again to keep it".to_owned()
        }
        _ => String::new(),
    }
}

/// What to do where a root may be another one under a new name.
fn renamed(key: &Key, from: &Key, in_place: bool) -> String {
    let (name, before) = (key.name(), from.name());
    match in_place {
        true => format!(
            "if it is the same one, write `\"name\": \"{before}\"` into its `gitops.json`; if it is another one, declare it in another \
             folder, with a `name` of its own"
        ),
        false => format!(
            "if it was renamed, write `\"name\": \"{before}\"` into its `gitops.json`, and its state moves along; if it is another \
             one, write `\"name\": \"{name}\"`"
        ),
    }
}

/// What to do where a target refused: its own reason says more than we can.
fn refused(key: &Key, obstacle: Obstacle) -> &'static str {
    match (obstacle, Backend::of(key)) {
        (Obstacle::MissingRights, Backend::Kubernetes) => {
            "give these rights to the user of `kubeconfig`, or of `impersonate`"
        }
        (Obstacle::MissingRights, Backend::Terraform) => {
            "give the rights to the credentials that the root uses, and name their variables in `env`"
        }
        (Obstacle::MissingRights, Backend::Directory) => "let this user read and write there",
        _ => "",
    }
}

fn flapping(key: &Key) -> &'static str {
    match Backend::of(key) {
        Backend::Kubernetes => "find out who changes it, or leave the fields to them with a rule of `ignore`",
        _ => "find out who changes it, or leave it alone: `sync: { drift: report }`",
    }
}
