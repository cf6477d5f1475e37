use gitops_core::{Digest, Gate, Hasher, Plan, Step, Verdict};

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

/// The actions by which something is lost, as they head the fields of a root's diff.
const ACTIONS: [&str; 4] = ["delete", "replace", "forget", "unknown"];

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
        let fields = step.diff.fields().iter().filter_map(|field| {
            let mut parts = field.path.splitn(4, '/').skip(1);
            let (action, address) = (parts.next()?, parts.next()?.replace("~1", "/").replace("~0", "~"));
            let counts =
                ACTIONS.contains(&action) && !self.allowed.contains(&crate::address::kind_of(&address));
            counts.then(|| format!("{action} {address}"))
        });
        let mut lost: Vec<String> = fields.collect();
        lost.dedup();
        lost
    }
}

impl Gate for Destructive {
    fn name(&self) -> &'static str {
        "destructive"
    }

    fn check(&self, plan: &Plan) -> Verdict {
        let roots = plan.steps.iter().filter(|step| step.key.kind().kind() == crate::ROOT);
        roots.fold(Verdict::Allow, |verdict, step| match &self.lost(step)[..] {
            [] => verdict,
            lost => {
                let message = format!("{}: {}", step.key, lost.join(", "));
                verdict.and(Verdict::needs_approval(self.name(), message))
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
