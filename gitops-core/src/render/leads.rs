//! Names that stand for what others offer, followed in both directions.

use std::collections::BTreeSet;

use imbl::{OrdMap, OrdSet};
use smol_str::SmolStr;

use super::Desired;
use super::needed::{add, remove};
use crate::value::{Key, Lead, Object};

/// The objects that lead from a name to others.
#[derive(Clone, Debug, Default)]
pub(super) struct Leads {
    from: OrdMap<SmolStr, OrdSet<Key>>,
    to: OrdMap<SmolStr, OrdSet<Key>>,
}

impl Leads {
    pub fn is_empty(&self) -> bool {
        self.from.is_empty()
    }

    pub fn insert(&mut self, object: &Object) {
        for Lead { name, to } in &object.leads {
            add(&mut self.from, name, &object.key);
            to.iter().for_each(|name| add(&mut self.to, name, &object.key));
        }
    }

    pub fn remove(&mut self, object: &Object) {
        for Lead { name, to } in &object.leads {
            remove(&mut self.from, name, &object.key);
            to.iter().for_each(|name| remove(&mut self.to, name, &object.key));
        }
    }
}

impl Desired {
    /// The objects that offer a name, themselves or because something leads from it to what they offer.
    pub(super) fn offering(&self, name: &SmolStr) -> BTreeSet<Key> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::from([name]));
        let mut due = vec![name];
        while let Some(name) = due.pop() {
            found.extend(self.offers.get(name).into_iter().flatten().cloned());
            for lead in self.leads_at(&self.leads.from, name).filter(|lead| lead.name == *name) {
                match &lead.to[..] {
                    [one] => due.extend(seen.insert(one).then_some(one)),
                    several => found.extend(self.offering_all(several).cloned()),
                }
            }
        }
        found
    }

    /// The objects that offer all of these names. Costs as much as the rarest of them has objects.
    fn offering_all<'a>(&'a self, names: &'a [SmolStr]) -> impl Iterator<Item = &'a Key> {
        let of_each: Option<Vec<&OrdSet<Key>>> = names.iter().map(|name| self.offers.get(name)).collect();
        let of_each = of_each.unwrap_or_default();
        let rarest = of_each.iter().copied().min_by_key(|keys| keys.len());
        rarest.into_iter().flatten().filter(move |key| of_each.iter().all(|keys| keys.contains(*key)))
    }

    /// These names, and all names from which something leads to one of them.
    pub(super) fn leading_to(&self, mut names: BTreeSet<SmolStr>) -> BTreeSet<SmolStr> {
        let mut due: Vec<SmolStr> = names.iter().cloned().collect();
        while let Some(name) = due.pop() {
            let leads = self.leads_at(&self.leads.to, &name).filter(|lead| lead.to.contains(&name));
            due.extend(leads.filter(|lead| names.insert(lead.name.clone())).map(|lead| lead.name.clone()));
        }
        names
    }

    /// The leads of the objects that an index names.
    fn leads_at<'a>(
        &'a self,
        index: &'a OrdMap<SmolStr, OrdSet<Key>>,
        name: &SmolStr,
    ) -> impl Iterator<Item = &'a Lead> + use<'a> {
        let keys = index.get(name).into_iter().flatten();
        keys.filter_map(|key| self.objects.get(key)).flat_map(|object| &object.leads)
    }
}
