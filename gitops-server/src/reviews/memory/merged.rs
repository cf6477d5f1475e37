//! What a request was merged as, until that is live.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Page;

/// What a request was merged as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedAs {
    pub commit: String,
    /// The applications that it changes and of which it is not known that this is live.
    pub waits: BTreeSet<String>,
}

impl Page {
    /// What it was merged as is live in an application; gives whether it is so in all of them by now.
    pub fn is_live_in(&mut self, application: &str) -> bool {
        if let Some(merged) = &mut self.merged {
            merged.waits.remove(application);
            self.is_live = merged.waits.is_empty();
        }
        self.merged = self.merged.take().filter(|merged| !merged.waits.is_empty());
        self.is_live
    }
}
