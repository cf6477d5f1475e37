//! What left the source and stays for the time being, because its deletion waits for what is blocked.

use std::collections::BTreeMap;

use gitops_core::{Blocked, Key, Plan};
use serde::Serialize;

use super::changes;

/// A deletion that waits for what is blocked.
#[derive(Debug, Serialize)]
pub struct HeldPart<'a> {
    /// The object that stays.
    pub key: &'a Key,
    /// For what its deletion waits.
    pub waits_for: &'a Key,
    /// Why that is blocked.
    pub why: String,
}

impl<'a> HeldPart<'a> {
    fn new(key: &'a Key, Blocked { key: waits_for, why, .. }: &'a Blocked) -> Self {
        Self { key, waits_for, why: why.to_string() }
    }

    /// For what it waits, in a few words.
    pub fn short(&self) -> String {
        format!("waits for {}, which is blocked", changes::object(self.waits_for))
    }

    /// For what it waits, and why in vain.
    pub fn text(&self) -> String {
        format!("the deletion waits for {}, which is blocked: {}", changes::object(self.waits_for), self.why)
    }
}

/// The deletions of a plan that wait for what is blocked.
pub fn all(plan: &Plan) -> Vec<HeldPart<'_>> {
    plan.held_deletes().into_iter().map(|(key, by)| HeldPart::new(key, by)).collect()
}

/// For what each of them waits, in a few words, as it stands behind another reason.
pub fn behind(plan: &Plan) -> BTreeMap<&Key, String> {
    all(plan).iter().map(|part| (part.key, format!("; {}", part.short()))).collect()
}

/// For what the deletion of one object waits, if it does.
pub fn of<'a>(plan: &'a Plan, key: &Key) -> Option<HeldPart<'a>> {
    all(plan).into_iter().find(|part| part.key == key)
}
