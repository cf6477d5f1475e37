//! What one gate says, and how strict that is by itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::cx::Time;
use crate::value::{Key, redact};

/// What one gate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateMessage {
    /// The gate.
    pub gate: String,
    /// What it says.
    pub message: String,
    /// The objects whose steps it is about; none if it is about the whole plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// Who approved it, if a stored approval lifts it: then it is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When a denial ends by itself; nothing if it ends only by what somebody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// How strict it is by itself; nothing where it is as strict as the verdict that it is in.
    #[serde(rename = "verdict", skip_serializing_if = "Option::is_none")]
    own: Option<Strictness>,
}

/// How strict one message of a gate is, whatever else is said with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strictness {
    /// It stops nothing.
    Warn,
    /// It stops the plan until somebody approves it.
    NeedsApproval,
    /// It stops the plan, and no approval lifts it.
    Deny,
}

impl GateMessage {
    pub(super) fn new(gate: impl Into<String>, message: impl Into<String>) -> Self {
        // Whoever writes a rule may paste a credential into what it says, and everybody reads that.
        let message = redact::credentials(&message.into()).into_owned();
        Self { gate: gate.into(), message, keys: Vec::new(), approved_by: None, until: None, own: None }
    }

    /// Whether it stops nothing, whatever else is said with it.
    pub fn is_warning(&self) -> bool {
        self.own == Some(Strictness::Warn)
    }

    /// How strict it is in a verdict of this strictness: never stricter than that.
    pub(super) fn strictness_in(&self, whole: Strictness) -> Strictness {
        self.own.map_or(whole, |own| own.min(whole))
    }

    /// The same beside others, in a verdict that is as strict as the strictest of them.
    pub(super) fn labelled(&self, own: Option<Strictness>) -> Self {
        Self { own, ..self.clone() }
    }

    /// Messages of a gate that say the same, joined into one about all their objects. One about the whole plan stays alone.
    pub fn gathered(messages: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut gathered: Vec<Self> = Vec::new();
        let mut places: BTreeMap<(String, String, Option<Strictness>), usize> = BTreeMap::new();
        for message in messages {
            let said = (message.gate.clone(), message.message.clone(), message.own);
            match places.get(&said).filter(|_| !message.keys.is_empty()) {
                Some(place) => gathered[*place].keys.extend(message.keys),
                None if message.keys.is_empty() => gathered.push(message),
                None => {
                    places.insert(said, gathered.len());
                    gathered.push(message);
                }
            }
        }
        gathered
    }
}

impl fmt::Display for GateMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.gate, self.message)
    }
}
