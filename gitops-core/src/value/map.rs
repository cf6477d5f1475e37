use std::sync::Arc;

use smol_str::SmolStr;

use super::Value;

/// A mapping from names to values, in the order of the names.
///
/// It is one slice: a member costs what its name and value cost, and a lookup halves the slice. Cloning shares the
/// content. A map is made whole, from pairs; a later pair replaces an earlier one of the same name:
///
/// ```
/// use gitops_core::{Map, Value};
/// let map: Map = [("b", Value::from(2)), ("a", 1.into()), ("b", 3.into())].into_iter().collect();
/// assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!(map.get("b"), Some(&Value::from(3)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map(Arc<[(SmolStr, Value)]>);

impl Map {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).ok().map(|index| &self.0[index].1)
    }

    /// Whether there is a value of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// All members in the order of their names.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> + ExactSizeIterator {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// All names in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// All values in the order of their names.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator {
        self.0.iter().map(|(_, value)| value)
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

impl<K: Into<SmolStr>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(pairs: I) -> Self {
        let mut members: Vec<(SmolStr, Value)> =
            pairs.into_iter().map(|(name, value)| (name.into(), value)).collect();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        // Of two neighbours the later one stays, in the place of the earlier one.
        members.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self(members.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_an_ordered_map_holds(pairs in prop::collection::vec(("[a-e]{0,2}", any::<i64>()), 0..20)) {
            let map: Map = pairs.iter().map(|(name, value)| (name.as_str(), Value::from(*value))).collect();
            let model: BTreeMap<&str, i64> = pairs.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            let expected: Vec<(&str, Value)> = model.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
            prop_assert_eq!(map.iter().map(|(name, value)| (name, value.clone())).collect::<Vec<_>>(), expected);
            for name in ["", "a", "b", "cc", "zz"] {
                prop_assert_eq!(map.get(name).cloned(), model.get(name).map(|value| Value::from(*value)));
                prop_assert_eq!(map.contains_key(name), model.contains_key(name));
            }
        }
    }

    #[test]
    fn a_value_is_small() {
        assert_eq!((size_of::<Value>(), size_of::<(SmolStr, Value)>()), (24, 48));
    }
}
