use gitops_core::{Digest, Gate, Hasher, Proposal, Step, Verdict};

/// Calls for an approval where a plan removes, replaces or forgets resources of roots.
///
/// A change of a root is one step of a plan, whatever it does to the root's resources. This gate looks at them.
///
/// ```
/// use gitops_core::Gate;
/// use gitops_terraform::Destructive;
/// let gate = Destructive::default().allowing("terraform_data");
/// assert_eq!(gate.name(), "destructive");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Destructive {
    allowed: Vec<String>,
}

impl Destructive {
    /// Lets resources of a type go without an approval.
    #[must_use]
    pub fn allowing(mut self, kind: impl Into<String>) -> Self {
        self.allowed.push(kind.into());
        self.allowed.sort();
        self
    }

    /// The addresses that a step removes, replaces or forgets, each with what is done.
    fn lost(&self, step: &Step) -> Vec<String> {
        let lost = step.components.lost().filter(|change| !self.allowed.contains(&change.kind));
        lost.map(|change| format!("{} {}", change.action, change.name)).collect()
    }
}

impl Gate for Destructive {
    fn name(&self) -> &'static str {
        "destructive"
    }

    fn check(&self, &Proposal { plan, .. }: &Proposal<'_>) -> Verdict {
        let roots = plan.steps.iter().filter(|step| step.key.kind().kind() == crate::declare::module::ROOT);
        roots.fold(Verdict::Allow, |verdict, step| match &self.lost(step)[..] {
            [] => verdict,
            lost => {
                let message = format!("{}: {}", step.key, lost.join(", "));
                verdict.and(Verdict::needs_approval(self.name(), message).naming([step.key.clone()]))
            }
        })
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops terraform destructive 1");
        self.allowed.iter().for_each(|kind| {
            hasher.field(kind);
        });
        hasher.finish()
    }
}
