//! What a plan would do, as far as people approve it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::taken::TakenSet;
use super::{Action, Digest, Hasher, Key, Taken};

/// What one step would do to one object.
///
/// Two steps of two plans have equal effects if a person who approved the one has approved the other. The digest covers
/// the application, the identity of the target, the key, the action, the incarnation, the fields before and after as the
/// target would store them, the components, what becomes of fields of other clients, and whether the object is adopted or
/// protected. Values of secrets go in as keyed digests. It does not cover the revision, the place of the declaration,
/// whether the source or the target moved, versions of objects, and times: these move without an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepEffect {
    digest: Digest,
    /// What goes with the object: it may become less, not more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    takes: Vec<TakenSet>,
    /// The changes that the step waits for, apart from repairs: they may become fewer, not more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    waits: BTreeSet<Key>,
    /// The digest of the declaration before its placeholders were filled, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<Digest>,
}

/// An object that awaits an output of another object, as far as it is known before that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwaitedEffect {
    /// The digest of the declaration with its placeholders.
    template: Digest,
    /// Whose output it awaits.
    of: Key,
}

/// What a plan would do, step by step.
///
/// Unlike the [`PlanId`](crate::PlanId), it is the same for every revision, process and time in which the same things would
/// be done to the same states. See [`Approval`](crate::Approval).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// The steps, by object.
    #[serde(default)]
    steps: BTreeMap<Key, StepEffect>,
    /// Objects that the plan will change once an output is there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    awaited: BTreeMap<Key, AwaitedEffect>,
}

/// Why an approval does not cover a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Uncovered {
    /// The step was no part of what was approved, or it was done since.
    NotApproved,
    /// It would now have another effect.
    Changed,
    /// The gate has another rule than the one under which it was approved.
    OtherRule,
    /// More goes with the object than was approved.
    TakesMore,
    /// It now waits for a change that it did not wait for.
    WaitsForMore {
        /// The object that is changed first.
        first: Key,
    },
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotApproved => f.write_str("it was not part of what was approved, or it was done since"),
            Self::Changed => f.write_str("it would now have another effect"),
            Self::OtherRule => f.write_str("the gate has another rule now"),
            Self::TakesMore => f.write_str("more would go with it than was approved"),
            Self::WaitsForMore { first } => write!(f, "it now waits for a change of {first}"),
        }
    }
}

impl StepEffect {
    /// The effect that a digest stands for, with what is compared beside it.
    pub(crate) fn new<'a>(
        digest: Digest,
        takes: impl IntoIterator<Item = &'a Taken>,
        waits: BTreeSet<Key>,
        template: Option<Digest>,
    ) -> Self {
        Self { digest, takes: takes.into_iter().map(Taken::as_set).collect(), waits, template }
    }

    /// Why this approved effect does not cover another one of the same object, if it does not.
    fn uncovered(&self, now: &Self) -> Option<Uncovered> {
        if self.digest != now.digest {
            return Some(Uncovered::Changed);
        }
        if !now.takes.iter().all(|taken| self.takes.iter().any(|approved| approved.contains(taken))) {
            return Some(Uncovered::TakesMore);
        }
        let first = now.waits.difference(&self.waits).next()?;
        Some(Uncovered::WaitsForMore { first: first.clone() })
    }
}

impl Effect {
    pub(crate) fn new(
        steps: BTreeMap<Key, StepEffect>,
        awaited: impl IntoIterator<Item = (Key, Digest, Key)>,
    ) -> Self {
        let awaited = awaited.into_iter().map(|(key, template, of)| (key, AwaitedEffect { template, of }));
        Self { steps, awaited: awaited.collect() }
    }

    /// The objects that it is about, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.steps.keys().chain(self.awaited.keys())
    }

    /// The effect on one object.
    pub fn step(&self, key: &Key) -> Option<&StepEffect> {
        self.steps.get(key)
    }

    /// Whether nothing is done by it.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.awaited.is_empty()
    }

    /// The digest of all of it: what a person names who approves it.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("gitops effect 1");
        for (key, step) in &self.steps {
            hasher.field(key.to_string()).field(step.digest.as_bytes());
            hasher.fields(step.template.iter().map(Digest::as_bytes));
            step.takes.iter().for_each(|taken| taken.stand_for(&mut hasher));
            hasher.fields(step.waits.iter().map(Key::to_string));
        }
        for (key, awaited) in &self.awaited {
            hasher.field("awaits").field(key.to_string()).field(awaited.template.as_bytes());
            hasher.field(awaited.of.to_string());
        }
        hasher.finish()
    }

    /// Why this approved effect does not cover one step of another plan; nothing if it does.
    ///
    /// A step is covered if it has the approved effect; what goes with it and what it waits for may become less. A step whose
    /// object awaited an output is covered if only its placeholders were filled, and nothing is replaced or deleted by it.
    pub fn uncovered(&self, key: &Key, action: Action, now: &Self) -> Option<Uncovered> {
        let Some(step) = now.steps.get(key) else { return Some(Uncovered::NotApproved) };
        if let Some(approved) = self.steps.get(key) {
            return approved.uncovered(step);
        }
        let is_filled = |awaited: &AwaitedEffect| step.template == Some(awaited.template);
        match self.awaited.get(key) {
            Some(awaited) if is_filled(awaited) && matches!(action, Action::Create | Action::Update) => None,
            Some(_) => Some(Uncovered::Changed),
            None => Some(Uncovered::NotApproved),
        }
    }

    /// What is left of it once an object was changed. Where that was not the change of this effect, what awaits an output of the object is
    /// another one too: it would be filled with what nobody saw.
    pub(crate) fn spend(&mut self, key: &Key, is_as_approved: bool) {
        self.steps.remove(key);
        self.awaited.remove(key);
        let mut voided: Vec<Key> = if is_as_approved { Vec::new() } else { vec![key.clone()] };
        while let Some(of) = voided.pop() {
            self.awaited.retain(|key, awaited| {
                let stays = awaited.of != of;
                voided.extend((!stays).then(|| key.clone()));
                stays
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::GroupKind;

    fn key(name: &str) -> Key {
        Key::new("t", GroupKind::new("", "Thing"), "", name)
    }

    fn step(template: Option<&str>) -> Effect {
        let template = template.map(|text| Digest::of(text.as_bytes()));
        let step = StepEffect::new(Digest::of(b"filled"), [], BTreeSet::new(), template);
        Effect::new(BTreeMap::from([(key("a"), step)]), [])
    }

    #[test]
    fn an_approval_of_what_awaits_an_output_covers_its_filling_and_nothing_graver() {
        let approved = Effect::new(BTreeMap::new(), [(key("a"), Digest::of(b"template"), key("root"))]);
        let uncovered = |action, now: &Effect| approved.uncovered(&key("a"), action, now);
        for action in [Action::Create, Action::Update] {
            assert_eq!(uncovered(action, &step(Some("template"))), None);
            assert_eq!(uncovered(action, &step(Some("another"))), Some(Uncovered::Changed));
            assert_eq!(uncovered(action, &step(None)), Some(Uncovered::Changed));
        }
        for action in [Action::Replace, Action::Delete] {
            assert_eq!(uncovered(action, &step(Some("template"))), Some(Uncovered::Changed), "{action}");
        }
        assert_eq!(
            Effect::default().uncovered(&key("a"), Action::Create, &step(Some("template"))),
            Some(Uncovered::NotApproved)
        );
    }

    #[test]
    fn a_step_is_found_until_it_is_spent() {
        let mut effect = step(None);
        assert!(effect.step(&key("a")).is_some() && effect.step(&key("b")).is_none());
        effect.spend(&key("a"), true);
        assert!(effect.step(&key("a")).is_none() && effect.is_empty());
    }
}
