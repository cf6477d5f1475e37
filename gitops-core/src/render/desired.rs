use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use smol_str::SmolStr;

use crate::diagnostic::Diagnostic;
use crate::value::{DigestMap, Key, Need, Object};

/// Everything that is declared at one revision.
///
/// Persistent: a clone is a snapshot, and a new revision shares all that did not change.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    objects: DigestMap<Arc<Object>>,
    offers: OrdMap<SmolStr, OrdSet<Key>>,
}

impl Desired {
    /// The objects by key.
    pub fn objects(&self) -> &DigestMap<Arc<Object>> {
        &self.objects
    }

    /// The declared objects that an object needs, in order: a needed offer stands for all who make it.
    ///
    /// # Errors
    /// The keys that are needed and declared nowhere.
    pub fn needs(&self, object: &Object) -> Result<Vec<Key>, Vec<Key>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for need in &object.needs {
            match need {
                Need::Object(key) if !self.objects.contains(key) => missing.push(key.clone()),
                Need::Object(key) => found.push(key.clone()),
                Need::IfDeclared(key) => found.extend(self.objects.contains(key).then(|| key.clone())),
                Need::Offer(name) => found.extend(self.offers.get(name).into_iter().flatten().cloned()),
            }
        }
        found.retain(|key| key != &object.key);
        found.sort();
        found.dedup();
        if missing.is_empty() { Ok(found) } else { Err(missing) }
    }

    /// Declares an object; a second one of the same key is a fault that names both places.
    pub(crate) fn declare(&mut self, object: Object) -> Result<(), Box<Diagnostic>> {
        if let Some(other) = self.objects.get(&object.key) {
            let message = format!("{} is declared twice", object.key);
            let help = format!("the other declaration is at {}: remove one of them", other.provenance);
            return Err(Box::new(
                Diagnostic::error("GO0301", object.provenance.to_string(), message).help(help),
            ));
        }
        for name in &object.offers {
            self.offers.entry(name.clone()).or_default().insert(object.key.clone());
        }
        self.objects.insert(object.key.clone(), Arc::new(object));
        Ok(())
    }

    /// Takes a declaration back.
    pub(crate) fn retract(&mut self, key: &Key) {
        let Some(object) = self.objects.remove(key) else { return };
        for name in &object.offers {
            if let Some(keys) = self.offers.get_mut(name) {
                keys.remove(key);
            }
        }
    }

    /// The needs of every object, for pictures and for a full check.
    pub fn edges(&self) -> BTreeMap<Key, Vec<Key>> {
        let needs = |object: &Arc<Object>| self.needs(object).unwrap_or_default();
        self.objects.iter().map(|(key, object)| (key.clone(), needs(object))).collect()
    }
}
