use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use smol_str::SmolStr;

use super::circles::GivenUp;
use super::leads::Leads;
use super::needed::{Needed, add, remove};
use super::stages::Stages;
use crate::value::{Diagnostic, DigestMap, Key, Need, Object, OutputRef};

/// Everything that is declared at one revision.
///
/// Persistent: a clone is a snapshot, and a new revision shares all that did not change.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    pub(super) objects: DigestMap<Arc<Object>>,
    pub(super) offers: OrdMap<SmolStr, OrdSet<Key>>,
    pub(super) leads: Leads,
    pub(super) stages: Stages,
    /// The outputs that fill the placeholders of each object that has placeholders.
    uses: OrdMap<Key, Arc<[OutputRef]>>,
    pub(super) needed: Needed,
    pub(super) given_up: GivenUp,
    /// What [serves](Object::serving_until) others that run once.
    serving: OrdSet<Key>,
}

impl Desired {
    /// What an earlier process kept: [objects that stand alone](Self::stand_alone).
    pub(crate) fn from_kept(objects: DigestMap<Arc<Object>>) -> Self {
        Self { objects, ..Self::default() }
    }

    /// Whether no object needs, offers or uses anything.
    pub(crate) fn stand_alone(&self) -> bool {
        // Nothing is given up of no needs.
        let Self { objects: _, offers, leads, stages, uses, needed, given_up: _, serving } = self;
        let has_order = !stages.is_empty() || !needed.is_empty() || !serving.is_empty();
        offers.is_empty() && leads.is_empty() && uses.is_empty() && !has_order
    }

    /// The objects by key.
    pub fn objects(&self) -> &DigestMap<Arc<Object>> {
        &self.objects
    }

    /// The declared objects that an object needs, in order: a needed offer stands for all who make it, and one key for
    /// all objects of the [stage](Object::in_stage) before its own; [`members`](Self::members) has those. A need that was
    /// [found](Need::IfDeclared) and would close a circle with others is none.
    ///
    /// # Errors
    /// The keys that are needed and declared nowhere.
    pub fn needs(&self, object: &Object) -> Result<Vec<Key>, Vec<Key>> {
        let missing: Vec<Key> = required(object).filter(|key| !self.objects.contains(key)).cloned().collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let given_up = self.given_up.get(&object.key);
        let mut needs = self.found(object);
        needs.retain(|need| !given_up.is_some_and(|given_up| given_up.contains(need)));
        needs.extend(self.written(object));
        needs.sort();
        needs.dedup();
        Ok(needs)
    }

    /// What an object needs by what is written: named objects that are declared, and the stage before its own.
    pub(super) fn written(&self, object: &Object) -> Vec<Key> {
        let named = required(object).filter(|key| **key != object.key && self.objects.contains(key));
        named.cloned().chain(self.stages.before(object)).collect()
    }

    /// What an object needs because names lead there, in order, whether or not that would close a circle.
    pub(super) fn found(&self, object: &Object) -> Vec<Key> {
        let mut found = Vec::new();
        for need in &object.needs {
            match need {
                Need::Object(_) => {}
                Need::IfDeclared(key) => found.extend(self.holds(object, key).then(|| key.clone())),
                Need::Offer(name) => {
                    let offering = self.offering(name).into_iter();
                    found.extend(offering.filter(|key| self.holds(object, key)));
                }
            }
        }
        found.retain(|key| key != &object.key);
        found.sort();
        found.dedup();
        found
    }

    /// Whether a need that was found holds: what is needed is declared, and in no later stage.
    fn holds(&self, object: &Object, need: &Key) -> bool {
        let is_later =
            |need: &Object| matches!((need.stage, object.stage), (Some(need), Some(own)) if need > own);
        self.objects.get(need).is_some_and(|need| need.key.target() != object.key.target() || !is_later(need))
    }

    /// What runs [once](Object::running_once) in the stages of a target before one.
    pub(crate) fn once_before(&self, target: &str, stage: i64) -> impl Iterator<Item = &Key> {
        let runs_once = |key: &&Key| self.objects.get(key).is_some_and(|object| object.runs_once);
        self.stages.earlier(target, stage).filter(runs_once)
    }

    /// The objects of the stage that a needed key stands for; none for any other key.
    pub fn members(&self, key: &Key) -> Vec<Key> {
        self.stages.members(key)
    }

    /// The outputs that fill an object's placeholders, in order; nothing if it has no placeholder.
    pub fn outputs_used(&self, key: &Key) -> Option<&[OutputRef]> {
        self.uses.get(key).map(|outputs| &**outputs)
    }

    /// The objects that need this one by its key, in order, whether or not it is declared.
    pub fn needed_by(&self, key: &Key) -> impl Iterator<Item = &Key> {
        self.needed.requiring(key)
    }

    /// What [serves](Object::serving_until) an object, in order: what it needs of that, and, if it runs once, all whose stages
    /// reach its own.
    pub(crate) fn serving(&self, object: &Object) -> Vec<Arc<Object>> {
        if self.serving.is_empty() {
            return Vec::new();
        }
        let runs = object.runs_once && object.serves_until.is_none();
        let reaches = |other: &Object| match (other.stage, object.stage, other.serves_until) {
            (Some(first), Some(stage), Some(last)) => {
                other.key.target() == object.key.target() && first <= stage && stage <= last
            }
            _ => false,
        };
        let all = self.serving.iter().filter(|_| runs).filter_map(|key| self.objects.get(key));
        let mut found: BTreeMap<&Key, &Arc<Object>> =
            all.filter(|other| reaches(other)).map(|other| (&other.key, other)).collect();
        let needs = self.needs(object).unwrap_or_default();
        let needed = needs.iter().filter(|need| self.serving.contains(*need));
        found.extend(needed.filter_map(|need| self.objects.get(need)).map(|other| (&other.key, other)));
        found.into_values().cloned().collect()
    }

    /// The objects whose placeholders are filled with outputs of this one, in order.
    pub fn users<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Key> {
        let uses = move |user: &&Key| {
            let outputs = self.outputs_used(user).unwrap_or_default();
            outputs.iter().any(|output| output.key == *key)
        };
        self.needed_by(key).filter(uses)
    }

    /// Puts an object with filled placeholders in the place of the one that declares them.
    pub(crate) fn fill(&mut self, object: Arc<Object>) {
        self.objects.insert(object.key.clone(), object);
    }

    /// Declares an object; a second one of the same key is a fault that names both places.
    pub(crate) fn declare(&mut self, mut object: Object) -> Result<(), Box<Diagnostic>> {
        if let Some(other) = self.objects.get(&object.key) {
            let message = format!("{} is declared twice", object.key);
            let help = format!("the other declaration is at {}: remove one of them", other.provenance);
            return Err(Box::new(
                Diagnostic::error("GO0301", object.provenance.to_string(), message).help(help),
            ));
        }
        object.offers.iter().for_each(|name| add(&mut self.offers, name, &object.key));
        self.leads.insert(&object);
        self.stages.insert(&object);
        if object.serves_until.is_some() {
            self.serving.insert(object.key.clone());
        }
        if object.body.has_placeholder() {
            self.note_uses(&mut object);
        }
        self.needed.insert(&object);
        self.objects.insert(object.key.clone(), Arc::new(object));
        Ok(())
    }

    /// An object needs those whose outputs fill its placeholders.
    fn note_uses(&mut self, object: &mut Object) {
        let outputs = object.body.outputs();
        for output in &outputs {
            let need = Need::Object(output.key.clone());
            if !object.needs.contains(&need) {
                object.needs.push(need);
            }
        }
        self.uses.insert(object.key.clone(), outputs.into_iter().collect());
    }

    /// Takes a declaration back.
    pub(crate) fn retract(&mut self, key: &Key) {
        // What was kept stands alone: it need not be read for that.
        if self.objects.is_kept(key) {
            self.objects.remove(key);
            return;
        }
        let Some(object) = self.objects.get(key).cloned() else { return };
        self.objects.remove(key);
        self.stages.remove(&object);
        self.serving.remove(key);
        self.uses.remove(key);
        self.needed.remove(&object);
        object.offers.iter().for_each(|name| remove(&mut self.offers, name, key));
        self.leads.remove(&object);
    }

    /// The needs of every object, for pictures and for a full check.
    pub fn edges(&self) -> BTreeMap<Key, Vec<Key>> {
        let needs = |object: &Arc<Object>| self.needs(object).unwrap_or_default();
        let mut edges: BTreeMap<Key, Vec<Key>> =
            self.objects.iter().map(|(key, object)| (key.clone(), needs(object))).collect();
        let stages: Vec<Key> =
            edges.values().flatten().filter(|key| !self.objects.contains(key)).cloned().collect();
        edges.extend(stages.into_iter().map(|stage| (stage.clone(), self.members(&stage))));
        edges
    }
}

/// The objects that an object needs by their keys.
fn required(object: &Object) -> impl Iterator<Item = &Key> {
    object.needs.iter().filter_map(|need| match need {
        Need::Object(key) => Some(key),
        Need::IfDeclared(_) | Need::Offer(_) => None,
    })
}
