//! What an object's own policy means for how it is written.

use gitops_core::Object;

use crate::policy::{Policy, Write};

/// How the target treats one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Treatment {
    /// Once it is there it is left alone, whatever is declared.
    pub leaves_what_is_there: bool,
    /// What tools that delivered it before have added stays, also when it is taken over from them.
    pub merges: bool,
    /// It may be deleted and made anew where a change is not possible otherwise.
    pub recreate: bool,
}

impl Treatment {
    /// What the object declares. Faults were told when it was rendered; an object of another renderer has none.
    pub fn of(object: &Object) -> Self {
        let policy = Policy::of(&object.body).unwrap_or_default();
        Self {
            leaves_what_is_there: matches!(policy.write, Write::Create | Write::Leave),
            merges: policy.write == Write::Merge,
            recreate: policy.recreate,
        }
    }
}
