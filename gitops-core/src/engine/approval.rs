/// Who lets a plan be applied, and whether they have seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    by: String,
    names_the_plan: bool,
}

impl Approval {
    /// Somebody has seen exactly this plan and named it: lifts what a gate says needs an approval.
    pub fn of_this_plan(by: impl Into<String>) -> Self {
        Self { by: by.into(), names_the_plan: true }
    }

    /// Somebody said yes to whatever the plan would be: lifts no gate.
    pub fn of_any_plan(by: impl Into<String>) -> Self {
        Self { by: by.into(), names_the_plan: false }
    }

    /// Nobody was asked: the engine keeps the target equal by itself.
    pub(crate) fn automatic() -> Self {
        Self::of_any_plan("engine")
    }

    /// Who.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Whether exactly this plan was named.
    pub fn names_the_plan(&self) -> bool {
        self.names_the_plan
    }
}
