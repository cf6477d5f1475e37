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
}

impl ApplyOptions {
    /// Somebody has seen exactly this plan and named it: that lifts every finding of a gate that needs an approval.
    pub fn naming_the_plan(by: impl Into<String>) -> Self {
        Self { by: by.into(), names_the_plan: true }
    }

    /// Somebody said yes to whatever the plan would be: only stored [approvals](crate::Approval) lift a finding.
    pub fn by(by: impl Into<String>) -> Self {
        Self { by: by.into(), names_the_plan: false }
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
}
