use imbl::{OrdMap, OrdSet};
use smol_str::SmolStr;

use crate::value::{Key, Need, Object};

/// The way back along needs: who needs what, by how it is called.
#[derive(Clone, Debug, Default)]
pub(super) struct Needed {
    /// Who needs an object that must be declared.
    required: OrdMap<Key, OrdSet<Key>>,
    /// Who needs an object if it is declared.
    found: OrdMap<Key, OrdSet<Key>>,
    /// Who needs what offers a name.
    offers: OrdMap<SmolStr, OrdSet<Key>>,
}

impl Needed {
    pub fn is_empty(&self) -> bool {
        let Self { required, found, offers } = self;
        required.is_empty() && found.is_empty() && offers.is_empty()
    }

    /// Whether anything is needed because names lead there.
    pub fn has_found(&self) -> bool {
        !self.found.is_empty() || !self.offers.is_empty()
    }

    pub fn insert(&mut self, object: &Object) {
        for need in &object.needs {
            match need {
                Need::Object(key) => add(&mut self.required, key, &object.key),
                Need::IfDeclared(key) => add(&mut self.found, key, &object.key),
                Need::Offer(name) => add(&mut self.offers, name, &object.key),
            }
        }
    }

    pub fn remove(&mut self, object: &Object) {
        for need in &object.needs {
            match need {
                Need::Object(key) => remove(&mut self.required, key, &object.key),
                Need::IfDeclared(key) => remove(&mut self.found, key, &object.key),
                Need::Offer(name) => remove(&mut self.offers, name, &object.key),
            }
        }
    }

    /// Who needs an object that must be declared, in order.
    pub fn requiring(&self, key: &Key) -> impl Iterator<Item = &Key> {
        self.required.get(key).into_iter().flatten()
    }

    /// Who needs an object by its key.
    pub fn by_key(&self, key: &Key) -> impl Iterator<Item = &Key> {
        self.requiring(key).chain(self.found.get(key).into_iter().flatten())
    }

    /// Who needs what offers a name.
    pub fn by_offer(&self, name: &SmolStr) -> impl Iterator<Item = &Key> {
        self.offers.get(name).into_iter().flatten()
    }
}

/// Puts a key into an index of keys by name.
pub(super) fn add<K: Ord + Clone>(index: &mut OrdMap<K, OrdSet<Key>>, name: &K, key: &Key) {
    index.entry(name.clone()).or_default().insert(key.clone());
}

/// Takes a key out of an index of keys by name.
pub(super) fn remove<K: Ord + Clone>(index: &mut OrdMap<K, OrdSet<Key>>, name: &K, key: &Key) {
    let Some(keys) = index.get_mut(name) else { return };
    keys.remove(key);
    if keys.is_empty() {
        index.remove(name);
    }
}
