/// On whose behalf a plan is applied, and whether that person has seen it.
///
/// ```
/// use gitops_core::ApplyOptions;
/// let options = ApplyOptions::naming_the_plan("alice");
/// assert!(options.names_the_plan());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyOptions {
    by: String,
    names_the_plan: bool,
    is_at_once: bool,
}

impl ApplyOptions {
    /// Somebody has seen exactly this plan and named it: that lifts every finding of a gate that needs an approval.
    pub fn naming_the_plan(by: impl Into<String>) -> Self {
        Self { by: by.into(), names_the_plan: true, is_at_once: false }
    }

    /// Somebody said yes to whatever the plan would be: only stored [approvals](crate::Approval) lift a finding.
    pub fn by(by: impl Into<String>) -> Self {
        Self { by: by.into(), names_the_plan: false, is_at_once: false }
    }

    /// The plan is the engine's last one, and nobody was asked since: of all objects only those that it is about are looked at once
    /// more. What others did to any other since then is left to the next plan, as it would be a moment later.
    ///
    /// A plan that somebody read meanwhile is better applied without: then drift that came since makes it stale.
    #[must_use]
    pub fn at_once(self) -> Self {
        Self { is_at_once: true, ..self }
    }

    /// Nobody was asked: the engine keeps the target equal by itself.
    pub(crate) fn automatic() -> Self {
        Self::by("engine")
    }

    /// Who.
    pub fn actor(&self) -> &str {
        &self.by
    }

    /// Whether exactly this plan was named.
    pub fn names_the_plan(&self) -> bool {
        self.names_the_plan
    }

    /// Whether the plan was made just now.
    pub(crate) fn is_at_once(&self) -> bool {
        self.is_at_once
    }
}
