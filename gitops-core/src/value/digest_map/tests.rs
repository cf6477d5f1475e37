use std::collections::BTreeMap;

use super::*;
use crate::value::GroupKind;
use proptest::prelude::*;

impl Digested for u8 {
    fn digest(&self) -> Digest {
        Digest::of(&[*self])
    }
}

fn key(name: u8) -> Key {
    Key::new("t", GroupKind::new("", "K"), "", format!("n{name}"))
}

fn build(edits: &[(u8, Option<u8>)]) -> (DigestMap<u8>, BTreeMap<Key, u8>) {
    let (mut map, mut model) = (DigestMap::default(), BTreeMap::new());
    for (name, value) in edits {
        edit(&mut map, &mut model, *name, *value);
    }
    (map, model)
}

fn edit(map: &mut DigestMap<u8>, model: &mut BTreeMap<Key, u8>, name: u8, value: Option<u8>) {
    match value {
        Some(value) => {
            map.insert(key(name), value);
            model.insert(key(name), value);
        }
        None => assert_eq!(map.remove(&key(name)), model.remove(&key(name)).is_some()),
    }
}

/// Entries as an earlier process kept them.
struct Kept(Vec<(Key, u8)>, SetDigest);

impl KeptEntries<u8> for Kept {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn find(&self, key: &Key) -> Option<usize> {
        self.0.binary_search_by(|(own, _)| own.cmp(key)).ok()
    }

    fn key(&self, index: usize) -> &Key {
        &self.0[index].0
    }

    fn digest(&self, index: usize) -> Digest {
        self.0[index].1.digest()
    }

    fn value(&self, index: usize) -> Option<&u8> {
        Some(&self.0[index].1)
    }

    fn has_failed(&self) -> bool {
        false
    }

    fn set(&self) -> &SetDigest {
        &self.1
    }
}

fn kept(map: &DigestMap<u8>) -> DigestMap<u8> {
    let entries = map.iter().map(|(key, value)| (key.clone(), *value)).collect();
    DigestMap::from_kept(Arc::new(Kept(entries, map.set())))
}

fn edits() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
    prop::collection::vec((0..12u8, prop::option::of(0..4u8)), 0..40)
}

proptest! {
    #[test]
    fn the_digest_depends_on_the_entries_alone(edits in edits()) {
        let (map, model) = build(&edits);
        let fresh: DigestMap<u8> = model.into_iter().rev().collect();
        prop_assert_eq!(map.digest(), fresh.digest());
    }

    #[test]
    fn what_changed_is_what_a_comparison_of_all_entries_finds(first in edits(), second in edits()) {
        let (old, old_model) = build(&first);
        let (new, new_model) = build(&second);
        let changed: Vec<Key> = new.changed_since(&old).cloned().collect();
        let mut expected: Vec<Key> = old_model.keys().chain(new_model.keys()).cloned().collect();
        expected.sort();
        expected.dedup();
        expected.retain(|key| old_model.get(key) != new_model.get(key));
        prop_assert_eq!(changed, expected);
    }

    /// A map that goes on from kept entries is in nothing different from one that holds them itself.
    #[test]
    fn a_map_over_kept_entries_is_the_map_that_was_kept(first in edits(), second in edits(), third in edits()) {
        let (whole, mut model) = build(&first);
        let mut map = kept(&whole);
        prop_assert_eq!(map.digest(), whole.digest());
        for (name, value) in &second {
            edit(&mut map, &mut model, *name, *value);
        }
        let (middle, middle_model) = (map.clone(), model.clone());
        for (name, value) in &third {
            edit(&mut map, &mut model, *name, *value);
        }
        let fresh: DigestMap<u8> = model.clone().into_iter().collect();
        prop_assert_eq!(map.digest(), fresh.digest());
        prop_assert_eq!(map.len(), model.len());
        let found: BTreeMap<Key, u8> = map.iter().map(|(key, value)| (key.clone(), *value)).collect();
        prop_assert_eq!(&found, &model);
        let digests: Vec<_> = map.digests().map(|(key, digest)| (key.clone(), digest)).collect();
        prop_assert_eq!(digests, model.iter().map(|(key, value)| (key.clone(), value.digest())).collect::<Vec<_>>());
        for name in 0..12 {
            prop_assert_eq!(map.get(&key(name)), model.get(&key(name)));
            prop_assert_eq!(map.contains(&key(name)), model.contains_key(&key(name)));
        }
        let all = middle_model.keys().chain(model.keys());
        let expected: std::collections::BTreeSet<&Key> =
            all.filter(|key| middle_model.get(key) != model.get(key)).collect();
        prop_assert_eq!(map.changed_since(&middle).collect::<Vec<_>>(), expected.iter().copied().collect::<Vec<_>>());
        // Over other entries, all are compared.
        prop_assert_eq!(fresh.changed_since(&middle).collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
    }
}
