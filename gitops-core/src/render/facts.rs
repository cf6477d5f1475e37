//! What parts tell each other.

use std::collections::{BTreeMap, BTreeSet};

use imbl::OrdMap;
use smol_str::SmolStr;

use crate::source::Entry;

/// Facts that parts told, and what became of those that parts asked for.
#[derive(Clone, Default)]
pub(super) struct Facts {
    /// By name and the part that tells it.
    told: OrdMap<SmolStr, OrdMap<SmolStr, SmolStr>>,
    /// What was found out from outside.
    answered: OrdMap<SmolStr, SmolStr>,
    /// By name and the part that asked.
    asked: OrdMap<SmolStr, OrdMap<SmolStr, Asked>>,
    /// What each part told and asked for, for when it is rendered again.
    names: OrdMap<SmolStr, (BTreeSet<SmolStr>, BTreeSet<SmolStr>)>,
    /// Facts that may have changed since askers were looked at.
    touched: BTreeSet<SmolStr>,
}

/// A part that asked for a fact.
#[derive(Clone)]
struct Asked {
    entry: Entry,
    /// What it was told.
    saw: Option<SmolStr>,
}

/// What one part told and asked for while it was rendered.
#[derive(Default)]
pub(super) struct Talk {
    pub told: BTreeMap<SmolStr, SmolStr>,
    /// With the answer.
    pub asked: BTreeMap<SmolStr, Option<SmolStr>>,
}

impl Facts {
    /// Whether no part told or asked for anything.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty() && self.asked.is_empty() && self.answered.is_empty()
    }

    /// A fact: that of the first part in the order of paths, or what was found out from outside.
    pub fn get(&self, name: &str) -> Option<&SmolStr> {
        self.told(name).map(|(_, value)| value).or_else(|| self.answered.get(name))
    }

    /// The same for a part that tells the fact itself, as it will be once the part is taken in.
    pub fn get_beside<'a>(&'a self, name: &str, part: &str, own: Option<&'a SmolStr>) -> Option<&'a SmolStr> {
        match (own, self.told(name)) {
            (Some(_), Some((first, value))) if first.as_str() < part => Some(value),
            (Some(own), _) => Some(own),
            (None, _) => self.get(name),
        }
    }

    /// The first part in the order of paths that tells a fact, and what.
    fn told(&self, name: &str) -> Option<(&SmolStr, &SmolStr)> {
        self.told.get(name).and_then(|by_part| by_part.iter().next())
    }

    /// Takes in what a part told and asked for.
    pub fn take_in(&mut self, part: &SmolStr, entry: &Entry, talk: Talk) {
        if talk.told.is_empty() && talk.asked.is_empty() {
            return;
        }
        let names = (talk.told.keys().cloned().collect(), talk.asked.keys().cloned().collect());
        self.names.insert(part.clone(), names);
        for (name, value) in talk.told {
            self.touched.insert(name.clone());
            self.told.entry(name).or_default().insert(part.clone(), value);
        }
        for (name, saw) in talk.asked {
            let asked = Asked { entry: entry.clone(), saw };
            self.asked.entry(name).or_default().insert(part.clone(), asked);
        }
    }

    /// Forgets what a part told and asked for.
    pub fn drop_part(&mut self, part: &SmolStr) {
        let Some((told, asked)) = self.names.remove(part) else { return };
        for name in asked {
            remove(&mut self.asked, &name, part);
        }
        for name in told {
            remove(&mut self.told, &name, part);
            self.touched.insert(name);
        }
    }

    /// Takes in what was found out from outside.
    pub fn answer(&mut self, answers: BTreeMap<SmolStr, SmolStr>) {
        self.touched.extend(answers.keys().cloned());
        self.answered.extend(answers);
    }

    /// The parts that were told something else than what holds now, in the order of their paths.
    pub fn outdated(&mut self) -> BTreeMap<SmolStr, Entry> {
        let touched = std::mem::take(&mut self.touched);
        let mut found = BTreeMap::new();
        for name in touched {
            let holds = self.get(&name);
            let askers = self.asked.get(&name).into_iter().flatten();
            let outdated = askers.filter(|(_, asked)| asked.saw.as_ref() != holds);
            found.extend(outdated.map(|(part, asked)| (part.clone(), asked.entry.clone())));
        }
        found
    }

    /// What parts asked for and nobody knows.
    pub fn open(&self) -> Vec<SmolStr> {
        self.asked.keys().filter(|name| self.get(name).is_none()).cloned().collect()
    }
}

fn remove<T: Clone>(facts: &mut OrdMap<SmolStr, OrdMap<SmolStr, T>>, name: &SmolStr, part: &SmolStr) {
    let Some(by_part) = facts.get_mut(name) else { return };
    by_part.remove(part);
    if by_part.is_empty() {
        facts.remove(name);
    }
}
