//! Whether a change had the effect that was declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::effects::contained;
use super::tamper;
use crate::capability::{Differ, Scope, Target};
use crate::cx::Cx;
use crate::value::{Applied, Change, Expect, Key, Live, Presence, Result, Uid, Value, Version};

/// How many fields of a difference are named.
const NAMED: usize = 8;

/// What a target answered to a change, and what is known of the effect.
#[derive(Debug)]
pub(super) struct Answer {
    pub applied: Applied,
    pub proof: Proof,
}

/// What is known of a change's effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The target holds what was declared.
    AsDeclared,
    /// The target holds something else in these fields.
    Differs(Vec<String>),
    /// Nobody saw the object in the state that the change left: the next plan compares it.
    Unproven,
}

/// Compares what a target holds after a change with what was declared.
///
/// Evidence is the target's own answer where it has it ([`Applied::Holds`], [`Applied::Differs`]), else one look for all the changes of a call.
/// A target that previews its changes has compared them itself: that is a part of what it guarantees.
pub(super) struct Prover {
    pub target: Arc<dyn Target>,
    pub differ: Arc<dyn Differ>,
}

impl Prover {
    /// The answers of a call's changes, in their order, with what is known of their effects.
    pub async fn prove(
        &self,
        cx: &Cx,
        changes: &[Change],
        answers: Vec<Result<Applied>>,
    ) -> Vec<Result<Answer>> {
        if tamper::believes(cx) {
            return answers.into_iter().map(|answer| answer.map(plain).map(Answer::unasked)).collect();
        }
        let unseen: Vec<Key> = changes
            .iter()
            .zip(&answers)
            .filter(|(change, answer)| self.needs_a_look(change, answer))
            .map(|(change, _)| change.key().clone())
            .collect();
        let seen = self.look(cx, unseen).await;
        let judge = |(change, answer): (&Change, Result<Applied>)| {
            answer.map(|applied| self.judge(change, applied, &seen))
        };
        changes.iter().zip(answers).map(judge).collect()
    }

    fn needs_a_look(&self, change: &Change, answer: &Result<Applied>) -> bool {
        let is_written = matches!(answer, Ok(Applied::Present { .. })) && change.body().is_some();
        is_written && self.target.dry_run().is_none()
    }

    /// What can't be seen now is seen by the next plan: the change itself was made.
    async fn look(&self, cx: &Cx, keys: Vec<Key>) -> BTreeMap<Key, Live> {
        if keys.is_empty() {
            return BTreeMap::new();
        }
        let scope: Scope = keys.into_iter().collect();
        let found = contained(cx.bounded(self.target.observe(cx, &scope))).await.unwrap_or_default();
        found.into_iter().map(|live| (live.key.clone(), live)).collect()
    }

    fn judge(&self, change: &Change, applied: Applied, seen: &BTreeMap<Key, Live>) -> Answer {
        let proof = match (&applied, change.body()) {
            (Applied::Holds(live), Some(body)) => self.compare(body, live),
            (Applied::Differs { fields, .. }, _) => {
                Proof::Differs(fields.iter().take(NAMED).cloned().collect())
            }
            (Applied::Present { uid, version }, Some(body)) if self.target.dry_run().is_none() => {
                let is_as_left = |live: &&Live| is_in_state(live, uid, version);
                let live = seen.get(change.key()).filter(is_as_left);
                live.map_or(Proof::Unproven, |live| self.compare(body, live))
            }
            _ => Proof::AsDeclared,
        };
        Answer { applied: plain(applied), proof }
    }

    fn compare(&self, body: &Value, live: &Live) -> Proof {
        let diff = self.differ.diff(body, &live.body);
        if diff.is_empty() {
            return Proof::AsDeclared;
        }
        let paths = diff.fields().iter().map(|field| field.path.clone());
        Proof::Differs(paths.take(NAMED).collect())
    }
}

fn is_in_state(live: &Live, uid: &Uid, version: &Version) -> bool {
    live.presence == Presence::Present && live.uid == *uid && live.version == *version
}

/// The answer without the evidence.
pub(super) fn plain(applied: Applied) -> Applied {
    match applied {
        Applied::Holds(live) => Applied::from(&*live),
        Applied::Differs { uid, version, .. } => Applied::Present { uid, version },
        applied => applied,
    }
}

impl Answer {
    /// An answer of which nothing is to be proven.
    pub fn unasked(applied: Applied) -> Self {
        Self { applied, proof: Proof::AsDeclared }
    }

    /// The state that the change left, if the object is there.
    pub fn state(&self) -> Option<Expect> {
        let (uid, version) = self.applied.state()?;
        Some(Expect { uid: uid.clone(), version: version.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::GroupKind;

    #[test]
    fn an_object_is_as_a_change_left_it_only_in_that_very_state() {
        let key = Key::new("t", GroupKind::new("", "K"), "", "a");
        let live = |uid: &str, version: &str| {
            Live::new(key.clone(), Uid::new(uid), Version::new(version), Value::Null)
        };
        let is = |live: &Live| is_in_state(live, &Uid::new("u"), &Version::new("1"));
        assert!(is(&live("u", "1")));
        let going = Live { presence: Presence::Deleting, ..live("u", "1") };
        for other in [live("u", "2"), live("v", "1"), live("v", "2"), going] {
            assert!(!is(&other), "{other:?}");
        }
    }
}
