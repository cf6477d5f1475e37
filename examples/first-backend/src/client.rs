//! The service and its client. A real client would send requests; this one has all flags in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::Value;

/// A feature flag, as the service has it.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// `on`, and a `note`.
    pub fields: Value,
    /// A text for tools, which the service keeps and does not read.
    pub label: String,
    /// When it was made, as a number that no other flag has.
    pub made: u64,
    /// Moves with each write.
    pub version: u64,
}

/// A client of the service.
#[derive(Clone, Debug, Default)]
pub struct Client(Arc<Mutex<(u64, BTreeMap<String, Flag>)>>);

impl Client {
    /// All flags.
    pub fn all(&self) -> Vec<Flag> {
        self.lock().1.values().cloned().collect()
    }

    /// One flag.
    pub fn get(&self, name: &str) -> Option<Flag> {
        self.lock().1.get(name).cloned()
    }

    /// Makes a flag, or writes over the one that is there, if the condition holds for that.
    pub fn put(
        &self,
        name: &str,
        fields: &Value,
        label: &str,
        condition: impl Fn(Option<&Flag>) -> bool,
    ) -> Option<Flag> {
        let mut service = self.lock();
        let found = service.1.get(name);
        if !condition(found) {
            return None;
        }
        let version = service.0 + 1;
        let made = found.map_or(version, |flag| flag.made);
        let (fields, label) = (fields.clone(), label.to_owned());
        let flag = Flag { name: name.to_owned(), fields, label, made, version };
        service.0 = version;
        service.1.insert(name.to_owned(), flag.clone());
        Some(flag)
    }

    /// Removes a flag, if the condition holds for it.
    pub fn remove(&self, name: &str, condition: impl Fn(&Flag) -> bool) -> bool {
        let mut service = self.lock();
        let holds = service.1.get(name).is_some_and(condition);
        holds && service.1.remove(name).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<String, Flag>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
