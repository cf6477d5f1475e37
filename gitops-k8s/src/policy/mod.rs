//! What an object says about how it wants to be treated.
//!
//! The annotations and labels of Argo CD, Flux, Helm and cli-utils are read with their meaning. A key or a value of
//! their groups that nobody knows is a fault, for a policy without effect is worse than an error; so is one that is known
//! and not carried out here, but for hooks at a time that never comes: those are left out and warned of. `docs/kubernetes-manifests.md` has the table.

mod argo;
mod cli_utils;
mod depends_on;
mod fault;
mod flux;
mod helm;
mod hook;
mod mark;
mod words;

use gitops_core::{CleanUp, Value};
use serde_json::Value as Json;

pub use depends_on::Dependency;
pub use fault::{PolicyFault, Section};
pub use hook::Phase;
use hook::{Hook, Meaning};
pub(crate) use mark::{Mark, of_node};

/// How an object wants to be treated.
///
/// ```
/// use gitops_core::Value;
/// use gitops_k8s::policy::{Policy, Write};
/// let annotations = Value::map([("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent".into())]);
/// let body = Value::map([("metadata", Value::map([("annotations", annotations)]))]);
/// assert_eq!(Policy::of(&body).unwrap().write, Write::Create);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "independent answers to independent questions")]
pub struct Policy {
    /// It stays in the cluster when it leaves the source.
    pub keep: bool,
    /// How it is written.
    pub write: Write,
    /// It may be deleted and made anew where a change is not possible otherwise.
    pub recreate: bool,
    /// It counts as healthy as soon as it is written.
    pub ignore_health: bool,
    /// `${NAME}` in it is left as it stands.
    pub verbatim: bool,
    /// It is no part of what is deployed.
    pub skip: bool,
    /// The hook that it is: the first phase that it is there for.
    pub hook: Option<Phase>,
    /// The last phase that a hook is there for. It is made in its first one, and what belongs to a later one finds it
    /// there and ready.
    pub hook_until: Option<Phase>,
    /// After which end a hook is deleted.
    pub clean_up: CleanUp,
    /// Its place among the objects of its phase: lower ones come first.
    pub wave: i32,
    /// What must be ready before it, as it says.
    pub depends_on: Vec<Dependency>,
    /// What it asks for at a time that never comes here: a hook after a failure, or around a deletion.
    pub warnings: Vec<PolicyFault>,
}

/// How an object is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Write {
    /// What is declared holds; what tools that delivered the object before added is taken away once it is taken over.
    #[default]
    Apply,
    /// What is declared holds, and what they added stays.
    Merge,
    /// It is made if it is not there, and then left alone.
    Create,
    /// It is left alone once it is there, and never deleted.
    Leave,
}

/// Whether a key is of a group that policies are written in.
pub(crate) fn is_policy(key: &str) -> bool {
    let group = key.split_once('/').map_or("", |(group, _)| group);
    GROUPS.contains(&group) || cli_utils::GROUPS.contains(&group)
}

/// Whether an object with this metadata is a hook.
pub(crate) fn is_hook(metadata: &Json) -> bool {
    let body = Value::map([("metadata", Value::from_json(metadata.clone()))]);
    Policy::of(&body).is_ok_and(|policy| policy.hook.is_some())
}

const GROUPS: [&str; 4] =
    ["argocd.argoproj.io", "kustomize.toolkit.fluxcd.io", "reconcile.fluxcd.io", "helm.sh"];

/// Whether the marks on an object as the server has it say that it is to stay when it leaves the source. What is misspelt
/// beside them takes nothing of that away.
pub(crate) fn asks_to_stay(object: &Json) -> bool {
    let mut draft = Draft::default();
    for mark in mark::of_json(object) {
        let options = words::list(&mark).map(|value| Mark { value, ..mark });
        for mark in options {
            // A fault of a person's mark was that person's to see; what it asks for is not known.
            drop(draft.take(&mark));
        }
    }
    draft.policy.keep || draft.policy.write == Write::Leave
}

impl Policy {
    /// The policy that an object's body declares.
    ///
    /// # Errors
    /// Every key and value that is misspelt or not carried out.
    pub fn of(body: &Value) -> Result<Self, Vec<PolicyFault>> {
        Self::read(mark::of_value(body))
    }

    pub(crate) fn read<'a>(marks: impl Iterator<Item = Mark<'a>>) -> Result<Self, Vec<PolicyFault>> {
        let (mut draft, mut faults) = (Draft::default(), Vec::new());
        for mark in marks {
            if let Err(fault) = draft.take(&mark) {
                faults.push(fault);
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        draft.finish().map_err(|fault| vec![fault])
    }

    /// Where the object stands in the order of phases and waves.
    pub fn stage(&self) -> i64 {
        let phase = self.hook.map_or(0, Phase::order);
        (phase << 32) + i64::from(self.wave)
    }

    /// The last stage that a hook is there for: the end of its last phase.
    pub(crate) fn last_stage(&self) -> Option<i64> {
        let phase = self.hook_until?.order();
        Some((phase << 32) + i64::from(i32::MAX))
    }
}

/// A policy while its marks are read.
#[derive(Default)]
struct Draft {
    policy: Policy,
    wave: Option<i32>,
    argo_hook: Option<Hook>,
    helm_hook: Option<Result<Hook, PolicyFault>>,
    helm_weight: Option<i32>,
    argo_clean_up: CleanUp,
    helm_clean_up: CleanUp,
}

impl Draft {
    fn take(&mut self, mark: &Mark<'_>) -> Result<(), PolicyFault> {
        match mark.key.split_once('/') {
            Some(("argocd.argoproj.io", name)) => argo::read(mark, name, self),
            Some((group @ ("kustomize.toolkit.fluxcd.io" | "reconcile.fluxcd.io"), name)) => {
                flux::read(mark, group, name, self)
            }
            Some(("helm.sh", name)) => helm::read(mark, name, self),
            Some((group, name)) if cli_utils::GROUPS.contains(&group) => {
                cli_utils::read(mark, group, name, self)
            }
            _ => Ok(()),
        }
    }

    /// Argo CD's hook hides Helm's with its delete policy, and its wave Helm's weight.
    fn finish(self) -> Result<Policy, PolicyFault> {
        let mut policy = self.policy;
        let clean_up = if self.argo_hook.is_some() { self.argo_clean_up } else { self.helm_clean_up };
        let Hook { meaning, never } = match (self.argo_hook, self.helm_hook) {
            (Some(hook), _) => hook,
            (None, Some(hook)) => hook?,
            (None, None) => Hook { meaning: Meaning::Ordinary, never: None },
        };
        policy.warnings.extend(never);
        match meaning {
            Meaning::Ordinary => {}
            Meaning::Hook(first, last) => {
                (policy.hook, policy.hook_until) = (Some(first), Some(last));
                policy.clean_up = clean_up;
            }
            Meaning::Skip => policy.skip = true,
        }
        policy.wave = self.wave.or(self.helm_weight).unwrap_or_default();
        // A hook runs anew when its declaration changes, and most kinds of hook can't be changed.
        policy.recreate |= policy.hook.is_some();
        policy.keep |= policy.write == Write::Leave;
        Ok(policy)
    }
}
