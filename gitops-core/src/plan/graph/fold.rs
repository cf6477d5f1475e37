use std::collections::BTreeMap;
use std::fmt;

use super::Graph;
use crate::value::{GroupKind, Key};

/// A graph as it is drawn: objects that look alike may be one node.
#[derive(Clone, Debug)]
pub struct Picture {
    nodes: Vec<Drawn>,
    edges: Vec<(usize, usize)>,
    order: Vec<usize>,
}

/// A node of a picture: one object, or several of one kind that need the same and are needed by the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn(Vec<Key>);

impl Drawn {
    /// The objects, at least one, in the order of their keys.
    pub fn keys(&self) -> &[Key] {
        &self.0
    }

    /// The object, if it is one alone.
    pub fn single(&self) -> Option<&Key> {
        match &self.0[..] {
            [key] => Some(key),
            _ => None,
        }
    }
}

/// The key; of several what they share, how many there are, the first name and the last one.
impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return Ok(()) };
        if self.0.len() == 1 {
            return first.fmt(f);
        }
        let namespace = if first.namespace().is_empty() { "-" } else { first.namespace() };
        let (count, names) = (self.0.len(), (first.name(), last.name()));
        write!(f, "{}:{}/{namespace} ×{count} ({} … {})", first.target(), first.kind(), names.0, names.1)
    }
}

/// What objects share that are drawn as one: target, kind, namespace, what they need, what needs them.
type Look<'a> = (&'a str, &'a GroupKind, &'a str, Vec<&'a Key>, Vec<&'a Key>);

impl Graph {
    /// The graph with a node for each object.
    pub fn picture(&self) -> Picture {
        self.folded(usize::MAX, |_| false)
    }

    /// The graph with one node for objects of one kind and namespace that need the same and are needed by the same, where
    /// there are more than so `many` of them. An object of which `alone` is true has a node of its own.
    pub fn folded(&self, many: usize, alone: impl Fn(&Key) -> bool) -> Picture {
        let mut groups: BTreeMap<Look<'_>, Vec<&Key>> = BTreeMap::new();
        let mut singles = Vec::new();
        for key in self.keys() {
            match many == usize::MAX || alone(key) {
                true => singles.push(vec![key]),
                false => groups.entry(self.look(key)).or_default().push(key),
            }
        }
        let (large, small): (Vec<_>, Vec<_>) =
            groups.into_values().partition(|group| group.len() > many.max(1));
        singles.extend(small.into_iter().flatten().map(|key| vec![key]));
        singles.extend(large);
        singles.sort();
        self.drawn(&singles)
    }

    fn look<'a>(&'a self, key: &'a Key) -> Look<'a> {
        (key.target(), key.kind(), key.namespace(), self.needs(key), self.dependants(key))
    }

    /// The picture with these nodes, of which each object is in one, and objects of one node have the same edges.
    fn drawn(&self, nodes: &[Vec<&Key>]) -> Picture {
        let of: BTreeMap<&Key, usize> =
            nodes.iter().enumerate().flat_map(|(at, keys)| keys.iter().map(move |key| (*key, at))).collect();
        let needs = |at: usize| {
            let mut needs: Vec<usize> = self.needs(nodes[at][0]).into_iter().map(|key| of[key]).collect();
            needs.dedup();
            needs.into_iter().map(move |needed| (needed, at))
        };
        let mut is_placed = vec![false; nodes.len()];
        // Where its first object comes: all that the node needs is before that, and all that needs it after its last one.
        let order = self.order().into_iter().map(|key| of[key]);
        let order = order.filter(|at| !std::mem::replace(&mut is_placed[*at], true)).collect();
        Picture {
            edges: (0..nodes.len()).flat_map(needs).collect(),
            nodes: nodes.iter().map(|keys| Drawn(keys.iter().map(|key| (*key).clone()).collect())).collect(),
            order,
        }
    }
}

impl Picture {
    /// The nodes, in the order of their first keys.
    pub fn nodes(&self) -> &[Drawn] {
        &self.nodes
    }

    /// The edges, by the places of their nodes: what is needed, and what needs it.
    pub fn edges(&self) -> &[(usize, usize)] {
        &self.edges
    }

    /// The places of all nodes, each after what it needs.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// What a node needs, in order.
    pub fn needs(&self, node: usize) -> impl Iterator<Item = &Drawn> {
        let end = self.edges.partition_point(|(_, needing)| *needing <= node);
        let start = self.edges.partition_point(|(_, needing)| *needing < node);
        self.edges[start..end].iter().map(|(needed, _)| &self.nodes[*needed])
    }
}
